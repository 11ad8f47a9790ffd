import { expect, test } from 'vitest'
import type { StatisticsView } from '@/api/schema'
import { daysBetween, rangeOf, readSearch } from './range'
import { byDay, cacheRate, isEmpty, part } from './shape'

const NOW = Date.parse('2026-03-01T23:30:00Z')

test('a time of so many days ends today and counts both ends', () => {
  expect(rangeOf({ days: '7' }, NOW)).toEqual({ from: '2026-02-23', to: '2026-03-01' })
  expect(rangeOf({}, NOW)).toEqual({ from: '2026-01-31', to: '2026-03-01' })
  expect(rangeOf({ from: '2026-01-01', to: '2026-01-02' }, NOW)).toEqual({
    from: '2026-01-01',
    to: '2026-01-02',
  })
})

test('what is no day, no length and no group in an address is left out', () => {
  expect(readSearch({ days: '12', from: 'yesterday', by: 'colour' })).toEqual({})
  expect(readSearch({ days: 7, to: '2026-01-02', by: 'tool' })).toEqual({
    days: '7',
    to: '2026-01-02',
    by: 'tool',
  })
})

test('the end of February is in between', () => {
  expect(daysBetween('2026-02-27', '2026-03-01')).toEqual(['2026-02-27', '2026-02-28', '2026-03-01'])
})

test('days without anything are there all the same', () => {
  const view = { from: '2026-02-27', to: '2026-03-01', groups: [{ group: '2026-02-28', tools: null }] }
  expect(byDay({ ...view, group_by: 'day', groups_left_out: 0, totals: {} })).toEqual([
    { group: '2026-02-27' },
    { group: '2026-02-28', tools: null },
    { group: '2026-03-01' },
  ])
})

test('the cache rate is of all input, and there is none without input', () => {
  const usage = {
    input_tokens: 10,
    cache_read_input_tokens: 80,
    cache_creation_input_tokens: 10,
    output_tokens: 500,
  }
  expect(cacheRate(usage)).toBe(0.8)
  const none = {
    input_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: 0,
    output_tokens: 5,
  }
  expect(cacheRate(none)).toBeNull()
  expect(part(1, 0)).toBeNull()
})

test('a time in which a request was asked is not empty', () => {
  const view: StatisticsView = {
    from: '2026-01-01',
    to: '2026-01-01',
    group_by: 'day',
    groups: [],
    groups_left_out: 0,
    totals: {},
  }
  expect(isEmpty(view)).toBe(true)
  const requests = { asked: 1, allowed: 0, denied: 0, withdrawn: 0, wait_ms: null }
  expect(isEmpty({ ...view, totals: { requests } })).toBe(false)
})

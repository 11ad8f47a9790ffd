import { expect, it } from 'vitest'
import { events } from '@/stream/recorded'
import { kindOf, outlineOf, pauseBefore, stepFrom } from './outline'

it('counts every event that has a kind once', () => {
  const buckets = outlineOf(events, 7)
  const counted = buckets.flatMap((bucket) => Object.values(bucket)).reduce((sum, count) => sum + count, 0)

  expect(counted).toBe(events.filter((event) => kindOf(event) !== null).length)
})

it('steps to the turn after a moment and to the one before it', () => {
  const turns = events.filter(({ type }) => type === 'prompt_submitted').map(({ version }) => version)
  const [first, second = 0] = turns

  expect(stepFrom(events, second - 1, 'turn', 1)).toBe(second)
  expect(stepFrom(events, second, 'turn', -1)).toBe(first)
  expect(stepFrom(events, events.length, 'turn', 1)).toBeUndefined()
})

it('leaves out time in which nothing happened', () => {
  const parked = events.find(({ type }) => type === 'turn_parked')?.version ?? 0
  const { wait, leftOut } = pauseBefore(events, parked)

  expect(wait).toBeLessThanOrEqual(1500)
  expect(leftOut).toBeGreaterThan(60_000)
})

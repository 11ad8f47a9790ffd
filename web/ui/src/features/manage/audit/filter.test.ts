import { expect, test } from 'vitest'
import { queryOf, readAuditFilter } from './filter'

test('what is no filter in an address is left out', () => {
  expect(
    readAuditFilter({ q: 'rm -rf', outcome: 'maybe', kind: 'session', from: 'today', all: true }),
  ).toEqual({
    q: 'rm -rf',
    kind: 'session',
    all: true,
  })
})

test('the last day counts as a whole', () => {
  expect(queryOf({ from: '2026-01-31', to: '2026-01-31', tool: 'Bash' })).toEqual({
    tool: 'Bash',
    from: '2026-01-31T00:00:00.000Z',
    to: '2026-02-01T00:00:00.000Z',
  })
})

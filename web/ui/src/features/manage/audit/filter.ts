import type { Outcome } from '@/api/schema'

export const OUTCOMES = ['succeeded', 'failed', 'denied'] as const satisfies readonly Outcome[]
export const KINDS = ['session', 'account', 'extension', 'schedule', 'audit'] as const

/** What the audit trail shows, as it is in the address. */
export interface AuditFilter {
  q?: string
  tool?: string
  actor?: string
  kind?: (typeof KINDS)[number]
  object?: string
  outcome?: Outcome
  from?: string
  to?: string
  all?: true
}

const DAY = /^\d{4}-\d{2}-\d{2}$/

/** The filter in an address; what is no filter is left out. */
export function readAuditFilter(search: Record<string, unknown>): AuditFilter {
  const text = (name: string) =>
    typeof search[name] === 'string' && search[name] !== '' ? search[name] : undefined
  const day = (name: string) => (DAY.test(text(name) ?? '') ? text(name) : undefined)
  const found = {
    q: text('q'),
    tool: text('tool'),
    actor: text('actor'),
    kind: KINDS.find((kind) => kind === search.kind),
    object: text('object'),
    outcome: OUTCOMES.find((outcome) => outcome === search.outcome),
    from: day('from'),
    to: day('to'),
    all: search.all === true || undefined,
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}

const DAY_MS = 86_400_000

/** The same as the API takes it: both days count, where the server's `to` does not. */
export function queryOf({ from, to, ...filter }: AuditFilter) {
  const start = (day: string, days: number) => new Date(Date.parse(day) + days * DAY_MS).toISOString()
  return { ...filter, ...(from && { from: start(from, 0) }), ...(to && { to: start(to, 1) }) }
}

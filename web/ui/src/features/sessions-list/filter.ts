import type { SessionsFilter } from '@/api/queries'
import type { SessionStatus } from '@/api/schema'

export const STATUSES = ['running', 'waiting', 'idle', 'archived'] as const satisfies readonly SessionStatus[]
export const SORTS = ['updated_at', 'created_at', 'cost'] as const

/** The filter in an address; what is no filter is left out. */
export function readFilter(search: Record<string, unknown>): SessionsFilter {
  const text = (name: string) =>
    typeof search[name] === 'string' && search[name] !== '' ? search[name] : undefined
  const filter = {
    q: text('q'),
    status: STATUSES.find((status) => status === search.status),
    sort: SORTS.find((sort) => sort === search.sort),
    tag: text('tag'),
    owner: text('owner'),
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

import type { Grouping } from '@/api/schema'

/** The lengths that are offered, in days up to today. */
export const LENGTHS = ['7', '30', '90', '365'] as const
export type Length = (typeof LENGTHS)[number]

export const GROUPINGS = [
  'model',
  'user',
  'tool',
  'working_dir',
  'key',
] as const satisfies readonly Grouping[]
export type GroupedBy = (typeof GROUPINGS)[number]

/** What the page shows, as it is in its address. */
export interface StatisticsSearch {
  days?: Exclude<Length, '30'>
  from?: string
  to?: string
  by?: Exclude<GroupedBy, 'model'>
}

const DAY_MS = 86_400_000
const DAY = /^\d{4}-\d{2}-\d{2}$/

/** What an address asks for; what is nothing that can be shown is left out. */
export function readSearch(search: Record<string, unknown>): StatisticsSearch {
  const day = (name: string) => {
    const value = search[name]
    return typeof value === 'string' && DAY.test(value) ? value : undefined
  }
  const days = LENGTHS.find((length) => length === String(search.days))
  const by = GROUPINGS.find((grouping) => grouping === search.by)
  const found = {
    days: days === '30' ? undefined : days,
    from: day('from'),
    to: day('to'),
    by: by === 'model' ? undefined : by,
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}

/** The first and the last day that a search asks for; both count. */
export function rangeOf({ days, from, to }: StatisticsSearch, now: number): { from: string; to: string } {
  const last = to ?? dayOf(now)
  const length = Number(days ?? '30')
  return { from: from ?? dayOf(Date.parse(last) - (length - 1) * DAY_MS), to: last }
}

export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** All days from one to another, both included. */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = []
  for (let time = Date.parse(from); time <= Date.parse(to); time += DAY_MS) days.push(dayOf(time))
  return days
}

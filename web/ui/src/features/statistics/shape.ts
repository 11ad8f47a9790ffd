import type { GroupView, StatisticsView, Usage } from '@/api/schema'
import { daysBetween } from './range'

/** What was counted on each day of a time, also of days on which nothing happened. */
export function byDay(view: StatisticsView): GroupView[] {
  const known = new Map(view.groups.map((group) => [group.group, group]))
  return daysBetween(view.from, view.to).map((day) => known.get(day) ?? { group: day })
}

/** How much of the input came from the cache, from 0 to 1; null where there was no input. */
export function cacheRate(usage: Usage | undefined): number | null {
  if (!usage) return null
  const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage
  const input = input_tokens + cache_read_input_tokens + cache_creation_input_tokens
  return input > 0 ? cache_read_input_tokens / input : null
}

export function tokens(usage: Usage | undefined): number {
  if (!usage) return 0
  return (
    usage.input_tokens +
    usage.output_tokens +
    usage.cache_read_input_tokens +
    usage.cache_creation_input_tokens
  )
}

/** A part of a whole, from 0 to 1; null where the whole is nothing. */
export function part(some: number | undefined, all: number | undefined): number | null {
  return some !== undefined && all ? some / all : null
}

/** Whether anything at all was counted. */
export function isEmpty({ totals }: StatisticsView): boolean {
  const { turns, spend, tools, requests, files } = totals
  const counts = [
    turns?.total,
    spend?.calls.total,
    tokens(spend?.usage),
    tools?.calls,
    requests?.asked,
    files?.changes,
  ]
  return counts.every((count) => !count)
}

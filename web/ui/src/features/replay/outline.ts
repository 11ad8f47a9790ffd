import type { StoredEvent } from '@/api/schema'

export const KINDS = ['text', 'tool', 'request', 'error', 'turn'] as const
export type Kind = (typeof KINDS)[number]

/** The kind of an event in the outline; what is of none is left out. */
export function kindOf(event: StoredEvent): Kind | null {
  switch (event.type) {
    case 'assistant_text':
    case 'assistant_thinking':
      return 'text'
    case 'tool_used':
    case 'file_changed':
      return 'tool'
    case 'tool_returned':
      return event.data.is_error ? 'error' : 'tool'
    case 'permission_requested':
    case 'permission_decided':
    case 'question_asked':
    case 'question_answered':
    case 'plan_proposed':
    case 'plan_decided':
      return 'request'
    case 'turn_failed':
    case 'api_retried':
    case 'budget_exhausted':
    case 'rate_limited':
      return 'error'
    case 'prompt_submitted':
    case 'turn_completed':
    case 'turn_interrupted':
      return 'turn'
    default:
      return null
  }
}

export type Bucket = Record<Kind, number>

/** How many events of each kind there are in each of so many equal parts of the log. */
export function outlineOf(events: readonly StoredEvent[], parts: number): Bucket[] {
  const buckets = Array.from(
    { length: parts },
    (): Bucket => ({ text: 0, tool: 0, request: 0, error: 0, turn: 0 }),
  )
  for (const [at, event] of events.entries()) {
    const bucket = buckets[Math.floor((at * parts) / events.length)]
    const kind = kindOf(event)
    if (bucket && kind) bucket[kind] += 1
  }
  return buckets
}

export type Step = 'turn' | 'tool' | 'error'

const STEPS: Record<Step, (event: StoredEvent) => boolean> = {
  turn: ({ type }) => type === 'prompt_submitted',
  tool: ({ type }) => type === 'tool_used',
  error: (event) => kindOf(event) === 'error',
}

/** The version of the next event of a sort after a version, or of the last one before it. */
export function stepFrom(
  events: readonly StoredEvent[],
  at: number,
  step: Step,
  direction: 1 | -1,
): number | undefined {
  const matching = events.filter(STEPS[step])
  const found =
    direction === 1
      ? matching.find(({ version }) => version > at)
      : matching.findLast(({ version }) => version < at)
  return found?.version
}

const LONGEST_MS = 1500

/** How long a replay waits before an event: as long as it took, but idle time is left out. */
export function pauseBefore(events: readonly StoredEvent[], at: number): { wait: number; leftOut: number } {
  const index = events.findIndex(({ version }) => version > at)
  const [before, next] = [events[index - 1], events[index]]
  if (!before || !next) return { wait: 0, leftOut: 0 }
  const took = new Date(next.recorded_at).getTime() - new Date(before.recorded_at).getTime()
  const wait = Math.min(Math.max(took, 30), LONGEST_MS)
  return { wait, leftOut: Math.max(0, took - wait) }
}

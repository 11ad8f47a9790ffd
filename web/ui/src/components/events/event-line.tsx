import { clsx } from 'clsx'
import { CircleAlert, CircleCheck, CirclePause, Info, type LucideIcon } from 'lucide-react'
import type { StoredEvent } from '@/api/schema'
import { useFormat, useText } from '@/i18n'
import { events } from '@/i18n/events'
import { CodeBlock } from '../code/code-block'
import { TurnEnd } from './turn-end'

type Words = (typeof events)['en']
type Format = ReturnType<typeof useFormat>

/** An event that is no work of the agent, in a line; one that nobody has heard of as it is. */
export function EventLine({ event }: { event: StoredEvent }) {
  const t = useText(events)
  const format = useFormat()
  switch (event.type) {
    case 'turn_completed':
    case 'turn_failed':
    case 'turn_interrupted':
      return <TurnEnd event={event} />
    default: {
      const text = textOfEvent(event, t, format)
      return text === null ? (
        <RawEvent event={event} />
      ) : (
        <Line icon={iconOf(event)} text={text} at={event.recorded_at} />
      )
    }
  }
}

function Line({ icon: Icon, text, at }: { icon: LucideIcon; text: string; at: string }) {
  const format = useFormat()
  return (
    <p className="flex items-center gap-2 text-xs text-ink-3">
      <Icon aria-hidden className="size-3.5 shrink-0" />
      <span className="min-w-0 flex-1">{text}</span>
      <time dateTime={at} title={format.dateTime(at)}>
        {format.time(at)}
      </time>
    </p>
  )
}

function iconOf({ type }: StoredEvent): LucideIcon {
  if (type === 'turn_parked' || type === 'interrupt_requested') return CirclePause
  if (type === 'api_retried' || type === 'rate_limited' || type === 'budget_exhausted') return CircleAlert
  if (type === 'turn_resumed') return CircleCheck
  return Info
}

/** What an event says in a sentence, if there is one for it. */
function textOfEvent(event: StoredEvent, { notice }: Words, format: Format): string | null {
  switch (event.type) {
    case 'session_opened':
      return notice.session_opened
    case 'session_archived':
      return notice.session_archived
    case 'session_unarchived':
      return notice.session_unarchived
    case 'session_renamed':
      return notice.session_renamed(event.data.title)
    case 'session_handed_over':
      return notice.session_handed_over(event.data.to)
    case 'permission_mode_changed':
      return notice.permission_mode_changed(event.data.mode)
    case 'model_changed':
      return notice.model_changed(event.data.model ?? '—')
    case 'context_compacted':
      return notice.context_compacted(
        format.compact(event.data.tokens_before),
        format.compact(event.data.tokens_after ?? 0),
      )
    case 'api_retried':
      return notice.api_retried(event.data.attempt, event.data.max_attempts)
    case 'rate_limited':
      return notice.rate_limited
    case 'budget_exhausted':
      return notice.budget_exhausted
    case 'files_rewound':
      return notice.files_rewound(event.data.files.length)
    case 'interrupt_requested':
      return notice.interrupt_requested
    case 'turn_parked':
      return notice.turn_parked
    case 'turn_resumed':
      return notice.turn_resumed
    case 'turn_started':
      return notice.agent_turn
    case 'working_dir_changed':
      return notice.working_dir_changed(event.data.working_dir)
    default:
      return null
  }
}

function RawEvent({ event }: { event: StoredEvent }) {
  return (
    <details className={clsx('text-xs text-ink-3')}>
      <summary className="font-mono">{event.type}</summary>
      <div className="mt-1">
        <CodeBlock text={JSON.stringify(event.data, null, 2)} language="json" />
      </div>
    </details>
  )
}

import { CircleAlert, CircleCheck, CircleSlash } from 'lucide-react'
import type { EventTurnCompleted, EventTurnFailed, EventTurnInterrupted } from '@/api/schema'
import { useFormat, useText } from '@/i18n'
import { events } from '@/i18n/events'

type Ended = EventTurnCompleted | EventTurnFailed | EventTurnInterrupted

const LOOKS = {
  turn_completed: { icon: CircleCheck, colour: 'text-good', word: 'completed' },
  turn_failed: { icon: CircleAlert, colour: 'text-bad', word: 'failed' },
  turn_interrupted: { icon: CircleSlash, colour: 'text-warn', word: 'interrupted' },
} as const

/** The end of a turn, with what it took. */
export function TurnEnd({ event }: { event: Ended }) {
  const t = useText(events)
  const format = useFormat()
  const { icon: Icon, colour, word } = LOOKS[event.type]
  return (
    <div className="grid gap-2">
      {event.type === 'turn_failed' && (
        <p role="note" className="rounded-lg bg-bad-soft px-3.5 py-2.5 text-sm text-bad">
          {event.data.detail}
        </p>
      )}
      <p className="flex items-center gap-2 border-t border-line pt-2.5 text-xs text-ink-3 tabular-nums">
        <Icon aria-hidden className={`size-4 ${colour}`} />
        <span className="font-medium text-ink-2">{t.turn[word]}</span>
        <span>{format.duration(event.data.duration_ms)}</span>
        <span aria-hidden>·</span>
        <span>{format.usd((event.data.spend?.cost_micros ?? 0) / 1_000_000)}</span>
        <time className="ml-auto" dateTime={event.recorded_at} title={format.dateTime(event.recorded_at)}>
          {format.time(event.recorded_at)}
        </time>
      </p>
    </div>
  )
}

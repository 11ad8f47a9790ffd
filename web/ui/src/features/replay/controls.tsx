import {
  ChevronFirst,
  ChevronLast,
  ChevronLeft,
  ChevronRight,
  Pause,
  Play,
  TriangleAlert,
  Wrench,
} from 'lucide-react'
import type { StoredEvent } from '@/api/schema'
import { Button, IconButton } from '@/components/ui/button'
import { Select } from '@/components/ui/select'
import { useFormat, useText } from '@/i18n'
import { replay as words } from '@/i18n/replay'
import { useHotkeys } from '@/lib/hotkeys'
import { pauseBefore, type Step, stepFrom } from './outline'
import { SPEEDS, usePlayback } from './use-playback'

interface ControlsProps {
  events: readonly StoredEvent[]
  at: number
  onAt: (version: number) => void
}

/** Plays, and steps by event, turn, tool and error. */
export function Controls({ events, at, onAt }: ControlsProps) {
  const t = useText(words)
  const format = useFormat()
  const { isPlaying, toggle, speed, setSpeed, faster } = usePlayback(events, at, onAt)
  const last = events.at(-1)?.version ?? 1
  const step = (by: Step, direction: 1 | -1) => {
    const version = stepFrom(events, at, by, direction)
    if (version !== undefined) onAt(version)
  }
  useHotkeys({
    ' ': toggle,
    ArrowLeft: () => onAt(at - 1),
    ArrowRight: () => onAt(at + 1),
    ',': () => faster(-1),
    '.': () => faster(1),
    n: () => step('turn', 1),
    p: () => step('turn', -1),
  })
  const { leftOut } = pauseBefore(events, at)
  const event = events.find(({ version }) => version === at)
  const icon = 'size-4.5'
  return (
    <div className="flex flex-wrap items-center gap-1">
      <Button
        look="primary"
        className="mr-1"
        icon={isPlaying ? <Pause aria-hidden className="size-4" /> : <Play aria-hidden className="size-4" />}
        onClick={toggle}
      >
        {isPlaying ? t.pause : t.play}
      </Button>
      <IconButton label={t.previousTurn} onClick={() => step('turn', -1)}>
        <ChevronFirst aria-hidden className={icon} />
      </IconButton>
      <IconButton label={t.previous} disabled={at <= 1} onClick={() => onAt(at - 1)}>
        <ChevronLeft aria-hidden className={icon} />
      </IconButton>
      <IconButton label={t.next} disabled={at >= last} onClick={() => onAt(at + 1)}>
        <ChevronRight aria-hidden className={icon} />
      </IconButton>
      <IconButton label={t.nextTurn} onClick={() => step('turn', 1)}>
        <ChevronLast aria-hidden className={icon} />
      </IconButton>
      <IconButton label={t.nextTool} onClick={() => step('tool', 1)}>
        <Wrench aria-hidden className="size-4" />
      </IconButton>
      <IconButton label={t.nextError} onClick={() => step('error', 1)}>
        <TriangleAlert aria-hidden className="size-4" />
      </IconButton>
      <p className="ml-auto text-xs text-ink-3 tabular-nums">
        {event && <time dateTime={event.recorded_at}>{format.dateTime(event.recorded_at)}</time>}
        <span className="ml-3">
          {at} / {last}
        </span>
        {leftOut > 60_000 && <span className="ml-3 max-sm:hidden">{t.idle(format.duration(leftOut))}</span>}
      </p>
      <Select
        aria-label={t.speed}
        className="ml-2"
        value={speed}
        options={SPEEDS.map((value) => ({ value, label: `${value}×` }))}
        onValue={setSpeed}
      />
    </div>
  )
}

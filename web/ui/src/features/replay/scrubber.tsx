import { useMemo } from 'react'
import type { StoredEvent } from '@/api/schema'
import { useText } from '@/i18n'
import { replay as words } from '@/i18n/replay'
import { type Bucket, KINDS, type Kind, outlineOf } from './outline'

const PARTS = 160
const HEIGHT = 36

const COLOURS: Record<Kind, string> = {
  text: 'fill-line-strong',
  tool: 'fill-info',
  request: 'fill-warn',
  error: 'fill-bad',
  turn: 'fill-violet',
}

interface ScrubberProps {
  events: readonly StoredEvent[]
  at: number
  onAt: (version: number) => void
}

/** The whole log on one line: where much happened and of what kind, and where the playhead is. */
export function Scrubber({ events, at, onAt }: ScrubberProps) {
  const t = useText(words)
  const last = events.at(-1)?.version ?? 1
  const parts = Math.min(PARTS, events.length)
  const buckets = useMemo(() => outlineOf(events, parts), [events, parts])
  const most = Math.max(1, ...buckets.map(total))
  return (
    <div className="grid gap-1.5">
      <div className="relative h-12 overflow-hidden rounded-lg bg-sunken">
        <svg
          role="img"
          aria-label={t.outline}
          viewBox={`0 0 ${parts} ${HEIGHT}`}
          preserveAspectRatio="none"
          className="absolute inset-x-0 bottom-0 h-9 w-full"
        >
          {buckets.map((bucket, at) => (
            <Bar key={at} x={at} bucket={bucket} scale={HEIGHT / most} />
          ))}
        </svg>
        <div className="absolute inset-y-0 right-0 bg-ground/70" style={{ left: `${(at / last) * 100}%` }} />
        <div
          className="absolute inset-y-0 w-0.5 bg-accent"
          style={{ left: `calc(${(at / last) * 100}% - 1px)` }}
        />
        <input
          type="range"
          min={1}
          max={last}
          value={at}
          aria-label={t.position}
          aria-valuetext={t.at(at, last)}
          className="absolute inset-0 m-0 h-full w-full cursor-ew-resize opacity-0 focus-visible:opacity-20"
          onChange={(event) => onAt(Number(event.target.value))}
        />
      </div>
      <ul className="flex flex-wrap gap-x-4 gap-y-1 text-xs text-ink-3">
        {KINDS.map((kind) => (
          <li key={kind} className="flex items-center gap-1.5">
            <svg aria-hidden viewBox="0 0 8 8" className={`size-2 ${COLOURS[kind]}`}>
              <rect width="8" height="8" rx="2" />
            </svg>
            {t.legend[kind]}
          </li>
        ))}
      </ul>
    </div>
  )
}

function total(bucket: Bucket) {
  return KINDS.reduce((sum, kind) => sum + bucket[kind], 0)
}

function Bar({ x, bucket, scale }: { x: number; bucket: Bucket; scale: number }) {
  let y = HEIGHT
  return KINDS.map((kind) => {
    const height = bucket[kind] * scale
    y -= height
    return (
      height > 0 && (
        <rect key={kind} x={x + 0.1} y={y} width={0.8} height={height} className={COLOURS[kind]} />
      )
    )
  })
}

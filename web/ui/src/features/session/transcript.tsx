import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown } from 'lucide-react'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import type { SessionView } from '@/api/schema'
import { type EventsContext, EventsProvider } from '@/components/events/context'
import { RowView } from '@/components/events/row-view'
import { Button, Spinner } from '@/components/ui/button'
import { useText } from '@/i18n'
import { events as words } from '@/i18n/events'
import { session as sessionWords } from '@/i18n/session'
import type { Row } from '@/stream/rows'
import { RequestCard } from '../requests/request-card'

interface TranscriptProps {
  view: SessionView
  rows: readonly Row[]
  isLoadingOlder?: boolean
  /** Somebody looks at the first rows. */
  onStart?: () => void
  /** Somebody looks at the last rows. */
  onEnd?: () => void
}

/** So near to its beginning the list gets what was before. */
const NEAR_START_PX = 400
const AT_END_PX = 80

/** What happened, from the first row that is held to the last; it stays at the end while somebody looks there. */
export function Transcript({ view, rows, isLoadingOlder, onStart, onEnd }: TranscriptProps) {
  const t = useText(words)
  const scroll = useRef<HTMLDivElement>(null)
  const [isAtEnd, setAtEnd] = useState(true)

  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => 64,
    getItemKey: (index) => rows[index]?.key ?? index,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: AT_END_PX,
    overscan: 8,
    gap: 14,
    paddingStart: 20,
    paddingEnd: 20,
    directDomUpdates: true,
  })

  const hasRows = rows.length > 0
  useLayoutEffect(() => {
    if (hasRows) virtualizer.scrollToEnd()
  }, [hasRows, virtualizer])

  useEffect(() => {
    const box = scroll.current
    if (!box || !hasRows) return
    const look = () => {
      if (box.scrollTop < NEAR_START_PX) onStart?.()
      const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX
      setAtEnd(atEnd)
      if (atEnd) onEnd?.()
    }
    look() // Rows that do not fill the screen are never scrolled.
    box.addEventListener('scroll', look, { passive: true })
    return () => box.removeEventListener('scroll', look)
  }, [onStart, onEnd, hasRows])

  const open = useRef(new Map<string, boolean>())
  const { pending, working_dir } = view
  const context = useMemo<EventsContext>(
    () => ({
      workingDir: working_dir,
      open: open.current,
      request(request) {
        const asked = pending.find(({ request_id }) => request_id === request.id)
        return asked && <RequestCard request={asked} />
      },
    }),
    [working_dir, pending],
  )
  return (
    <EventsProvider value={context}>
      <div className="relative min-h-0 flex-1">
        <div
          ref={scroll}
          role="log"
          aria-live="off"
          aria-label={t.transcript}
          tabIndex={0}
          className="scroll-thin h-full overflow-y-auto overflow-x-hidden [overflow-anchor:none] -outline-offset-2"
        >
          {isLoadingOlder && (
            <div className="absolute inset-x-0 top-2 z-1 flex justify-center text-ink-3">
              <Spinner />
            </div>
          )}
          <div ref={virtualizer.containerRef} className="relative mx-auto w-full max-w-3xl">
            {virtualizer.getVirtualItems().map((item) => {
              const row = rows[item.index]
              return (
                row && (
                  <div
                    key={item.key}
                    ref={virtualizer.measureElement}
                    data-index={item.index}
                    id={`v${row.version}`}
                    className="absolute top-0 left-0 w-full px-3 sm:px-6"
                  >
                    <RowView row={row} />
                  </div>
                )
              )
            })}
          </div>
          {view.status === 'running' && !isWriting(rows.at(-1)) && <Working />}
        </div>
        {!isAtEnd && (
          <Button
            size="small"
            className="absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full shadow-high"
            icon={<ArrowDown aria-hidden className="size-3.5" />}
            onClick={() => virtualizer.scrollToEnd()}
          >
            {t.latest}
          </Button>
        )}
      </div>
    </EventsProvider>
  )
}

/** A turn runs and nothing can be seen of it yet. */
function Working() {
  const t = useText(sessionWords)
  return (
    <p className="mx-auto flex max-w-3xl items-center gap-2.5 px-3 pb-5 text-sm text-ink-3 sm:px-6">
      <Spinner className="text-accent" />
      {t.working}
    </p>
  )
}

function isWriting(row: Row | undefined): boolean {
  return (row?.type === 'text' || row?.type === 'thinking') && row.isStreaming
}

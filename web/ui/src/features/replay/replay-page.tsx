import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useCallback, useDeferredValue, useEffect, useMemo, useState } from 'react'
import { EVENTS_PAGE, loadEvents } from '@/api/events'
import { sessionQuery } from '@/api/queries'
import type { SessionView, StoredEvent } from '@/api/schema'
import { useTitle } from '@/components/ui/page'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { useText } from '@/i18n'
import { replay as words } from '@/i18n/replay'
import { useMedia } from '@/lib/use-media'
import { rowsOf } from '@/stream/rows'
import { Panels } from '../session/panels'
import { Transcript } from '../session/transcript'
import { Controls } from './controls'
import { ReplayHeader } from './replay-header'
import { Scrubber } from './scrubber'

async function loadAll(id: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let isMore = true; isMore; ) {
    const page = await loadEvents(id, { after: events.at(-1)?.version ?? 0, limit: EVENTS_PAGE })
    events.push(...page)
    isMore = page.length === EVENTS_PAGE
  }
  return events
}

interface ReplayPageProps {
  id: string
  at: number | undefined
  onAt: (version: number) => void
}

/** A session as it was at any moment. */
export function ReplayPage({ id, at, onAt }: ReplayPageProps) {
  const events = useQuery({
    queryKey: ['log', id],
    queryFn: () => loadAll(id),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const view = useQuery(sessionQuery(id))
  const error = events.error ?? view.error
  if (error) return <ErrorState error={error} />
  if (!events.data || !view.data) {
    return (
      <div className="mx-auto max-w-3xl p-8">
        <SkeletonRows rows={4} />
      </div>
    )
  }
  return <Replay view={view.data} events={events.data} at={at} onAt={onAt} />
}

/** The address follows the playhead, but not at every event. */
const ADDRESS_MS = 300

interface ReplayProps extends Omit<ReplayPageProps, 'id'> {
  view: SessionView
  events: StoredEvent[]
}

function Replay({ view: now, events, at: linked, onAt }: ReplayProps) {
  const t = useText(words)
  useTitle(`${t.title}: ${now.title ?? now.id}`)
  const isWide = useMedia('(min-width: 80rem)')
  const last = events.at(-1)?.version ?? 1
  const [at, setAt] = useState(Math.min(linked ?? last, last))
  const move = useCallback((version: number) => setAt(Math.min(Math.max(version, 1), last)), [last])

  useEffect(() => {
    const timer = window.setTimeout(() => onAt(at), ADDRESS_MS)
    return () => window.clearTimeout(timer)
  }, [at, onAt])

  const shown = useDeferredValue(at)
  const rows = useMemo(() => rowsOf(events.filter(({ version }) => version <= shown)), [events, shown])
  const then = useQuery({ ...sessionQuery(now.id, shown), placeholderData: keepPreviousData })
  const view = then.data ?? now
  return (
    <div className="flex h-full">
      <div className="flex min-w-0 flex-1 flex-col">
        <ReplayHeader view={view} at={at} />
        <Transcript view={{ ...view, pending: [] }} rows={rows} />
        <div className="mx-auto grid w-full max-w-3xl gap-2 px-3 pb-3 sm:px-6 sm:pb-5">
          <Scrubber events={events} at={at} onAt={move} />
          <Controls events={events} at={at} onAt={move} />
        </div>
      </div>
      {isWide && (
        <aside aria-label={t.title} className="w-96 shrink-0 border-l border-line bg-surface">
          <Panels view={view} at={shown} />
        </aside>
      )}
    </div>
  )
}

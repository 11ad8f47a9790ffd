import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { sessionQuery } from '@/api/queries'
import type { StoredEvent } from '@/api/schema'
import { useStore } from '@/lib/store'
import { type Row, rowsOf } from '@/stream/rows'
import { type LiveBlock, SessionStore } from '@/stream/session-store'

/** Between two times that the whole view of a session is asked for, while much happens in it. */
const AGAIN_MS = 400

/** Change nothing that the view tells. */
const QUIET: ReadonlySet<StoredEvent['type']> = new Set([
  'assistant_text',
  'assistant_thinking',
  'usage_reported',
])

/** A session as the server sees it, with its log, both kept up to date. */
export function useSession(id: string) {
  const client = useQueryClient()
  const query = useQuery(sessionQuery(id))
  const store = useMemo(() => new SessionStore(id), [id])
  const log = useStore(store.log)
  const timer = useRef<number | undefined>(undefined)
  const [opened, setOpened] = useState(0)
  const [announcement, announce] = useState<StoredEvent['type'] | null>(null)

  const version = query.data?.version
  const hasLoaded = version !== undefined
  // biome-ignore lint/correctness/useExhaustiveDependencies: the log is opened at the version that is known then
  useEffect(() => {
    if (version === undefined) return
    const reload = () => client.invalidateQueries({ queryKey: sessionQuery(id).queryKey })
    return store.open(version, {
      onEvent(event) {
        if (QUIET.has(event.type)) return
        announce(event.type)
        timer.current ??= window.setTimeout(() => {
          timer.current = undefined
          void reload()
        }, AGAIN_MS)
      },
      onReset: () => void reload().then(() => setOpened((times) => times + 1)),
      onGone: () => void reload(),
    })
  }, [store, hasLoaded, opened, client, id])

  const rows = useMemo(() => rowsOf(log.events), [log.events])
  const live = useMemo(() => log.live.map(liveRow), [log.live])
  return {
    ...query,
    announcement,
    rows: useMemo(() => [...rows, ...live], [rows, live]),
    isLoadingOlder: log.isLoadingOlder,
    onStart: useCallback(() => void store.loadOlder(), [store]),
    onEnd: useCallback(() => store.dropOlder(), [store]),
  }
}

function liveRow({ key, type, text }: LiveBlock): Row {
  return { type, key, version: 0, at: '', stamp: text.length, text, isStreaming: true }
}

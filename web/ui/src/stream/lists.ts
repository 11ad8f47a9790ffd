import type { InfiniteData, QueryClient } from '@tanstack/react-query'
import { requestsQuery } from '@/api/queries'
import type { RequestView, SessionPage, SessionSummary } from '@/api/schema'
import { follow } from './hub'

/** Lists are in an order and behind filters that the server knows, so they are also asked for anew, not too often. */
const AGAIN_MS = 1000

/** Keeps the lists of sessions and of requests true while a page is open. */
export function followLists(client: QueryClient): () => void {
  let timer: number | undefined
  const loadSessions = () => {
    timer ??= window.setTimeout(() => {
      timer = undefined
      void client.invalidateQueries({ queryKey: ['sessions'] })
    }, AGAIN_MS)
  }
  const unfollow = [
    follow('sessions', ({ session }) => {
      if (session) replaceSession(client, session)
      loadSessions()
    }),
    follow('requests', ({ waiting }) => {
      if (waiting) replaceRequests(client, waiting.session_id, waiting.requests)
      else void client.invalidateQueries({ queryKey: requestsQuery.queryKey })
    }),
  ]
  return () => {
    window.clearTimeout(timer)
    for (const end of unfollow) end()
  }
}

function replaceSession(client: QueryClient, session: SessionSummary) {
  client.setQueriesData<InfiniteData<SessionPage>>({ queryKey: ['sessions'] }, (data) => {
    if (!data) return data
    const replaced = (known: SessionSummary) =>
      known.id === session.id && known.version <= session.version ? session : known
    return { ...data, pages: data.pages.map((page) => ({ ...page, sessions: page.sessions.map(replaced) })) }
  })
}

function replaceRequests(client: QueryClient, sessionId: string, requests: RequestView[]) {
  client.setQueryData<RequestView[]>(requestsQuery.queryKey, (known = []) =>
    [...known.filter((request) => request.session_id !== sessionId), ...requests].sort((one, other) =>
      one.requested_at.localeCompare(other.requested_at),
    ),
  )
}

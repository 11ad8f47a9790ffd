import { lazy, Suspense, useState } from 'react'
import type { SessionView } from '@/api/schema'
import { useTitle } from '@/components/ui/page'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'
import { useMedia } from '@/lib/use-media'
import { Composer } from '../composer/composer'
import { Queue } from '../composer/queue'
import { Panels } from './panels'
import { SessionHeader } from './session-header'
import { Transcript } from './transcript'
import { useSession } from './use-session'

const Dialog = lazy(() => import('@/components/ui/dialog').then(({ Dialog }) => ({ default: Dialog })))

/** A session, live: what happens in it, what it waits for, and a prompt to go on with. */
export function SessionPage({ id }: { id: string }) {
  const session = useSession(id)
  if (session.data) return <Loaded view={session.data} session={session} />
  if (session.error) return <ErrorState error={session.error} onRetry={() => void session.refetch()} />
  return (
    <div className="mx-auto max-w-3xl p-8">
      <SkeletonRows rows={4} />
    </div>
  )
}

function Loaded({ view, session }: { view: SessionView; session: ReturnType<typeof useSession> }) {
  const t = useText(words)
  useTitle(view.title ?? view.id)
  const isWide = useMedia('(min-width: 80rem)')
  const [isPanelOpen, setPanelOpen] = useState(false)
  const status = statusLine(session.announcement, t)
  return (
    <div className="flex h-full">
      <div className="flex min-w-0 flex-1 flex-col">
        <SessionHeader view={view} onPanel={isWide ? undefined : () => setPanelOpen(true)} />
        <Transcript
          view={view}
          rows={session.rows}
          isLoadingOlder={session.isLoadingOlder}
          onStart={session.onStart}
          onEnd={session.onEnd}
        />
        <div className="mx-auto w-full max-w-3xl px-3 pb-3 sm:px-6 sm:pb-5">
          <Queue view={view} />
          <Composer view={view} />
        </div>
        <p role="status" className="sr-only">
          {status}
        </p>
      </div>
      {isWide ? (
        <aside aria-label={t.panel} className="w-96 shrink-0 border-l border-line bg-surface">
          <Panels view={view} />
        </aside>
      ) : (
        <Suspense>
          {isPanelOpen && (
            <Dialog open onClose={() => setPanelOpen(false)} title={t.panel} from="side">
              <Panels view={view} />
            </Dialog>
          )}
        </Suspense>
      )}
    </div>
  )
}

/** What readers of the screen are told: that a turn ended or something waits, and no single word. */
function statusLine(event: string | null, { announce }: (typeof words)['en']): string {
  if (event === 'turn_completed') return announce.completed
  const asks = ['permission_requested', 'question_asked', 'plan_proposed']
  return event !== null && asks.includes(event) ? announce.waiting : ''
}

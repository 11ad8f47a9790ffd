import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { requestsQuery } from '@/api/queries'
import type { RequestView, SessionSummary } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { useFormat, useText } from '@/i18n'
import { requests as requestWords } from '@/i18n/requests'
import { session as words } from '@/i18n/session'
import { titleOf } from '../requests/title'
import { useDecide } from '../requests/use-decide'
import { StatusDot } from '../session/status-dot'

/** A session in the list; what it waits for is decided right there. */
export function SessionItem({ session }: { session: SessionSummary }) {
  const t = useText(words)
  const format = useFormat()
  const { data: requests = [] } = useQuery(requestsQuery)
  const own = requests.filter((request) => request.session_id === session.id)
  const folder = session.working_dir.split('/').at(-1)
  const facts = [
    folder,
    session.turns > 0 && t.list.turns(session.turns),
    session.files_changed > 0 && t.list.files(session.files_changed),
    session.model,
  ].filter(Boolean)
  return (
    <li className="card group relative overflow-hidden transition-shadow hover:shadow-low">
      <div className="flex items-start gap-3 px-4 py-3">
        <StatusDot status={session.status} className="mt-2" />
        <div className="min-w-0 flex-1">
          <h2 className="truncate font-medium">
            <Link
              to="/sessions/$id"
              params={{ id: session.id }}
              className="outline-none after:absolute after:inset-0 after:rounded-xl focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
            >
              {session.title ?? session.id}
            </Link>
          </h2>
          <p className="mt-0.5 flex flex-wrap items-center gap-x-2 text-[0.8125rem] text-ink-3">
            {facts.map((fact, at) => (
              <span key={at} className="flex gap-2">
                {at > 0 && <span aria-hidden>·</span>}
                {fact}
              </span>
            ))}
            {session.tags.map((tag) => (
              <Badge key={tag}>{tag}</Badge>
            ))}
          </p>
        </div>
        <div className="shrink-0 text-right text-[0.8125rem] text-ink-3 tabular-nums">
          <time dateTime={session.updated_at} title={format.dateTime(session.updated_at)}>
            {format.ago(session.updated_at)}
          </time>
          <p>{format.usd(session.cost_usd)}</p>
        </div>
      </div>
      {own.map((request) => (
        <InlineRequest key={request.request_id} request={request} />
      ))}
    </li>
  )
}

/** Decides a permission without opening the session; what needs more than a yes or no leads there. */
function InlineRequest({ request }: { request: RequestView }) {
  const t = useText(requestWords)
  const decide = useDecide(request)
  return (
    <div className="relative z-1 flex flex-wrap items-center gap-x-3 gap-y-2 border-t border-line bg-warn-soft/50 px-4 py-2 text-sm">
      <p className="min-w-40 flex-1">
        {titleOf(request, t)}
        {request.target && (
          <code className="mt-0.5 block max-w-xl truncate text-xs text-ink-2">{request.target}</code>
        )}
      </p>
      {request.kind === 'permission' ? (
        <div className="flex gap-2">
          <Button
            size="small"
            look="danger"
            disabled={decide.isPending}
            onClick={() => decide.mutate({ decision: 'deny' })}
          >
            {t.deny}
          </Button>
          <Button
            size="small"
            look="allow"
            disabled={decide.isPending}
            onClick={() => decide.mutate({ decision: 'allow' })}
          >
            {t.allow}
          </Button>
        </div>
      ) : (
        <Link to="/approvals" className="font-medium text-accent underline-offset-2 hover:underline">
          {t.answer}
        </Link>
      )}
    </div>
  )
}

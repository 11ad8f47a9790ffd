import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleCheckBig } from 'lucide-react'
import { requestsQuery, sessionQuery } from '@/api/queries'
import type { RequestView } from '@/api/schema'
import { Page } from '@/components/ui/page'
import { EmptyState, ErrorState, SkeletonRows } from '@/components/ui/states'
import { useFormat, useText } from '@/i18n'
import { requests as words } from '@/i18n/requests'
import { RequestCard } from '../requests/request-card'
import { NotifySwitch } from './notify-switch'

/** What waits for a person in all sessions, the oldest first. */
export function ApprovalsPage() {
  const t = useText(words).inbox
  const { data, error, refetch } = useQuery(requestsQuery)
  return (
    <Page title={t.title} lead={t.lead} actions={<NotifySwitch />}>
      {error && !data && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data?.length === 0 && (
        <EmptyState icon={<CircleCheckBig className="size-6" />} title={t.none}>
          <p>{t.noneText}</p>
        </EmptyState>
      )}
      <ol className="grid gap-6">
        {data?.map((request) => (
          <li key={request.request_id} className="grid gap-2">
            <Origin request={request} />
            <RequestCard request={request} />
          </li>
        ))}
      </ol>
    </Page>
  )
}

function Origin({ request }: { request: RequestView }) {
  const t = useText(words).inbox
  const format = useFormat()
  const { data: session } = useQuery({
    ...sessionQuery(request.session_id),
    staleTime: Number.POSITIVE_INFINITY,
  })
  return (
    <div className="flex items-baseline justify-between gap-3 px-1 text-sm">
      <Link
        to="/sessions/$id"
        params={{ id: request.session_id }}
        className="min-w-0 truncate font-medium text-accent underline-offset-2 hover:underline"
      >
        {session?.title ?? t.open}
      </Link>
      <time
        dateTime={request.requested_at}
        title={format.dateTime(request.requested_at)}
        className="text-ink-3"
      >
        {format.ago(request.requested_at)}
      </time>
    </div>
  )
}

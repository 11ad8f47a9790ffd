import { useInfiniteQuery } from '@tanstack/react-query'
import { FilterX, MessagesSquare } from 'lucide-react'
import { type SessionsFilter, sessionsQuery } from '@/api/queries'
import { CopyButton } from '@/components/code/code-block'
import { Button } from '@/components/ui/button'
import { Page } from '@/components/ui/page'
import { EmptyState, ErrorState, SkeletonRows } from '@/components/ui/states'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'
import { NewSession } from '../composer/new-session'
import { FilterBar } from './filter-bar'
import { SessionItem } from './session-item'

interface SessionsPageProps {
  filter: SessionsFilter
  onFilter: (filter: SessionsFilter) => void
}

/** The start page: a prompt to begin with, and all sessions. */
export function SessionsPage({ filter, onFilter }: SessionsPageProps) {
  const t = useText(words).list
  const { data, error, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery(
    sessionsQuery(filter),
  )
  const sessions = data?.pages.flatMap((page) => page.sessions)
  const isFiltered = Object.keys(filter).length > 0
  return (
    <Page title={t.title} lead={t.lead}>
      <NewSession />
      <FilterBar filter={filter} onFilter={onFilter} />
      {error && !data && <ErrorState error={error} onRetry={() => void refetch()} />}
      {error && data && <p className="mb-3 rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn">{t.stale}</p>}
      {!sessions && !error && <SkeletonRows rows={5} />}
      {sessions?.length === 0 &&
        (isFiltered ? (
          <EmptyState
            icon={<FilterX className="size-6" />}
            title={t.noMatch}
            action={<Button onClick={() => onFilter({})}>{t.clear}</Button>}
          >
            <p>{t.noMatchText}</p>
          </EmptyState>
        ) : (
          <FirstSession />
        ))}
      {sessions && sessions.length > 0 && (
        <ul aria-label={t.results} className="grid gap-2.5">
          {sessions.map((session) => (
            <SessionItem key={session.id} session={session} />
          ))}
        </ul>
      )}
      {hasNextPage && (
        <div className="mt-5 text-center">
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            {t.more}
          </Button>
        </div>
      )}
    </Page>
  )
}

/** Teaches the other way to begin. */
function FirstSession() {
  const t = useText(words).list
  const command = `curl ${location.origin}/api/task -H 'Content-Type: application/json' \\\n  -d '{"prompt": "List the files here"}'`
  return (
    <EmptyState icon={<MessagesSquare className="size-6" />} title={t.none}>
      <p>{t.noneText}</p>
      <div className="relative mt-4">
        <pre
          tabIndex={0}
          className="scroll-thin overflow-x-auto rounded-lg bg-sunken p-3 pr-10 text-left text-xs"
        >
          {command}
        </pre>
        <CopyButton text={command} className="absolute top-1 right-1" />
      </div>
    </EmptyState>
  )
}

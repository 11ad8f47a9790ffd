import { Download, ScrollText } from 'lucide-react'
import { api, content } from '@/api/client'
import type { AuditedEvent } from '@/api/schema'
import { Button } from '@/components/ui/button'
import { Page } from '@/components/ui/page'
import { EmptyState, ErrorState, SkeletonRows } from '@/components/ui/states'
import { useText } from '@/i18n'
import { server } from '@/i18n/server'
import { download, toCsv } from '@/lib/csv'
import { More } from '../kit/list'
import { usePages } from '../kit/use-pages'
import { AuditEvent } from './audit-event'
import { AuditFilterBar } from './audit-filter'
import { type AuditFilter, queryOf } from './filter'

interface AuditPageProps {
  filter: AuditFilter
  onFilter: (filter: AuditFilter) => void
}

/** For admins: the trail of their team. */
export function AuditPage({ filter, onFilter }: AuditPageProps) {
  const t = useText(server).audit
  const pages = usePages(['audit', filter], async (cursor) => {
    const query = { ...queryOf(filter), limit: 50, cursor }
    const page = await content(api.GET('/api/audit/events', { params: { query } }))
    return { items: page.events, next_cursor: page.next_cursor }
  })
  const { items, error, retry } = pages
  const save = (events: readonly AuditedEvent[]) => {
    const head = Object.values(t.columns)
    const rows = events.map((event) => [
      event.recorded_at,
      event.actor,
      event.type,
      event.object,
      event.outcome,
      event.tool_name,
      event.target,
      event.decision,
      event.decided_by && [event.decided_by.kind, event.decided_by.name].filter(Boolean).join(' '),
    ])
    download('audit.csv', `\uFEFF${toCsv([head, ...rows])}`, 'text/csv')
  }
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        items &&
        items.length > 0 && (
          <Button icon={<Download aria-hidden className="size-4" />} onClick={() => save(items)}>
            {t.csv}
          </Button>
        )
      }
    >
      {!(error && !items) && <AuditFilterBar filter={filter} onFilter={onFilter} />}
      {error && !items && <ErrorState error={error} onRetry={retry} />}
      {!items && !error && <SkeletonRows rows={5} />}
      {items?.length === 0 && (
        <EmptyState
          icon={<ScrollText className="size-6" />}
          title={t.none}
          action={<Button onClick={() => onFilter({})}>{t.clear}</Button>}
        >
          <p>{t.noneText}</p>
        </EmptyState>
      )}
      {items && items.length > 0 && (
        <ol aria-label={t.title} className="card divide-y divide-line">
          {items.map((event) => (
            <AuditEvent key={event.position} event={event} />
          ))}
        </ol>
      )}
      <More pages={pages} />
    </Page>
  )
}

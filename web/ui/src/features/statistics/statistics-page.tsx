import { useQuery } from '@tanstack/react-query'
import { ChartColumn } from 'lucide-react'
import { Page } from '@/components/ui/page'
import { EmptyState, ErrorState, Skeleton } from '@/components/ui/states'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { statistics } from '@/i18n/statistics'
import { DayCharts } from './day-charts'
import { Figures } from './figures'
import { Groups } from './groups'
import { statisticsQuery } from './queries'
import { rangeOf, type StatisticsSearch } from './range'
import { RangePicker } from './range-picker'
import { isEmpty } from './shape'

interface StatisticsPageProps {
  search: StatisticsSearch
  onSearch: (search: StatisticsSearch) => void
}

export function StatisticsPage({ search, onSearch }: StatisticsPageProps) {
  const t = useText(statistics)
  const range = rangeOf(search, Date.now())
  const { data, error, refetch, isPlaceholderData } = useQuery(statisticsQuery(range, 'day'))
  return (
    <Page
      title={t.title}
      lead={t.lead}
      width="wide"
      actions={<RangePicker search={search} onSearch={onSearch} />}
    >
      {error && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Loading />}
      {data && !error && isEmpty(data) && (
        <EmptyState icon={<ChartColumn className="size-6" />} title={t.none}>
          <p>{t.noneText}</p>
        </EmptyState>
      )}
      {data && !error && !isEmpty(data) && (
        <div aria-busy={isPlaceholderData} className={isPlaceholderData ? 'opacity-60' : undefined}>
          <Figures totals={data.totals} />
          <DayCharts view={data} />
          <Groups
            range={range}
            by={search.by ?? 'model'}
            onBy={(by) => onSearch({ ...search, by: by === 'model' ? undefined : by })}
          />
        </div>
      )}
    </Page>
  )
}

function Loading() {
  const t = useText(common)
  return (
    <div role="status" aria-label={t.loading} className="grid gap-4 lg:grid-cols-2">
      {['cost', 'tokens', 'turns', 'durations'].map((name) => (
        <Skeleton key={name} className="h-64 rounded-xl" />
      ))}
    </div>
  )
}

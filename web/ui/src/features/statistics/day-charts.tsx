import type { GroupView, StatisticsView } from '@/api/schema'
import { ChartCard, type DataColumn } from '@/components/charts/chart-card'
import { DayChart } from '@/components/charts/day-chart'
import type { ChartSeries, ChartTone } from '@/components/charts/series'
import { useText } from '@/i18n'
import { statistics } from '@/i18n/statistics'
import { byDay, cacheRate } from './shape'
import { useNumbers } from './use-numbers'

interface Part {
  name: string
  tone: ChartTone
  value: (day: GroupView) => number | null | undefined
}

interface Chart {
  id: string
  title: string
  kind: 'bars' | 'lines'
  parts: readonly Part[]
  shown: (value: number) => string
}

/** What happened and what it cost, day by day. */
export function DayCharts({ view }: { view: StatisticsView }) {
  const t = useText(statistics)
  const numbers = useNumbers()
  const charts = useCharts()
  const rows = byDay(view)
  const days = rows.map(({ group }) => group ?? '')
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      {charts.map(({ id, title, kind, parts, shown }) => {
        const series: ChartSeries[] = parts.map(({ name, tone, value }) => ({
          name,
          tone,
          values: rows.map((row) => value(row) ?? null),
        }))
        const columns: DataColumn<GroupView>[] = [
          { name: t.day, cell: ({ group }) => numbers.day(group ?? ''), value: ({ group }) => group },
          ...parts.map(({ name, value }) => ({
            name,
            numeric: true,
            cell: (row: GroupView) => {
              const number = value(row)
              return number === null || number === undefined ? '—' : shown(number)
            },
            value,
          })),
        ]
        return (
          <ChartCard
            key={id}
            title={title}
            file={`${id}-${view.from}-${view.to}`}
            columns={columns}
            rows={rows}
            rowKey={({ group }) => group ?? ''}
            legend={series}
            className={id === 'cost' ? 'lg:col-span-2' : undefined}
          >
            <DayChart
              label={title}
              kind={kind}
              days={days}
              series={series}
              formatValue={shown}
              formatDay={numbers.day}
            />
          </ChartCard>
        )
      })}
    </div>
  )
}

function useCharts(): Chart[] {
  const { charts: t, series } = useText(statistics)
  const numbers = useNumbers()
  return [
    {
      id: 'cost',
      title: t.cost,
      kind: 'bars',
      shown: numbers.usd,
      parts: [{ name: series.cost, tone: 'accent', value: ({ spend }) => spend?.cost_usd }],
    },
    {
      id: 'tokens',
      title: t.tokens,
      kind: 'bars',
      shown: numbers.compact,
      parts: [
        {
          name: series.cacheRead,
          tone: 'neutral',
          value: ({ spend }) => spend?.usage.cache_read_input_tokens,
        },
        {
          name: series.cacheWritten,
          tone: 'warn',
          value: ({ spend }) => spend?.usage.cache_creation_input_tokens,
        },
        { name: series.input, tone: 'info', value: ({ spend }) => spend?.usage.input_tokens },
        { name: series.output, tone: 'accent', value: ({ spend }) => spend?.usage.output_tokens },
      ],
    },
    {
      id: 'cache-rate',
      title: t.cacheRate,
      kind: 'lines',
      shown: numbers.percent,
      parts: [{ name: series.cacheRate, tone: 'info', value: ({ spend }) => cacheRate(spend?.usage) }],
    },
    {
      id: 'turns',
      title: t.turns,
      kind: 'bars',
      shown: numbers.compact,
      parts: [
        { name: series.succeeded, tone: 'good', value: ({ turns }) => turns?.succeeded },
        { name: series.unsuccessful, tone: 'warn', value: ({ turns }) => turns?.unsuccessful },
        { name: series.failed, tone: 'bad', value: ({ turns }) => turns?.failed },
        { name: series.interrupted, tone: 'neutral', value: ({ turns }) => turns?.interrupted },
      ],
    },
    {
      id: 'durations',
      title: t.durations,
      kind: 'lines',
      shown: numbers.duration,
      parts: [
        { name: series.median, tone: 'accent', value: ({ turns }) => turns?.duration_ms?.median },
        { name: series.p95, tone: 'violet', value: ({ turns }) => turns?.duration_ms?.p95 },
      ],
    },
    {
      id: 'waits',
      title: t.waits,
      kind: 'lines',
      shown: numbers.duration,
      parts: [
        { name: series.median, tone: 'accent', value: ({ requests }) => requests?.wait_ms?.median },
        { name: series.p95, tone: 'violet', value: ({ requests }) => requests?.wait_ms?.p95 },
      ],
    },
    {
      id: 'requests',
      title: t.requests,
      kind: 'bars',
      shown: numbers.compact,
      parts: [
        { name: series.allowed, tone: 'good', value: ({ requests }) => requests?.allowed },
        { name: series.denied, tone: 'bad', value: ({ requests }) => requests?.denied },
        { name: series.withdrawn, tone: 'neutral', value: ({ requests }) => requests?.withdrawn },
      ],
    },
    {
      id: 'tools',
      title: t.tools,
      kind: 'bars',
      shown: numbers.compact,
      parts: [
        { name: series.fine, tone: 'info', value: ({ tools }) => tools && tools.calls - tools.errors },
        { name: series.errors, tone: 'bad', value: ({ tools }) => tools?.errors },
      ],
    },
    {
      id: 'lines',
      title: t.lines,
      kind: 'bars',
      shown: numbers.compact,
      parts: [
        { name: series.added, tone: 'good', value: ({ files }) => files?.lines_added },
        { name: series.removed, tone: 'bad', value: ({ files }) => files?.lines_removed },
      ],
    },
  ]
}

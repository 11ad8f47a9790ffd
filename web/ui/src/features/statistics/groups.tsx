import { useQuery } from '@tanstack/react-query'
import { keysQuery } from '@/api/queries'
import type { GroupView } from '@/api/schema'
import { type Bar, BarList } from '@/components/charts/bar-list'
import { ChartCard, type DataColumn } from '@/components/charts/chart-card'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { Tabs } from '@/components/ui/tabs'
import { useText } from '@/i18n'
import { statistics } from '@/i18n/statistics'
import { statisticsQuery } from './queries'
import { GROUPINGS, type GroupedBy } from './range'
import { cacheRate, tokens } from './shape'
import { useNumbers } from './use-numbers'

/** Bars that are shown; the table and the file have all groups. */
const BARS = 12

interface GroupsProps {
  range: { from: string; to: string }
  by: GroupedBy
  onBy: (by: GroupedBy) => void
}

/** What it was about: models, people, tools, folders and keys. */
export function Groups({ range, by, onBy }: GroupsProps) {
  const t = useText(statistics)
  return (
    <Tabs
      label={t.groups}
      value={by}
      tabs={GROUPINGS.map((value) => ({ value, label: t.by[value] }))}
      onValue={onBy}
      className="mt-8"
    >
      <div className="pt-4">
        <Group key={by} range={range} by={by} />
      </div>
    </Tabs>
  )
}

function Group({ range, by }: Omit<GroupsProps, 'onBy'>) {
  const t = useText(statistics)
  const { data, error, refetch } = useQuery({ ...statisticsQuery(range, by), placeholderData: undefined })
  const name = useName(by)
  const columns = useColumns(by)
  const n = useNumbers()
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} />
  if (!data) return <SkeletonRows rows={3} />
  const bars = data.groups.map((group): Bar => {
    const value = by === 'tool' ? (group.tools?.calls ?? 0) : (group.spend?.cost_usd ?? 0)
    const shown = by === 'tool' ? n.number(value) : n.usd(value)
    return { key: group.group ?? '', name: name(group), value, shown }
  })
  const title = `${by === 'tool' ? t.charts.tools : t.charts.cost} · ${t.groupedBy(t.by[by])}`
  if (bars.length === 0) return <p className="px-4 py-8 text-center text-sm text-ink-2">{t.none}</p>
  return (
    <>
      <ChartCard
        title={title}
        file={`${by}-${data.from}-${data.to}`}
        columns={[{ name: t.by[by], cell: name, value: name }, ...columns]}
        rows={data.groups}
        rowKey={({ group }) => group ?? ''}
      >
        <BarList label={title} bars={bars.slice(0, BARS)} />
      </ChartCard>
      {data.groups_left_out > 0 && (
        <p className="mt-2 text-sm text-ink-3">{t.leftOut(data.groups_left_out)}</p>
      )}
    </>
  )
}

/** What a group is called; keys are known by their ids. */
function useName(by: GroupedBy): (group: GroupView) => string {
  const t = useText(statistics)
  const { data: keys } = useQuery({ ...keysQuery, enabled: by === 'key' })
  return ({ group }) => {
    if (group === null) return t.unnamed[by]
    return (by === 'key' && keys?.find(({ id }) => id === group)?.name) || group
  }
}

function useColumns(by: GroupedBy): DataColumn<GroupView>[] {
  const { columns: t } = useText(statistics)
  const n = useNumbers()
  type Value = (group: GroupView) => number | null | undefined
  const column = (name: string, value: Value, shown: (value: number | null | undefined) => string) => ({
    name,
    numeric: true,
    value,
    cell: (group: GroupView) => shown(value(group)),
  })
  const turns = [
    column(t.turns, ({ turns }) => turns?.total, n.numberOr),
    column(t.success, ({ turns }) => turns?.success_rate, n.percent),
    column(t.median, ({ turns }) => turns?.duration_ms?.median, n.durationOr),
    column(t.p95, ({ turns }) => turns?.duration_ms?.p95, n.durationOr),
  ]
  const spend = [
    column(t.cost, ({ spend }) => spend?.cost_usd, n.usd),
    column(t.tokens, ({ spend }) => spend && tokens(spend.usage), n.numberOr),
    column(t.cache, ({ spend }) => cacheRate(spend?.usage), n.percent),
    column(t.calls, ({ spend }) => spend?.calls.total, n.numberOr),
  ]
  const tools = [
    column(t.toolCalls, ({ tools }) => tools?.calls, n.numberOr),
    column(t.errors, ({ tools }) => tools?.errors, n.numberOr),
  ]
  const requests = [
    column(t.asked, ({ requests }) => requests?.asked, n.numberOr),
    column(t.denied, ({ requests }) => requests?.denied, n.numberOr),
    column(t.wait, ({ requests }) => requests?.wait_ms?.median, n.durationOr),
  ]
  const files = [column(t.files, ({ files }) => files?.changed, n.numberOr)]
  const refused = column(t.refused, ({ tools }) => tools?.refused, n.numberOr)
  const all: Record<GroupedBy, DataColumn<GroupView>[]> = {
    model: [...spend, ...turns],
    user: [...spend, ...turns, ...tools, ...requests, ...files],
    tool: [...tools, refused, ...requests],
    working_dir: [...spend, ...turns, ...tools, ...requests, ...files],
    key: spend,
  }
  return all[by]
}

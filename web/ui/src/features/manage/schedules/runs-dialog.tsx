import { Link } from '@tanstack/react-router'
import type { ScheduleView } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { Dialog } from '@/components/ui/dialog'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { useFormat, useText } from '@/i18n'
import { schedules as area } from '@/i18n/schedules'
import { More } from '../kit/list'
import { usePages } from '../kit/use-pages'
import { OUTCOMES } from './outcomes'
import { loadRuns, SCHEDULES } from './queries'

/** What became of each time, with the session of its run. */
export function RunsDialog({ schedule, onClose }: { schedule: ScheduleView; onClose: () => void }) {
  const t = useText(area)
  const format = useFormat()
  const pages = usePages([...SCHEDULES, 'runs', schedule.id], (cursor) => loadRuns(schedule.id, cursor))
  const { items, error, retry } = pages
  return (
    <Dialog open onClose={onClose} title={t.runsTitle(schedule.name)} from="side">
      {error && <ErrorState error={error} onRetry={retry} />}
      {!items && !error && <SkeletonRows rows={3} />}
      {items?.length === 0 && <p className="py-8 text-center text-sm text-ink-2">{t.noRuns}</p>}
      <ol className="grid gap-2 pb-4">
        {items?.map((run) => (
          <li key={run.version} className="rounded-lg border border-line px-3 py-2 text-sm">
            <p className="flex flex-wrap items-center gap-2">
              <time dateTime={run.due_at} className="font-medium">
                {format.dateTime(run.due_at)}
              </time>
              <Badge tone={OUTCOMES[run.status]}>{t.outcomes[run.status]}</Badge>
              {run.trigger && <span className="text-ink-3">{t.triggers[run.trigger]}</span>}
              <Link
                to="/sessions/$id"
                params={{ id: run.session_id }}
                className="ml-auto text-accent hover:underline"
              >
                {t.toSession}
              </Link>
            </p>
            {run.missed > 0 && <p className="text-warn">{t.missed(run.missed)}</p>}
            {(run.detail ?? run.code) && <p className="text-bad">{run.detail ?? run.code}</p>}
          </li>
        ))}
      </ol>
      <More pages={pages} />
    </Dialog>
  )
}

import { Link } from '@tanstack/react-router'
import { CalendarClock, ListChecks, Pencil, Play } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { api, content } from '@/api/client'
import type { ScheduleView } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { toast } from '@/components/ui/toast'
import { useFormat, useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { schedules as area } from '@/i18n/schedules'
import { EnableSwitch } from '../kit/enable-switch'
import { HistoryButton } from '../kit/history-button'
import { Item } from '../kit/list'
import { RemoveButton } from '../kit/remove-button'
import { useAction } from '../kit/use-action'
import { OUTCOMES } from './outcomes'
import { loadScheduleHistory, SCHEDULES } from './queries'

const RunsDialog = lazy(() => import('./runs-dialog').then(({ RunsDialog }) => ({ default: RunsDialog })))

/** Times ahead that are shown. */
const AHEAD = 3

interface ScheduleItemProps {
  schedule: ScheduleView
  /** Absent where the reader may change nothing. */
  onEdit?: () => void
}

export function ScheduleItem({ schedule, onEdit }: ScheduleItemProps) {
  const t = useText(area)
  const words = useText(manage)
  const format = useFormat()
  const [hasRuns, setRuns] = useState(false)
  const { busy, run } = useAction(SCHEDULES)
  const { id, name, enabled, running, last_run } = schedule
  const params = { path: { id } }
  const small = 'size-3.5'
  return (
    <Item
      icon={<CalendarClock className="size-4.5" />}
      title={name}
      badges={
        <>
          {!enabled && (
            <Badge tone={schedule.disabled_reason === 'repeated_failures' ? 'bad' : 'neutral'}>
              {schedule.disabled_reason === 'repeated_failures' ? t.failures : t.paused}
            </Badge>
          )}
          {running && (
            <Link to="/sessions/$id" params={{ id: running.session_id }}>
              <Badge tone="info">{t.running}</Badge>
            </Link>
          )}
        </>
      }
      end={
        onEdit && (
          <EnableSwitch
            name={name}
            enabled={enabled}
            changes={SCHEDULES}
            set={(enabled) => content(api.PATCH('/api/schedules/{id}', { params, body: { enabled } }))}
          />
        )
      }
      actions={
        <>
          {onEdit && (
            <Button
              size="small"
              look="quiet"
              icon={<Play aria-hidden className={small} />}
              aria-label={t.runOf(name)}
              busy={busy}
              disabled={running != null}
              onClick={async () => {
                if (await run(() => content(api.POST('/api/schedules/{id}/run', { params }))))
                  toast('good', t.started)
              }}
            >
              {t.run}
            </Button>
          )}
          <Button
            size="small"
            look="quiet"
            icon={<ListChecks aria-hidden className={small} />}
            onClick={() => setRuns(true)}
          >
            {t.runs}
          </Button>
          {onEdit && (
            <>
              <Button
                size="small"
                look="quiet"
                icon={<Pencil aria-hidden className={small} />}
                onClick={onEdit}
              >
                {words.edit}
              </Button>
              <HistoryButton
                name={name}
                changes={SCHEDULES}
                load={(cursor) => loadScheduleHistory(id, cursor)}
                restore={(version) =>
                  api.POST('/api/schedules/{id}/history/{version}/restore', {
                    params: { path: { id, version } },
                  })
                }
              />
              <RemoveButton
                name={name}
                consequence={t.consequence}
                changes={SCHEDULES}
                remove={() => api.DELETE('/api/schedules/{id}', { params })}
              />
            </>
          )}
        </>
      }
    >
      <p className="line-clamp-2">{schedule.prompt}</p>
      <p className="mt-1.5 text-[0.8125rem] text-ink-3">
        <code>{schedule.cron}</code> · {schedule.time_zone}
      </p>
      {schedule.next_runs.length > 0 && (
        <p className="text-[0.8125rem] text-ink-3">
          {t.next}: {schedule.next_runs.slice(0, AHEAD).map(format.dateTime).join(' · ')}
        </p>
      )}
      {last_run && (
        <p className="mt-1 flex flex-wrap items-center gap-2 text-[0.8125rem] text-ink-3">
          {t.lastRun}
          <Link to="/sessions/$id" params={{ id: last_run.session_id }} className="hover:underline">
            {format.ago(last_run.ended_at)}
          </Link>
          <Badge tone={OUTCOMES[last_run.outcome]}>{t.outcomes[last_run.outcome]}</Badge>
        </p>
      )}
      {hasRuns && (
        <Suspense>
          <RunsDialog schedule={schedule} onClose={() => setRuns(false)} />
        </Suspense>
      )}
    </Item>
  )
}

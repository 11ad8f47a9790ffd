import { CalendarClock, Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import type { ScheduleView } from '@/api/schema'
import { Button } from '@/components/ui/button'
import { Page } from '@/components/ui/page'
import { EmptyState } from '@/components/ui/states'
import { useText } from '@/i18n'
import { schedules as area } from '@/i18n/schedules'
import { List } from '../kit/list'
import { usePages } from '../kit/use-pages'
import { useRole } from '../kit/use-role'
import { loadSchedules, SCHEDULES } from './queries'
import { ScheduleItem } from './schedule-item'

const ScheduleForm = lazy(() =>
  import('./schedule-form').then(({ ScheduleForm }) => ({ default: ScheduleForm })),
)

/** Runs begin and end by themselves. */
const REFRESH_MS = 10_000

export function SchedulesPage() {
  const t = useText(area)
  const { mayWrite } = useRole()
  const pages = usePages(SCHEDULES, loadSchedules, { refetchInterval: REFRESH_MS })
  const [open, setOpen] = useState<ScheduleView | 'new'>()
  const add = mayWrite && (
    <Button look="primary" icon={<Plus aria-hidden className="size-4" />} onClick={() => setOpen('new')}>
      {t.add}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={pages.items && pages.items.length > 0 && add}>
      <List
        label={t.title}
        pages={pages}
        empty={
          <EmptyState icon={<CalendarClock className="size-6" />} title={t.none} action={add}>
            <p>{t.noneText}</p>
          </EmptyState>
        }
      >
        {(schedule) => (
          <ScheduleItem
            key={schedule.id}
            schedule={schedule}
            onEdit={mayWrite ? () => setOpen(schedule) : undefined}
          />
        )}
      </List>
      {open && (
        <Suspense>
          <ScheduleForm schedule={open === 'new' ? undefined : open} onClose={() => setOpen(undefined)} />
        </Suspense>
      )}
    </Page>
  )
}

import { createFileRoute } from '@tanstack/react-router'
import { SchedulesPage } from '@/features/manage/schedules/schedules-page'

export const Route = createFileRoute('/_app/settings/schedules')({ component: SchedulesPage })

import { createFileRoute } from '@tanstack/react-router'
import { StatusPage } from '@/features/manage/status/status-page'

export const Route = createFileRoute('/_app/settings/status')({ component: StatusPage })

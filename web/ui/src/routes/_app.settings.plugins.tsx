import { createFileRoute } from '@tanstack/react-router'
import { PluginsPage } from '@/features/manage/plugins/plugins-page'

export const Route = createFileRoute('/_app/settings/plugins')({ component: PluginsPage })

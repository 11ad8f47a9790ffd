import { createFileRoute } from '@tanstack/react-router'
import { FoldersPage } from '@/features/manage/folders/folders-page'

export const Route = createFileRoute('/_app/settings/folders')({ component: FoldersPage })

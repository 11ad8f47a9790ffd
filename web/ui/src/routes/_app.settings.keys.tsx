import { createFileRoute } from '@tanstack/react-router'
import { KeysPage } from '@/features/manage/keys/keys-page'

export const Route = createFileRoute('/_app/settings/keys')({ component: KeysPage })

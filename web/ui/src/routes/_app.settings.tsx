import { createFileRoute, Outlet } from '@tanstack/react-router'
import { SettingsLayout } from '@/features/manage/settings-layout'

export const Route = createFileRoute('/_app/settings')({
  component: () => (
    <SettingsLayout>
      <Outlet />
    </SettingsLayout>
  ),
})

import type { QueryClient } from '@tanstack/react-query'
import { createRootRouteWithContext, Link, Outlet } from '@tanstack/react-router'
import { SearchX } from 'lucide-react'
import { buttonClass } from '@/components/ui/button'
import { EmptyState } from '@/components/ui/states'
import { Crash } from '@/features/shell/crash'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'

export const Route = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: Outlet,
  errorComponent: ({ error }) => <Crash error={error} />,
  notFoundComponent: NotFound,
})

function NotFound() {
  const t = useText(common)
  return (
    <main>
      <EmptyState
        icon={<SearchX className="size-6" />}
        title={t.errors.notFound}
        action={
          <Link to="/" className={buttonClass('primary')}>
            {t.errors.toSessions}
          </Link>
        }
      />
    </main>
  )
}

import { createFileRoute, Outlet, redirect } from '@tanstack/react-router'
import { renewLogin } from '@/api/client'
import { problemOf } from '@/api/problem'
import { meQuery } from '@/api/queries'
import { ErrorState } from '@/components/ui/states'
import { Crash } from '@/features/shell/crash'
import { Frame } from '@/features/shell/frame'

export const Route = createFileRoute('/_app')({
  async beforeLoad({ context: { queryClient }, location }) {
    const known = () => queryClient.ensureQueryData(meQuery)
    await known().catch(async (error: unknown) => {
      if (problemOf(error).status !== 401) throw error
      if (await renewLogin()) return known()
      throw redirect({ to: '/login', search: { next: location.href } })
    })
  },
  component: () => (
    <Frame>
      <Outlet />
    </Frame>
  ),
  errorComponent: ({ error, reset }) =>
    problemOf(error).code === 'page_failed' ? (
      <Crash error={error} />
    ) : (
      <ErrorState error={error} onRetry={reset} />
    ),
})

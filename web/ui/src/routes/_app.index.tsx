import { createFileRoute } from '@tanstack/react-router'
import type { SessionsFilter } from '@/api/queries'
import { readFilter } from '@/features/sessions-list/filter'
import { SessionsPage } from '@/features/sessions-list/sessions-page'

export const Route = createFileRoute('/_app/')({
  validateSearch: (search): SessionsFilter => readFilter(search),
  component: Index,
})

function Index() {
  const filter = Route.useSearch()
  const navigate = Route.useNavigate()
  return <SessionsPage filter={filter} onFilter={(search) => void navigate({ search, replace: true })} />
}

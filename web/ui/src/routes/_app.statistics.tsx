import { createFileRoute } from '@tanstack/react-router'
import { readSearch, type StatisticsSearch } from '@/features/statistics/range'
import { StatisticsPage } from '@/features/statistics/statistics-page'

export const Route = createFileRoute('/_app/statistics')({
  validateSearch: (search): StatisticsSearch => readSearch(search),
  component: Statistics,
})

function Statistics() {
  const search = Route.useSearch()
  const navigate = Route.useNavigate()
  return <StatisticsPage search={search} onSearch={(search) => void navigate({ search, replace: true })} />
}

import { createFileRoute } from '@tanstack/react-router'
import { AuditPage } from '@/features/manage/audit/audit-page'
import { type AuditFilter, readAuditFilter } from '@/features/manage/audit/filter'

export const Route = createFileRoute('/_app/settings/audit')({
  validateSearch: (search): AuditFilter => readAuditFilter(search),
  component: Audit,
})

function Audit() {
  const filter = Route.useSearch()
  const navigate = Route.useNavigate()
  return <AuditPage filter={filter} onFilter={(search) => void navigate({ search, replace: true })} />
}

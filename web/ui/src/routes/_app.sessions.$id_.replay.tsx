import { createFileRoute } from '@tanstack/react-router'
import { ReplayPage } from '@/features/replay/replay-page'

export const Route = createFileRoute('/_app/sessions/$id_/replay')({
  validateSearch: (search): { at?: number } => {
    const at = Number(search.at)
    return Number.isInteger(at) && at > 0 ? { at } : {}
  },
  component: Replay,
})

function Replay() {
  const { id } = Route.useParams()
  const { at } = Route.useSearch()
  const navigate = Route.useNavigate()
  return (
    <ReplayPage key={id} id={id} at={at} onAt={(at) => void navigate({ search: { at }, replace: true })} />
  )
}

import { createFileRoute } from '@tanstack/react-router'
import { SessionPage } from '@/features/session/session-page'

export const Route = createFileRoute('/_app/sessions/$id')({ component: Session })

function Session() {
  const { id } = Route.useParams()
  return <SessionPage key={id} id={id} />
}

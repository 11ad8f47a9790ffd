import { FileQuestion, ListChecks, ShieldQuestion } from 'lucide-react'
import type { RequestView } from '@/api/schema'
import { textOf } from '@/components/events/value'
import { Markdown } from '@/components/markdown/markdown'
import { useText } from '@/i18n'
import { requests as words } from '@/i18n/requests'
import { PermissionActions } from './permission-actions'
import { PlanActions } from './plan-actions'
import { Preview } from './preview'
import { QuestionForm } from './question-form'
import { titleOf } from './title'
import { useDecide } from './use-decide'

const ICONS = { permission: ShieldQuestion, question: FileQuestion, plan: ListChecks }

/** One request with all that is needed to decide it. */
export function RequestCard({ request }: { request: RequestView }) {
  const t = useText(words)
  const decide = useDecide(request)
  const Icon = ICONS[request.kind]
  return (
    <section
      aria-label={t.region}
      data-request={request.request_id}
      className="card grid gap-3 overflow-hidden border-warn/50 p-4 shadow-low"
    >
      <div className="flex items-start gap-3">
        <span
          aria-hidden
          className="flex size-8 shrink-0 items-center justify-center rounded-lg bg-warn-soft"
        >
          <Icon className="size-4.5 text-warn" />
        </span>
        <div className="min-w-0">
          <p className="font-medium">{titleOf(request, t)}</p>
          <p className="text-sm text-ink-3">
            {request.kind === 'permission' && request.description}{' '}
            {request.subagent && t.bySubagent(request.subagent)}
          </p>
        </div>
      </div>
      {request.kind === 'permission' && (
        <>
          <Preview request={request} />
          {request.reason && <p className="text-sm text-ink-2">{request.reason}</p>}
          <PermissionActions request={request} decide={decide} />
        </>
      )}
      {request.kind === 'plan' && (
        <>
          <div className="scroll-thin max-h-96 overflow-y-auto rounded-lg bg-sunken/60 px-4 py-3 text-sm">
            <Markdown text={textOf(request.input, 'plan')} />
          </div>
          <PlanActions decide={decide} />
        </>
      )}
      {request.kind === 'question' && <QuestionForm request={request} decide={decide} />}
    </section>
  )
}

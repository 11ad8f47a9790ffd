import { FileQuestion, ListChecks, ShieldQuestion } from 'lucide-react'
import type { KeyboardEvent } from 'react'
import type { DecisionBody, RequestView } from '@/api/schema'
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

/** Keys that decide a permission, while it or one of its buttons has the focus. */
const KEYS: Record<string, DecisionBody> = {
  a: { decision: 'allow' },
  A: { decision: 'allow', remember: 'session' },
  d: { decision: 'deny' },
}

/** One request with all that is needed to decide it. */
export function RequestCard({ request }: { request: RequestView }) {
  const t = useText(words)
  const decide = useDecide(request)
  const Icon = ICONS[request.kind]
  const press = (event: KeyboardEvent) => {
    const decision = KEYS[event.key]
    const isWriting = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey
    if (decision && request.kind === 'permission' && !isWriting && isPlain && !decide.isPending) {
      decide.mutate(decision)
    }
  }
  return (
    <article
      aria-label={t.region}
      data-request={request.request_id}
      tabIndex={0}
      onKeyDown={press}
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
    </article>
  )
}

import { Circle, CircleCheck, CircleDot } from 'lucide-react'
import { Markdown } from '@/components/markdown/markdown'
import type { ToolProps } from '../context'
import { fieldOf, textOf } from '../value'

const ICONS = { completed: CircleCheck, in_progress: CircleDot }

/** The list that an agent keeps for itself. */
export function TodoTool({ row }: ToolProps) {
  const todos = fieldOf(row.input, 'todos')
  if (!Array.isArray(todos)) return null
  return (
    <ul className="grid gap-1">
      {todos.map((todo, at) => (
        <TodoItem key={at} subject={textOf(todo, 'content')} status={textOf(todo, 'status')} />
      ))}
    </ul>
  )
}

export function TodoItem({ subject, status }: { subject: string; status: string }) {
  const Icon = status === 'completed' || status === 'in_progress' ? ICONS[status] : Circle
  const isDone = status === 'completed'
  return (
    <li className="flex items-start gap-2.5 text-sm">
      <Icon
        aria-label={status}
        className={`mt-0.5 size-4 shrink-0 ${isDone ? 'text-good' : status === 'in_progress' ? 'text-accent' : 'text-ink-3'}`}
      />
      <span className={isDone ? 'text-ink-3 line-through' : undefined}>{subject}</span>
    </li>
  )
}

export function PlanTool({ row }: ToolProps) {
  return (
    <div className="rounded-lg bg-sunken/60 px-4 py-3 text-sm">
      <Markdown text={textOf(row.input, 'plan')} />
    </div>
  )
}

/** What was asked, with what was answered. */
export function QuestionTool({ row }: ToolProps) {
  const questions = fieldOf(row.input, 'questions')
  const answers = row.request?.decided?.answers
  if (!Array.isArray(questions)) return null
  return (
    <dl className="grid gap-2 text-sm">
      {questions.map((asked, at) => {
        const question = textOf(asked, 'question')
        const answer = fieldOf(answers, question)
        return (
          <div key={at}>
            <dt className="text-ink-2">{question}</dt>
            <dd className="font-medium">
              {Array.isArray(answer) ? answer.join(', ') : String(answer ?? '—')}
            </dd>
          </div>
        )
      })}
    </dl>
  )
}

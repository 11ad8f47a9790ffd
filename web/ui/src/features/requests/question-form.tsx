import { useId, useState } from 'react'
import type { RequestView } from '@/api/schema'
import { fieldOf, textOf } from '@/components/events/value'
import { Button } from '@/components/ui/button'
import { inputClass } from '@/components/ui/field'
import { useText } from '@/i18n'
import { requests as words } from '@/i18n/requests'
import type { Decide } from './use-decide'

interface Question {
  question: string
  header: string
  isMultiple: boolean
  options: { label: string; description: string }[]
}

function questionsOf(input: unknown): Question[] {
  const questions = fieldOf(input, 'questions')
  if (!Array.isArray(questions)) return []
  return questions.map((asked) => {
    const options = fieldOf(asked, 'options')
    return {
      question: textOf(asked, 'question'),
      header: textOf(asked, 'header'),
      isMultiple: fieldOf(asked, 'multiSelect') === true,
      options: Array.isArray(options)
        ? options.map((option) => ({
            label: textOf(option, 'label'),
            description: textOf(option, 'description'),
          }))
        : [],
    }
  })
}

type Answers = Record<string, string[]>

export function QuestionForm({ request, decide }: { request: RequestView; decide: Decide }) {
  const t = useText(words)
  const questions = questionsOf(request.input)
  const [answers, setAnswers] = useState<Answers>({})
  const isAnswered = questions.every(({ question }) => answers[question]?.some((answer) => answer.trim()))
  const send = () => {
    const given = questions.map(({ question, isMultiple }) => {
      const chosen = (answers[question] ?? []).filter((answer) => answer.trim())
      return [question, isMultiple ? chosen : (chosen[0] ?? '')] as const
    })
    decide.mutate({ decision: 'allow', answers: Object.fromEntries(given) })
  }
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {questions.map((question) => (
        <OneQuestion
          key={question.question}
          question={question}
          chosen={answers[question.question] ?? []}
          onChosen={(chosen) => setAnswers({ ...answers, [question.question]: chosen })}
        />
      ))}
      <div className="flex flex-wrap gap-2">
        <Button type="submit" look="primary" disabled={!isAnswered} busy={decide.isPending}>
          {t.answer}
        </Button>
        <Button look="quiet" disabled={decide.isPending} onClick={() => decide.mutate({ decision: 'deny' })}>
          {t.skip}
        </Button>
      </div>
    </form>
  )
}

interface OneQuestionProps {
  question: Question
  chosen: string[]
  onChosen: (chosen: string[]) => void
}

function OneQuestion({
  question: { question, header, isMultiple, options },
  chosen,
  onChosen,
}: OneQuestionProps) {
  const t = useText(words)
  const name = useId()
  const labels = options.map(({ label }) => label)
  const other = chosen.find((answer) => !labels.includes(answer))
  const choose = (answer: string, isChosen: boolean) => {
    if (!isMultiple) return onChosen([answer])
    onChosen(isChosen ? [...chosen, answer] : chosen.filter((known) => known !== answer))
  }
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-2 text-sm">
        {header && <span className="mr-2 text-xs font-medium text-accent">{header}</span>}
        <span className="font-medium">{question}</span>
      </legend>
      {options.map(({ label, description }) => (
        <label
          key={label}
          className="flex items-start gap-3 rounded-lg border border-line px-3 py-2.5 text-sm hover:border-line-strong has-checked:border-accent has-checked:bg-accent-soft"
        >
          <input
            type={isMultiple ? 'checkbox' : 'radio'}
            name={name}
            className="mt-0.5 size-4 accent-accent"
            checked={chosen.includes(label)}
            onChange={(event) => choose(label, event.target.checked)}
          />
          <span>
            <span className="block font-medium">{label}</span>
            <span className="text-ink-2">{description}</span>
          </span>
        </label>
      ))}
      <input
        aria-label={`${question} ${t.other}`}
        placeholder={t.otherPlaceholder}
        className={`${inputClass} h-10`}
        value={other ?? ''}
        onChange={({ target: { value } }) =>
          onChosen([
            ...(isMultiple ? chosen.filter((known) => known !== other) : []),
            ...(value ? [value] : []),
          ])
        }
      />
    </fieldset>
  )
}

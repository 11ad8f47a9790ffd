import { Markdown } from '@/components/markdown/markdown'
import { useText } from '@/i18n'
import { events } from '@/i18n/events'
import type { ToolProps } from '../context'
import { RowView } from '../row-view'
import { textOf } from '../value'

/** A subagent: what it was told, what it did, and what it reported. */
export function TaskTool({ row }: ToolProps) {
  const t = useText(events).subagent
  const summary = row.subagent?.finished?.summary
  return (
    <div className="grid gap-3">
      <div className="text-sm text-ink-2">
        <Markdown text={withoutScript(textOf(row.input, 'prompt'))} />
      </div>
      {row.children.length > 0 && (
        <section aria-label={t.steps} className="grid gap-3 border-l-2 border-line pl-3">
          {row.children.map((child) => (
            <RowView key={child.key} row={child} />
          ))}
        </section>
      )}
      {summary && (
        <div className="rounded-lg bg-sunken/60 px-3.5 py-2.5 text-sm">
          <Markdown text={summary} />
        </div>
      )}
    </div>
  )
}

const SCRIPT = /\n?```offline\n[\s\S]*?\n```/g

/** A prompt without what it says to the built-in model alone. */
export function withoutScript(text: string): string {
  return text.replace(SCRIPT, '').trim()
}

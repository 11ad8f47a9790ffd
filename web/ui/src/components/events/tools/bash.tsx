import { CodeBlock } from '@/components/code/code-block'
import { useText } from '@/i18n'
import { events } from '@/i18n/events'
import type { ToolProps } from '../context'
import { Terminal } from '../terminal'
import { contentText, textOf } from '../value'

/** A command with what it wrote. */
export function BashTool({ row }: ToolProps) {
  const t = useText(events)
  const structured = row.result?.structured
  const output = [textOf(structured, 'stdout'), textOf(structured, 'stderr')].filter(Boolean).join('\n')
  const text = output || contentText(row.result?.content)
  return (
    <div className="grid gap-2">
      <CodeBlock text={textOf(row.input, 'command')} language="bash" />
      {row.result &&
        (text ? (
          <Terminal text={text} isError={row.result.is_error} />
        ) : (
          <p className="text-sm text-ink-3">{t.noOutput}</p>
        ))}
    </div>
  )
}

import { CodeBlock } from '@/components/code/code-block'
import { useText } from '@/i18n'
import { events } from '@/i18n/events'
import type { ToolProps } from '../context'
import { Terminal } from '../terminal'
import { contentText } from '../value'

/** What a tool got, and what it answered. */
export function PlainTool({ row }: ToolProps) {
  const t = useText(events)
  const text = contentText(row.result?.content)
  return (
    <div className="grid gap-2">
      <div>
        <p className="mb-1 text-xs text-ink-3">{t.input}</p>
        <CodeBlock text={JSON.stringify(row.input, null, 2)} language="json" />
      </div>
      {row.result && (
        <div>
          <p className="mb-1 text-xs text-ink-3">{t.output}</p>
          {text ? (
            <Terminal text={text} isError={row.result.is_error} />
          ) : (
            <p className="text-sm">{t.noOutput}</p>
          )}
        </div>
      )}
    </div>
  )
}

/** Why a tool did not do what it was asked for. */
export function Refusal({ row }: ToolProps) {
  const text = row.refusal ?? contentText(row.result?.content)
  return <Terminal text={text.replace(/^<tool_use_error>|<\/tool_use_error>$/g, '')} isError />
}

import { useFormat, useText } from '@/i18n'
import { events } from '@/i18n/events'
import type { PromptRow } from '@/stream/rows'
import { Markdown } from '../markdown/markdown'
import { Badge } from '../ui/badge'
import { withoutScript } from './tools/task'

/** What a person said. */
export function PromptBubble({ row }: { row: PromptRow }) {
  const t = useText(events)
  const format = useFormat()
  const text = withoutScript(row.text)
  return (
    <article className="ml-auto w-fit max-w-[88%] rounded-2xl rounded-br-md bg-accent-soft px-4 py-2.5">
      <h2 className="sr-only">{row.author || t.you}</h2>
      <div className={row.isWithdrawn ? 'text-ink-3 line-through' : undefined}>
        <Markdown text={text || t.script} />
      </div>
      {row.attachments && row.attachments.length > 0 && (
        <p className="mt-1 text-xs text-ink-2">
          {row.attachments.map((_, at) => (
            <Badge key={at} className="mr-1">
              {t.attachment} {at + 1}
            </Badge>
          ))}
        </p>
      )}
      <p className="mt-1 flex gap-2 text-xs text-ink-2">
        <span>{row.author}</span>
        <time dateTime={row.at} title={format.dateTime(row.at)}>
          {format.time(row.at)}
        </time>
        {row.isSteered && <span>{t.steered}</span>}
      </p>
    </article>
  )
}

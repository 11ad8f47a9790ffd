import { clsx } from 'clsx'
import { Brain, ChevronRight } from 'lucide-react'
import { useText } from '@/i18n'
import { events } from '@/i18n/events'
import type { TextRow } from '@/stream/rows'
import { Markdown } from '../markdown/markdown'
import { useOpen } from './context'

/** What the model says, also while it is saying it. */
export function TextBlock({ row }: { row: TextRow }) {
  return (
    <div aria-busy={row.isStreaming || undefined} className="min-w-0">
      <Markdown text={row.text} streaming={row.isStreaming} />
      {row.isStreaming && (
        <span aria-hidden className="mt-1 inline-block h-4 w-2 animate-pulse-soft rounded-xs bg-accent" />
      )}
    </div>
  )
}

/** What the model thinks: open while it does, folded up when it is done. */
export function ThinkingBlock({ row }: { row: TextRow }) {
  const t = useText(events)
  const [isOpen, toggle] = useOpen(row.key, row.isStreaming)
  return (
    <div className="text-sm text-ink-2">
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={toggle}
        className="inline-flex items-center gap-1.5 rounded-md py-1 text-ink-3 hover:text-ink"
      >
        <Brain aria-hidden className={clsx('size-4', row.isStreaming && 'animate-pulse-soft')} />
        {row.isStreaming ? t.thinking : t.thought}
        <ChevronRight aria-hidden className={clsx('size-3.5 transition-transform', isOpen && 'rotate-90')} />
      </button>
      {isOpen && (
        <div className="mt-1 border-l-2 border-line pl-3.5">
          <Markdown text={row.text} streaming={row.isStreaming} />
        </div>
      )}
    </div>
  )
}

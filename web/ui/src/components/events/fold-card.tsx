import { clsx } from 'clsx'
import { ChevronRight, Eye } from 'lucide-react'
import { useText } from '@/i18n'
import { events } from '@/i18n/events'
import type { FoldRow } from '@/stream/rows'
import { useOpen } from './context'
import { ToolCard } from './tool-card'

/** Several looks at something, as one line. */
export function FoldCard({ row }: { row: FoldRow }) {
  const t = useText(events)
  const [isOpen, toggle] = useOpen(row.key, false)
  const reads = row.tools.filter(({ name }) => name === 'Read').length
  const others = row.tools.length - reads
  const parts = [reads > 0 && t.reads(reads), others > 0 && t.searches(others)].filter(Boolean)
  return (
    <div className="grid gap-2">
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={toggle}
        className="inline-flex w-fit items-center gap-2 rounded-md py-1 text-sm text-ink-3 hover:text-ink"
      >
        <Eye aria-hidden className="size-4" />
        {parts.join(', ')}
        <ChevronRight aria-hidden className={clsx('size-3.5 transition-transform', isOpen && 'rotate-90')} />
      </button>
      {isOpen && row.tools.map((tool) => <ToolCard key={tool.key} row={tool} />)}
    </div>
  )
}

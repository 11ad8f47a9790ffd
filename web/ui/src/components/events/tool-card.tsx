import { clsx } from 'clsx'
import { ChevronRight } from 'lucide-react'
import { useFormat, useText } from '@/i18n'
import { events } from '@/i18n/events'
import type { ToolRow, ToolStatus } from '@/stream/rows'
import { useEvents, useOpen } from './context'
import { DecisionLine } from './decision-line'
import { rendererOf, toolName } from './registry'

const DOTS: Record<ToolStatus, string> = {
  running: 'bg-info animate-pulse-soft',
  ok: 'bg-good',
  error: 'bg-bad',
  denied: 'bg-bad',
  waiting: 'bg-warn animate-pulse-soft',
  abandoned: 'bg-ink-3',
}

/** The use of a tool: a line that says what it is about, and under it, whoever wants it, all of it. */
export function ToolCard({ row }: { row: ToolRow }) {
  const t = useText(events)
  const { workingDir, request } = useEvents()
  const renderer = rendererOf(row.name)
  const [isOpen, toggle] = useOpen(row.key, renderer.isOpen ?? false)
  const waiting = row.status === 'waiting' && row.request && request?.(row.request)
  if (waiting) return waiting
  return (
    <article className="card overflow-hidden">
      <h2>
        <button
          type="button"
          aria-expanded={isOpen}
          onClick={toggle}
          className="flex w-full items-center gap-2.5 px-3.5 py-2 text-left text-sm -outline-offset-2 hover:bg-sunken/60"
        >
          <renderer.icon aria-hidden className="size-4 shrink-0 text-ink-3" />
          <span className="shrink-0 font-medium">{toolName(row.name)}</span>
          <span className="min-w-0 flex-1 truncate font-mono text-[0.8125rem] text-ink-2">
            {renderer.summary(row, workingDir)}
          </span>
          <Facts row={row} />
          <span className="flex items-center gap-1.5 text-xs whitespace-nowrap text-ink-3">
            <span aria-hidden className={clsx('size-2 rounded-full', DOTS[row.status])} />
            <span className={clsx(row.status === 'ok' && 'sr-only')}>{t.status[row.status]}</span>
          </span>
          <ChevronRight
            aria-hidden
            className={clsx('size-4 shrink-0 text-ink-3 transition-transform', isOpen && 'rotate-90')}
          />
        </button>
      </h2>
      {isOpen && (
        <div className="border-t border-line px-3.5 py-3">
          <renderer.body row={row} />
        </div>
      )}
      <DecisionLine row={row} />
    </article>
  )
}

/** Figures that tell at a glance what came of it. */
function Facts({ row }: { row: ToolRow }) {
  const t = useText(events)
  const format = useFormat()
  const added = row.changes.reduce((sum, change) => sum + change.added, 0)
  const removed = row.changes.reduce((sum, change) => sum + change.removed, 0)
  const { subagent } = row
  const usage = subagent?.finished?.usage
  const took = row.result ? new Date(row.result.at).getTime() - new Date(row.at).getTime() : 0
  return (
    <span className="flex shrink-0 gap-2 text-xs text-ink-3 tabular-nums">
      {row.changes.length > 0 && (
        <>
          <span className="text-good">+{added}</span>
          <span className="text-bad">−{removed}</span>
        </>
      )}
      {subagent && !subagent.finished && <span className="text-info">{t.subagent.running}</span>}
      {usage && <span className="max-sm:hidden">{t.subagent.tools(usage.tool_uses)}</span>}
      {took >= 1000 && !row.request && <span className="max-sm:hidden">{format.duration(took)}</span>}
    </span>
  )
}

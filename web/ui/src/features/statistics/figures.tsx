import { clsx } from 'clsx'
import type { ReactNode } from 'react'
import type { MeasuresView } from '@/api/schema'
import { useText } from '@/i18n'
import { statistics } from '@/i18n/statistics'
import { cacheRate, part, tokens } from './shape'
import { useNumbers } from './use-numbers'

/** The numbers of the whole time. */
export function Figures({ totals }: { totals: MeasuresView }) {
  const t = useText(statistics).figures
  const n = useNumbers()
  const { turns, spend, tools, requests, files } = totals
  const notes = [
    spend && t.calls(spend.calls.total),
    spend?.cost_is_estimate && t.estimate,
    turns && turns.unpriced > 0 && t.unpriced(turns.unpriced),
  ]
  return (
    <dl aria-label={t.label} className="mb-6 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Figure name={t.cost} value={n.usd(spend?.cost_usd)} note={notes.filter(Boolean).join(' · ')} isWide />
      <Figure
        name={t.turns}
        value={n.numberOr(turns?.total)}
        note={turns?.success_rate != null && t.success(n.percent(turns.success_rate))}
      />
      <Figure
        name={t.tokens}
        value={n.compact(tokens(spend?.usage))}
        note={t.cache(n.percent(cacheRate(spend?.usage)))}
      />
      <Figure
        name={t.duration}
        value={n.durationOr(turns?.duration_ms?.median)}
        note={turns?.duration_ms && t.p95(n.duration(turns.duration_ms.p95))}
      />
      <Figure
        name={t.waiting}
        value={n.durationOr(requests?.wait_ms?.median)}
        note={requests && t.asked(requests.asked)}
      />
      <Figure
        name={t.tools}
        value={n.numberOr(tools?.calls)}
        note={tools && tools.calls > 0 && t.errors(n.percent(part(tools.errors, tools.calls)))}
      />
      <Figure
        name={t.files}
        value={n.numberOr(files?.changed)}
        note={files && t.lines(n.number(files.lines_added), n.number(files.lines_removed))}
      />
    </dl>
  )
}

interface FigureProps {
  name: string
  value: string
  note: ReactNode
  isWide?: boolean
}

function Figure({ name, value, note, isWide }: FigureProps) {
  return (
    <div className={clsx('card p-4', isWide && 'col-span-2')}>
      <dt className="text-sm text-ink-2">{name}</dt>
      <dd className="mt-1 text-2xl font-semibold tracking-tight tabular-nums">{value}</dd>
      {note && <dd className="mt-0.5 text-xs text-ink-3">{note}</dd>}
    </div>
  )
}

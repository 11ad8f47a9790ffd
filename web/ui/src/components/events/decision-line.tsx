import { ShieldCheck, ShieldX } from 'lucide-react'
import type { DecidedBy } from '@/api/schema'
import { useText } from '@/i18n'
import { events } from '@/i18n/events'
import type { ToolRow } from '@/stream/rows'

/** Who or what let a tool be used, or refused it, where that says more than that it was used. */
export function DecisionLine({ row }: { row: ToolRow }) {
  const t = useText(events)
  const decided = row.request?.decided
  const isDenied = row.status === 'denied'
  if (row.request?.isWithdrawn)
    return <p className="border-t border-line px-3.5 py-1.5 text-xs text-ink-3">{t.decided.withdrawn}</p>
  const by = decided?.decided_by ?? (isDenied ? row.decidedBy : undefined)
  if (!by) return null
  const who = nameOf(by, t)
  const Icon = isDenied ? ShieldX : ShieldCheck
  return (
    <p className="flex items-center gap-2 border-t border-line px-3.5 py-1.5 text-xs text-ink-2">
      <Icon aria-hidden className={`size-3.5 ${isDenied ? 'text-bad' : 'text-good'}`} />
      {isDenied ? t.decided.deny(who) : t.decided.allow(who)}
      {(decided?.message ?? row.refusal) && (
        <q className="min-w-0 truncate">{decided?.message ?? row.refusal}</q>
      )}
    </p>
  )
}

function nameOf(by: DecidedBy, t: (typeof events)['en']): string {
  return t.decided.by[by.kind](by.name ?? by.id ?? '')
}

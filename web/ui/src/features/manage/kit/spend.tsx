import { clsx } from 'clsx'
import { useFormat, useText } from '@/i18n'
import { access } from '@/i18n/access'

/** What was spent this month, beside what may be. */
export function Spend({ spent, budget }: { spent: number; budget?: number | null }) {
  const t = useText(access)
  const format = useFormat()
  const hasBudget = budget !== null && budget !== undefined
  const part = hasBudget ? Math.min(1, budget > 0 ? spent / budget : 1) : 0
  return (
    <div className="max-w-72 text-[0.8125rem]">
      <p>{hasBudget ? t.spentOf(format.usd(spent), format.usd(budget)) : t.spent(format.usd(spent))}</p>
      {hasBudget && (
        <span aria-hidden className="mt-1 block h-1.5 overflow-hidden rounded-full bg-sunken">
          <span
            className={clsx(
              'block h-full rounded-full',
              part < 0.8 ? 'bg-good' : part < 1 ? 'bg-warn' : 'bg-bad',
            )}
            style={{ width: `${part * 100}%` }}
          />
        </span>
      )}
    </div>
  )
}

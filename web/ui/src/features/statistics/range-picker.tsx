import { clsx } from 'clsx'
import { inputClass } from '@/components/ui/field'
import { useText } from '@/i18n'
import { statistics } from '@/i18n/statistics'
import { dayOf, LENGTHS, rangeOf, type StatisticsSearch } from './range'

interface RangePickerProps {
  search: StatisticsSearch
  onSearch: (search: StatisticsSearch) => void
}

/** A length up to today, or a first and a last day. */
export function RangePicker({ search, onSearch }: RangePickerProps) {
  const t = useText(statistics)
  const now = Date.now()
  const range = rangeOf(search, now)
  const chosen = search.from || search.to ? undefined : (search.days ?? '30')
  const { by } = search
  const set = (change: Partial<typeof range>) => {
    const next = { ...range, ...change }
    if (next.from && next.to && next.from <= next.to) onSearch({ by, ...next })
  }
  return (
    <fieldset className="flex flex-wrap items-center gap-2">
      <legend className="sr-only">{t.range}</legend>
      <div className="flex rounded-lg border border-line-strong bg-surface p-0.5">
        {LENGTHS.map((days) => (
          <button
            key={days}
            type="button"
            aria-pressed={days === chosen}
            onClick={() => onSearch({ by, days: days === '30' ? undefined : days })}
            className={clsx(
              'h-8 rounded-md px-3 text-sm whitespace-nowrap pointer-coarse:h-10',
              days === chosen ? 'bg-accent-soft font-medium text-accent' : 'text-ink-2 hover:bg-sunken',
            )}
          >
            {t.ranges[days]}
          </button>
        ))}
      </div>
      {(['from', 'to'] as const).map((end) => (
        <input
          key={end}
          type="date"
          aria-label={t[end]}
          required
          max={end === 'to' ? dayOf(now) : range.to}
          min={end === 'to' ? range.from : undefined}
          value={range[end]}
          onChange={(event) => set({ [end]: event.target.value })}
          className={clsx(inputClass, 'h-9 w-36! pointer-coarse:h-11')}
        />
      ))}
    </fieldset>
  )
}

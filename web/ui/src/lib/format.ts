import type { Locale } from '@/i18n/locale'

/** Numbers, dates and money, as the reader's language writes them. */
export interface Format {
  number(value: number): string
  compact(value: number): string
  usd(value: number | null | undefined): string
  duration(ms: number): string
  dateTime(iso: string): string
  time(iso: string): string
  ago(iso: string, now?: number): string
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

export function createFormat(locale: Locale): Format {
  const number = new Intl.NumberFormat(locale)
  const compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 })
  const usd = (digits: number) =>
    new Intl.NumberFormat(locale, {
      style: 'currency',
      currency: 'USD',
      currencyDisplay: 'narrowSymbol',
      minimumFractionDigits: 2,
      maximumFractionDigits: digits,
    })
  const [coarse, fine] = [usd(2), usd(4)]
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'narrow' })
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' })
  const unit = (value: number, unit: string, digits = 0) =>
    new Intl.NumberFormat(locale, {
      style: 'unit',
      unit,
      unitDisplay: 'narrow',
      maximumFractionDigits: digits,
    }).format(value)
  return {
    number: (value) => number.format(value),
    compact: (value) => compact.format(value),
    usd: (value) => (value === null || value === undefined ? '—' : (value < 1 ? fine : coarse).format(value)),
    duration(ms) {
      if (ms < 1000) return unit(Math.round(ms), 'millisecond')
      if (ms < 60_000) return unit(ms / 1000, 'second', 1)
      const minutes = Math.floor(ms / 60_000)
      if (minutes < 60)
        return `${unit(minutes, 'minute')} ${unit(Math.round((ms % 60_000) / 1000), 'second')}`
      return `${unit(Math.floor(minutes / 60), 'hour')} ${unit(minutes % 60, 'minute')}`
    },
    dateTime: (iso) => dateTime.format(new Date(iso)),
    time: (iso) => time.format(new Date(iso)),
    ago(iso, now = Date.now()) {
      const seconds = Math.round((new Date(iso).getTime() - now) / 1000)
      const [name, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1]
      return relative.format(Math.trunc(seconds / size), name)
    },
  }
}

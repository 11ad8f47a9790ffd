import { useMemo } from 'react'
import { useFormat } from '@/i18n'
import { useLocale } from '@/i18n/locale'

/** Numbers as statistics show them; a dash is what is not known. */
export function useNumbers() {
  const format = useFormat()
  const locale = useLocale()
  return useMemo(() => {
    const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 })
    // Days are of UTC, and stay the same day wherever the reader is.
    const day = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' })
    const orDash = <T>(value: T | null | undefined, show: (value: T) => string) =>
      value === null || value === undefined ? '—' : show(value)
    return {
      ...format,
      day: (iso: string) => day.format(new Date(iso)),
      percent: (rate: number | null | undefined) => orDash(rate, percent.format),
      durationOr: (ms: number | null | undefined) => orDash(ms, format.duration),
      numberOr: (value: number | null | undefined) => orDash(value, format.number),
    }
  }, [format, locale])
}

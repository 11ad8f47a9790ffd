/** One kind of values, with null where there is none. */
export interface ChartSeries {
  name: string
  tone: ChartTone
  values: readonly (number | null)[]
}

export type ChartTone = 'accent' | 'info' | 'good' | 'warn' | 'bad' | 'violet' | 'neutral'

export const FILLS: Record<ChartTone, string> = {
  accent: 'fill-accent',
  info: 'fill-info',
  good: 'fill-good',
  warn: 'fill-warn',
  bad: 'fill-bad',
  violet: 'fill-violet',
  neutral: 'fill-line-strong',
}

export const STROKES: Record<ChartTone, string> = {
  accent: 'stroke-accent',
  info: 'stroke-info',
  good: 'stroke-good',
  warn: 'stroke-warn',
  bad: 'stroke-bad',
  violet: 'stroke-violet',
  neutral: 'stroke-line-strong',
}

export interface Segment {
  name: string
  tone: ChartTone
  from: number
  to: number
}

/** The values of each place upon each other, the first series at the bottom; what is zero has no segment. */
export function stacked(series: readonly ChartSeries[], length: number): Segment[][] {
  return Array.from({ length }, (_, index) => {
    const column: Segment[] = []
    let from = 0
    for (const { name, tone, values } of series) {
      const value = values[index] ?? 0
      if (value > 0) column.push({ name, tone, from, to: from + value })
      from += value
    }
    return column
  })
}

import { clsx } from 'clsx'
import { ChartColumn, Download, Table2 } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { IconButton } from '@/components/ui/button'
import { type Column, Table } from '@/components/ui/table'
import { useText } from '@/i18n'
import { statistics } from '@/i18n/statistics'
import { download, toCsv } from '@/lib/csv'
import { Swatch } from './day-chart'
import type { ChartSeries } from './series'

/** A column of a table, with its value as a file has it. */
export interface DataColumn<T> extends Column<T> {
  value: (row: T) => string | number | null | undefined
}

interface ChartCardProps<T> {
  title: string
  /** The name of the file. */
  file: string
  columns: readonly DataColumn<T>[]
  rows: readonly T[]
  rowKey: (row: T) => string
  legend?: readonly Pick<ChartSeries, 'name' | 'tone'>[]
  className?: string
  children: ReactNode
}

/** A chart with the same values as a table and as a file. */
export function ChartCard<T>(props: ChartCardProps<T>) {
  const { title, file, columns, rows, rowKey, legend, className, children } = props
  const t = useText(statistics)
  const [isTable, setTable] = useState(false)
  const save = () => {
    const head = columns.map(({ name }) => name)
    const body = rows.map((row) => columns.map(({ value }) => value(row)))
    // The mark of UTF-8, without which Excel reads other letters.
    download(`${file}.csv`, `\uFEFF${toCsv([head, ...body])}`, 'text/csv')
  }
  return (
    <section aria-label={title} className={clsx('card min-w-0 p-4', className)}>
      <header className="mb-2 flex items-center gap-1">
        <h2 className="min-w-0 flex-1 truncate font-semibold">{title}</h2>
        <IconButton label={isTable ? t.asChart(title) : t.asTable(title)} onClick={() => setTable(!isTable)}>
          {isTable ? (
            <ChartColumn aria-hidden className="size-4" />
          ) : (
            <Table2 aria-hidden className="size-4" />
          )}
        </IconButton>
        <IconButton label={t.csv(title)} onClick={save}>
          <Download aria-hidden className="size-4" />
        </IconButton>
      </header>
      {isTable ? (
        <div className="max-h-80 overflow-y-auto">
          <Table caption={title} columns={columns} rows={rows} rowKey={rowKey} />
        </div>
      ) : (
        <>
          {children}
          {legend && legend.length > 1 && (
            <ul className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-xs text-ink-2">
              {legend.map(({ name, tone }) => (
                <li key={name} className="inline-flex items-center gap-1.5">
                  <Swatch tone={tone} />
                  {name}
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </section>
  )
}

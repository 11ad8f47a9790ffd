import { clsx } from 'clsx'
import type { ReactNode } from 'react'

export interface Column<T> {
  name: string
  cell: (row: T) => ReactNode
  numeric?: boolean
}

interface TableProps<T> {
  caption: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  rowKey: (row: T) => string
}

/** A plain table that scrolls sideways where the screen is narrow. */
export function Table<T>({ caption, columns, rows, rowKey }: TableProps<T>) {
  return (
    <section aria-label={caption} tabIndex={0} className="card scroll-thin overflow-x-auto">
      <table className="w-full border-collapse text-sm">
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr className="border-b border-line text-left text-xs text-ink-3">
            {columns.map((column) => (
              <th
                key={column.name}
                scope="col"
                className={clsx('px-4 py-2.5 font-medium', column.numeric && 'text-right')}
              >
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} className="border-b border-line last:border-0 hover:bg-sunken/60">
              {columns.map((column) => (
                <td
                  key={column.name}
                  className={clsx('px-4 py-2.5', column.numeric && 'text-right tabular-nums')}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

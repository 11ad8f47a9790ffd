type Cell = string | number | null | undefined

/** Beginnings of a text that spreadsheets take for a formula. */
const FORMULA = /^[=+\-@\t\r]/

function field(cell: Cell): string {
  if (cell === null || cell === undefined) return ''
  if (typeof cell === 'number') return String(cell)
  const text = FORMULA.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Comma-separated values by RFC 4180, with nothing that a spreadsheet would run. */
export function toCsv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(field).join(',')}\r\n`).join('')
}

/** Gives the reader a file. */
export function download(name: string, text: string, type: string) {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // A click is handled later in some browsers.
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

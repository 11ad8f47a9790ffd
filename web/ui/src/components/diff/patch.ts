import { diffWordsWithSpace, structuredPatch } from 'diff'

/** A part of a line; marked where it differs from the line that it takes the place of. */
export interface Part {
  text: string
  marked: boolean
}

export type DiffRow =
  | { kind: 'gap'; text: string }
  | { kind: 'same' | 'added' | 'removed'; before?: number; after?: number; parts: Part[] }

type Line = Exclude<DiffRow, { kind: 'gap' }>

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/

/** The rows of a unified diff, with the words that differ. */
export function rowsOfPatch(patch: string): DiffRow[] {
  const rows: DiffRow[] = []
  let [before, after] = [1, 1]
  let isInHunk = false
  for (const line of patch.replace(/\n$/, '').split('\n')) {
    const hunk = HUNK.exec(line)
    if (hunk) {
      isInHunk = true
      before = Number(hunk[1])
      after = Number(hunk[2])
      rows.push({ kind: 'gap', text: line })
      continue
    }
    // Heads of files are no lines of the file.
    if (!isInHunk) continue
    const parts = [{ text: line.slice(1), marked: false }]
    if (line.startsWith('+')) rows.push({ kind: 'added', after: after++, parts })
    else if (line.startsWith('-')) rows.push({ kind: 'removed', before: before++, parts })
    else if (line.startsWith(' ') || line === '')
      rows.push({ kind: 'same', before: before++, after: after++, parts })
    // A note that the last line has no end is no line of the file either.
  }
  return markWords(rows)
}

/** The patch between two texts, as tools that replace one by the other are shown before they did it. */
export function patchOf(before: string, after: string): string {
  const { hunks } = structuredPatch('', '', before, after, undefined, undefined, { context: 3 })
  return hunks
    .map(({ oldStart, oldLines, newStart, newLines, lines }) =>
      [`@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`, ...lines].join('\n'),
    )
    .join('\n')
}

export function countChanges(patch: string): { added: number; removed: number } {
  const rows = patch.split('\n')
  const count = (sign: string) => rows.filter((row) => row.startsWith(sign)).length
  return { added: count('+'), removed: count('-') }
}

/** Longer lines are compared as a whole. */
const MAX_MARKED = 500

/** Marks words where as many lines came as went, one for one. */
function markWords(rows: DiffRow[]): DiffRow[] {
  let at = 0
  while (at < rows.length) {
    const removed = run(rows, at, 'removed')
    const added = run(rows, at + removed.length, 'added')
    if (removed.length > 0 && removed.length === added.length) {
      for (const [n, before] of removed.entries()) {
        const after = added[n]
        if (after) markLine(before, after)
      }
    }
    at += Math.max(1, removed.length + added.length)
  }
  return rows
}

function run(rows: DiffRow[], from: number, kind: 'added' | 'removed'): Line[] {
  const lines: Line[] = []
  for (let at = from; ; at++) {
    const row = rows[at]
    if (row?.kind !== kind) return lines
    lines.push(row)
  }
}

function markLine(before: Line, after: Line) {
  const [old = '', now = ''] = [before.parts[0]?.text, after.parts[0]?.text]
  if (old.length > MAX_MARKED || now.length > MAX_MARKED) return
  const changes = diffWordsWithSpace(old, now)
  const same = changes.filter(({ added, removed }) => !added && !removed).map(({ value }) => value.trim())
  // Lines that have nothing in common are not one line that changed.
  if (same.join('').length === 0) return
  const parts = (without: 'added' | 'removed') =>
    changes
      .filter((change) => !change[without])
      .map(({ value, added, removed }) => ({ text: value, marked: added || removed }))
  before.parts = parts('added')
  after.parts = parts('removed')
}

import { expect, it } from 'vitest'
import { type DiffRow, patchOf, rowsOfPatch } from './patch'

function shown(row: DiffRow): string {
  if (row.kind === 'gap') return row.text
  const sign = { same: ' ', added: '+', removed: '-' }[row.kind]
  return sign + row.parts.map(({ text, marked }) => (marked ? `[${text}]` : text)).join('')
}

it('marks the words that differ in lines that take the place of one another', () => {
  const rows = rowsOfPatch('@@ -1,2 +1,2 @@\n same\n-let a = 1\n+let b = 1\n')

  expect(rows.map(shown)).toEqual(['@@ -1,2 +1,2 @@', ' same', '-let [a] = 1', '+let [b] = 1'])
})

it('marks nothing where more lines came than went', () => {
  const rows = rowsOfPatch('@@ -1,1 +1,2 @@\n-a b\n+a c\n+d\n')

  expect(rows.slice(1).map(shown)).toEqual(['-a b', '+a c', '+d'])
})

it('counts lines from where a hunk begins, and passes over heads of files', () => {
  const rows = rowsOfPatch('--- a/x\n+++ b/x\n@@ -9,2 +12,2 @@\n a\n-b\n+c\n')

  const numbers = rows.flatMap((row) => (row.kind === 'gap' ? [] : [[row.before, row.after]]))
  expect(numbers).toEqual([
    [9, 12],
    [10, undefined],
    [undefined, 13],
  ])
})

it('makes a patch of two texts that reads back as what came and what went', () => {
  const rows = rowsOfPatch(patchOf('a\nb\n', 'a\nc\n'))

  expect(rows.slice(1).map(({ kind }) => kind)).toEqual(['same', 'removed', 'added'])
})

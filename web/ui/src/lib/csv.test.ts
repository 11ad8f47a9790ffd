import { expect, test } from 'vitest'
import { toCsv } from './csv'

test('commas, quotes and line ends are quoted', () => {
  expect(toCsv([['a,b', 'say "hi"', 'two\nlines', 'plain']])).toBe(
    '"a,b","say ""hi""","two\nlines",plain\r\n',
  )
})

test('text that a spreadsheet would take for a formula gets an apostrophe, a number does not', () => {
  expect(toCsv([['=1+1', '@cmd', '-x', -5]])).toBe("'=1+1,'@cmd,'-x,-5\r\n")
})

test('what is not known is an empty field', () => {
  expect(toCsv([[null, undefined, 0]])).toBe(',,0\r\n')
})

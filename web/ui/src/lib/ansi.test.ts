import { expect, it } from 'vitest'
import { ansiPieces } from './ansi'

it('gives pieces their colours and drops what moves a cursor', () => {
  const pieces = ansiPieces('a \u001b[31;1mred\u001b[0m b\u001b[2K')

  expect(pieces).toEqual([
    { text: 'a ', colour: null, isBold: false },
    { text: 'red', colour: 'red', isBold: true },
    { text: ' b', colour: null, isBold: false },
  ])
})

it('leaves a text without sequences as it is', () => {
  expect(ansiPieces('plain')).toEqual([{ text: 'plain', colour: null, isBold: false }])
  expect(ansiPieces('')).toEqual([])
})

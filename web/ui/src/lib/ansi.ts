/** A piece of a terminal's output with the colour that it has there. */
export interface AnsiPiece {
  text: string
  colour: AnsiColour | null
  isBold: boolean
}

export type AnsiColour = 'black' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'white'

const COLOURS: readonly AnsiColour[] = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white']

/** Sequences that begin with the escape character: colours, and those that move a cursor, which are left out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
const SEQUENCE = /\u001b(?:\[([\d;?]*)([A-Za-z])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[()][A-Z0-9]|[=>78])/g

/** The pieces of a text with escape sequences of a terminal. */
export function ansiPieces(text: string): AnsiPiece[] {
  const pieces: AnsiPiece[] = []
  let style: Omit<AnsiPiece, 'text'> = { colour: null, isBold: false }
  let at = 0
  const push = (end: number) => {
    if (end > at) pieces.push({ text: text.slice(at, end), ...style })
  }
  for (const match of text.matchAll(SEQUENCE)) {
    push(match.index)
    at = match.index + match[0].length
    if (match[2] === 'm') style = styled(style, match[1] ?? '')
  }
  push(text.length)
  return pieces
}

function styled(before: Omit<AnsiPiece, 'text'>, codes: string): Omit<AnsiPiece, 'text'> {
  const style = { ...before }
  for (const code of codes.split(';').map(Number)) {
    if (code === 0) Object.assign(style, { colour: null, isBold: false })
    if (code === 1) style.isBold = true
    if (code === 22) style.isBold = false
    if (code === 39) style.colour = null
    const colour = COLOURS[code >= 90 ? code - 90 : code - 30]
    if (colour && ((code >= 30 && code <= 37) || (code >= 90 && code <= 97))) style.colour = colour
  }
  return style
}

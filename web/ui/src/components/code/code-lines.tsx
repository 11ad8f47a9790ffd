import { Fragment } from 'react'
import type { Piece } from './highlight.worker'

/** Kinds of pieces that have a colour of their own. */
const COLOURS: Record<string, string> = {
  'hljs-keyword': 'text-violet',
  'hljs-built_in': 'text-info',
  'hljs-type': 'text-info',
  'hljs-title': 'text-info',
  'hljs-attr': 'text-info',
  'hljs-attribute': 'text-info',
  'hljs-property': 'text-info',
  'hljs-string': 'text-good',
  'hljs-regexp': 'text-good',
  'hljs-number': 'text-warn',
  'hljs-literal': 'text-warn',
  'hljs-symbol': 'text-warn',
  'hljs-meta': 'text-warn',
  'hljs-comment': 'text-ink-3 italic',
  'hljs-quote': 'text-ink-3 italic',
  'hljs-name': 'text-accent',
  'hljs-selector-class': 'text-accent',
  'hljs-selector-tag': 'text-accent',
  'hljs-addition': 'text-good',
  'hljs-deletion': 'text-bad',
}

export function CodeLine({ pieces }: { pieces: Piece[] }) {
  return pieces.map(([text, kind], at) => {
    const colour = COLOURS[kind]
    return colour ? (
      <span key={at} className={colour}>
        {text}
      </span>
    ) : (
      <Fragment key={at}>{text}</Fragment>
    )
  })
}

export function CodeLines({ lines }: { lines: Piece[][] }) {
  return lines.map((pieces, at) => (
    <Fragment key={at}>
      <CodeLine pieces={pieces} />
      {at < lines.length - 1 && '\n'}
    </Fragment>
  ))
}

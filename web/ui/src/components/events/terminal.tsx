import { clsx } from 'clsx'
import { useMemo, useState } from 'react'
import { useText } from '@/i18n'
import { events } from '@/i18n/events'
import { type AnsiColour, ansiPieces } from '@/lib/ansi'
import { CopyButton } from '../code/code-block'
import { Button } from '../ui/button'

const COLOURS: Record<AnsiColour, string> = {
  black: 'text-ink-3',
  red: 'text-bad',
  green: 'text-good',
  yellow: 'text-warn',
  blue: 'text-info',
  magenta: 'text-violet',
  cyan: 'text-info',
  white: 'text-ink',
}

/** So many lines of an output are shown at first. */
const SHOWN = 60

/** What a command wrote. */
export function Terminal({ text, isError }: { text: string; isError?: boolean }) {
  const t = useText(events)
  const [isWhole, setWhole] = useState(false)
  const lines = useMemo(() => text.replace(/\n$/, '').split('\n'), [text])
  const shown = isWhole ? lines : lines.slice(0, SHOWN)
  const pieces = useMemo(() => ansiPieces(shown.join('\n')), [shown])
  return (
    <div className="group relative">
      <pre
        tabIndex={0}
        className={clsx(
          'scroll-thin max-h-[60vh] overflow-auto rounded-lg border bg-sunken/70 px-3.5 py-2.5 text-[0.8125rem] leading-5',
          isError ? 'border-bad/40' : 'border-line',
        )}
      >
        {pieces.map(({ text, colour, isBold }, at) => (
          <span key={at} className={clsx(colour && COLOURS[colour], isBold && 'font-bold')}>
            {text}
          </span>
        ))}
      </pre>
      <CopyButton
        text={text}
        className="absolute top-1 right-1 bg-sunken opacity-0 group-focus-within:opacity-100 group-hover:opacity-100"
      />
      {shown.length < lines.length && (
        <Button size="small" look="quiet" className="mt-1" onClick={() => setWhole(true)}>
          {t.moreLines(lines.length - shown.length)}
        </Button>
      )}
    </div>
  )
}

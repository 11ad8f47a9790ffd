import { clsx } from 'clsx'
import { memo, useMemo, useState } from 'react'
import { useText } from '@/i18n'
import { events } from '@/i18n/events'
import { Button } from '../ui/button'
import { type DiffRow, rowsOfPatch } from './patch'

/** So many lines are shown at first. */
const SHOWN = 400

const LOOKS = {
  same: { row: '', sign: ' ', mark: '' },
  added: { row: 'bg-good-soft/60', sign: '+', mark: 'rounded-xs bg-good/25' },
  removed: { row: 'bg-bad-soft/60', sign: '−', mark: 'rounded-xs bg-bad/25' },
} as const

/** A unified diff, with the words that differ marked. */
export const DiffView = memo(function DiffView({ patch }: { patch: string }) {
  const t = useText(events)
  const rows = useMemo(() => rowsOfPatch(patch), [patch])
  const [isWhole, setWhole] = useState(false)
  const shown = isWhole ? rows : rows.slice(0, SHOWN)
  return (
    <div tabIndex={0} className="scroll-thin max-h-[70vh] overflow-auto text-[0.8125rem] leading-5">
      <table className="min-w-full border-collapse font-mono">
        <tbody>
          {shown.map((row, at) => (
            <Row key={at} row={row} />
          ))}
        </tbody>
      </table>
      {shown.length < rows.length && (
        <div className="p-2 text-center">
          <Button size="small" onClick={() => setWhole(true)}>
            {t.moreLines(rows.length - shown.length)}
          </Button>
        </div>
      )}
    </div>
  )
})

const NUMBER = 'w-px px-2 text-right text-xs text-ink-3 tabular-nums select-none'

function Row({ row }: { row: DiffRow }) {
  const t = useText(events)
  if (row.kind === 'gap') {
    return (
      <tr className="bg-sunken text-xs text-ink-3">
        <td colSpan={4} className="px-3 py-0.5">
          {row.text}
        </td>
      </tr>
    )
  }
  const look = LOOKS[row.kind]
  return (
    <tr className={clsx('h-5', look.row)}>
      <td className={NUMBER}>{row.before}</td>
      <td className={NUMBER}>{row.after}</td>
      <td className="w-px pr-1 text-ink-2 select-none">
        <span aria-hidden>{look.sign}</span>
        {row.kind !== 'same' && <span className="sr-only">{t.line[row.kind]}</span>}
      </td>
      <td className="pr-3 whitespace-pre">
        {row.parts.map((part, at) => (
          <span key={at} className={clsx(part.marked && look.mark)}>
            {part.text}
          </span>
        ))}
      </td>
    </tr>
  )
}

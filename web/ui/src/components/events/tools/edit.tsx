import { DiffView } from '@/components/diff/diff-view'
import { patchOfInput } from '@/components/diff/tool-input'
import type { ToolProps } from '../context'
import { PlainTool, Refusal } from './plain'

/** What a tool changes in files: as it was done, or else as it is asked for. */
export function EditTool({ row }: ToolProps) {
  const asked = patchOfInput(row.name, row.input)
  const patches = row.changes.length > 0 ? row.changes.map(({ patch }) => patch) : asked ? [asked] : []
  if (patches.length === 0) return <PlainTool row={row} />
  return (
    <div className="grid gap-2">
      {patches.map((patch, at) => (
        <div key={at} className="overflow-hidden rounded-lg border border-line">
          <DiffView patch={patch} />
        </div>
      ))}
      {row.result?.is_error && <Refusal row={row} />}
    </div>
  )
}

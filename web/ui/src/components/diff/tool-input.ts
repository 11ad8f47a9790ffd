import { fieldOf, textOf } from '../events/value'
import { patchOf } from './patch'

/** What a tool that changes a file would do to it, if it says so. */
export function patchOfInput(tool: string, input: unknown): string | null {
  if (tool === 'Write') return patchOf('', textOf(input, 'content'))
  if (tool === 'Edit') return patchOf(textOf(input, 'old_string'), textOf(input, 'new_string'))
  if (tool !== 'MultiEdit') return null
  const edits = fieldOf(input, 'edits')
  if (!Array.isArray(edits)) return null
  return edits.map((edit) => patchOf(textOf(edit, 'old_string'), textOf(edit, 'new_string'))).join('\n')
}

import { CodeBlock } from '@/components/code/code-block'
import { languageOf } from '@/components/code/use-highlight'
import type { ToolProps } from '../context'
import { contentText, fieldOf, textOf } from '../value'
import { PlainTool, Refusal } from './plain'

/** The file that was read. */
export function ReadTool({ row }: ToolProps) {
  if (!row.result) return <PlainTool row={row} />
  if (row.result.is_error) return <Refusal row={row} />
  const text = textOf(fieldOf(row.result.structured, 'file'), 'content') || contentText(row.result.content)
  return <CodeBlock text={text.replace(/\n$/, '')} language={languageOf(textOf(row.input, 'file_path'))} />
}

import { useMemo } from 'react'
import type { RequestView } from '@/api/schema'
import { CodeBlock } from '@/components/code/code-block'
import { DiffView } from '@/components/diff/diff-view'
import { patchOfInput } from '@/components/diff/tool-input'
import { textOf } from '@/components/events/value'

/** What would happen: the command, the difference, or else whatever the tool gets. */
export function Preview({ request: { tool_name, input, target } }: { request: RequestView }) {
  const patch = useMemo(() => patchOfInput(tool_name, input), [tool_name, input])
  if (patch !== null) {
    return (
      <div className="overflow-hidden rounded-lg border border-line">
        <p className="border-b border-line bg-sunken px-3 py-1.5 font-mono text-xs text-ink-2">
          {target ?? textOf(input, 'file_path')}
        </p>
        <DiffView patch={patch} />
      </div>
    )
  }
  const command = textOf(input, 'command')
  if (command) return <CodeBlock text={command} language="bash" />
  return <CodeBlock text={JSON.stringify(input, null, 2)} language="json" />
}

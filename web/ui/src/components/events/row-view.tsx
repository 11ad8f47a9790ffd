import { memo } from 'react'
import type { Row } from '@/stream/rows'
import { EventLine } from './event-line'
import { FoldCard } from './fold-card'
import { PromptBubble } from './prompt-bubble'
import { TextBlock, ThinkingBlock } from './text-block'
import { ToolCard } from './tool-card'

/** One row of what happened; drawn anew only when more is known of it. */
export const RowView = memo(
  function RowView({ row }: { row: Row }) {
    switch (row.type) {
      case 'prompt':
        return <PromptBubble row={row} />
      case 'text':
        return <TextBlock row={row} />
      case 'thinking':
        return <ThinkingBlock row={row} />
      case 'tool':
        return <ToolCard row={row} />
      case 'fold':
        return <FoldCard row={row} />
      case 'event':
        return <EventLine event={row.event} />
    }
  },
  (before, now) => before.row.key === now.row.key && before.row.stamp === now.row.stamp,
)

import type { SessionView } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { useFormat, useText } from '@/i18n'
import { events } from '@/i18n/events'
import { session as words } from '@/i18n/session'
import { Nothing } from './nothing'

export function AgentsPanel({ view }: { view: SessionView }) {
  const t = useText(words)
  const { subagent } = useText(events)
  const format = useFormat()
  if (view.subagents.length === 0) return <Nothing>{t.noAgents}</Nothing>
  return (
    <ul className="grid gap-2.5">
      {view.subagents.map((agent) => (
        <li key={agent.id} className="card grid gap-1 px-3.5 py-2.5 text-sm">
          <p className="flex items-start gap-2">
            <span className="min-w-0 flex-1 font-medium">{agent.description}</span>
            <Badge tone={agent.ended_at ? 'neutral' : 'info'}>{agent.status}</Badge>
          </p>
          <p className="text-xs text-ink-3 tabular-nums">
            {subagent.tools(agent.usage.tool_uses)} ·{' '}
            {subagent.tokens(format.compact(agent.usage.total_tokens))} ·{' '}
            {format.duration(agent.usage.duration_ms)}
          </p>
          {agent.summary && <p className="line-clamp-3 text-ink-2">{agent.summary}</p>}
        </li>
      ))}
    </ul>
  )
}

import { Link } from '@tanstack/react-router'
import { Globe, Pencil, PlugZap, SquareTerminal } from 'lucide-react'
import { api, content } from '@/api/client'
import type { McpServerView } from '@/api/schema'
import { Badge, type Tone } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { mcp } from '@/i18n/mcp'
import { EnableSwitch } from '../kit/enable-switch'
import { HistoryButton } from '../kit/history-button'
import { Item } from '../kit/list'
import { RemoveButton } from '../kit/remove-button'
import { loadHistory, MCP } from './queries'
import { TestResult, type Trial } from './test-result'

const TONES: Record<string, Tone> = {
  connected: 'good',
  failed: 'bad',
  'needs-auth': 'warn',
  pending: 'info',
}

interface McpItemProps {
  server: McpServerView
  /** Absent where the reader may change nothing. */
  onEdit?: () => void
  trial?: Trial
  onTest: () => void
}

export function McpItem({ server, onEdit, trial, onTest }: McpItemProps) {
  const t = useText(mcp)
  const words = useText(manage)
  const { id, name, enabled, sessions } = server
  const params = { path: { name: id } }
  const small = 'size-3.5'
  return (
    <Item
      icon={
        server.type === 'stdio' ? <SquareTerminal className="size-4.5" /> : <Globe className="size-4.5" />
      }
      title={name}
      badges={
        <>
          {!enabled && <Badge>{words.off}</Badge>}
          {server.scope === 'workspace' && (
            <Badge tone="info">{words.scopeIn(server.working_dir ?? '')}</Badge>
          )}
        </>
      }
      end={
        onEdit && (
          <EnableSwitch
            name={name}
            enabled={enabled}
            changes={MCP}
            set={(enabled) => content(api.PATCH('/api/mcp/servers/{name}', { params, body: { enabled } }))}
          />
        )
      }
      actions={
        onEdit && (
          <>
            <Button
              size="small"
              look="quiet"
              icon={<PlugZap aria-hidden className={small} />}
              aria-label={t.testOf(name)}
              busy={trial?.state === 'running'}
              onClick={onTest}
            >
              {t.test}
            </Button>
            <Button
              size="small"
              look="quiet"
              icon={<Pencil aria-hidden className={small} />}
              onClick={onEdit}
            >
              {words.edit}
            </Button>
            <HistoryButton
              name={name}
              changes={MCP}
              load={(cursor) => loadHistory(id, cursor)}
              restore={(version) =>
                api.POST('/api/mcp/servers/{name}/history/{version}/restore', {
                  params: { path: { name: id, version } },
                })
              }
            />
            <RemoveButton
              name={name}
              consequence={t.consequence}
              changes={MCP}
              remove={() => api.DELETE('/api/mcp/servers/{name}', { params })}
            />
          </>
        )
      }
    >
      <p className="font-mono text-[0.8125rem]">
        {server.url ?? [server.command, ...(server.args ?? [])].join(' ')}
      </p>
      {sessions.length > 0 && (
        <ul aria-label={t.sessions(sessions.length)} className="mt-2 flex flex-wrap gap-1.5">
          {sessions.map(({ session_id, status, tools }) => (
            <li key={session_id}>
              <Link to="/sessions/$id" params={{ id: session_id }} className="hover:underline">
                <Badge tone={TONES[status]}>
                  {t.states[status] ?? status} · {t.tools(tools.length)}
                </Badge>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {trial && (
        <div className="mt-3">
          <TestResult trial={trial} />
        </div>
      )}
    </Item>
  )
}

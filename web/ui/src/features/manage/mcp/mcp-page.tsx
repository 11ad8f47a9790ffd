import { Plug, Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { api, content } from '@/api/client'
import type { McpServerView } from '@/api/schema'
import { Button } from '@/components/ui/button'
import { Page } from '@/components/ui/page'
import { EmptyState } from '@/components/ui/states'
import { useText } from '@/i18n'
import { mcp } from '@/i18n/mcp'
import { List } from '../kit/list'
import { usePages } from '../kit/use-pages'
import { useRole } from '../kit/use-role'
import { McpItem } from './mcp-item'
import { loadServers, MCP } from './queries'
import type { Trial } from './test-result'

const McpForm = lazy(() => import('./mcp-form').then(({ McpForm }) => ({ default: McpForm })))

/** Sessions come and go; their states are asked for anew this often. */
const REFRESH_MS = 10_000

export function McpPage() {
  const t = useText(mcp)
  const { mayWrite } = useRole()
  const pages = usePages(MCP, loadServers, { refetchInterval: REFRESH_MS })
  const [edited, setEdited] = useState<McpServerView | 'new'>()
  const [trials, setTrials] = useState<Record<string, Trial>>({})
  const test = (id: string) => {
    const show = (trial: Trial) => setTrials((trials) => ({ ...trials, [id]: trial }))
    show({ state: 'running' })
    content(api.POST('/api/mcp/servers/{name}/test', { params: { path: { name: id } } })).then(
      (result) => show({ state: 'done', result }),
      (error: unknown) => show({ state: 'failed', error }),
    )
  }
  const add = mayWrite && (
    <Button look="primary" icon={<Plus aria-hidden className="size-4" />} onClick={() => setEdited('new')}>
      {t.add}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={pages.items && pages.items.length > 0 && add}>
      <List
        label={t.title}
        pages={pages}
        empty={
          <EmptyState icon={<Plug className="size-6" />} title={t.none} action={add}>
            <p>{t.noneText}</p>
          </EmptyState>
        }
      >
        {(server) => (
          <McpItem
            key={server.id}
            server={server}
            onEdit={mayWrite ? () => setEdited(server) : undefined}
            trial={trials[server.id]}
            onTest={() => test(server.id)}
          />
        )}
      </List>
      {edited && (
        <Suspense>
          <McpForm
            server={edited === 'new' ? undefined : edited}
            onSaved={({ id }) => test(id)}
            onClose={() => setEdited(undefined)}
          />
        </Suspense>
      )}
    </Page>
  )
}

import { api, content } from '@/api/client'
import type { McpServerView } from '@/api/schema'
import type { Change } from '../kit/history-dialog'
import type { Page } from '../kit/use-pages'

export const MCP = ['mcp']

export async function loadServers(cursor: string | undefined): Promise<Page<McpServerView>> {
  const { servers, next_cursor } = await content(
    api.GET('/api/mcp/servers', { params: { query: { limit: 100, cursor } } }),
  )
  return { items: servers, next_cursor }
}

export async function loadHistory(id: string, cursor: string | undefined): Promise<Page<Change>> {
  const params = { path: { name: id }, query: { limit: 50, cursor } }
  const { changes, next_cursor } = await content(api.GET('/api/mcp/servers/{name}/history', { params }))
  const items = changes.map(({ definition, ...change }) => ({
    ...change,
    summary:
      definition &&
      [definition.command, ...(definition.args ?? []), definition.url].filter(Boolean).join(' '),
  }))
  return { items, next_cursor }
}

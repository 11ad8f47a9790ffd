import { api, content } from '@/api/client'
import type { PluginView } from '@/api/schema'
import type { Change } from '../kit/history-dialog'
import type { Page } from '../kit/use-pages'

export const PLUGINS = ['plugins']

export async function loadPlugins(cursor: string | undefined): Promise<Page<PluginView>> {
  const { plugins, next_cursor } = await content(
    api.GET('/api/plugins', { params: { query: { limit: 100, cursor } } }),
  )
  return { items: plugins, next_cursor }
}

export async function loadPluginHistory(id: string, cursor: string | undefined): Promise<Page<Change>> {
  const params = { path: { name: id }, query: { limit: 50, cursor } }
  const { changes, next_cursor } = await content(api.GET('/api/plugins/{name}/history', { params }))
  const items = changes.map(({ definition, ...change }) => ({
    ...change,
    summary:
      definition && [definition.plugin_version, definition.sha256.slice(0, 12)].filter(Boolean).join(' · '),
  }))
  return { items, next_cursor }
}

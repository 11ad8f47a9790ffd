import { Package, RefreshCw } from 'lucide-react'
import { api, content } from '@/api/client'
import type { PluginView } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { plugins as area } from '@/i18n/plugins'
import { EnableSwitch } from '../kit/enable-switch'
import { HistoryButton } from '../kit/history-button'
import { Item } from '../kit/list'
import { RemoveButton } from '../kit/remove-button'
import { loadPluginHistory, PLUGINS } from './queries'

const KINDS = ['skills', 'commands', 'agents', 'hooks', 'mcp_servers'] as const

interface PluginItemProps {
  plugin: PluginView
  /** Absent where the reader may change nothing. */
  onUpdate?: () => void
}

export function PluginItem({ plugin, onUpdate }: PluginItemProps) {
  const t = useText(area)
  const words = useText(manage)
  const { id, name, enabled, brings } = plugin
  const params = { path: { name: id } }
  return (
    <Item
      icon={<Package className="size-4.5" />}
      title={name}
      badges={
        <>
          {plugin.plugin_version && <Badge>{t.version(plugin.plugin_version)}</Badge>}
          {!enabled && <Badge>{words.off}</Badge>}
          {plugin.scope === 'workspace' && (
            <Badge tone="info">{words.scopeIn(plugin.working_dir ?? '')}</Badge>
          )}
        </>
      }
      end={
        onUpdate && (
          <EnableSwitch
            name={name}
            enabled={enabled}
            changes={PLUGINS}
            set={(enabled) => content(api.PATCH('/api/plugins/{name}', { params, body: { enabled } }))}
          />
        )
      }
      actions={
        onUpdate && (
          <>
            <Button
              size="small"
              look="quiet"
              icon={<RefreshCw aria-hidden className="size-3.5" />}
              onClick={onUpdate}
            >
              {t.update}
            </Button>
            <HistoryButton
              name={name}
              changes={PLUGINS}
              load={(cursor) => loadPluginHistory(id, cursor)}
              restore={(version) =>
                api.POST('/api/plugins/{name}/history/{version}/restore', {
                  params: { path: { name: id, version } },
                })
              }
            />
            <RemoveButton
              name={name}
              consequence={t.consequence}
              changes={PLUGINS}
              remove={() => api.DELETE('/api/plugins/{name}', { params })}
            />
          </>
        )
      }
    >
      {plugin.description}
      <dl className="mt-2 grid gap-1 text-[0.8125rem]">
        {KINDS.map(
          (kind) =>
            brings[kind].length > 0 && (
              <div key={kind} className="flex flex-wrap gap-x-2">
                <dt className="text-ink-3">{t.brings[kind]}</dt>
                <dd className="font-mono">{brings[kind].join(', ')}</dd>
              </div>
            ),
        )}
        <div className="flex flex-wrap gap-x-2 text-xs">
          <dt className="text-ink-3">{t.sha}</dt>
          <dd className="font-mono text-ink-3">
            {plugin.sha256.slice(0, 16)}… · {t.files(plugin.files.length)}
          </dd>
        </div>
      </dl>
    </Item>
  )
}

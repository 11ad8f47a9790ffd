import { Package, Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import type { PluginView } from '@/api/schema'
import { Button } from '@/components/ui/button'
import { Page } from '@/components/ui/page'
import { EmptyState } from '@/components/ui/states'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { plugins as area } from '@/i18n/plugins'
import { List } from '../kit/list'
import { usePages } from '../kit/use-pages'
import { useRole } from '../kit/use-role'
import { PluginItem } from './plugin-item'
import { loadPlugins, PLUGINS } from './queries'

const PluginForm = lazy(() => import('./plugin-form').then(({ PluginForm }) => ({ default: PluginForm })))

export function PluginsPage() {
  const t = useText(area)
  const words = useText(manage)
  const { isAdmin } = useRole()
  const pages = usePages(PLUGINS, loadPlugins)
  const [open, setOpen] = useState<PluginView | 'new'>()
  const install = isAdmin && (
    <Button look="primary" icon={<Plus aria-hidden className="size-4" />} onClick={() => setOpen('new')}>
      {t.install}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={pages.items && pages.items.length > 0 && install}>
      <List
        label={t.title}
        pages={pages}
        empty={
          <EmptyState icon={<Package className="size-6" />} title={t.none} action={install}>
            <p>{t.noneText}</p>
            {!isAdmin && <p className="mt-2">{words.adminOnly}</p>}
          </EmptyState>
        }
      >
        {(plugin) => (
          <PluginItem
            key={plugin.id}
            plugin={plugin}
            onUpdate={isAdmin ? () => setOpen(plugin) : undefined}
          />
        )}
      </List>
      {open && (
        <Suspense>
          <PluginForm plugin={open === 'new' ? undefined : open} onClose={() => setOpen(undefined)} />
        </Suspense>
      )}
    </Page>
  )
}

import { FolderCheck, Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { api, content } from '@/api/client'
import { Button } from '@/components/ui/button'
import { Page } from '@/components/ui/page'
import { EmptyState } from '@/components/ui/states'
import { useFormat, useText } from '@/i18n'
import { access } from '@/i18n/access'
import { Item, List } from '../kit/list'
import { RemoveButton } from '../kit/remove-button'
import { usePages } from '../kit/use-pages'

const FolderForm = lazy(() => import('./folder-form').then(({ FolderForm }) => ({ default: FolderForm })))

const FOLDERS = ['folders']

export function FoldersPage() {
  const t = useText(access).folders
  const format = useFormat()
  const pages = usePages(FOLDERS, async (cursor) => {
    const page = await content(
      api.GET('/api/workspaces/trust', { params: { query: { limit: 100, cursor } } }),
    )
    return { items: page.folders, next_cursor: page.next_cursor }
  })
  const [isAdding, setAdding] = useState(false)
  const add = pages.items && (
    <Button look="primary" icon={<Plus aria-hidden className="size-4" />} onClick={() => setAdding(true)}>
      {t.add}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={pages.items && pages.items.length > 0 && add}>
      <List
        label={t.title}
        pages={pages}
        empty={
          <EmptyState icon={<FolderCheck className="size-6" />} title={t.none} action={add}>
            <p>{t.noneText}</p>
          </EmptyState>
        }
      >
        {({ working_dir, trusted_by, trusted_at }) => (
          <Item
            key={working_dir}
            icon={<FolderCheck className="size-4.5" />}
            title={<span className="font-mono text-sm">{working_dir}</span>}
            actions={
              <RemoveButton
                name={working_dir}
                consequence={t.consequence}
                changes={FOLDERS}
                remove={() => api.DELETE('/api/workspaces/trust', { body: { working_dir } })}
              />
            }
          >
            {t.trusted(trusted_by, format.ago(trusted_at))}
          </Item>
        )}
      </List>
      <Suspense>{isAdding && <FolderForm changes={FOLDERS} onClose={() => setAdding(false)} />}</Suspense>
    </Page>
  )
}

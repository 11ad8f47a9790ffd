import { useQuery } from '@tanstack/react-query'
import { KeyRound, Pencil, Plus, RotateCw } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { api, content } from '@/api/client'
import { keysQuery, statusQuery } from '@/api/queries'
import type { KeyView } from '@/api/schema'
import { Badge, type Tone } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { Page } from '@/components/ui/page'
import { EmptyState } from '@/components/ui/states'
import { useFormat, useText } from '@/i18n'
import { access } from '@/i18n/access'
import { manage } from '@/i18n/manage'
import { EnableSwitch } from '../kit/enable-switch'
import { ItemButton } from '../kit/item-button'
import { Item, List } from '../kit/list'
import { RemoveButton } from '../kit/remove-button'
import { Spend } from '../kit/spend'
import { usePages } from '../kit/use-pages'
import { useRole } from '../kit/use-role'

const KeyDialog = lazy(() =>
  import('@/features/auth/key-dialog').then(({ KeyDialog }) => ({ default: KeyDialog })),
)
const KeyForm = lazy(() => import('./key-forms').then(({ KeyForm }) => ({ default: KeyForm })))
const RotateForm = lazy(() => import('./key-forms').then(({ RotateForm }) => ({ default: RotateForm })))

const KEYS = keysQuery.queryKey
const TONES: Record<string, Tone> = { accepted: 'good', unclear: 'warn', unreachable: 'warn' }

type Open = { what: 'add' } | { what: 'edit' | 'rotate'; stored: KeyView }

export function KeysPage() {
  const t = useText(access).keys
  const { mayWrite } = useRole()
  const { data: status } = useQuery(statusQuery)
  const pages = usePages([...KEYS, 'pages'], async (cursor) => {
    const page = await content(api.GET('/api/api-keys', { params: { query: { limit: 100, cursor } } }))
    return { items: page.api_keys, next_cursor: page.next_cursor }
  })
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const add = mayWrite && (
    <Button
      look="primary"
      icon={<Plus aria-hidden className="size-4" />}
      onClick={() => setOpen({ what: 'add' })}
    >
      {t.add}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={pages.items && pages.items.length > 0 && add}>
      {status && <p className="mb-4 text-sm text-ink-2">{t.access[status.model_access]}</p>}
      <List
        label={t.title}
        pages={pages}
        empty={
          <EmptyState icon={<KeyRound className="size-6" />} title={t.none} action={add}>
            <p>{t.noneText}</p>
          </EmptyState>
        }
      >
        {(stored) => (
          <KeyItem
            key={stored.id}
            stored={stored}
            onOpen={mayWrite ? (what) => setOpen({ what, stored }) : undefined}
          />
        )}
      </List>
      <Suspense>
        {open?.what === 'add' && <KeyDialog onClose={close} />}
        {open?.what === 'edit' && <KeyForm stored={open.stored} onClose={close} />}
        {open?.what === 'rotate' && <RotateForm stored={open.stored} onClose={close} />}
      </Suspense>
    </Page>
  )
}

interface KeyItemProps {
  stored: KeyView
  /** Absent where the reader may change nothing. */
  onOpen?: (what: 'edit' | 'rotate') => void
}

function KeyItem({ stored, onOpen }: KeyItemProps) {
  const t = useText(access).keys
  const words = useText(manage)
  const format = useFormat()
  const { id, name, enabled, checked, last_refused, monthly_budget_usd: budget } = stored
  const params = { path: { id } }
  const isSpent = budget != null && stored.spent_this_month_usd >= budget
  return (
    <Item
      icon={<KeyRound className="size-4.5" />}
      title={name}
      badges={
        <>
          <code className="text-xs text-ink-3">…{stored.last_four}</code>
          {!enabled && <Badge>{words.off}</Badge>}
          {isSpent && <Badge tone="bad">{t.exhausted}</Badge>}
          {checked && <Badge tone={TONES[checked]}>{t.checked[checked]}</Badge>}
          {last_refused && (
            <Badge tone="bad">{t.refused(last_refused.status, format.ago(last_refused.at))}</Badge>
          )}
        </>
      }
      end={
        onOpen && (
          <EnableSwitch
            name={name}
            enabled={enabled}
            changes={KEYS}
            set={(enabled) => content(api.PATCH('/api/api-keys/{id}', { params, body: { enabled } }))}
          />
        )
      }
      actions={
        onOpen && (
          <>
            <ItemButton icon={Pencil} onClick={() => onOpen('edit')}>
              {words.edit}
            </ItemButton>
            <ItemButton icon={RotateCw} onClick={() => onOpen('rotate')}>
              {t.rotate}
            </ItemButton>
            <RemoveButton
              name={name}
              consequence={t.consequence}
              changes={KEYS}
              remove={() => api.DELETE('/api/api-keys/{id}', { params })}
            />
          </>
        )
      }
    >
      <Spend spent={stored.spent_this_month_usd} budget={budget} />
      <p className="mt-1 text-[0.8125rem] text-ink-3">
        {[t.calls(stored.calls_this_month), t.order(stored.priority), stored.base_url]
          .filter(Boolean)
          .join(' · ')}
      </p>
    </Item>
  )
}

import { Bot, Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { api } from '@/api/client'
import type { NewServiceToken, ServiceTokenView } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { Page } from '@/components/ui/page'
import { EmptyState } from '@/components/ui/states'
import { useFormat, useText } from '@/i18n'
import { access } from '@/i18n/access'
import { Item, List } from '../kit/list'
import { RemoveButton } from '../kit/remove-button'
import { usePages } from '../kit/use-pages'
import { loadTokens, TOKENS } from './queries'

const TokenForm = lazy(() => import('./token-form').then(({ TokenForm }) => ({ default: TokenForm })))
const CopyOnce = lazy(() => import('../kit/copy-once').then(({ CopyOnce }) => ({ default: CopyOnce })))

export function TokensPage() {
  const t = useText(access).tokens
  const pages = usePages(TOKENS, loadTokens)
  const [isMaking, setMaking] = useState(false)
  const [made, setMade] = useState<NewServiceToken>()
  const add = (
    <Button look="primary" icon={<Plus aria-hidden className="size-4" />} onClick={() => setMaking(true)}>
      {t.add}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={pages.items && pages.items.length > 0 && add}>
      <List
        label={t.title}
        pages={pages}
        empty={
          <EmptyState icon={<Bot className="size-6" />} title={t.none} action={add}>
            <p>{t.noneText}</p>
          </EmptyState>
        }
      >
        {(token) => <TokenItem key={token.id} token={token} />}
      </List>
      <Suspense>
        {isMaking && <TokenForm onMade={setMade} onClose={() => setMaking(false)} />}
        {made && (
          <CopyOnce title={t.made} label={t.token} secret={made.token} onClose={() => setMade(undefined)}>
            <p className="text-sm text-ink-2">{t.example}</p>
            <pre
              tabIndex={0}
              className="scroll-thin overflow-x-auto rounded-lg bg-sunken p-3 text-xs"
            >{`curl ${location.origin}/api/sessions \\\n  -H "Authorization: Bearer $TOKEN"`}</pre>
          </CopyOnce>
        )}
      </Suspense>
    </Page>
  )
}

function TokenItem({ token }: { token: ServiceTokenView }) {
  const words = useText(access)
  const t = words.tokens
  const format = useFormat()
  const { id, name, scopes, last_used_at, last_used_from } = token
  return (
    <Item
      icon={<Bot className="size-4.5" />}
      title={name}
      badges={scopes.map((scope) => (
        <Badge key={scope} tone={scope === 'admin' || scope === 'sessions:bypass' ? 'warn' : 'neutral'}>
          {scope}
        </Badge>
      ))}
      actions={
        <RemoveButton
          name={name}
          label={t.revoke}
          title={t.revokeTitle(name)}
          consequence={t.consequence}
          changes={TOKENS}
          remove={() => api.DELETE('/api/tokens/{id}', { params: { path: { id } } })}
        />
      }
    >
      <p className="text-[0.8125rem]">
        {words.expires(format.ago(token.expires_at))} ·{' '}
        {last_used_at ? t.used(format.ago(last_used_at), last_used_from ?? '?') : t.unused}
      </p>
    </Item>
  )
}

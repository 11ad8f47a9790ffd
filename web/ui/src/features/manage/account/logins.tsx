import { LogOut } from 'lucide-react'
import { api, content, loginWanted } from '@/api/client'
import { Badge } from '@/components/ui/badge'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { toast } from '@/components/ui/toast'
import { useFormat, useText } from '@/i18n'
import { access } from '@/i18n/access'
import { ItemButton } from '../kit/item-button'
import { More } from '../kit/list'
import { RemoveButton } from '../kit/remove-button'
import { useAction } from '../kit/use-action'
import { usePages } from '../kit/use-pages'

export const LOGINS = ['logins']

/** Where one is signed in. */
export function Logins() {
  const words = useText(access)
  const t = words.account
  const format = useFormat()
  const { busy, run } = useAction(LOGINS)
  const pages = usePages(LOGINS, async (cursor) => {
    const page = await content(api.GET('/api/auth/sessions', { params: { query: { limit: 50, cursor } } }))
    return { items: page.sessions, next_cursor: page.next_cursor }
  })
  const endAll = async () => {
    await api.DELETE('/api/auth/sessions')
    loginWanted.set(true)
  }
  return (
    <section aria-labelledby="logins" className="mt-8">
      <div className="mb-2 flex items-center">
        <h2 id="logins" className="flex-1 font-semibold">
          {t.logins}
        </h2>
        <RemoveButton
          name={t.logins}
          label={t.endAll}
          title={t.endAll}
          done={t.allEnded}
          consequence={t.endAllText}
          changes={LOGINS}
          remove={endAll}
        />
      </div>
      {pages.error && <ErrorState error={pages.error} onRetry={pages.retry} />}
      {!pages.items && !pages.error && <SkeletonRows rows={2} />}
      <ul className="card divide-y divide-line">
        {pages.items?.map(({ id, user_agent, address, last_used_at, current }) => (
          <li key={id} className="flex items-center gap-3 px-4 py-2.5 text-sm">
            <span className="min-w-0 flex-1">
              <span className="flex items-center gap-2">
                <span className="truncate">{user_agent || '—'}</span>
                {current && <Badge tone="accent">{t.thisOne}</Badge>}
              </span>
              <span className="text-[0.8125rem] text-ink-3">
                {t.lastUsed(format.ago(last_used_at), address)}
              </span>
            </span>
            {!current && (
              <ItemButton
                icon={LogOut}
                disabled={busy}
                onClick={async () => {
                  const params = { path: { id } }
                  if (await run(() => api.DELETE('/api/auth/sessions/{id}', { params })))
                    toast('good', t.ended)
                }}
              >
                {t.end}
              </ItemButton>
            )}
          </li>
        ))}
      </ul>
      <More pages={pages} />
    </section>
  )
}

import { MailX } from 'lucide-react'
import { api } from '@/api/client'
import { toast } from '@/components/ui/toast'
import { useFormat, useText } from '@/i18n'
import { access } from '@/i18n/access'
import { ItemButton } from '../kit/item-button'
import { More } from '../kit/list'
import { useAction } from '../kit/use-action'
import { usePages } from '../kit/use-pages'
import { INVITES, loadInvites } from './queries'

/** Invitations that nobody has used yet. */
export function Invites() {
  const words = useText(access)
  const t = words.people
  const format = useFormat()
  const pages = usePages(INVITES, loadInvites)
  const { busy, run } = useAction(INVITES)
  if (!pages.items?.length) return null
  return (
    <section aria-labelledby="invites" className="mt-8">
      <h2 id="invites" className="mb-2 font-semibold">
        {t.invites}
      </h2>
      <ul className="card divide-y divide-line">
        {pages.items.map(({ id, role, username, expires_at, created_by }) => (
          <li key={id} className="flex items-center gap-3 px-4 py-2 text-sm">
            <span className="min-w-0 flex-1">
              {t.inviteFor(words.roles[role], username ?? t.anybody)}
              <span className="ml-2 text-ink-3">
                {words.expires(format.ago(expires_at))} · {created_by}
              </span>
            </span>
            <ItemButton
              icon={MailX}
              disabled={busy}
              onClick={async () => {
                const params = { path: { id } }
                if (await run(() => api.DELETE('/api/users/invites/{id}', { params })))
                  toast('good', t.withdrawn)
              }}
            >
              {t.withdraw}
            </ItemButton>
          </li>
        ))}
      </ul>
      <More pages={pages} />
    </section>
  )
}

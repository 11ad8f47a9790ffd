import { UserPlus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import type { NewInvite, NewPasswordReset, PersonView } from '@/api/schema'
import { Button } from '@/components/ui/button'
import { Page } from '@/components/ui/page'
import { useText } from '@/i18n'
import { access } from '@/i18n/access'
import { List } from '../kit/list'
import { NeedsAccount } from '../kit/needs-account'
import { usePages } from '../kit/use-pages'
import { useRole } from '../kit/use-role'
import { Invites } from './invites'
import { PersonItem } from './person-item'
import { loadPeople, PEOPLE } from './queries'

const InviteForm = lazy(() => import('./invite-form').then(({ InviteForm }) => ({ default: InviteForm })))
const BudgetForm = lazy(() => import('./budget-form').then(({ BudgetForm }) => ({ default: BudgetForm })))
const CopyOnce = lazy(() => import('../kit/copy-once').then(({ CopyOnce }) => ({ default: CopyOnce })))

type Open =
  | { what: 'invite' }
  | { what: 'invited'; invite: NewInvite }
  | { what: 'budget'; person: PersonView }
  | { what: 'reset'; reset: NewPasswordReset }

export function PeoplePage() {
  const t = useText(access).people
  const { me, isAdmin } = useRole()
  const pages = usePages(PEOPLE, loadPeople)
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const invite = isAdmin && (
    <Button
      look="primary"
      icon={<UserPlus aria-hidden className="size-4" />}
      onClick={() => setOpen({ what: 'invite' })}
    >
      {t.invite}
    </Button>
  )
  return (
    <Page title={t.title} lead={t.lead} actions={pages.items && pages.items.length > 0 && invite}>
      <List label={t.title} pages={pages} empty={<NeedsAccount />}>
        {(person) => (
          <PersonItem
            key={person.username}
            person={person}
            isSelf={person.username === me?.username}
            onBudget={() => setOpen({ what: 'budget', person })}
            onReset={(reset) => setOpen({ what: 'reset', reset })}
          />
        )}
      </List>
      {isAdmin && <Invites />}
      <Suspense>
        {open?.what === 'invite' && (
          <InviteForm onInvited={(invite) => setOpen({ what: 'invited', invite })} onClose={close} />
        )}
        {open?.what === 'budget' && <BudgetForm person={open.person} onClose={close} />}
        {open?.what === 'invited' && (
          <CopyOnce
            title={t.invited}
            label={t.link}
            secret={`${location.origin}/register?code=${encodeURIComponent(open.invite.code)}`}
            onClose={close}
          >
            <p className="text-sm text-ink-2">{t.linkText}</p>
          </CopyOnce>
        )}
        {open?.what === 'reset' && (
          <CopyOnce
            title={t.resetTitle(open.reset.username)}
            label={t.code}
            secret={open.reset.code}
            onClose={close}
          >
            <p className="text-sm text-ink-2">{t.resetText}</p>
            <p className="font-mono text-sm">{location.origin}/reset</p>
          </CopyOnce>
        )}
      </Suspense>
    </Page>
  )
}

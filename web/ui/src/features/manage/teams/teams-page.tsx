import { Building2, Plus, UserPlus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { api, content } from '@/api/client'
import type { NewInvite, TenantView } from '@/api/schema'
import { Button } from '@/components/ui/button'
import { Page } from '@/components/ui/page'
import { EmptyState } from '@/components/ui/states'
import { useFormat, useText } from '@/i18n'
import { access } from '@/i18n/access'
import { manage } from '@/i18n/manage'
import { ItemButton } from '../kit/item-button'
import { Item, List } from '../kit/list'
import { useAction } from '../kit/use-action'
import { usePages } from '../kit/use-pages'

const TeamForm = lazy(() => import('./team-form').then(({ TeamForm }) => ({ default: TeamForm })))
const CopyOnce = lazy(() => import('../kit/copy-once').then(({ CopyOnce }) => ({ default: CopyOnce })))

const TEAMS = ['teams']

interface Invited {
  team: string
  invite: NewInvite
}

/** For the operators: who runs the server makes teams, and looks into none. */
export function TeamsPage() {
  const t = useText(access)
  const pages = usePages(TEAMS, async (cursor) => {
    const page = await content(api.GET('/api/tenants', { params: { query: { limit: 100, cursor } } }))
    return { items: page.tenants, next_cursor: page.next_cursor }
  })
  const [isMaking, setMaking] = useState(false)
  const [invited, setInvited] = useState<Invited>()
  const add = pages.items && (
    <Button look="primary" icon={<Plus aria-hidden className="size-4" />} onClick={() => setMaking(true)}>
      {t.teams.add}
    </Button>
  )
  return (
    <Page title={t.teams.title} lead={t.teams.lead} actions={pages.items && pages.items.length > 0 && add}>
      <List
        label={t.teams.title}
        pages={pages}
        empty={
          <EmptyState icon={<Building2 className="size-6" />} title={t.teams.none} action={add}>
            <p>{t.teams.noneText}</p>
          </EmptyState>
        }
      >
        {(team) => <TeamItem key={team.id} team={team} onInvited={setInvited} />}
      </List>
      <Suspense>
        {isMaking && (
          <TeamForm
            changes={TEAMS}
            onMade={({ name, invite }) => setInvited({ team: name, invite })}
            onClose={() => setMaking(false)}
          />
        )}
        {invited && (
          <CopyOnce
            title={t.teams.invited(invited.team)}
            label={t.people.link}
            secret={`${location.origin}/register?code=${encodeURIComponent(invited.invite.code)}`}
            onClose={() => setInvited(undefined)}
          >
            <p className="text-sm text-ink-2">{t.people.linkText}</p>
          </CopyOnce>
        )}
      </Suspense>
    </Page>
  )
}

function TeamItem({ team, onInvited }: { team: TenantView; onInvited: (invited: Invited) => void }) {
  const t = useText(access).teams
  const { by } = useText(manage)
  const format = useFormat()
  const { busy, run } = useAction(TEAMS)
  const { id, name } = team
  const invite = async () => {
    const params = { path: { id } }
    onInvited({
      team: name,
      invite: await content(api.POST('/api/tenants/{id}/invites', { params, body: {} })),
    })
  }
  return (
    <Item
      icon={<Building2 className="size-4.5" />}
      title={name}
      actions={
        <ItemButton icon={UserPlus} busy={busy} onClick={() => void run(invite)}>
          {t.invite}
        </ItemButton>
      }
    >
      <p className="font-mono text-[0.8125rem]">{team.working_dir}</p>
      <p className="text-[0.8125rem] text-ink-3">
        {format.dateTime(team.created_at)} {by(team.created_by)}
      </p>
    </Item>
  )
}

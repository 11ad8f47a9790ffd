import { KeyRound, UserCheck, UserRound, UserX, Wallet } from 'lucide-react'
import { api, content } from '@/api/client'
import type { NewPasswordReset, PersonView, Role, UserPatch } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { Select } from '@/components/ui/select'
import { toast } from '@/components/ui/toast'
import { useFormat, useText } from '@/i18n'
import { access } from '@/i18n/access'
import { ItemButton } from '../kit/item-button'
import { Item } from '../kit/list'
import { RemoveButton } from '../kit/remove-button'
import { Spend } from '../kit/spend'
import { useAction } from '../kit/use-action'
import { PEOPLE } from './queries'
import { ROLES } from './roles'

interface PersonItemProps {
  person: PersonView
  /** Nobody disables or removes themselves. */
  isSelf: boolean
  onBudget: () => void
  onReset: (reset: NewPasswordReset) => void
}

export function PersonItem({ person, isSelf, onBudget, onReset }: PersonItemProps) {
  const words = useText(access)
  const t = words.people
  const format = useFormat()
  const { busy, run } = useAction(PEOPLE)
  const { username, role, disabled, last_login_at } = person
  const params = { path: { username } }
  const patch = (body: UserPatch) => run(() => content(api.PATCH('/api/users/{username}', { params, body })))
  const changeRole = async (next: Role) => {
    if (await patch({ role: next }))
      toast('good', t.roleChanged(username, words.roles[next]), () => void patch({ role }))
  }
  const disable = async () => {
    if (await patch({ disabled: !disabled }))
      toast(
        'good',
        disabled ? t.enabledNow(username) : t.disabledNow(username),
        () => void patch({ disabled }),
      )
  }
  const reset = () =>
    run(async () => onReset(await content(api.POST('/api/users/{username}/password-reset', { params }))))
  return (
    <Item
      icon={<UserRound className="size-4.5" />}
      title={username}
      badges={
        <>
          {isSelf && <Badge tone="accent">{t.you}</Badge>}
          {disabled && <Badge tone="bad">{t.disabled}</Badge>}
        </>
      }
      end={
        <Select
          aria-label={t.role(username)}
          value={role}
          disabled={busy || isSelf}
          options={ROLES.map((value) => ({ value, label: words.roles[value] }))}
          onValue={(next) => void changeRole(next)}
        />
      }
      actions={
        <>
          <ItemButton icon={Wallet} onClick={onBudget}>
            {t.budget}
          </ItemButton>
          {!isSelf && (
            <>
              <ItemButton icon={KeyRound} disabled={busy} onClick={() => void reset()}>
                {t.reset}
              </ItemButton>
              <ItemButton icon={disabled ? UserCheck : UserX} disabled={busy} onClick={() => void disable()}>
                {disabled ? t.enable : t.disable}
              </ItemButton>
              <RemoveButton
                name={username}
                consequence={t.consequence}
                changes={PEOPLE}
                remove={() => api.DELETE('/api/users/{username}', { params })}
              />
            </>
          )}
        </>
      }
    >
      <p className="mb-1 text-[0.8125rem]">
        {words.roleHints[role]} · {last_login_at ? t.lastLogin(format.ago(last_login_at)) : t.neverIn}
      </p>
      <Spend spent={person.spent_this_month_usd} budget={person.monthly_budget_usd} />
    </Item>
  )
}

import { useState } from 'react'
import { api, content } from '@/api/client'
import type { NewInvite, Role } from '@/api/schema'
import { TextField } from '@/components/ui/field'
import { SelectField } from '@/components/ui/select'
import { useText } from '@/i18n'
import { access } from '@/i18n/access'
import { FormDialog } from '../kit/form-dialog'
import { INVITES } from './queries'
import { ROLES } from './roles'

interface InviteFormProps {
  onInvited: (invite: NewInvite) => void
  onClose: () => void
}

export function InviteForm({ onInvited, onClose }: InviteFormProps) {
  const t = useText(access)
  const [role, setRole] = useState<Role>('member')
  return (
    <FormDialog
      title={t.people.inviteTitle}
      description={t.people.inviteLead}
      submit={t.people.invite}
      names={['role', 'username']}
      save={(values) => {
        const username = values.optional('username')
        return content(api.POST('/api/users/invites', { body: { role, ...(username && { username }) } }))
      }}
      changes={INVITES}
      onSaved={onInvited}
      onClose={onClose}
    >
      {(error) => (
        <>
          <SelectField
            label={t.people.inviteRole}
            value={role}
            options={ROLES.map((value) => ({ value, label: t.roles[value] }))}
            onValue={setRole}
            hint={t.roleHints[role]}
            error={error('role')}
          />
          <TextField
            label={t.people.username}
            name="username"
            maxLength={64}
            autoComplete="off"
            hint={t.people.usernameHint}
            error={error('username')}
          />
        </>
      )}
    </FormDialog>
  )
}

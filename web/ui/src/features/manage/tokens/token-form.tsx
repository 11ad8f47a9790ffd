import { useState } from 'react'
import { api, content } from '@/api/client'
import type { NewServiceToken, Permission } from '@/api/schema'
import { TextField } from '@/components/ui/field'
import { SelectField } from '@/components/ui/select'
import { useText } from '@/i18n'
import { access } from '@/i18n/access'
import { CheckField } from '../kit/check-field'
import { FormDialog } from '../kit/form-dialog'
import { TOKENS } from './queries'

const SCOPES = [
  'sessions:read',
  'sessions:write',
  'tasks:write',
  'sessions:bypass',
  'keys:write',
  'admin',
] as const satisfies readonly Permission[]

const DAYS = ['7', '30', '90', '365'] as const
const DAY_MS = 86_400_000

interface TokenFormProps {
  onMade: (token: NewServiceToken) => void
  onClose: () => void
}

export function TokenForm({ onMade, onClose }: TokenFormProps) {
  const t = useText(access)
  const [days, setDays] = useState<(typeof DAYS)[number]>('90')
  return (
    <FormDialog
      title={t.tokens.add}
      submit={t.tokens.add}
      names={['name', 'scopes', 'expires_in_ms']}
      save={(values) => {
        const chosen = values.all('scopes')
        const scopes = SCOPES.filter((scope) => chosen.includes(scope))
        const body = { name: values.text('name'), scopes, expires_in_ms: Number(days) * DAY_MS }
        return content(api.POST('/api/tokens', { body }))
      }}
      changes={TOKENS}
      onSaved={onMade}
      onClose={onClose}
    >
      {(error) => (
        <>
          <TextField
            label={t.tokens.name}
            name="name"
            required
            maxLength={100}
            placeholder="CI"
            error={error('name')}
          />
          <fieldset className="grid gap-1.5">
            <legend className="mb-1.5 text-sm font-medium">{t.tokens.scopes}</legend>
            {SCOPES.map((scope) => (
              <CheckField
                key={scope}
                name="scopes"
                value={scope}
                label={t.tokens.scopeNames[scope]}
                hint={scope}
                defaultChecked={scope === 'sessions:read'}
              />
            ))}
            {error('scopes') && <p className="text-[0.8125rem] text-bad">{error('scopes')}</p>}
          </fieldset>
          <SelectField
            label={t.expiresIn}
            value={days}
            options={DAYS.map((value) => ({ value, label: t.days(Number(value)) }))}
            onValue={setDays}
            error={error('expires_in_ms')}
          />
        </>
      )}
    </FormDialog>
  )
}

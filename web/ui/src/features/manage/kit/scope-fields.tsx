import { useState } from 'react'
import type { ScopeName } from '@/api/schema'
import { TextField } from '@/components/ui/field'
import { SelectField } from '@/components/ui/select'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import type { FormValues } from './form-data'

interface ScopeFieldsProps {
  scope?: ScopeName | null
  workingDir?: string | null
  error: (name: string) => string | undefined
}

/** Whose sessions something is active in. */
export function ScopeFields({ scope, workingDir, error }: ScopeFieldsProps) {
  const t = useText(manage)
  const [chosen, setChosen] = useState<ScopeName>(scope ?? 'user')
  return (
    <>
      <SelectField
        label={t.scope}
        name="scope"
        value={chosen}
        error={error('scope')}
        options={(['user', 'workspace'] as const).map((value) => ({ value, label: t.scopes[value] }))}
        onValue={setChosen}
      />
      {chosen === 'workspace' && (
        <TextField
          label={t.folder}
          name="working_dir"
          required
          className="font-mono"
          defaultValue={workingDir ?? ''}
          hint={t.folderHint}
          error={error('working_dir')}
        />
      )}
    </>
  )
}

/** The same in a body. */
export function scopeIn(values: FormValues): { scope: ScopeName; working_dir?: string } {
  return values.text('scope') === 'workspace'
    ? { scope: 'workspace', working_dir: values.text('working_dir') }
    : { scope: 'user' }
}

export const SCOPE_NAMES = ['scope', 'working_dir'] as const

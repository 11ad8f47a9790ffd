import type { QueryKey } from '@tanstack/react-query'
import { api, content } from '@/api/client'
import type { NewTenantView } from '@/api/schema'
import { TextField } from '@/components/ui/field'
import { useText } from '@/i18n'
import { access } from '@/i18n/access'
import { FormDialog } from '../kit/form-dialog'

interface TeamFormProps {
  changes: QueryKey
  onMade: (team: NewTenantView) => void
  onClose: () => void
}

export function TeamForm({ changes, onMade, onClose }: TeamFormProps) {
  const t = useText(access).teams
  return (
    <FormDialog
      title={t.add}
      submit={t.add}
      names={['name', 'working_dir']}
      save={(values) => {
        const body = { name: values.text('name'), working_dir: values.text('working_dir') }
        return content(api.POST('/api/tenants', { body }))
      }}
      changes={changes}
      onSaved={onMade}
      onClose={onClose}
    >
      {(error) => (
        <>
          <TextField label={t.name} name="name" required maxLength={64} error={error('name')} />
          <TextField
            label={t.folder}
            name="working_dir"
            required
            className="font-mono"
            hint={t.folderHint}
            error={error('working_dir')}
          />
        </>
      )}
    </FormDialog>
  )
}

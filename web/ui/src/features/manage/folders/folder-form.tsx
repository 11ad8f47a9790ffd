import type { QueryKey } from '@tanstack/react-query'
import { api, content } from '@/api/client'
import { TextField } from '@/components/ui/field'
import { useText } from '@/i18n'
import { access } from '@/i18n/access'
import { FormDialog } from '../kit/form-dialog'

export function FolderForm({ changes, onClose }: { changes: QueryKey; onClose: () => void }) {
  const t = useText(access).folders
  return (
    <FormDialog
      title={t.add}
      description={t.lead}
      submit={t.add}
      names={['working_dir']}
      save={(values) =>
        content(api.POST('/api/workspaces/trust', { body: { working_dir: values.text('working_dir') } }))
      }
      changes={changes}
      onClose={onClose}
    >
      {(error) => (
        <TextField
          label={t.folder}
          name="working_dir"
          required
          className="font-mono"
          hint={t.folderHint}
          error={error('working_dir')}
        />
      )}
    </FormDialog>
  )
}

import { api, content } from '@/api/client'
import { keysQuery } from '@/api/queries'
import type { KeyView } from '@/api/schema'
import { TextField } from '@/components/ui/field'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { access } from '@/i18n/access'
import { common } from '@/i18n/common'
import { manage } from '@/i18n/manage'
import { FormDialog } from '../kit/form-dialog'

interface KeyFormProps {
  stored: KeyView
  onClose: () => void
}

export function KeyForm({ stored, onClose }: KeyFormProps) {
  const t = useText(access)
  const { save } = useText(common)
  const { saved } = useText(manage)
  const params = { path: { id: stored.id } }
  return (
    <FormDialog
      title={t.keys.editTitle(stored.name)}
      submit={save}
      names={['name', 'monthly_budget_usd', 'priority']}
      save={(values) =>
        content(
          api.PATCH('/api/api-keys/{id}', {
            params,
            body: {
              name: values.text('name'),
              monthly_budget_usd: values.number('monthly_budget_usd'),
              priority: values.number('priority') ?? 0,
            },
          }),
        )
      }
      changes={keysQuery.queryKey}
      onSaved={() => toast('good', saved)}
      onClose={onClose}
    >
      {(error) => (
        <>
          <TextField
            label={t.keys.name}
            name="name"
            required
            maxLength={100}
            defaultValue={stored.name}
            error={error('name')}
          />
          <TextField
            label={t.budget}
            name="monthly_budget_usd"
            type="number"
            min="0"
            step="any"
            defaultValue={stored.monthly_budget_usd ?? ''}
            hint={t.noLimit}
            error={error('monthly_budget_usd')}
          />
          <TextField
            label={t.keys.priority}
            name="priority"
            type="number"
            min="0"
            max="1000000"
            defaultValue={stored.priority}
            hint={t.keys.priorityHint}
            error={error('priority')}
          />
        </>
      )}
    </FormDialog>
  )
}

export function RotateForm({ stored, onClose }: KeyFormProps) {
  const t = useText(access).keys
  return (
    <FormDialog
      title={t.rotateTitle(stored.name)}
      description={t.rotateLead}
      submit={t.rotate}
      names={['key']}
      save={(values) =>
        content(
          api.POST('/api/api-keys/{id}/rotate', {
            params: { path: { id: stored.id } },
            body: { key: values.text('key') },
          }),
        )
      }
      changes={keysQuery.queryKey}
      onSaved={() => toast('good', t.rotated(stored.name))}
      onClose={onClose}
    >
      {(error) => (
        <TextField
          label={t.value}
          name="key"
          type="password"
          autoComplete="off"
          required
          className="font-mono"
          error={error('key')}
        />
      )}
    </FormDialog>
  )
}

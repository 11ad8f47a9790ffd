import { api, content } from '@/api/client'
import type { PersonView } from '@/api/schema'
import { TextField } from '@/components/ui/field'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { access } from '@/i18n/access'
import { common } from '@/i18n/common'
import { manage } from '@/i18n/manage'
import { FormDialog } from '../kit/form-dialog'
import { PEOPLE } from './queries'

export function BudgetForm({ person, onClose }: { person: PersonView; onClose: () => void }) {
  const t = useText(access)
  const { save } = useText(common)
  const { saved } = useText(manage)
  return (
    <FormDialog
      title={t.people.budgetTitle(person.username)}
      submit={save}
      names={['monthly_budget_usd']}
      save={(values) =>
        content(
          api.PATCH('/api/users/{username}', {
            params: { path: { username: person.username } },
            body: { monthly_budget_usd: values.number('monthly_budget_usd') },
          }),
        )
      }
      changes={PEOPLE}
      onSaved={() => toast('good', saved)}
      onClose={onClose}
    >
      {(error) => (
        <TextField
          label={t.budget}
          name="monthly_budget_usd"
          type="number"
          min="0"
          step="any"
          defaultValue={person.monthly_budget_usd ?? ''}
          hint={t.noLimit}
          error={error('monthly_budget_usd')}
        />
      )}
    </FormDialog>
  )
}

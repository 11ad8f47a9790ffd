import { api, content } from '@/api/client'
import type { SkillView } from '@/api/schema'
import { TextField } from '@/components/ui/field'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { skills as area } from '@/i18n/skills'
import { FileField } from '../kit/file-field'
import { base64Of, type FormValues } from '../kit/form-data'
import { FormDialog } from '../kit/form-dialog'
import { SCOPE_NAMES, ScopeFields, scopeIn } from '../kit/scope-fields'
import { SKILLS } from './queries'

const NAMES = ['skill_md', 'archive', 'name', ...SCOPE_NAMES]

/** Takes over a skill that somebody has written elsewhere. */
export function ImportForm({ onClose }: { onClose: () => void }) {
  const t = useText(area)
  const save = async (values: FormValues) => {
    const file = values.file('file')
    const name = values.optional('name')
    const given = file && (await contentOf(file))
    const body = { ...given, ...scopeIn(values), ...(name && { name }) }
    return content(api.POST('/api/skills/import', { body }))
  }
  const told = ({ name, ignored_fields }: SkillView) => {
    const ignored = ignored_fields?.length ? ` ${t.ignored(ignored_fields.join(', '))}` : ''
    toast('good', t.imported(name) + ignored)
  }
  return (
    <FormDialog
      title={t.importTitle}
      description={t.importLead}
      submit={t.import}
      names={NAMES}
      save={save}
      changes={SKILLS}
      onSaved={told}
      onClose={onClose}
    >
      {(error) => (
        <>
          <FileField
            label={t.file}
            name="file"
            accept=".md,.zip,.gz,.tgz"
            required
            error={error('archive') ?? error('skill_md')}
          />
          <TextField
            label={t.rename}
            name="name"
            maxLength={64}
            className="font-mono"
            hint={t.renameHint}
            error={error('name')}
          />
          <ScopeFields error={error} />
        </>
      )}
    </FormDialog>
  )
}

async function contentOf(file: File) {
  return file.name.endsWith('.md') ? { skill_md: await file.text() } : { archive: await base64Of(file) }
}

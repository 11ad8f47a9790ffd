import { useQuery } from '@tanstack/react-query'
import { Plus, X } from 'lucide-react'
import { useState } from 'react'
import { api, content } from '@/api/client'
import type { SkillCategory, SkillView } from '@/api/schema'
import { Button, IconButton } from '@/components/ui/button'
import { inputClass, TextAreaField, TextField } from '@/components/ui/field'
import { SelectField } from '@/components/ui/select'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { manage } from '@/i18n/manage'
import { skills as area } from '@/i18n/skills'
import type { FormValues } from '../kit/form-data'
import { FormDialog } from '../kit/form-dialog'
import { SCOPE_NAMES, ScopeFields, scopeIn } from '../kit/scope-fields'
import { SKILLS, skillQuery } from './queries'

const NAMES = ['name', 'description', 'category', 'instruction', 'files', ...SCOPE_NAMES]

export const CATEGORIES = [
  'documents',
  'code',
  'version_control',
  'database',
  'tests',
  'deployment',
  'security',
  'data',
  'writing',
  'other',
] as const satisfies readonly SkillCategory[]

interface File {
  id: number
  path: string
  text: string
}

interface SkillFormProps {
  /** The one that is changed; a new one if absent. */
  skill?: SkillView
  onClose: () => void
}

export function SkillForm({ skill, onClose }: SkillFormProps) {
  const t = useText(area)
  const words = { ...useText(manage), save: useText(common).save }
  const [category, setCategory] = useState<SkillCategory>(skill?.category ?? 'other')
  const [files, setFiles] = useState<readonly File[]>([])
  const whole = useQuery({ ...skillQuery(skill?.id ?? ''), enabled: skill !== undefined, gcTime: 0 })
  const save = (values: FormValues) => {
    const fields = {
      category,
      description: values.text('description'),
      instruction: values.text('instruction'),
      ...scopeIn(values),
    }
    if (skill?.id) {
      const params = { path: { name: skill.id } }
      return content(api.PATCH('/api/skills/{name}', { params, body: fields }))
    }
    const written = files.filter(({ path }) => path.trim() !== '')
    const body = {
      ...fields,
      name: values.text('name'),
      files: Object.fromEntries(written.map(({ path, text }) => [path.trim(), text])),
    }
    return content(api.POST('/api/skills', { body }))
  }
  return (
    <FormDialog
      title={skill ? t.editTitle(skill.name) : t.addTitle}
      submit={words.save}
      names={NAMES}
      save={save}
      changes={SKILLS}
      onSaved={() => toast('good', words.saved)}
      onClose={onClose}
      className="sm:max-w-2xl! sm:top-[6vh]! sm:max-h-[88vh]!"
    >
      {(error) =>
        skill && !whole.data ? (
          whole.error ? (
            <ErrorState error={whole.error} onRetry={() => void whole.refetch()} />
          ) : (
            <SkeletonRows rows={3} />
          )
        ) : (
          <>
            {!skill && (
              <TextField
                label={t.name}
                name="name"
                required
                maxLength={64}
                placeholder="release-notes"
                className="font-mono"
                hint={t.nameHint}
                error={error('name')}
              />
            )}
            <TextField
              label={t.description}
              name="description"
              required
              maxLength={1024}
              defaultValue={skill?.description ?? ''}
              hint={t.descriptionHint}
              error={error('description')}
            />
            <TextAreaField
              label={t.instruction}
              name="instruction"
              required
              rows={12}
              className="font-mono text-[0.8125rem]"
              defaultValue={whole.data?.instruction ?? ''}
              hint={t.instructionHint}
              error={error('instruction')}
            />
            {skill ? (
              <StoredFiles files={whole.data?.files ?? []} />
            ) : (
              <Files files={files} onFiles={setFiles} error={error('files')} />
            )}
            <SelectField
              label={t.category}
              value={category}
              options={CATEGORIES.map((value) => ({ value, label: t.categories[value] }))}
              onValue={setCategory}
            />
            <ScopeFields scope={skill?.scope} workingDir={skill?.working_dir} error={error} />
          </>
        )
      }
    </FormDialog>
  )
}

function StoredFiles({ files }: { files: NonNullable<SkillView['files']> }) {
  const t = useText(area)
  if (files.length === 0) return null
  return (
    <div>
      <p className="text-sm font-medium">{t.files}</p>
      <p className="text-[0.8125rem] text-ink-3">{t.keptFiles(files.length)}</p>
      <ul className="mt-1 font-mono text-xs text-ink-2">
        {files.map(({ path }) => (
          <li key={path}>{path}</li>
        ))}
      </ul>
    </div>
  )
}

interface FilesProps {
  files: readonly File[]
  onFiles: (files: File[]) => void
  error?: string
}

function Files({ files, onFiles, error }: FilesProps) {
  const t = useText(area)
  const change = (id: number, changed: Partial<File>) =>
    onFiles(files.map((file) => (file.id === id ? { ...file, ...changed } : file)))
  const add = () =>
    onFiles([...files, { id: Math.max(-1, ...files.map(({ id }) => id)) + 1, path: '', text: '' }])
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1.5 text-sm font-medium">{t.files}</legend>
      {files.map(({ id, path, text }) => (
        <div key={id} className="grid gap-2 rounded-lg border border-line p-2">
          <div className="flex gap-2">
            <input
              aria-label={t.path}
              placeholder="scripts/check.sh"
              className={`${inputClass} h-9 min-w-0 flex-1 font-mono`}
              value={path}
              onChange={(event) => change(id, { path: event.target.value })}
            />
            <IconButton
              label={t.removeFile(path)}
              onClick={() => onFiles(files.filter((file) => file.id !== id))}
            >
              <X aria-hidden className="size-4" />
            </IconButton>
          </div>
          <textarea
            aria-label={t.content}
            rows={4}
            className={`${inputClass} py-2 font-mono text-[0.8125rem]`}
            value={text}
            onChange={(event) => change(id, { text: event.target.value })}
          />
        </div>
      ))}
      <div>
        <Button size="small" icon={<Plus aria-hidden className="size-3.5" />} onClick={add}>
          {t.addFile}
        </Button>
      </div>
      <p className={`text-[0.8125rem] ${error ? 'text-bad' : 'text-ink-3'}`}>{error ?? t.filesHint}</p>
    </fieldset>
  )
}

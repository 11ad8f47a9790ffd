import { useState } from 'react'
import { api, content } from '@/api/client'
import type { PluginView } from '@/api/schema'
import { TextField } from '@/components/ui/field'
import { SelectField } from '@/components/ui/select'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { plugins as area } from '@/i18n/plugins'
import { FileField } from '../kit/file-field'
import { base64Of, type FormValues } from '../kit/form-data'
import { FormDialog } from '../kit/form-dialog'
import { SCOPE_NAMES, ScopeFields, scopeIn } from '../kit/scope-fields'
import { PLUGINS } from './queries'

const NAMES = ['archive', 'folder', ...SCOPE_NAMES]

interface PluginFormProps {
  /** The one that is installed anew; a new one if absent. */
  plugin?: PluginView
  onClose: () => void
}

export function PluginForm({ plugin, onClose }: PluginFormProps) {
  const t = useText(area)
  const [from, setFrom] = useState<'archive' | 'folder'>('archive')
  const save = async (values: FormValues) => {
    const file = values.file('archive')
    const source =
      from === 'folder' ? { folder: values.text('folder') } : { archive: file ? await base64Of(file) : '' }
    const body = { ...source, ...scopeIn(values) }
    if (!plugin) return content(api.POST('/api/plugins', { body }))
    return content(api.PUT('/api/plugins/{name}', { params: { path: { name: plugin.id } }, body }))
  }
  return (
    <FormDialog
      title={plugin ? t.updateTitle(plugin.name) : t.installTitle}
      description={t.warning}
      submit={plugin ? t.update : t.install}
      names={NAMES}
      save={save}
      changes={PLUGINS}
      onSaved={({ name }) => toast('good', t.installed(name))}
      onClose={onClose}
    >
      {(error) => (
        <>
          <SelectField
            label={t.from}
            value={from}
            options={(['archive', 'folder'] as const).map((value) => ({ value, label: t.origins[value] }))}
            onValue={setFrom}
          />
          {from === 'archive' ? (
            <FileField
              label={t.archive}
              name="archive"
              accept=".zip,.gz,.tgz"
              required
              error={error('archive')}
            />
          ) : (
            <TextField
              label={t.folder}
              name="folder"
              required
              className="font-mono"
              hint={t.folderHint}
              error={error('folder')}
            />
          )}
          <ScopeFields scope={plugin?.scope} workingDir={plugin?.working_dir} error={error} />
        </>
      )}
    </FormDialog>
  )
}

import { useState } from 'react'
import { api, content } from '@/api/client'
import type { McpServerView, McpTransport } from '@/api/schema'
import { Button } from '@/components/ui/button'
import { TextAreaField, TextField } from '@/components/ui/field'
import { SelectField } from '@/components/ui/select'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { mcp } from '@/i18n/mcp'
import type { FormValues } from '../kit/form-data'
import { FormDialog } from '../kit/form-dialog'
import { SCOPE_NAMES, ScopeFields, scopeIn } from '../kit/scope-fields'
import { SecretFields } from '../kit/secret-fields'
import { changesOf, type Secret, storedSecrets, valuesIn } from '../kit/secrets'
import { type PastedServer, readPasted } from './paste'
import { MCP } from './queries'

const TYPES = ['stdio', 'http', 'sse'] as const
const NAMES = ['name', 'type', 'command', 'args', 'env', 'url', 'headers', ...SCOPE_NAMES]

interface McpFormProps {
  /** The one that is changed; a new one if absent. */
  server?: McpServerView
  onSaved: (server: McpServerView) => void
  onClose: () => void
}

export function McpForm({ server, onSaved, onClose }: McpFormProps) {
  const t = useText(mcp)
  const words = useText(common)
  const [type, setType] = useState<McpTransport>(server?.type ?? 'stdio')
  const [secrets, setSecrets] = useState(storedSecrets(server?.env_names ?? server?.header_names ?? []))
  const [pasted, setPasted] = useState<PastedServer>()
  const isProgram = type === 'stdio'
  const take = (found: PastedServer) => {
    setPasted(found)
    setType(found.type)
    const values = Object.entries(found.type === 'stdio' ? found.env : found.headers)
    setSecrets(values.map(([name, value], id) => ({ id, name, value, isStored: false, isRemoved: false })))
  }
  const save = (values: FormValues) =>
    server ? change(server, values, secrets) : create(type, values, secrets)
  return (
    <FormDialog
      title={server ? t.editTitle(server.name) : t.addTitle}
      description={t.lead2}
      submit={server ? words.save : t.add}
      names={NAMES}
      save={save}
      changes={MCP}
      onSaved={onSaved}
      onClose={onClose}
    >
      {(error) => (
        <>
          {!server && <Paste onTake={take} />}
          {!server && (
            <TextField
              key={`name ${pasted?.name}`}
              label={t.name}
              name="name"
              required
              maxLength={64}
              defaultValue={pasted?.name}
              hint={t.nameHint}
              error={error('name')}
            />
          )}
          {!server && (
            <SelectField
              label={t.type}
              value={type}
              error={error('type')}
              options={TYPES.map((value) => ({ value, label: t.types[value] }))}
              onValue={setType}
            />
          )}
          {isProgram ? (
            <>
              <TextField
                key={`command ${pasted?.command}`}
                label={t.command}
                name="command"
                required
                className="font-mono"
                placeholder="npx"
                defaultValue={pasted?.command ?? server?.command ?? ''}
                error={error('command')}
              />
              <TextAreaField
                key={`args ${pasted?.args.join('\n')}`}
                label={t.args}
                name="args"
                className="font-mono"
                placeholder={'-y\n@modelcontextprotocol/server-filesystem\n.'}
                defaultValue={(pasted?.args ?? server?.args ?? []).join('\n')}
                hint={t.argsHint}
                error={error('args')}
              />
            </>
          ) : (
            <TextField
              key={`url ${pasted?.url}`}
              label={t.url}
              name="url"
              type="url"
              required
              className="font-mono"
              placeholder="https://example.com/mcp"
              defaultValue={pasted?.url ?? server?.url ?? ''}
              error={error('url')}
            />
          )}
          <SecretFields
            label={isProgram ? t.env : t.headers}
            hint={t.secretHint}
            error={error(isProgram ? 'env' : 'headers')}
            secrets={secrets}
            onSecrets={setSecrets}
          />
          <ScopeFields scope={server?.scope} workingDir={server?.working_dir} error={error} />
        </>
      )}
    </FormDialog>
  )
}

function create(type: McpTransport, values: FormValues, secrets: readonly Secret[]) {
  const reached =
    type === 'stdio'
      ? { command: values.text('command'), args: values.lines('args'), env: valuesIn(secrets) }
      : { type, url: values.text('url'), headers: valuesIn(secrets) }
  const body = { name: values.text('name'), ...reached, ...scopeIn(values) }
  return content(api.POST('/api/mcp/servers', { body }))
}

function change(server: McpServerView, values: FormValues, secrets: readonly Secret[]) {
  const reached =
    server.type === 'stdio'
      ? { command: values.text('command'), args: values.lines('args'), env: changesOf(secrets) }
      : { url: values.text('url'), headers: changesOf(secrets) }
  const params = { path: { name: server.id } }
  return content(api.PATCH('/api/mcp/servers/{name}', { params, body: { ...reached, ...scopeIn(values) } }))
}

/** Fills in the form from what a server's README says. */
function Paste({ onTake }: { onTake: (server: PastedServer) => void }) {
  const t = useText(mcp)
  const [text, setText] = useState('')
  const take = () => {
    const found = readPasted(text)
    if (found) onTake(found)
    else toast('bad', t.pasteWrong)
  }
  return (
    <details className="rounded-lg border border-line p-3">
      <summary className="text-sm font-medium">{t.paste}</summary>
      <div className="mt-3 grid gap-2">
        <TextAreaField
          label={t.paste}
          hint={t.pasteHint}
          className="font-mono text-xs"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <div>
          <Button size="small" disabled={text.trim() === ''} onClick={take}>
            {t.pasteTake}
          </Button>
        </div>
      </div>
    </details>
  )
}

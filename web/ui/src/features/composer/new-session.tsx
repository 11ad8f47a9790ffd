import { useMutation } from '@tanstack/react-query'
import { useLocation, useNavigate } from '@tanstack/react-router'
import { ArrowUp, Settings2 } from 'lucide-react'
import { useEffect, useState } from 'react'
import { api, content } from '@/api/client'
import { problemOf } from '@/api/problem'
import type { PermissionMode } from '@/api/schema'
import { Button, IconButton } from '@/components/ui/button'
import { TextField } from '@/components/ui/field'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'
import { useHotkeys } from '@/lib/hotkeys'
import { AttachmentBar } from './attachment-bar'
import { useAttachments } from './attachments'
import { ModeSelect } from './mode-select'
import { PromptBox } from './prompt-box'

interface Options {
  permission_mode: PermissionMode
  model: string
  working_dir: string
}

const PROMPT = 'new-prompt'

/** Opens a session, gives it the prompt, and goes there. */
export function NewSession() {
  const t = useText(words)
  const navigate = useNavigate()
  const attachments = useAttachments()
  const [prompt, setPrompt] = useState('')
  const [hasOptions, setOptionsShown] = useState(false)
  const [options, setOptions] = useState<Options>({ permission_mode: 'default', model: '', working_dir: '' })
  const focus = () => document.getElementById(PROMPT)?.focus()
  useHotkeys({ n: focus })

  const { hash } = useLocation()
  useEffect(() => {
    if (hash === 'new') document.getElementById(PROMPT)?.focus()
  }, [hash])

  const start = useMutation({
    async mutationFn() {
      const { permission_mode, model, working_dir } = options
      const body = { permission_mode, ...(model && { model }), ...(working_dir && { working_dir }) }
      const { id } = await content(api.POST('/api/sessions', { body }))
      const path = { params: { path: { id } }, body: { prompt, attachments: attachments.body } }
      await content(api.POST('/api/sessions/{id}/prompts', path))
      return id
    },
    onSuccess: (id) => navigate({ to: '/sessions/$id', params: { id } }),
  })
  const problem = start.error ? problemOf(start.error) : undefined
  const send = () => {
    if (prompt.trim() && !start.isPending) start.mutate()
  }
  return (
    <form
      className="grid gap-2"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <PromptBox
        label={t.composer.prompt}
        placeholder={t.composer.placeholder}
        rows={2}
        value={prompt}
        onValue={setPrompt}
        onSend={send}
        onPaste={(event) => {
          if (attachments.add(event.clipboardData.files)) event.preventDefault()
        }}
        textarea={{ id: PROMPT }}
      >
        <ModeSelect
          value={options.permission_mode}
          onValue={(permission_mode) => setOptions({ ...options, permission_mode })}
        />
        <IconButton
          label={t.composer.options}
          aria-expanded={hasOptions}
          onClick={() => setOptionsShown(!hasOptions)}
        >
          <Settings2 aria-hidden className="size-4.5" />
        </IconButton>
        <AttachmentBar attachments={attachments} />
        <Button
          type="submit"
          look="primary"
          className="ml-auto"
          disabled={!prompt.trim()}
          busy={start.isPending}
          icon={<ArrowUp aria-hidden className="size-4" />}
        >
          {t.composer.start}
        </Button>
      </PromptBox>
      {hasOptions && (
        <div className="card grid gap-4 p-4 sm:grid-cols-2">
          <TextField
            label={t.workingDir}
            hint={t.workingDirHint}
            error={problem?.fields.working_dir}
            className="font-mono"
            value={options.working_dir}
            onChange={(event) => setOptions({ ...options, working_dir: event.target.value })}
          />
          <TextField
            label={t.model}
            placeholder={t.modelDefault}
            error={problem?.fields.model}
            value={options.model}
            onChange={(event) => setOptions({ ...options, model: event.target.value })}
          />
        </div>
      )}
      {problem && (
        <p role="alert" className="rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad">
          {problem.message}
        </p>
      )}
    </form>
  )
}

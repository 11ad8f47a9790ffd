import { useState } from 'react'
import type { RequestView } from '@/api/schema'
import { Button } from '@/components/ui/button'
import { TextAreaField, TextField } from '@/components/ui/field'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { requests as words } from '@/i18n/requests'
import type { Decide } from './use-decide'

type Form = 'none' | 'deny' | 'edit'

/** The ways to decide about a permission. */
export function PermissionActions({ request, decide }: { request: RequestView; decide: Decide }) {
  const t = useText(words)
  const [form, setForm] = useState<Form>('none')
  const close = () => setForm('none')
  if (form === 'deny') return <DenyForm decide={decide} onClose={close} />
  if (form === 'edit') return <EditForm request={request} decide={decide} onClose={close} />
  const busy = decide.isPending
  return (
    <div className="flex flex-wrap gap-2">
      <Button look="allow" disabled={busy} onClick={() => decide.mutate({ decision: 'allow' })}>
        {t.allow}
      </Button>
      <Button disabled={busy} onClick={() => decide.mutate({ decision: 'allow', remember: 'session' })}>
        {t.allowSession}
      </Button>
      <Button look="danger" disabled={busy} onClick={() => decide.mutate({ decision: 'deny' })}>
        {t.deny}
      </Button>
      <span className="flex-1" />
      <Button
        look="quiet"
        size="small"
        className="self-center"
        disabled={busy}
        onClick={() => setForm('edit')}
      >
        {t.edit}
      </Button>
      <Button
        look="quiet"
        size="small"
        className="self-center"
        disabled={busy}
        onClick={() => setForm('deny')}
      >
        {t.denyWith}
      </Button>
    </div>
  )
}

interface FormProps {
  decide: Decide
  onClose: () => void
}

function DenyForm({ decide, onClose }: FormProps) {
  const t = useText(words)
  const { cancel } = useText(common)
  return (
    <form
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault()
        const message = String(new FormData(event.currentTarget).get('message'))
        decide.mutate({ decision: 'deny', message })
      }}
    >
      <TextField label={t.message} name="message" required autoFocus placeholder={t.messagePlaceholder} />
      <div className="flex gap-2">
        <Button type="submit" look="danger" busy={decide.isPending}>
          {t.deny}
        </Button>
        <Button look="quiet" onClick={onClose}>
          {cancel}
        </Button>
      </div>
    </form>
  )
}

/** The text as a JSON object, if it is one. */
function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch {
    return null
  }
}

function EditForm({ request, decide, onClose }: FormProps & { request: RequestView }) {
  const t = useText(words)
  const { cancel } = useText(common)
  const [text, setText] = useState(() => JSON.stringify(request.input, null, 2))
  const input = objectOf(text)
  return (
    <form
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault()
        if (input) decide.mutate({ decision: 'allow', updated_input: input })
      }}
    >
      <TextAreaField
        label={t.editTitle}
        hint={t.editHint}
        error={input ? undefined : t.editInvalid}
        className="min-h-40 font-mono text-xs"
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="flex gap-2">
        <Button type="submit" look="allow" disabled={!input} busy={decide.isPending}>
          {t.allow}
        </Button>
        <Button look="quiet" onClick={onClose}>
          {cancel}
        </Button>
      </div>
    </form>
  )
}

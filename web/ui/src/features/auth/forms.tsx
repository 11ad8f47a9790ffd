import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { api, content } from '@/api/client'
import { Button } from '@/components/ui/button'
import { TextField } from '@/components/ui/field'
import { useText } from '@/i18n'
import { auth } from '@/i18n/auth'
import { PasswordField } from './password-field'
import { useEntry } from './use-entry'

const COOKIE = { query: { cookie: true } }
const LINK = 'font-medium text-accent underline-offset-2 hover:underline'

const text = (form: FormData, name: string) => String(form.get(name) ?? '').trim()

interface EntryFormProps {
  entry: ReturnType<typeof useEntry>
  action: string
  children: ReactNode
}

function EntryForm({ entry, action, children }: EntryFormProps) {
  return (
    <form className="grid gap-4" onSubmit={entry.onSubmit}>
      {children}
      {entry.problem && (
        <p role="alert" className="rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad">
          {entry.problem}
        </p>
      )}
      <Button type="submit" look="primary" className="mt-1 h-11" busy={entry.busy}>
        {action}
      </Button>
    </form>
  )
}

export function LoginForm({ next }: { next?: string }) {
  const t = useText(auth)
  const entry = useEntry((form) => {
    const body = { username: text(form, 'username'), password: String(form.get('password')) }
    return content(api.POST('/api/auth/login', { params: COOKIE, body }))
  }, next)
  return (
    <>
      <EntryForm entry={entry} action={t.signIn}>
        <TextField
          label={t.username}
          name="username"
          autoComplete="username"
          required
          error={entry.fields.username}
        />
        <PasswordField label={t.password} autoComplete="current-password" error={entry.fields.password} />
      </EntryForm>
      <p className="mt-6 text-sm text-ink-2">
        {t.noAccount}{' '}
        <Link to="/register" className={LINK}>
          {t.register}
        </Link>
      </p>
      <p className="mt-2 text-sm text-ink-2">
        {t.passwordReset}{' '}
        <Link to="/reset" className={LINK}>
          {t.useReset}
        </Link>
      </p>
    </>
  )
}

export function RegisterForm({ code }: { code?: string }) {
  const t = useText(auth)
  const entry = useEntry((form) => {
    const code = text(form, 'code')
    const body = {
      username: text(form, 'username'),
      password: String(form.get('password')),
      ...(code && { code }),
    }
    return content(api.POST('/api/auth/register', { params: COOKIE, body }))
  }, '/')
  return (
    <>
      <EntryForm entry={entry} action={t.register}>
        <TextField
          label={t.username}
          name="username"
          autoComplete="username"
          required
          error={entry.fields.username}
        />
        <PasswordField
          label={t.password}
          autoComplete="new-password"
          hint={t.passwordHint}
          error={entry.fields.password}
        />
        <TextField
          label={t.code}
          name="code"
          autoComplete="off"
          defaultValue={code}
          hint={t.codeHint}
          error={entry.fields.code}
        />
      </EntryForm>
      <p className="mt-6 text-sm text-ink-2">
        {t.haveAccount}{' '}
        <Link to="/login" className={LINK}>
          {t.signIn}
        </Link>
      </p>
    </>
  )
}

export function ResetForm() {
  const t = useText(auth)
  const entry = useEntry((form) => {
    const body = { code: text(form, 'code'), password: String(form.get('password')) }
    return content(api.POST('/api/auth/password-reset', { params: COOKIE, body }))
  }, '/')
  return (
    <EntryForm entry={entry} action={t.resetAction}>
      <TextField
        label={t.resetCode}
        name="code"
        autoComplete="one-time-code"
        required
        error={entry.fields.code}
      />
      <PasswordField
        label={t.newPassword}
        autoComplete="new-password"
        hint={t.passwordHint}
        error={entry.fields.password}
      />
    </EntryForm>
  )
}

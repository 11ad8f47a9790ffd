import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { api, content } from '@/api/client'
import { problemOf } from '@/api/problem'
import { Button } from '@/components/ui/button'
import { TextField } from '@/components/ui/field'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { access } from '@/i18n/access'
import { auth } from '@/i18n/auth'
import { CheckField } from '../kit/check-field'
import { LOGINS } from './logins'

export function PasswordForm() {
  const t = useText(access).account
  const { passwordHint } = useText(auth)
  const client = useQueryClient()
  const form = useRef<HTMLFormElement>(null)
  const change = useMutation({
    mutationFn: (data: FormData) =>
      content(
        api.PUT('/api/auth/password', {
          body: {
            current_password: String(data.get('current_password')),
            new_password: String(data.get('new_password')),
            keep_tokens: data.has('keep_tokens'),
          },
        }),
      ),
    async onSuccess() {
      form.current?.reset()
      toast('good', t.changed)
      await client.invalidateQueries({ queryKey: LOGINS })
    },
  })
  const problem = change.error ? problemOf(change.error) : undefined
  const fields = problem?.fields ?? {}
  return (
    <section aria-labelledby="password" className="mt-8">
      <h2 id="password" className="mb-2 font-semibold">
        {t.password}
      </h2>
      <form
        ref={form}
        className="card grid max-w-xl gap-4 p-4"
        onSubmit={(event) => {
          event.preventDefault()
          change.mutate(new FormData(event.currentTarget))
        }}
      >
        <TextField
          label={t.current}
          name="current_password"
          type="password"
          autoComplete="current-password"
          required
          error={fields.current_password}
        />
        <TextField
          label={t.next}
          name="new_password"
          type="password"
          autoComplete="new-password"
          required
          hint={passwordHint}
          error={fields.new_password}
        />
        <CheckField label={t.keep} name="keep_tokens" defaultChecked />
        {problem && Object.keys(fields).length === 0 && (
          <p role="alert" className="rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad">
            {problem.message}
          </p>
        )}
        <div>
          <Button type="submit" look="primary" busy={change.isPending}>
            {t.change}
          </Button>
        </div>
      </form>
    </section>
  )
}

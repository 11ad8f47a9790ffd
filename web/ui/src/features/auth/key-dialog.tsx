import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useId } from 'react'
import { api, content } from '@/api/client'
import { problemOf } from '@/api/problem'
import { keysQuery, statusQuery } from '@/api/queries'
import { Button } from '@/components/ui/button'
import { Dialog } from '@/components/ui/dialog'
import { TextField } from '@/components/ui/field'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { auth } from '@/i18n/auth'
import { common } from '@/i18n/common'

/** Stores a key of the model's API, which takes the place of the built-in model. */
export function KeyDialog({ onClose }: { onClose: () => void }) {
  const t = useText(auth).key
  const words = useText(common)
  const client = useQueryClient()
  const id = useId()
  const add = useMutation({
    mutationFn(form: FormData) {
      const text = (name: string) => String(form.get(name) ?? '').trim()
      const [budget, baseUrl] = [text('monthly_budget_usd'), text('base_url')]
      const body = {
        name: text('name'),
        key: text('key'),
        ...(budget && { monthly_budget_usd: Number(budget) }),
        ...(baseUrl && { base_url: baseUrl }),
      }
      return content(api.POST('/api/api-keys', { body }))
    },
    async onSuccess() {
      await client.invalidateQueries({ queryKey: statusQuery.queryKey })
      await client.invalidateQueries({ queryKey: keysQuery.queryKey })
      toast('good', t.added)
      onClose()
    },
  })
  const problem = add.error ? problemOf(add.error) : undefined
  const fields = problem?.fields ?? {}
  return (
    <Dialog
      open
      onClose={onClose}
      title={t.title}
      description={t.lead}
      footer={
        <>
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button look="primary" type="submit" form={id} busy={add.isPending}>
            {t.add}
          </Button>
        </>
      }
    >
      <form
        id={id}
        className="grid gap-4 py-2"
        onSubmit={(event) => {
          event.preventDefault()
          add.mutate(new FormData(event.currentTarget))
        }}
      >
        <TextField label={t.name} name="name" required defaultValue={t.namePlaceholder} error={fields.name} />
        <TextField
          label={t.key}
          name="key"
          type="password"
          autoComplete="off"
          required
          className="font-mono"
          hint={t.keyHint}
          error={fields.key}
        />
        <TextField
          label={t.budget}
          name="monthly_budget_usd"
          type="number"
          min="0"
          step="any"
          hint={t.budgetHint}
          error={fields.monthly_budget_usd}
        />
        <TextField
          label={t.baseUrl}
          name="base_url"
          type="url"
          hint={t.baseUrlHint}
          error={fields.base_url}
        />
        {problem && Object.keys(fields).length === 0 && (
          <p role="alert" className="rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad">
            {problem.message}
          </p>
        )}
      </form>
    </Dialog>
  )
}

import { type QueryKey, useMutation, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect, useId, useRef } from 'react'
import { problemOf } from '@/api/problem'
import { Button } from '@/components/ui/button'
import { Dialog } from '@/components/ui/dialog'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { errorAt, type FormValues, leftOver, valuesOf } from './form-data'

interface FormDialogProps<T> {
  title: string
  description?: ReactNode
  submit: string
  /** The fields that are shown; what is wrong with others is told below them. */
  names: readonly string[]
  save: (values: FormValues) => Promise<T>
  /** The lists that are no longer true after it. */
  changes: QueryKey
  onSaved?: (saved: T) => void
  onClose: () => void
  /** The fields; they get what is wrong with each of them by its name. */
  children: (error: (name: string) => string | undefined) => ReactNode
  className?: string
}

/** A form in a dialog: what the server says against a value stands at its field. */
export function FormDialog<T>(props: FormDialogProps<T>) {
  const { title, description, submit, names, save, changes, onSaved, onClose, children, className } = props
  const t = useText(common)
  const client = useQueryClient()
  const id = useId()
  const form = useRef<HTMLFormElement>(null)
  const sent = useMutation({
    mutationFn: (data: FormData) => save(valuesOf(data)),
    async onSuccess(saved) {
      await client.invalidateQueries({ queryKey: changes })
      onClose()
      onSaved?.(saved)
    },
  })
  const problem = sent.error ? problemOf(sent.error) : undefined
  const fields = problem?.fields ?? {}
  const others = leftOver(fields, names)
  useEffect(() => {
    if (sent.error) form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus()
  }, [sent.error])
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      description={description}
      className={className}
      footer={
        <>
          <Button onClick={onClose}>{t.cancel}</Button>
          <Button look="primary" type="submit" form={id} busy={sent.isPending}>
            {submit}
          </Button>
        </>
      }
    >
      <form
        ref={form}
        id={id}
        className="grid gap-4 py-2"
        onSubmit={(event) => {
          event.preventDefault()
          sent.mutate(new FormData(event.currentTarget))
        }}
      >
        {children((name) => errorAt(fields, name))}
        {problem && (Object.keys(fields).length === 0 || others.length > 0) && (
          <p role="alert" className="rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad">
            {others.length > 0 ? others.join(' · ') : problem.message}
          </p>
        )}
      </form>
    </Dialog>
  )
}

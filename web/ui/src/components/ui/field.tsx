import { clsx } from 'clsx'
import { type ComponentProps, type ReactNode, useId } from 'react'

export const inputClass = clsx(
  'w-full rounded-lg border border-line-strong bg-surface px-3 text-sm text-ink transition-colors',
  'hover:border-ink-3 focus-visible:border-accent focus-visible:outline-1 focus-visible:outline-offset-0',
  'aria-invalid:border-bad disabled:opacity-60 pointer-coarse:text-base',
)

interface FieldProps {
  label: string
  hint?: ReactNode
  error?: string
  /** The control; gets the id that the label points to, and what describes it. */
  children: (control: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode
}

/** A control with its label, a hint, and what is wrong with its value. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId()
  const note = error ?? hint
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      {children({
        id,
        'aria-describedby': note ? `${id}-note` : undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {note && (
        <p id={`${id}-note`} className={clsx('text-[0.8125rem]', error ? 'text-bad' : 'text-ink-3')}>
          {note}
        </p>
      )}
    </div>
  )
}

type TextFieldProps = Omit<FieldProps, 'children'> & ComponentProps<'input'>

export function TextField({ label, hint, error, className, ...rest }: TextFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => <input className={clsx(inputClass, 'h-10', className)} {...control} {...rest} />}
    </Field>
  )
}

type TextAreaFieldProps = Omit<FieldProps, 'children'> & ComponentProps<'textarea'>

export function TextAreaField({ label, hint, error, className, ...rest }: TextAreaFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <textarea className={clsx(inputClass, 'min-h-24 py-2', className)} {...control} {...rest} />
      )}
    </Field>
  )
}

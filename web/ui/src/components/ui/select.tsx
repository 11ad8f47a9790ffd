import { clsx } from 'clsx'
import { ChevronDown } from 'lucide-react'
import type { ComponentProps } from 'react'
import { Field, inputClass } from './field'

export interface Option<T extends string = string> {
  value: T
  label: string
}

interface SelectProps<T extends string> extends Omit<ComponentProps<'select'>, 'onChange' | 'value'> {
  value: T
  options: readonly Option<T>[]
  onValue: (value: T) => void
}

/** The browser's own list of choices, which phones and readers of the screen know best. */
export function Select<T extends string>({ value, options, onValue, className, ...rest }: SelectProps<T>) {
  return (
    <span className={clsx('relative inline-flex', className)}>
      <select
        className={clsx(inputClass, 'h-9 appearance-none pr-8 pointer-coarse:h-11')}
        value={value}
        onChange={(event) => {
          const chosen = options.find((option) => option.value === event.target.value)
          if (chosen) onValue(chosen.value)
        }}
        {...rest}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <ChevronDown
        aria-hidden
        className="pointer-events-none absolute top-1/2 right-2.5 size-4 -translate-y-1/2 text-ink-3"
      />
    </span>
  )
}

export function SelectField<T extends string>({
  label,
  hint,
  error,
  ...rest
}: SelectProps<T> & { label: string; hint?: string; error?: string }) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => <Select className="w-full" {...control} {...rest} />}
    </Field>
  )
}

import { Field, inputClass } from '@/components/ui/field'

interface FileFieldProps {
  label: string
  name: string
  accept: string
  hint?: string
  error?: string
  required?: boolean
}

export function FileField({ label, hint, error, ...rest }: FileFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <input
          type="file"
          className={`${inputClass} h-10 py-1.5 file:mr-3 file:rounded-md file:border-0 file:bg-sunken file:px-2.5 file:py-1 file:text-sm`}
          {...control}
          {...rest}
        />
      )}
    </Field>
  )
}

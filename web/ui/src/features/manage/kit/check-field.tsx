interface CheckFieldProps {
  label: string
  name: string
  value?: string
  hint?: string
  defaultChecked?: boolean
}

/** One choice that is made or not. */
export function CheckField({ label, hint, ...rest }: CheckFieldProps) {
  return (
    <label className="flex min-h-6 items-start gap-2.5 text-sm pointer-coarse:min-h-11 pointer-coarse:items-center">
      <input type="checkbox" className="mt-1 size-4 accent-accent pointer-coarse:mt-0" {...rest} />
      <span>
        {label}
        {hint && <span className="block text-[0.8125rem] text-ink-3">{hint}</span>}
      </span>
    </label>
  )
}

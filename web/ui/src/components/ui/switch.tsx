import { clsx } from 'clsx'

interface SwitchProps {
  label: string
  checked: boolean
  onChecked: (checked: boolean) => void
  disabled?: boolean
  /** Where the label stands beside it already, it is only read aloud. */
  labelHidden?: boolean
}

export function Switch({ label, checked, onChecked, disabled, labelHidden }: SwitchProps) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={checked}
      aria-label={labelHidden ? label : undefined}
      disabled={disabled}
      onClick={() => onChecked(!checked)}
      className="inline-flex items-center gap-2.5 rounded-md text-sm disabled:opacity-55"
    >
      <span
        aria-hidden
        className={clsx(
          'flex h-5 w-9 items-center rounded-full border p-0.5 transition-colors',
          checked ? 'border-transparent bg-accent' : 'border-line-strong bg-sunken',
        )}
      >
        <span
          className={clsx(
            'size-3.5 rounded-full transition-transform',
            checked ? 'translate-x-4 bg-on-accent' : 'bg-ink-3',
          )}
        />
      </span>
      {!labelHidden && label}
    </button>
  )
}

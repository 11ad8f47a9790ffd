import { clsx } from 'clsx'
import type { ComponentProps, ReactNode } from 'react'

export type ButtonLook = 'primary' | 'secondary' | 'quiet' | 'danger' | 'allow'
export type ButtonSize = 'small' | 'medium' | 'large'

const LOOKS: Record<ButtonLook, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong border-transparent',
  secondary: 'bg-surface text-ink border-line-strong hover:bg-sunken',
  quiet: 'text-ink-2 border-transparent hover:bg-sunken hover:text-ink',
  danger: 'bg-surface text-bad border-line-strong hover:bg-bad-soft hover:border-bad/40',
  allow: 'bg-good text-on-accent border-transparent hover:brightness-110',
}

const SIZES: Record<ButtonSize, string> = {
  small: 'h-7 px-2.5 text-[0.8125rem] gap-1.5 rounded-md pointer-coarse:h-9',
  medium: 'h-9 px-3.5 text-sm gap-2 rounded-lg pointer-coarse:h-11',
  large: 'h-12 px-5 text-base gap-2 rounded-lg',
}

export function buttonClass(look: ButtonLook = 'secondary', size: ButtonSize = 'medium') {
  return clsx(
    'inline-flex shrink-0 items-center justify-center border font-medium whitespace-nowrap transition-colors',
    'disabled:border-transparent disabled:bg-sunken disabled:text-ink-3',
    LOOKS[look],
    SIZES[size],
  )
}

interface ButtonProps extends ComponentProps<'button'> {
  look?: ButtonLook
  size?: ButtonSize
  busy?: boolean
  icon?: ReactNode
}

export function Button({ look, size, busy, icon, className, children, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={clsx(buttonClass(look, size), className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy ? <Spinner /> : icon}
      {children}
    </button>
  )
}

/** A button that shows only a picture; its name is read aloud and shown as its title. */
export function IconButton({
  label,
  className,
  children,
  ...rest
}: ComponentProps<'button'> & { label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={clsx(
        'inline-flex size-8 shrink-0 items-center justify-center rounded-lg text-ink-2 transition-colors',
        'hover:bg-sunken hover:text-ink disabled:opacity-50 pointer-coarse:size-11',
        className,
      )}
      {...rest}
    >
      {children}
    </button>
  )
}

export function Spinner({ className }: { className?: string }) {
  return (
    <span
      aria-hidden
      className={clsx(
        'inline-block size-3.5 animate-spin rounded-full border-2 border-current border-r-transparent',
        className,
      )}
    />
  )
}

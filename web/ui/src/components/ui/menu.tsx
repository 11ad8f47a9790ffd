import { Menu as Base } from '@base-ui/react/menu'
import { clsx } from 'clsx'
import { Check } from 'lucide-react'
import type { ReactElement, ReactNode } from 'react'
import { Csp } from './csp'

const ITEM = clsx(
  'flex cursor-default items-center gap-2.5 rounded-md px-2.5 py-1.5 text-sm outline-none select-none',
  'data-highlighted:bg-sunken data-disabled:opacity-50 pointer-coarse:py-2.5',
)

interface MenuProps {
  trigger: ReactElement
  children: ReactNode
  side?: 'top' | 'bottom' | 'right'
  align?: 'start' | 'end'
}

export function Menu({ trigger, children, side, align }: MenuProps) {
  return (
    <Csp>
      <Base.Root modal={false}>
        <Base.Trigger render={trigger} />
        <Base.Portal>
          <Base.Positioner side={side ?? 'bottom'} align={align ?? 'start'} sideOffset={6} className="z-50">
            <Base.Popup className="scroll-thin max-h-[70vh] min-w-48 overflow-y-auto rounded-xl border border-line bg-surface p-1.5 shadow-high outline-none">
              {children}
            </Base.Popup>
          </Base.Positioner>
        </Base.Portal>
      </Base.Root>
    </Csp>
  )
}

interface MenuItemProps {
  icon?: ReactNode
  hint?: string
  danger?: boolean
  disabled?: boolean
  onSelect: () => void
  children: ReactNode
}

export function MenuItem({ icon, hint, danger, disabled, onSelect, children }: MenuItemProps) {
  return (
    <Base.Item className={clsx(ITEM, danger && 'text-bad')} disabled={disabled} onClick={onSelect}>
      {icon}
      <span className="flex-1">{children}</span>
      {hint && <span className="text-xs text-ink-3">{hint}</span>}
    </Base.Item>
  )
}

interface MenuChoicesProps<T extends string> {
  label: string
  value: T
  options: readonly { value: T; label: string; hint?: string }[]
  onValue: (value: T) => void
}

/** One choice out of several, with a mark at the one that holds. */
export function MenuChoices<T extends string>({ label, value, options, onValue }: MenuChoicesProps<T>) {
  return (
    <Base.Group>
      <Base.GroupLabel className="px-2.5 pt-1.5 pb-1 text-xs font-medium text-ink-3">{label}</Base.GroupLabel>
      <Base.RadioGroup value={value} onValueChange={onValue}>
        {options.map((option) => (
          <Base.RadioItem key={option.value} value={option.value} closeOnClick className={ITEM}>
            <span className="inline-flex w-4 justify-center">
              <Base.RadioItemIndicator>
                <Check aria-hidden className="size-4 text-accent" />
              </Base.RadioItemIndicator>
            </span>
            <span className="flex-1">
              {option.label}
              {option.hint && <span className="block max-w-64 text-xs text-ink-3">{option.hint}</span>}
            </span>
          </Base.RadioItem>
        ))}
      </Base.RadioGroup>
    </Base.Group>
  )
}

export function MenuSeparator() {
  return <Base.Separator className="mx-2 my-1.5 h-px bg-line" />
}

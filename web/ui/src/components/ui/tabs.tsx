import { clsx } from 'clsx'
import { type KeyboardEvent, type ReactNode, useId, useRef } from 'react'

export interface Tab<T extends string> {
  value: T
  label: string
  badge?: ReactNode
}

interface TabsProps<T extends string> {
  label: string
  value: T
  tabs: readonly Tab<T>[]
  onValue: (value: T) => void
  /** The content of the tab that is chosen. */
  children: ReactNode
  className?: string
}

/** Tabs by the pattern of WAI-ARIA: arrows go from one to the next, and one of them is in the order of Tab. */
export function Tabs<T extends string>({ label, value, tabs, onValue, children, className }: TabsProps<T>) {
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex((tab) => tab.value === value)
    const steps: Record<string, number> = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: tabs.length - 1,
    }
    const step = steps[event.key]
    if (step === undefined) return
    event.preventDefault()
    const next = (step + tabs.length) % tabs.length
    const tab = tabs[next]
    if (tab) onValue(tab.value)
    list.current?.querySelectorAll('button')[next]?.focus()
  }
  return (
    <div className={clsx('flex min-h-0 flex-col', className)}>
      <div
        ref={list}
        role="tablist"
        aria-label={label}
        className="scroll-thin flex shrink-0 gap-1 overflow-x-auto border-b border-line px-3"
        onKeyDown={move}
      >
        {tabs.map((tab) => (
          <button
            key={tab.value}
            type="button"
            role="tab"
            id={`${id}-${tab.value}`}
            aria-controls={`${id}-panel`}
            aria-selected={tab.value === value}
            tabIndex={tab.value === value ? 0 : -1}
            onClick={() => onValue(tab.value)}
            className={clsx(
              '-mb-px inline-flex h-11 items-center gap-1.5 border-b-2 px-2 text-sm whitespace-nowrap -outline-offset-2',
              tab.value === value
                ? 'border-accent font-medium text-ink'
                : 'border-transparent text-ink-2 hover:text-ink',
            )}
          >
            {tab.label}
            {tab.badge}
          </button>
        ))}
      </div>
      <div
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-${value}`}
        tabIndex={0}
        className="scroll-thin min-h-0 flex-1 overflow-y-auto -outline-offset-2"
      >
        {children}
      </div>
    </div>
  )
}

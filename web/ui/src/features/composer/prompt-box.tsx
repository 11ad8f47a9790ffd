import { clsx } from 'clsx'
import { type ComponentProps, type KeyboardEvent, type ReactNode, useLayoutEffect, useRef } from 'react'

interface PromptBoxProps {
  label: string
  placeholder: string
  value: string
  onValue: (value: string) => void
  onSend: () => void
  onKey?: (event: KeyboardEvent<HTMLTextAreaElement>) => void
  onPaste?: ComponentProps<'textarea'>['onPaste']
  /** What stands under the text: choices on the left, buttons on the right. */
  children: ReactNode
  rows?: number
  textarea?: Partial<ComponentProps<'textarea'>>
}

/** A text that grows with what is written; Enter sends, with Shift it begins a line. */
export function PromptBox(props: PromptBoxProps) {
  const { label, placeholder, value, onValue, onSend, onKey, onPaste, children, rows, textarea } = props
  const box = useRef<HTMLTextAreaElement>(null)

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const area = box.current
    if (!area) return
    area.style.height = 'auto'
    area.style.height = `${Math.min(area.scrollHeight, window.innerHeight * 0.4)}px`
  }, [value])

  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    onKey?.(event)
    // While a character is put together Enter chooses it; Safari says so only by the number.
    const isComposing = event.nativeEvent.isComposing || event.keyCode === 229
    if (event.defaultPrevented || isComposing || event.key !== 'Enter' || event.shiftKey) return
    event.preventDefault()
    onSend()
  }
  return (
    <div className="card relative shadow-low transition-colors focus-within:border-accent">
      <textarea
        ref={box}
        rows={rows ?? 1}
        aria-label={label}
        placeholder={placeholder}
        className={clsx(
          'scroll-thin block w-full resize-none bg-transparent px-4 pt-3.5 pb-1 outline-none pointer-coarse:text-base',
        )}
        value={value}
        onChange={(event) => onValue(event.target.value)}
        onKeyDown={press}
        onPaste={onPaste}
        {...textarea}
      />
      <div className="flex flex-wrap items-center gap-1.5 px-2.5 pb-2.5">{children}</div>
    </div>
  )
}

import { clsx } from 'clsx'
import { CircleCheck, CircleX, X } from 'lucide-react'
import { problemOf } from '@/api/problem'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { createStore, useStore } from '@/lib/store'
import { Button, IconButton } from './button'

interface Toast {
  id: number
  tone: 'good' | 'bad'
  text: string
  /** Takes back what the toast tells of. */
  undo?: () => void
}

const SHOWN_MS = 6000

const toasts = createStore<readonly Toast[]>([])
let lastId = 0

function dismiss(id: number) {
  toasts.set(toasts.get().filter((toast) => toast.id !== id))
}

/** Tells in passing what was done, or what could not be. */
export function toast(tone: Toast['tone'], text: string, undo?: () => void) {
  lastId += 1
  const id = lastId
  toasts.set([...toasts.get().slice(-2), { id, tone, text, undo }])
  window.setTimeout(() => dismiss(id), SHOWN_MS)
}

/** Tells what the server said against it. */
export function toastProblem(error: unknown) {
  const problem = problemOf(error)
  toast('bad', problem.message || problem.code)
}

export function Toasts() {
  const t = useText(common)
  const shown = useStore(toasts)
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-3 bottom-20 z-60 flex flex-col items-center gap-2 md:inset-x-auto md:right-5 md:bottom-5 md:items-end"
    >
      {shown.map(({ id, tone, text, undo }) => (
        <div
          key={id}
          className="pointer-events-auto flex w-full max-w-sm animate-rise items-center gap-3 rounded-xl border border-line bg-surface py-2 pr-2 pl-3.5 text-sm shadow-high"
        >
          {tone === 'good' ? (
            <CircleCheck aria-hidden className="size-4.5 shrink-0 text-good" />
          ) : (
            <CircleX aria-hidden className="size-4.5 shrink-0 text-bad" />
          )}
          <span className={clsx('min-w-0 flex-1', tone === 'bad' && 'text-bad')}>{text}</span>
          {undo && (
            <Button
              size="small"
              look="quiet"
              onClick={() => {
                undo()
                dismiss(id)
              }}
            >
              {t.undo}
            </Button>
          )}
          <IconButton label={t.close} onClick={() => dismiss(id)}>
            <X aria-hidden className="size-4" />
          </IconButton>
        </div>
      ))}
    </div>
  )
}

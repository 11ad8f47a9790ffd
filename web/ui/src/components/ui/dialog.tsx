import { AlertDialog as BaseAlert } from '@base-ui/react/alert-dialog'
import { Dialog as Base } from '@base-ui/react/dialog'
import { clsx } from 'clsx'
import { X } from 'lucide-react'
import { type ReactNode, useRef } from 'react'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { Button, type ButtonLook } from './button'
import { Csp } from './csp'

const BACKDROP =
  'fixed inset-0 z-40 bg-black/40 transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0'

const POPUP = clsx(
  'fixed z-50 flex flex-col border border-line bg-surface shadow-high outline-none transition-all',
  'data-ending-style:opacity-0 data-starting-style:opacity-0',
)

const CENTRED = clsx(
  POPUP,
  'inset-x-0 bottom-0 max-h-[90dvh] rounded-t-2xl pb-[env(safe-area-inset-bottom)]',
  'sm:inset-x-auto sm:top-[12vh] sm:bottom-auto sm:left-1/2 sm:max-h-[76vh] sm:w-full sm:max-w-lg sm:-translate-x-1/2 sm:rounded-2xl',
)

const DRAWER = clsx(
  POPUP,
  'inset-y-0 right-0 w-full max-w-md data-starting-style:translate-x-6 data-ending-style:translate-x-6',
)

interface DialogProps {
  open: boolean
  onClose: () => void
  title: string
  description?: ReactNode
  children: ReactNode
  footer?: ReactNode
  /** In the middle (a sheet from below on a phone), or from the side. */
  from?: 'centre' | 'side'
  className?: string
}

export function Dialog({
  open,
  onClose,
  title,
  description,
  children,
  footer,
  from,
  className,
}: DialogProps) {
  const t = useText(common)
  return (
    <Csp>
      <Base.Root open={open} onOpenChange={(open) => !open && onClose()}>
        <Base.Portal>
          <Base.Backdrop className={BACKDROP} />
          <Base.Popup className={clsx(from === 'side' ? DRAWER : CENTRED, className)}>
            <div className="flex items-start gap-3 px-5 pt-4 pb-2">
              <div className="min-w-0 flex-1">
                <Base.Title className="text-lg font-semibold">{title}</Base.Title>
                {description && (
                  <Base.Description className="mt-0.5 text-sm text-ink-2">{description}</Base.Description>
                )}
              </div>
              <Base.Close
                aria-label={t.close}
                className="inline-flex size-8 items-center justify-center rounded-lg text-ink-2 hover:bg-sunken pointer-coarse:size-11"
              >
                <X aria-hidden className="size-4.5" />
              </Base.Close>
            </div>
            <div className="scroll-thin min-h-0 flex-1 overflow-y-auto px-5 py-2">{children}</div>
            {footer && <div className="flex justify-end gap-2 px-5 pt-2 pb-5">{footer}</div>}
          </Base.Popup>
        </Base.Portal>
      </Base.Root>
    </Csp>
  )
}

interface AlertDialogProps {
  open: boolean
  onClose: () => void
  title: string
  description: ReactNode
  /** What is done after all, in a verb. */
  action: string
  look?: ButtonLook
  busy?: boolean
  onAction: () => void
}

/** Asks before something that cannot be undone; the harmless answer has the focus. */
export function AlertDialog({
  open,
  onClose,
  title,
  description,
  action,
  look,
  busy,
  onAction,
}: AlertDialogProps) {
  const t = useText(common)
  const cancel = useRef<HTMLButtonElement>(null)
  return (
    <Csp>
      <BaseAlert.Root open={open} onOpenChange={(open) => !open && onClose()}>
        <BaseAlert.Portal>
          <BaseAlert.Backdrop className={BACKDROP} />
          <BaseAlert.Popup className={clsx(CENTRED, 'gap-2 p-5')} initialFocus={cancel}>
            <BaseAlert.Title className="text-lg font-semibold">{title}</BaseAlert.Title>
            <BaseAlert.Description className="text-sm text-ink-2">{description}</BaseAlert.Description>
            <div className="mt-3 flex justify-end gap-2">
              <Button ref={cancel} onClick={onClose}>
                {t.cancel}
              </Button>
              <Button look={look ?? 'danger'} busy={busy} onClick={onAction}>
                {action}
              </Button>
            </div>
          </BaseAlert.Popup>
        </BaseAlert.Portal>
      </BaseAlert.Root>
    </Csp>
  )
}

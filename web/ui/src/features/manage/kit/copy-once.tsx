import { Check, Copy } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { Button } from '@/components/ui/button'
import { Dialog } from '@/components/ui/dialog'
import { inputClass } from '@/components/ui/field'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { copyText } from '@/lib/clipboard'

interface CopyOnceProps {
  title: string
  /** What it is called, for readers of the screen. */
  label: string
  secret: string
  children?: ReactNode
  onClose: () => void
}

/** Something that the server shows once. */
export function CopyOnce({ title, label, secret, children, onClose }: CopyOnceProps) {
  const t = useText(manage)
  const [copied, setCopied] = useState<boolean>()
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      description={t.once.warning}
      footer={
        <Button look="primary" onClick={onClose}>
          {t.done}
        </Button>
      }
    >
      <div className="grid gap-3 py-2">
        <div className="flex gap-2">
          <input
            readOnly
            aria-label={label}
            value={secret}
            onFocus={(event) => event.currentTarget.select()}
            className={`${inputClass} h-10 min-w-0 flex-1 font-mono`}
          />
          <Button
            className="h-10"
            icon={copied ? <Check aria-hidden className="size-4" /> : <Copy aria-hidden className="size-4" />}
            onClick={() => void copyText(secret).then(setCopied)}
          >
            {copied ? t.once.copied : t.once.copy}
          </Button>
        </div>
        {copied === false && <p className="text-sm text-warn">{t.once.failed}</p>}
        {children}
      </div>
    </Dialog>
  )
}

import { History } from 'lucide-react'
import { type ComponentProps, lazy, Suspense, useState } from 'react'
import { Button } from '@/components/ui/button'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import type { HistoryDialog as Dialog } from './history-dialog'

const HistoryDialog = lazy(() =>
  import('./history-dialog').then(({ HistoryDialog }) => ({ default: HistoryDialog })),
)

/** Opens the history of something. */
export function HistoryButton(props: Omit<ComponentProps<typeof Dialog>, 'onClose'>) {
  const t = useText(manage).history
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button
        size="small"
        look="quiet"
        icon={<History aria-hidden className="size-3.5" />}
        onClick={() => setOpen(true)}
      >
        {t.action}
      </Button>
      {isOpen && (
        <Suspense>
          <HistoryDialog {...props} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  )
}

import type { QueryKey } from '@tanstack/react-query'
import { Trash2 } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { Button } from '@/components/ui/button'
import { toast } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { useAction } from './use-action'

const AlertDialog = lazy(() =>
  import('@/components/ui/dialog').then(({ AlertDialog }) => ({ default: AlertDialog })),
)

interface RemoveButtonProps {
  name: string
  /** What becomes of what it is used for. */
  consequence: ReactNode
  changes: QueryKey
  remove: () => Promise<unknown>
  /** In place of "Remove". */
  label?: string
  /** In place of the question that names it. */
  title?: string
  /** In place of the words that tell of it. */
  done?: string
}

/** Removes something for good, after a question. */
export function RemoveButton(props: RemoveButtonProps) {
  const { name, consequence, changes, remove, label, title, done } = props
  const t = useText(manage)
  const [isAsking, setAsking] = useState(false)
  const { busy, run } = useAction(changes)
  const action = label ?? t.remove
  return (
    <>
      <Button
        size="small"
        look="quiet"
        icon={<Trash2 aria-hidden className="size-3.5" />}
        onClick={() => setAsking(true)}
      >
        {action}
      </Button>
      {isAsking && (
        <Suspense>
          <AlertDialog
            open
            onClose={() => setAsking(false)}
            title={title ?? t.removeTitle(name)}
            description={consequence}
            action={action}
            busy={busy}
            onAction={async () => {
              if (await run(remove)) toast('good', done ?? t.removed(name))
              setAsking(false)
            }}
          />
        </Suspense>
      )}
    </>
  )
}

import type { QueryKey } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { ChangeKind } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { Button } from '@/components/ui/button'
import { Dialog } from '@/components/ui/dialog'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { toast } from '@/components/ui/toast'
import { useFormat, useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { More } from './list'
import { useAction } from './use-action'
import { type Page, usePages } from './use-pages'

/** A change of something, as its history tells it. */
export interface Change {
  version: number
  change: ChangeKind
  at: string
  actor: string
  /** What it is since then. */
  summary?: ReactNode
}

interface HistoryDialogProps {
  name: string
  changes: QueryKey
  load: (cursor: string | undefined) => Promise<Page<Change>>
  restore: (version: number) => Promise<unknown>
  onClose: () => void
}

/** Who changed something, and when; each version can be taken up again. */
export function HistoryDialog({ name, changes, load, restore, onClose }: HistoryDialogProps) {
  const t = useText(manage).history
  const format = useFormat()
  const pages = usePages([...changes, 'history', name], load)
  const { busy, run } = useAction(changes)
  return (
    <Dialog open onClose={onClose} title={t.title(name)} description={t.lead} from="side">
      {pages.error && <ErrorState error={pages.error} onRetry={pages.retry} />}
      {!pages.items && !pages.error && <SkeletonRows rows={3} />}
      <ol className="grid gap-3 pb-4">
        {pages.items?.map((change, index) => (
          <li key={change.version} className="border-l-2 border-line pl-3">
            <div className="flex items-start gap-2">
              <div className="min-w-0 flex-1">
                <p className="text-sm font-medium">
                  {t.changes[change.change]}{' '}
                  <span className="font-normal text-ink-3">{t.version(change.version)}</span>
                </p>
                <p className="text-xs text-ink-3">
                  <time dateTime={change.at}>{format.dateTime(change.at)}</time> · {change.actor}
                </p>
              </div>
              {index === 0 ? (
                <Badge tone="accent">{t.now}</Badge>
              ) : (
                change.change !== 'removed' && (
                  <Button
                    size="small"
                    disabled={busy}
                    aria-label={t.restoreOf(change.version)}
                    onClick={async () => {
                      if (!(await run(() => restore(change.version)))) return
                      toast('good', t.restored(change.version))
                      onClose()
                    }}
                  >
                    {t.restore}
                  </Button>
                )
              )}
            </div>
            {change.summary && <div className="mt-1.5 text-sm">{change.summary}</div>}
          </li>
        ))}
      </ol>
      <More pages={pages} />
    </Dialog>
  )
}

import type { ReactNode } from 'react'
import { problemOf } from '@/api/problem'
import { Button } from '@/components/ui/button'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { useText } from '@/i18n'
import { manage } from '@/i18n/manage'
import { NeedsAccount } from './needs-account'
import type { Pages } from './use-pages'

interface ListProps<T> {
  label: string
  pages: Pages<T>
  /** What teaches where there is nothing. */
  empty: ReactNode
  children: (item: T) => ReactNode
}

/** The items of a list in each of its states. */
export function List<T>({ label, pages, empty, children }: ListProps<T>) {
  const { items, error, retry } = pages
  if (!items && error && problemOf(error).code === 'no_account') return <NeedsAccount />
  if (!items) return error ? <ErrorState error={error} onRetry={retry} /> : <SkeletonRows rows={3} />
  if (items.length === 0 && !pages.more) return empty
  return (
    <>
      <ul aria-label={label} className="grid gap-3">
        {items.map(children)}
      </ul>
      <More pages={pages} />
    </>
  )
}

export function More<T>({ pages }: { pages: Pages<T> }) {
  const t = useText(manage)
  if (!pages.more) return null
  return (
    <div className="mt-4 text-center">
      <Button busy={pages.isLoadingMore} onClick={pages.more}>
        {t.more}
      </Button>
    </div>
  )
}

interface ItemProps {
  icon?: ReactNode
  title: ReactNode
  badges?: ReactNode
  /** What stands at the end of the first line. */
  end?: ReactNode
  actions?: ReactNode
  children?: ReactNode
}

/** One item of a list, with what can be done with it. */
export function Item({ icon, title, badges, end, actions, children }: ItemProps) {
  return (
    <li className="card grid gap-2 p-4">
      <div className="flex items-start gap-3">
        {icon && (
          <span
            aria-hidden
            className="flex size-9 shrink-0 items-center justify-center rounded-lg bg-sunken text-ink-2"
          >
            {icon}
          </span>
        )}
        <div className="min-w-0 flex-1">
          <div className="flex min-h-6 flex-wrap items-center gap-x-2 gap-y-1">
            <h2 className="font-semibold">{title}</h2>
            {badges}
          </div>
          <div className="text-sm text-ink-2">{children}</div>
        </div>
        {end}
      </div>
      {actions && <div className="-mb-1 flex flex-wrap gap-1 border-t border-line pt-2">{actions}</div>}
    </li>
  )
}

import { clsx } from 'clsx'
import { CloudOff, Lock, SearchX, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { problemOf, UNREACHABLE } from '@/api/problem'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { Button } from './button'

interface EmptyStateProps {
  icon?: ReactNode
  title: string
  children?: ReactNode
  action?: ReactNode
}

/** What stands where there is nothing yet: what would be here, and how to get it. */
export function EmptyState({ icon, title, children, action }: EmptyStateProps) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-2 px-6 py-14 text-center">
      {icon && (
        <span
          aria-hidden
          className="mb-2 flex size-12 items-center justify-center rounded-2xl bg-sunken text-ink-2"
        >
          {icon}
        </span>
      )}
      <h2 className="text-base font-semibold">{title}</h2>
      {children && <div className="text-sm text-ink-2">{children}</div>}
      {action && <div className="mt-3 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  )
}

/** What stands where something could not be loaded: why, and what may help. */
export function ErrorState({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const t = useText(common)
  const problem = problemOf(error)
  const [icon, title] =
    problem.code === UNREACHABLE
      ? [<CloudOff key="icon" className="size-6" />, t.errors.unreachable]
      : problem.status === 403
        ? [<Lock key="icon" className="size-6" />, t.errors.forbidden]
        : problem.status === 404
          ? [<SearchX key="icon" className="size-6" />, t.errors.absent]
          : [<TriangleAlert key="icon" className="size-6" />, t.errors.failed]
  return (
    <div role="alert">
      <EmptyState icon={icon} title={title} action={onRetry && <Button onClick={onRetry}>{t.retry}</Button>}>
        <p>{problem.message}</p>
        {problem.code !== UNREACHABLE && <p className="mt-1 font-mono text-xs text-ink-3">{problem.code}</p>}
      </EmptyState>
    </div>
  )
}

export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={clsx('block animate-pulse-soft rounded-md bg-sunken', className)} />
}

/** Rows that stand for a list on its way. */
export function SkeletonRows({ rows }: { rows: number }) {
  const t = useText(common)
  return (
    <div role="status" aria-label={t.loading} className="grid gap-3">
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} className="h-16 w-full rounded-xl" />
      ))}
    </div>
  )
}

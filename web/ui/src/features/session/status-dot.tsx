import { clsx } from 'clsx'
import type { SessionStatus } from '@/api/schema'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'

const COLOURS: Record<SessionStatus, string> = {
  idle: 'bg-line-strong',
  running: 'bg-info animate-pulse-soft',
  waiting: 'bg-warn animate-pulse-soft',
  archived: 'border border-line-strong bg-transparent',
}

export function StatusDot({ status, className }: { status: SessionStatus; className?: string }) {
  const name = useText(words).status[status]
  return (
    <span
      title={name}
      className={clsx('inline-block size-2.5 shrink-0 rounded-full', COLOURS[status], className)}
    >
      <span className="sr-only">{name}</span>
    </span>
  )
}

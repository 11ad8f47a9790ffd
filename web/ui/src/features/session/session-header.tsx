import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ArrowLeft, Check, History, PanelRight, Pencil } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { api } from '@/api/client'
import type { SessionView } from '@/api/schema'
import { Badge, type Tone } from '@/components/ui/badge'
import { buttonClass, IconButton } from '@/components/ui/button'
import { inputClass } from '@/components/ui/field'
import { toastProblem } from '@/components/ui/toast'
import { useFormat, useText } from '@/i18n'
import { common } from '@/i18n/common'
import { session as words } from '@/i18n/session'

const SessionMenu = lazy(() => import('./session-menu').then(({ SessionMenu }) => ({ default: SessionMenu })))

const TONES: Record<SessionView['status'], Tone> = {
  idle: 'neutral',
  running: 'info',
  waiting: 'warn',
  archived: 'neutral',
}

interface SessionHeaderProps {
  view: SessionView
  /** Opens the details, where they are not beside the session anyway. */
  onPanel?: () => void
}

export function SessionHeader({ view, onPanel }: SessionHeaderProps) {
  const t = useText(words)
  const { back } = useText(common)
  const format = useFormat()
  return (
    <header className="flex items-center gap-2 border-b border-line bg-surface px-3 py-2.5 sm:gap-3 sm:px-5">
      <Link to="/" aria-label={back} title={back} className={buttonClass('quiet', 'small')}>
        <ArrowLeft aria-hidden className="size-4.5" />
      </Link>
      <div className="min-w-0 flex-1">
        <Title view={view} />
        <p className="flex items-center gap-x-2 truncate text-xs text-ink-3">
          <span className="shrink-0 text-warn sm:hidden">
            {view.status !== 'idle' && t.status[view.status]}
          </span>
          <span className="truncate font-mono" title={view.working_dir}>
            {view.working_dir.split('/').at(-1)}
          </span>
          <span aria-hidden>·</span>
          <span className="max-sm:hidden">{view.model}</span>
          <span aria-hidden className="max-sm:hidden">
            ·
          </span>
          <span className="tabular-nums">{format.usd(view.cost_usd)}</span>
        </p>
      </div>
      <Badge tone={TONES[view.status]} className="max-sm:hidden">
        {t.status[view.status]}
      </Badge>
      <Link
        to="/sessions/$id/replay"
        params={{ id: view.id }}
        aria-label={t.replay}
        title={t.replay}
        className={buttonClass('quiet', 'small')}
      >
        <History aria-hidden className="size-4.5" />
      </Link>
      {onPanel && (
        <IconButton label={t.panel} onClick={onPanel}>
          <PanelRight aria-hidden className="size-4.5" />
        </IconButton>
      )}
      <Suspense fallback={<span className="size-8" />}>
        <SessionMenu view={view} />
      </Suspense>
    </header>
  )
}

/** The title, which is changed where it stands. */
function Title({ view }: { view: SessionView }) {
  const t = useText(words)
  const { save } = useText(common)
  const client = useQueryClient()
  const [isEditing, setEditing] = useState(false)
  const title = view.title ?? view.id
  const rename = async (title: string) => {
    setEditing(false)
    const path = { id: view.id }
    await api.PATCH('/api/sessions/{id}', { params: { path }, body: { title } }).catch(toastProblem)
    await client.invalidateQueries({ queryKey: ['session', view.id] })
  }
  if (!isEditing) {
    return (
      <div className="flex min-w-0 items-center gap-1">
        <h1 className="truncate font-semibold">{title}</h1>
        <button
          type="button"
          aria-label={t.rename}
          title={t.rename}
          className="inline-flex size-6 shrink-0 items-center justify-center rounded text-ink-3 hover:bg-sunken hover:text-ink"
          onClick={() => setEditing(true)}
        >
          <Pencil aria-hidden className="size-3.5" />
        </button>
      </div>
    )
  }
  return (
    <form
      className="flex gap-1"
      onSubmit={(event) => {
        event.preventDefault()
        void rename(String(new FormData(event.currentTarget).get('title')))
      }}
    >
      <input
        name="title"
        aria-label={t.title}
        autoFocus
        required
        defaultValue={title}
        className={`${inputClass} h-7`}
        onKeyDown={(event) => event.key === 'Escape' && setEditing(false)}
      />
      <IconButton label={save} type="submit" className="size-7">
        <Check aria-hidden className="size-4" />
      </IconButton>
    </form>
  )
}

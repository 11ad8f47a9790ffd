import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { SessionView } from '@/api/schema'
import { useFormat, useText } from '@/i18n'
import { session as words } from '@/i18n/session'
import { VerifiedBadge } from '../replay/verified-badge'

export function InfoPanel({ view }: { view: SessionView }) {
  const t = useText(words)
  const format = useFormat()
  const { usage } = view
  const facts: [string, ReactNode][] = [
    [t.info.id, <code key="id">{view.id}</code>],
    [t.info.owner, view.owner],
    [t.info.model, view.model ?? '—'],
    [t.mode, t.modes[view.permission_mode]],
    [t.info.folder, <code key="folder">{view.working_dir}</code>],
    [t.info.opened, format.dateTime(view.created_at)],
    [t.info.cost, format.usd(view.cost_usd)],
    [t.info.tokens, `${format.compact(usage.input_tokens)} / ${format.compact(usage.output_tokens)}`],
    [
      t.info.cache,
      `${format.compact(usage.cache_read_input_tokens)} / ${format.compact(usage.cache_creation_input_tokens)}`,
    ],
    [t.info.turns, format.number(view.turns.length)],
    [t.info.events, format.number(view.version)],
  ]
  return (
    <div className="grid gap-4">
      <VerifiedBadge id={view.id} />
      <dl className="grid gap-2.5 text-sm">
        {facts.map(([name, value]) => (
          <div key={name} className="grid grid-cols-[7rem_1fr] gap-2">
            <dt className="text-ink-3">{name}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ))}
        {view.parent && (
          <div className="grid grid-cols-[7rem_1fr] gap-2">
            <dt className="text-ink-3">{t.info.parent}</dt>
            <dd>
              <Link
                to="/sessions/$id"
                params={{ id: view.parent.session }}
                className="text-accent hover:underline"
              >
                {view.parent.session}
              </Link>
            </dd>
          </div>
        )}
      </dl>
    </div>
  )
}

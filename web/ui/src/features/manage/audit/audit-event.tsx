import { Link } from '@tanstack/react-router'
import { ShieldCheck, ShieldX } from 'lucide-react'
import type { AuditedEvent, DecidedBy, Outcome } from '@/api/schema'
import { Badge, type Tone } from '@/components/ui/badge'
import { useFormat, useText } from '@/i18n'
import { server } from '@/i18n/server'

const TONES: Record<Outcome, Tone> = { succeeded: 'neutral', failed: 'warn', denied: 'bad' }

const SESSION = 'session:'

export function AuditEvent({ event }: { event: AuditedEvent }) {
  const t = useText(server).audit
  const format = useFormat()
  const session = event.object?.startsWith(SESSION) ? event.object.slice(SESSION.length) : undefined
  return (
    <li className="px-4 py-3 text-sm">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <time dateTime={event.recorded_at} className="w-40 shrink-0 text-[0.8125rem] text-ink-3 tabular-nums">
          {format.dateTime(event.recorded_at)}
        </time>
        <span className="font-medium">{event.actor}</span>
        <code className="text-[0.8125rem]">{event.type}</code>
        {event.outcome !== 'succeeded' && (
          <Badge tone={TONES[event.outcome]}>{t.outcomes[event.outcome]}</Badge>
        )}
        {session ? (
          <Link
            to="/sessions/$id/replay"
            params={{ id: session }}
            search={{ at: event.version }}
            className="font-mono text-xs text-accent hover:underline"
          >
            {event.object}
          </Link>
        ) : (
          event.object && <span className="font-mono text-xs text-ink-3">{event.object}</span>
        )}
      </div>
      {event.tool_name && <DecidedTool event={event} />}
      <details className="mt-1 text-[0.8125rem]">
        <summary className="w-fit text-ink-3 hover:text-ink">{t.details}</summary>
        <dl className="mt-1 grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-ink-2">
          {event.address && (
            <>
              <dt>{t.address}</dt>
              <dd className="font-mono">{event.address}</dd>
            </>
          )}
          {event.http_request_id && (
            <>
              <dt>{t.request}</dt>
              <dd className="font-mono">{event.http_request_id}</dd>
            </>
          )}
          <dt>{t.data}</dt>
          <dd className="min-w-0">
            <pre
              tabIndex={0}
              className="scroll-thin max-h-80 overflow-auto rounded-lg bg-sunken p-3 text-xs whitespace-pre-wrap"
            >
              {event.data === null ? t.tooLarge : JSON.stringify(event.data, null, 2)}
            </pre>
          </dd>
        </dl>
      </details>
    </li>
  )
}

/** Who or what let a tool be used, or refused it. */
function DecidedTool({ event }: { event: AuditedEvent }) {
  const t = useText(server).audit
  const { tool_name, target, decision, decided_by } = event
  const isDenied = decision === 'deny'
  const who = decided_by && nameOf(decided_by, t)
  const Icon = isDenied ? ShieldX : ShieldCheck
  return (
    <p className="mt-1 flex flex-wrap items-center gap-x-2 rounded-lg bg-sunken px-3 py-1.5">
      {decision && <Icon aria-hidden className={`size-4 shrink-0 ${isDenied ? 'text-bad' : 'text-good'}`} />}
      <span className="font-medium">{tool_name}</span>
      {target && <code className="min-w-0 text-[0.8125rem]">{target}</code>}
      {decision && who && <span className="text-ink-2">{isDenied ? t.deniedBy(who) : t.allowedBy(who)}</span>}
    </p>
  )
}

function nameOf({ kind, name }: DecidedBy, t: (typeof server)['en']['audit']): string {
  return name ? t.named(t.deciders[kind], name) : t.deciders[kind]
}

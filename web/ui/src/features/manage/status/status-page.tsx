import { useQuery } from '@tanstack/react-query'
import { CircleCheck, CircleX, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { statusQuery } from '@/api/queries'
import type { AgentLimit, Status } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { Page } from '@/components/ui/page'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { Table } from '@/components/ui/table'
import { useFormat, useText } from '@/i18n'
import { access } from '@/i18n/access'
import { server } from '@/i18n/server'

const REFRESH_MS = 5000

export function StatusPage() {
  const t = useText(server).status
  const { data, error, refetch } = useQuery({ ...statusQuery, refetchInterval: REFRESH_MS })
  return (
    <Page title={t.title} lead={t.lead}>
      {error && !data && <ErrorState error={error} onRetry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={4} />}
      {data && (
        <div className="grid gap-6">
          {[data.agent.problem, data.agent.protection.sandbox_problem, data.proxy_problem].map(
            (problem) => problem && <Warning key={problem}>{problem}</Warning>,
          )}
          <ServerFacts status={data} />
          <AgentFacts status={data} />
          <Protection status={data} />
        </div>
      )}
    </Page>
  )
}

function Warning({ children }: { children: ReactNode }) {
  return (
    <p className="flex gap-2.5 rounded-xl bg-warn-soft px-4 py-3 text-sm text-warn">
      <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />
      {children}
    </p>
  )
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <h2 className="mb-2 font-semibold">{title}</h2>
      {children}
    </section>
  )
}

function Facts({ facts }: { facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="card grid gap-x-6 gap-y-3 p-4 text-sm sm:grid-cols-2">
      {facts.map(([name, value]) => (
        <div key={name} className="min-w-0">
          <dt className="text-[0.8125rem] text-ink-3">{name}</dt>
          <dd className="font-medium">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function ServerFacts({ status }: { status: Status }) {
  const t = useText(server).status
  const format = useFormat()
  const { sessions, turns } = status
  const n = format.number
  return (
    <Section title={t.server}>
      <Facts
        facts={[
          [t.version, status.version],
          [t.mode, t.modes[status.mode] ?? status.mode],
          [t.node, status.node],
          [t.store, status.store],
          [t.uptime, format.duration(status.uptime_ms)],
          [t.sessions, t.sessionCounts(n(sessions.stored), n(sessions.running), n(sessions.waiting))],
          [t.turns, t.turnCounts(n(turns.running), n(turns.max), n(turns.queued))],
          [t.spare, n(status.spare_agents)],
        ]}
      />
    </Section>
  )
}

function AgentFacts({ status }: { status: Status }) {
  const t = useText(server).status
  const keys = useText(access).keys
  const { agent, agent_proof } = status
  const findings = agent_proof.findings ?? []
  return (
    <Section title={t.agent}>
      <Facts
        facts={[
          [t.program, <code key="program">{agent.program ?? t.noProgram}</code>],
          [t.version, agent.version ?? '—'],
          [t.credentials, t.credentialKinds[agent.credentials] ?? agent.credentials],
          [t.gateway, agent.gateway ? t.hasGateway : t.noGateway],
        ]}
      />
      <p className="mt-2 text-sm text-ink-2">{keys.access[status.model_access]}</p>
      <h3 className="mt-5 mb-1 text-sm font-semibold">{t.probes}</h3>
      <p className={agent_proof.state === 'broken' ? 'text-sm text-bad' : 'text-sm text-ink-2'}>
        {t.proof[agent_proof.state]}
      </p>
      {findings.length > 0 && (
        <ul className="card mt-2 divide-y divide-line text-sm">
          {findings.map(({ promise, holds, detail }) => (
            <li key={promise} className="flex flex-wrap items-center gap-2 px-4 py-2">
              {holds ? (
                <CircleCheck aria-hidden className="size-4 text-good" />
              ) : (
                <CircleX aria-hidden className="size-4 text-bad" />
              )}
              <span className="flex-1">{t.promises[promise]}</span>
              <Badge tone={holds ? 'good' : 'bad'}>{holds ? t.holdsUp : t.broken}</Badge>
              {detail && <p className="w-full text-[0.8125rem] text-ink-3">{detail}</p>}
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}

function Protection({ status }: { status: Status }) {
  const t = useText(server).status
  const format = useFormat()
  const { sandbox, limits } = status.agent.protection
  const amount = ({ name }: AgentLimit, value: number) =>
    name.endsWith('_mib') ? t.mib(format.number(value)) : format.number(value)
  return (
    <Section title={t.protection}>
      <p className="mb-3 flex items-center gap-2 text-sm">
        {t.sandbox}
        <Badge tone={sandbox === 'none' ? 'bad' : 'good'}>{t.sandboxes[sandbox]}</Badge>
      </p>
      <Table
        caption={t.limits}
        rows={limits}
        rowKey={({ name }) => name}
        columns={[
          { name: t.limit, cell: ({ name }) => t.limitNames[name] ?? name },
          { name: t.most, numeric: true, cell: (limit) => amount(limit, limit.limit) },
          {
            name: t.now,
            numeric: true,
            cell: (limit) => (limit.now == null ? '—' : amount(limit, limit.now)),
          },
          {
            name: t.enforced,
            cell: ({ limited_by, hold }) => (
              <>
                <code className="text-xs">{limited_by}</code>
                <span className={hold === 'always' ? 'ml-2 text-ink-3' : 'ml-2 text-warn'}>
                  {t.holds[hold]}
                </span>
              </>
            ),
          },
        ]}
      />
    </Section>
  )
}

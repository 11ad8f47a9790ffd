import { CircleCheck, CircleX } from 'lucide-react'
import { problemOf } from '@/api/problem'
import type { TestView } from '@/api/schema'
import { Badge } from '@/components/ui/badge'
import { Spinner } from '@/components/ui/button'
import { useFormat, useText } from '@/i18n'
import { mcp } from '@/i18n/mcp'

export type Trial =
  | { state: 'running' }
  | { state: 'done'; result: TestView }
  | { state: 'failed'; error: unknown }

/** What came of connecting with a server. */
export function TestResult({ trial }: { trial: Trial }) {
  const t = useText(mcp)
  const format = useFormat()
  if (trial.state === 'running')
    return (
      <p role="status" className="flex items-center gap-2 rounded-lg bg-sunken px-3 py-2 text-sm">
        <Spinner /> {t.testing}
      </p>
    )
  const result = trial.state === 'done' ? trial.result : undefined
  if (!result?.connected) {
    const why = trial.state === 'failed' ? problemOf(trial.error).message : result?.error
    return (
      <div role="alert" className="rounded-lg bg-bad-soft px-3 py-2 text-sm text-bad">
        <p className="flex items-center gap-2 font-medium">
          <CircleX aria-hidden className="size-4 shrink-0" /> {t.failed}
        </p>
        {why && <p className="mt-1 whitespace-pre-wrap">{why}</p>}
      </div>
    )
  }
  const { server, tools, duration_ms } = result
  return (
    <div role="status" className="rounded-lg border border-line px-3 py-2 text-sm">
      <p className="flex flex-wrap items-center gap-x-2 font-medium text-good">
        <CircleCheck aria-hidden className="size-4 shrink-0" /> {t.connected(format.duration(duration_ms))}
        {server?.name && (
          <span className="font-normal text-ink-3">{t.identity(server.name, server.version ?? '')}</span>
        )}
      </p>
      {tools.length === 0 && <p className="mt-1 text-ink-2">{t.noTools}</p>}
      <ul
        aria-label={t.tools(tools.length)}
        className="mt-2 grid max-h-72 gap-1.5 overflow-y-auto"
        tabIndex={0}
      >
        {tools.map(({ name, description, read_only }) => (
          <li key={name} className="min-w-0">
            <span className="mr-2 font-mono text-[0.8125rem] font-medium">{name}</span>
            {read_only && <Badge tone="info">{t.reads}</Badge>}
            {description && <p className="line-clamp-2 text-[0.8125rem] text-ink-2">{description}</p>}
          </li>
        ))}
      </ul>
    </div>
  )
}

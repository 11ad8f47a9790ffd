import { useQuery } from '@tanstack/react-query'
import { ShieldAlert, ShieldCheck } from 'lucide-react'
import { api, content } from '@/api/client'
import { Spinner } from '@/components/ui/button'
import { useText } from '@/i18n'
import { replay as words } from '@/i18n/replay'

/** Whether the log is whole, and what was done to find out. */
export function VerifiedBadge({ id }: { id: string }) {
  const t = useText(words).verify
  const { data, isFetching, refetch } = useQuery({
    queryKey: ['verify', id],
    queryFn: () => content(api.GET('/api/sessions/{id}/verify', { params: { path: { id } } })),
    staleTime: 60_000,
  })
  if (!data) {
    return (
      <p className="flex items-center gap-2 text-sm text-ink-3">
        <Spinner />
        {t.checking}
      </p>
    )
  }
  const Icon = data.valid ? ShieldCheck : ShieldAlert
  return (
    <details
      className={`rounded-xl border px-3.5 py-2.5 text-sm ${data.valid ? 'border-good/30 bg-good-soft' : 'border-bad/40 bg-bad-soft'}`}
    >
      <summary className="flex items-center gap-2 font-medium">
        <Icon aria-hidden className={`size-4.5 ${data.valid ? 'text-good' : 'text-bad'}`} />
        {data.valid ? t.valid : t.broken}
      </summary>
      <p className="mt-2 text-ink-2">
        {data.valid ? t.text(data.events) : t.brokenText(data.first_bad_version ?? 0)}
      </p>
      <p className="mt-2 text-xs text-ink-2">
        {t.head}: <code className="break-all">{data.head_hash}</code>
      </p>
      <button
        type="button"
        className="mt-2 text-xs font-medium text-accent hover:underline"
        disabled={isFetching}
        onClick={() => void refetch()}
      >
        {t.again}
      </button>
    </details>
  )
}

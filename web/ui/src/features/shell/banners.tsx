import { useQuery } from '@tanstack/react-query'
import { RefreshCw, Sparkles } from 'lucide-react'
import { lazy, Suspense, useEffect, useState } from 'react'
import { statusQuery } from '@/api/queries'
import { Button } from '@/components/ui/button'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { connection } from '@/stream/hub'
import { ConnectionChip } from './connection-chip'

const KeyDialog = lazy(() => import('../auth/key-dialog').then(({ KeyDialog }) => ({ default: KeyDialog })))

/** What concerns every view: that a built-in model answers, that the page is old, that the connection is broken. */
export function Banners() {
  return (
    <>
      <OfflineBanner />
      <VersionBanner />
      <div className="border-b border-line py-2 empty:hidden md:hidden">
        <ConnectionChip onlyTrouble />
      </div>
    </>
  )
}

function OfflineBanner() {
  const t = useText(common)
  const { data: status } = useQuery(statusQuery)
  const [isAdding, setAdding] = useState(false)
  if (status?.model_access !== 'offline_model') return null
  return (
    <section
      aria-label={t.offline.title}
      className="flex items-center gap-3 border-b border-line bg-accent-soft px-4 py-2 text-sm sm:px-6"
    >
      <Sparkles aria-hidden className="size-4 shrink-0 text-accent" />
      <p className="min-w-0 flex-1">
        <strong className="font-semibold">{t.offline.title}</strong>
        <span className="ml-2 text-ink-2 max-sm:sr-only">{t.offline.text}</span>
      </p>
      <Button size="small" onClick={() => setAdding(true)}>
        {t.offline.add}
      </Button>
      <Suspense>{isAdding && <KeyDialog onClose={() => setAdding(false)} />}</Suspense>
    </section>
  )
}

/** The name of the build that the server has now. */
async function buildName(): Promise<string | null> {
  const answer = await fetch('/', { method: 'HEAD', cache: 'no-store' }).catch(() => null)
  return answer?.ok ? answer.headers.get('etag') : null
}

function VersionBanner() {
  const t = useText(common)
  const [isOld, setOld] = useState(false)
  useEffect(() => {
    const own = buildName()
    let wasLost = false
    return connection.subscribe(() => {
      const state = connection.get().type
      if (state === 'live' && wasLost) {
        void Promise.all([own, buildName()]).then(([own, now]) =>
          setOld(own !== null && now !== null && own !== now),
        )
      }
      wasLost = state === 'waiting' || (wasLost && state !== 'live')
    })
  }, [])
  if (!isOld) return null
  return (
    <div
      role="status"
      className="flex items-center gap-3 border-b border-line bg-info-soft px-4 py-2 text-sm sm:px-6"
    >
      <RefreshCw aria-hidden className="size-4 text-info" />
      <p className="flex-1">{t.version.changed}</p>
      <Button size="small" onClick={() => window.location.reload()}>
        {t.reload}
      </Button>
    </div>
  )
}

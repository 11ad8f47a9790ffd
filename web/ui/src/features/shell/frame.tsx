import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react'
import { loginWanted } from '@/api/client'
import { requestsQuery } from '@/api/queries'
import { Toasts } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { useHotkeys } from '@/lib/hotkeys'
import { useStore } from '@/lib/store'
import { followLists } from '@/stream/lists'
import { useNotifications } from '../approvals/notifications'
import { Banners } from './banners'
import { BottomTabs } from './bottom-tabs'
import { NAV } from './nav'
import { Rail } from './rail'

const Palette = lazy(() => import('./palette').then(({ Palette }) => ({ default: Palette })))
const Shortcuts = lazy(() => import('./shortcuts').then(({ Shortcuts }) => ({ default: Shortcuts })))

type Overlay = 'palette' | 'shortcuts' | null

/** What stands around every view: navigation, banners, toasts, and the keys that work everywhere. */
export function Frame({ children }: { children: ReactNode }) {
  const t = useText(common)
  const navigate = useNavigate()
  const client = useQueryClient()
  const [overlay, setOverlay] = useState<Overlay>(null)
  const { data } = useQuery(requestsQuery)
  const isOut = useStore(loginWanted)

  useEffect(() => followLists(client), [client])

  useEffect(() => {
    if (isOut) void navigate({ to: '/login', search: { next: location.pathname + location.search } })
  }, [isOut, navigate])

  const waiting = data?.length ?? 0
  useNotifications(data)

  useHotkeys({
    'mod+k': () => setOverlay('palette'),
    '?': () => setOverlay('shortcuts'),
    ...Object.fromEntries(NAV.map(({ keys, to }) => [keys, () => void navigate({ to })])),
  })

  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <a
        href="#content"
        className="absolute top-2 left-2 z-60 -translate-y-16 rounded-lg bg-accent px-3 py-2 text-on-accent focus:translate-y-0"
      >
        {t.skip}
      </a>
      <Rail waiting={waiting} onSearch={() => setOverlay('palette')} />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <Banners />
        <main id="content" tabIndex={-1} className="scroll-thin min-h-0 flex-1 overflow-y-auto outline-none">
          {children}
        </main>
      </div>
      <BottomTabs waiting={waiting} onSearch={() => setOverlay('palette')} />
      <Toasts />
      <Suspense>
        {overlay === 'palette' && <Palette onClose={() => setOverlay(null)} />}
        {overlay === 'shortcuts' && <Shortcuts onClose={() => setOverlay(null)} />}
      </Suspense>
    </div>
  )
}

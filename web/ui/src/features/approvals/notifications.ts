import { useEffect, useRef } from 'react'
import type { RequestView } from '@/api/schema'
import { useText } from '@/i18n'
import { requests as words } from '@/i18n/requests'
import { createStore, kept, useStore } from '@/lib/store'

const isSupported = typeof Notification !== 'undefined'
const isWanted = createStore(kept.read('notify') === 'yes')

export function useNotify() {
  return { isSupported, isWanted: useStore(isWanted) && isSupported && Notification.permission === 'granted' }
}

export async function setNotify(wanted: boolean) {
  const isAllowed = wanted && (await Notification.requestPermission()) === 'granted'
  kept.write('notify', isAllowed ? 'yes' : 'no')
  isWanted.set(isAllowed)
}

/** Tells of new requests while nobody looks at the page. */
export function useNotifications(requests: readonly RequestView[] | undefined) {
  const t = useText(words).inbox
  const known = useRef<Set<string> | null>(null)
  const { isWanted } = useNotify()
  useEffect(() => {
    if (!requests) return
    const before = known.current
    known.current = new Set(requests.map(({ request_id }) => request_id))
    if (!before || !isWanted || !document.hidden) return
    for (const request of requests.filter(({ request_id }) => !before.has(request_id))) {
      const shown = new Notification(t.notification(request.tool_name), {
        body: request.description,
        tag: request.request_id,
      })
      shown.onclick = () => window.focus()
    }
  }, [requests, isWanted, t])
}

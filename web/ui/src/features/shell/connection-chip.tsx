import { clsx } from 'clsx'
import { useEffect, useState } from 'react'
import { useText } from '@/i18n'
import { common } from '@/i18n/common'
import { useStore } from '@/lib/store'
import { connection, retry } from '@/stream/hub'

/** Seconds until a time, counted down. */
function useCountdown(until: number | undefined): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (until === undefined) return
    setNow(Date.now())
    const timer = window.setInterval(() => setNow(Date.now()), 500)
    return () => window.clearInterval(timer)
  }, [until])
  return until === undefined ? 0 : Math.max(0, Math.ceil((until - now) / 1000))
}

/** Whether what is shown is live, and if not, when the next attempt is. */
export function ConnectionChip({ onlyTrouble }: { onlyTrouble?: boolean }) {
  const t = useText(common)
  const state = useStore(connection)
  const seconds = useCountdown(state.type === 'waiting' ? state.until : undefined)
  const isLive = state.type === 'live'
  if (state.type === 'idle' || (onlyTrouble && state.type !== 'waiting')) return null
  const text = isLive
    ? t.connection.live
    : state.type === 'waiting'
      ? t.connection.waiting(seconds)
      : t.connection.connecting
  return (
    <div role="status" className="flex items-center gap-2 px-2.5 text-xs text-ink-3">
      <span
        aria-hidden
        className={clsx('size-2 rounded-full', isLive ? 'bg-good' : 'animate-pulse-soft bg-warn')}
      />
      <span className="min-w-0 flex-1 truncate">{text}</span>
      {state.type === 'waiting' && (
        <button
          type="button"
          className="font-medium text-accent underline-offset-2 hover:underline"
          onClick={retry}
        >
          {t.connection.now}
        </button>
      )}
    </div>
  )
}

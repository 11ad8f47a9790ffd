import { useEffect, useState } from 'react'
import type { StoredEvent } from '@/api/schema'
import { pauseBefore } from './outline'

export const SPEEDS = ['0.5', '1', '2', '4', '8', '16'] as const
export type Speed = (typeof SPEEDS)[number]

/** Moves the playhead on, event by event, as they came. */
export function usePlayback(events: readonly StoredEvent[], at: number, onAt: (version: number) => void) {
  const [isPlaying, setPlaying] = useState(false)
  const [speed, setSpeed] = useState<Speed>('2')
  const last = events.at(-1)?.version ?? 1
  const isDone = at >= last

  useEffect(() => {
    if (!isPlaying) return
    if (isDone) return setPlaying(false)
    const { wait } = pauseBefore(events, at)
    const timer = window.setTimeout(() => onAt(at + 1), wait / Number(speed))
    return () => window.clearTimeout(timer)
  }, [isPlaying, isDone, events, at, speed, onAt])

  const toggle = () => {
    if (isDone && !isPlaying) onAt(1)
    setPlaying(!isPlaying)
  }
  const faster = (by: 1 | -1) => setSpeed(SPEEDS[SPEEDS.indexOf(speed) + by] ?? speed)
  return { isPlaying, toggle, speed, setSpeed, faster }
}

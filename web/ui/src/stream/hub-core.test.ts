import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { TopicFrame } from '@/api/schema'
import { Hub } from './hub-core'
import type { FromHub } from './protocol'
import { followTopics } from './source'
import { StreamRefused } from './sse'

vi.mock('./source')

type Followed = Parameters<typeof followTopics>

const opened: Followed[] = []
const endings: ((error?: unknown) => void)[] = []

beforeEach(() => {
  vi.useFakeTimers()
  opened.length = 0
  endings.length = 0
  vi.mocked(followTopics).mockImplementation((cursors, listener) => {
    opened.push([new Map(cursors), listener])
    listener.onOpen()
    return new Promise((resolve, reject) => endings.push((error) => (error ? reject(error) : resolve())))
  })
})

afterEach(() => vi.useRealTimers())

function tab(hub: Hub) {
  const heard: FromHub[] = []
  const say = hub.join((message) => heard.push(message))
  const frames = () => heard.flatMap((message) => (message.type === 'frame' ? [message.frame] : []))
  return { say, frames, last: () => heard.at(-1) }
}

const frame = (topic: string, cursor: string): TopicFrame => ({ topic, cursor })

it('makes one connection for all topics of all tabs, and tells each tab its own', async () => {
  const hub = new Hub()
  const [one, other] = [tab(hub), tab(hub)]
  one.say({ type: 'follow', topic: 'sessions' })
  other.say({ type: 'follow', topic: 'session:a', cursor: '7' })
  await vi.advanceTimersByTimeAsync(50)

  expect(opened.map(([cursors]) => [...cursors])).toEqual([
    [
      ['sessions', undefined],
      ['session:a', '7'],
    ],
  ])
  opened[0]?.[1].onFrame(frame('session:a', '8'))
  expect(one.frames()).toEqual([])
  expect(other.frames()).toEqual([frame('session:a', '8')])
})

it('goes on from the last cursor after a break, later each time', async () => {
  const hub = new Hub()
  const only = tab(hub)
  only.say({ type: 'follow', topic: 'session:a', cursor: '1' })
  await vi.advanceTimersByTimeAsync(50)
  opened[0]?.[1].onFrame(frame('session:a', '5'))
  endings[0]?.()
  await vi.advanceTimersByTimeAsync(10)
  expect(only.last()).toMatchObject({ connection: { type: 'waiting' } })

  await vi.advanceTimersByTimeAsync(600)

  expect([...(opened[1]?.[0] ?? [])]).toEqual([['session:a', '5']])
})

it('goes back for a tab that has seen less', async () => {
  const hub = new Hub()
  const [one, other] = [tab(hub), tab(hub)]
  one.say({ type: 'follow', topic: 'session:a', cursor: '9' })
  await vi.advanceTimersByTimeAsync(50)
  other.say({ type: 'follow', topic: 'session:a', cursor: '3' })
  await vi.advanceTimersByTimeAsync(50)

  expect([...(opened[1]?.[0] ?? [])]).toEqual([['session:a', '3']])
})

it('lets go of topics that no tab follows any more', async () => {
  const hub = new Hub()
  const [one, other] = [tab(hub), tab(hub)]
  one.say({ type: 'follow', topic: 'sessions' })
  other.say({ type: 'follow', topic: 'requests' })
  await vi.advanceTimersByTimeAsync(50)
  other.say({ type: 'leave' })
  await vi.advanceTimersByTimeAsync(50)

  expect([...(opened[1]?.[0] ?? [])]).toEqual([['sessions', undefined]])
  expect(opened[0]?.[1].signal.aborted).toBe(true)
})

it('asks for a login where the server does, and does not try again by itself', async () => {
  const hub = new Hub()
  const only = tab(hub)
  only.say({ type: 'follow', topic: 'sessions' })
  await vi.advanceTimersByTimeAsync(50)
  endings[0]?.(new StreamRefused(401))
  await vi.advanceTimersByTimeAsync(60_000)

  expect(only.last()).toEqual({ type: 'connection', connection: { type: 'login_wanted' } })
  expect(opened).toHaveLength(1)
})

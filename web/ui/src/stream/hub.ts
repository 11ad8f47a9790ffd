import { loginWanted, renewLogin } from '@/api/client'
import type { TopicFrame } from '@/api/schema'
import { createStore } from '@/lib/store'
import { workerUrl } from '@/lib/trusted-types'
import worker from './hub.worker?sharedworker&url'
import { Hub } from './hub-core'
import type { Connection, FromHub, ToHub, Topic } from './protocol'

/** How the connection to the server is doing. */
export const connection = createStore<Connection>({ type: 'idle' })

type Listener = (frame: TopicFrame) => void

const listeners = new Map<Topic, Set<Listener>>()
let send: ((message: ToHub) => void) | undefined

function hear(message: FromHub) {
  if (message.type === 'frame') {
    for (const listener of listeners.get(message.frame.topic) ?? []) listener(message.frame)
    return
  }
  connection.set(message.connection)
  if (message.connection.type === 'login_wanted') {
    void renewLogin().then((isIn) => (isIn ? retry() : loginWanted.set(true)))
  }
}

/** The hub of all tabs, or where browsers have no shared workers one of this tab's own. */
function join(): (message: ToHub) => void {
  if (typeof SharedWorker === 'undefined') return new Hub().join(hear)
  const { port } = new SharedWorker(workerUrl(worker), { name: 'stream', type: 'module' })
  port.addEventListener('message', (event: MessageEvent<FromHub>) => hear(event.data))
  port.start()
  window.addEventListener('pagehide', () => port.postMessage({ type: 'leave' } satisfies ToHub))
  // A page that comes back out of the browser's cache has left.
  window.addEventListener('pageshow', (event) => event.persisted && location.reload())
  return (message) => port.postMessage(message)
}

export function retry() {
  send?.({ type: 'retry' })
}

window.addEventListener('online', retry)

/** Follows a topic from a cursor on; the function that is returned ends that. */
export function follow(topic: Topic, listener: Listener, cursor?: string): () => void {
  send ??= join()
  const known = listeners.get(topic) ?? new Set()
  known.add(listener)
  listeners.set(topic, known)
  send({ type: 'follow', topic, cursor })
  return () => {
    known.delete(listener)
    if (known.size > 0) return
    listeners.delete(topic)
    send?.({ type: 'unfollow', topic })
  }
}

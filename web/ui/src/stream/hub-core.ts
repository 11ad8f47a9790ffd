import type { TopicFrame } from '@/api/schema'
import type { Connection, FromHub, ToHub, Topic } from './protocol'
import { followTopics } from './source'
import { StreamRefused } from './sse'

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 15_000
/** Tabs follow several topics when they open; one connection is made for all of them. */
const GATHER_MS = 20

interface Follower {
  post: (message: FromHub) => void
  topics: Set<Topic>
}

/** Shares one connection to the server among all tabs. Frames may come twice, never not at all. */
export class Hub {
  #followers = new Set<Follower>()
  #cursors = new Map<Topic, string | undefined>()
  #connection: Connection = { type: 'idle' }
  #abort: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0

  /** Lets a tab in; what it says is given to the function that is returned. */
  join(post: Follower['post']): (message: ToHub) => void {
    const follower: Follower = { post, topics: new Set() }
    this.#followers.add(follower)
    post({ type: 'connection', connection: this.#connection })
    return (message) => this.#hear(follower, message)
  }

  #hear(follower: Follower, message: ToHub) {
    switch (message.type) {
      case 'follow':
        follower.topics.add(message.topic)
        this.#follow(message.topic, message.cursor)
        break
      case 'unfollow':
        follower.topics.delete(message.topic)
        this.#forget()
        break
      case 'leave':
        this.#followers.delete(follower)
        this.#forget()
        break
      case 'retry':
        if (this.#connection.type !== 'live') this.#connectIn(0)
        break
    }
  }

  #follow(topic: Topic, cursor: string | undefined) {
    const isKnown = this.#cursors.has(topic)
    const known = this.#cursors.get(topic)
    const isBehind = cursor !== undefined && (known === undefined || Number(cursor) < Number(known))
    if (isKnown && !isBehind) return
    this.#cursors.set(topic, cursor)
    this.#connectIn(GATHER_MS)
  }

  #forget() {
    const followed = new Set([...this.#followers].flatMap(({ topics }) => [...topics]))
    const gone = [...this.#cursors.keys()].filter((topic) => !followed.has(topic))
    for (const topic of gone) this.#cursors.delete(topic)
    if (gone.length > 0) this.#connectIn(GATHER_MS)
  }

  #connectIn(delay: number) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#connect(), delay)
  }

  async #connect() {
    this.#abort?.abort()
    if (this.#cursors.size === 0) return this.#tell({ type: 'idle' })
    const abort = new AbortController()
    this.#abort = abort
    if (this.#connection.type !== 'live') this.#tell({ type: 'connecting' })
    const failure = await followTopics(this.#cursors, {
      signal: abort.signal,
      onOpen: () => {
        this.#failures = 0
        this.#tell({ type: 'live' })
      },
      onFrame: (frame) => this.#pass(frame),
    }).catch((error: unknown) => error)
    if (abort.signal.aborted) return
    if (failure instanceof StreamRefused && failure.status === 401)
      return this.#tell({ type: 'login_wanted' })
    const delay = Math.min(FIRST_DELAY_MS * 2 ** this.#failures, LONGEST_DELAY_MS)
    this.#failures += 1
    this.#tell({ type: 'waiting', until: Date.now() + delay })
    this.#connectIn(delay)
  }

  #pass(frame: TopicFrame) {
    if (typeof frame.cursor === 'string' && this.#cursors.has(frame.topic))
      this.#cursors.set(frame.topic, frame.cursor)
    for (const { post, topics } of this.#followers) {
      if (topics.has(frame.topic)) post({ type: 'frame', frame })
    }
  }

  #tell(connection: Connection) {
    this.#connection = connection
    for (const { post } of this.#followers) post({ type: 'connection', connection })
  }
}

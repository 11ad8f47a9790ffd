import { EVENTS_PAGE, loadEvents } from '@/api/events'
import type { Frame, StoredEvent, TopicFrame } from '@/api/schema'
import { createStore, type Store } from '@/lib/store'
import { follow } from './hub'

/** What somebody wants to know of who shows a session. */
interface Listener {
  onEvent: (event: StoredEvent) => void
  /** Too much was missed to be told: all must be loaded anew. */
  onReset: () => void
  /** The session is gone, or somebody else's. */
  onGone: () => void
}

/** A block that is being written, as far as it has come. */
export interface LiveBlock {
  key: string
  type: 'text' | 'thinking'
  messageId: string
  text: string
}

export interface SessionLog {
  events: readonly StoredEvent[]
  live: readonly LiveBlock[]
  /** Whether there is more before the first of the events. */
  hasOlder: boolean
  isLoadingOlder: boolean
}

/** More rows cost more than they are worth; what goes is loaded again by whoever scrolls there. */
const MOST_HELD = 2000

/** The events of a session that are held, the newest ones and as many older ones as somebody wants to see. */
export class SessionStore {
  readonly log: Store<SessionLog> = createStore<SessionLog>({
    events: [],
    live: [],
    hasOlder: false,
    isLoadingOlder: false,
  })
  readonly #id: string
  #events: StoredEvent[] = []
  #live = new Map<string, LiveBlock>()
  #isLoadingOlder = false
  #frame: number | undefined
  #listener: Listener | undefined

  constructor(id: string) {
    this.#id = id
  }

  /** Loads the last events before a version, and follows what comes; returns the end of that. */
  open(version: number, listener: Listener): () => void {
    this.#listener = listener
    let unfollow = () => {}
    let isOpen = true
    void this.#load(Math.max(0, version - EVENTS_PAGE)).then((events) => {
      if (!isOpen) return
      this.#events = events
      this.#publish()
      const last = events.at(-1)?.version ?? version
      unfollow = follow(`session:${this.#id}`, (frame) => this.#hear(frame), String(last))
    })
    return () => {
      isOpen = false
      unfollow()
    }
  }

  async loadOlder() {
    const first = this.#events[0]?.version ?? 1
    if (this.#isLoadingOlder || first <= 1) return
    this.#isLoadingOlder = true
    this.#publish()
    const older = await this.#load(Math.max(0, first - 1 - EVENTS_PAGE)).catch(() => [])
    this.#events = [...older.filter(({ version }) => version < first), ...this.#events]
    this.#isLoadingOlder = false
    this.#publish()
  }

  /** Nobody looks at the beginning any more. */
  dropOlder() {
    if (this.#events.length > MOST_HELD) this.#events = this.#events.slice(-EVENTS_PAGE)
  }

  #load(after: number): Promise<StoredEvent[]> {
    return loadEvents(this.#id, { after, limit: EVENTS_PAGE })
  }

  #hear({ event, delta, reset, problem }: TopicFrame) {
    if (event) this.#append(event)
    if (delta) this.#write(delta)
    if (reset) this.#listener?.onReset()
    if (problem) this.#listener?.onGone()
  }

  #append(event: StoredEvent) {
    if (event.version <= (this.#events.at(-1)?.version ?? 0)) return
    this.#events.push(event)
    if (event.type === 'assistant_text' || event.type === 'assistant_thinking') this.#settleBlock(event)
    if (event.type.startsWith('turn_')) this.#live.clear()
    this.#listener?.onEvent(event)
    this.#publishSoon()
  }

  #write(delta: Frame) {
    if (delta.type !== 'text_delta' && delta.type !== 'thinking_delta') return
    const { type, message_id, index, content } = delta
    const key = `${type}-${message_id}-${index}`
    const known = this.#live.get(key)
    const kind = type === 'text_delta' ? 'text' : 'thinking'
    this.#live.set(key, { key, type: kind, messageId: message_id, text: (known?.text ?? '') + content })
    this.#publishSoon()
  }

  /** A stored block takes the place of the oldest live one of its message and kind. */
  #settleBlock(event: Extract<StoredEvent, { type: 'assistant_text' | 'assistant_thinking' }>) {
    const type = event.type === 'assistant_text' ? 'text' : 'thinking'
    const blocks = [...this.#live.values()]
    const block = blocks.find((block) => block.messageId === event.data.message_id && block.type === type)
    if (block) this.#live.delete(block.key)
  }

  /** At most once in a frame, however fast events come. */
  #publishSoon() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined
      this.#publish()
    })
  }

  #publish() {
    this.log.set({
      events: [...this.#events],
      live: [...this.#live.values()],
      hasOlder: (this.#events[0]?.version ?? 1) > 1,
      isLoadingOlder: this.#isLoadingOlder,
    })
  }
}

import type { TopicFrame } from '@/api/schema'
import type { Topic } from './protocol'
import { readStream } from './sse'

interface Listener {
  signal: AbortSignal
  onOpen: () => void
  onFrame: (frame: TopicFrame) => void
}

/** Follows topics, each from its cursor on, until the connection ends. */
export function followTopics(
  cursors: ReadonlyMap<Topic, string | undefined>,
  listener: Listener,
): Promise<void> {
  const topics = [...cursors].map(([topic, cursor]) => (cursor === undefined ? topic : `${topic}@${cursor}`))
  const query = new URLSearchParams({ topics: topics.join(',') })
  return readStream(`/api/stream?${query}`, {
    signal: listener.signal,
    onOpen: listener.onOpen,
    onData: (data) => listener.onFrame(JSON.parse(data)),
  })
}

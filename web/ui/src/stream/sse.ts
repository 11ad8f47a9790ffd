import { createParser } from 'eventsource-parser'

/** The server answered the stream with something else than a stream. */
export class StreamRefused extends Error {
  readonly status: number

  constructor(status: number) {
    super(`the stream was answered with ${status}`)
    this.status = status
  }
}

/** No byte for so long means that the connection is dead: the server sends a comment every 15 s. */
const SILENCE_MS = 40_000

interface Listener {
  signal: AbortSignal
  onOpen: () => void
  onData: (data: string) => void
}

/** Reads a stream of server-sent events to its end. */
export async function readStream(url: string, { signal, onOpen, onData }: Listener): Promise<void> {
  const silence = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const heard = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), SILENCE_MS)
  }
  try {
    heard()
    const answer = await fetch(url, {
      headers: { Accept: 'text/event-stream' },
      signal: AbortSignal.any([signal, silence.signal]),
    })
    if (!answer.ok || !answer.body) throw new StreamRefused(answer.status)
    onOpen()
    const parser = createParser({ onEvent: (event) => onData(event.data) })
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      heard()
      parser.feed(read.value)
    }
  } finally {
    clearTimeout(timer)
  }
}

import { Hub } from './hub-core'
import type { ToHub } from './protocol'

const hub = new Hub()

self.addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports
  if (!port) return
  const hear = hub.join((message) => port.postMessage(message))
  port.addEventListener('message', (event: MessageEvent<ToHub>) => hear(event.data))
  port.start()
})

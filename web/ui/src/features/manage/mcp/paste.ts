import type { McpTransport } from '@/api/schema'

/** A server as configurations of other programs have it. */
export interface PastedServer {
  name: string
  type: McpTransport
  command: string
  args: string[]
  url: string
  env: Record<string, string>
  headers: Record<string, string>
}

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function strings(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, String(content)]))
}

function typeOf({ type, url }: Json): McpTransport {
  if (type === 'sse') return 'sse'
  return typeof url === 'string' ? 'http' : 'stdio'
}

/** The first server in a configuration: `{"mcpServers": {…}}`, `{name: {…}}`, or the server alone. */
export function readPasted(text: string): PastedServer | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(json)) return undefined
  const isServer = (value: unknown): value is Json =>
    isObject(value) && (typeof value.command === 'string' || typeof value.url === 'string')
  const named = isObject(json.mcpServers) ? json.mcpServers : json
  const [name, server] = isServer(named)
    ? [typeof named.name === 'string' ? named.name : '', named]
    : (Object.entries(named).find(([, value]) => isServer(value)) ?? [])
  if (name === undefined || !isServer(server)) return undefined
  return {
    name,
    type: typeOf(server),
    command: typeof server.command === 'string' ? server.command : '',
    args: Array.isArray(server.args) ? server.args.map(String) : [],
    url: typeof server.url === 'string' ? server.url : '',
    env: strings(server.env),
    headers: strings(server.headers),
  }
}

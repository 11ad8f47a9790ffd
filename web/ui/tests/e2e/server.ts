import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const PROGRAM = process.env.RUNNER_BIN ?? resolve('../../target/debug/claude-runner')

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (typeof address !== 'object' || !address) throw new Error('there is no free port')
  return address.port
}

/** A server of one's own in folders of its own. */
export class Server {
  readonly url: string
  readonly workspace: string
  readonly #folder: string
  readonly #port: number
  #process: ChildProcess | undefined

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.#port = port
    this.url = `http://127.0.0.1:${port}`
    this.workspace = join(folder, 'project')
  }

  static async start(): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), 'runner-ui-')), await freePort())
    await mkdir(server.workspace)
    await server.run()
    return server
  }

  async run() {
    const { ANTHROPIC_API_KEY: _, ...environment } = process.env
    const own = {
      DATA_DIR: join(this.#folder, 'data'),
      WORKING_DIR: this.workspace,
      PORT: String(this.#port),
    }
    this.#process = spawn(PROGRAM, ['serve'], {
      cwd: this.#folder,
      env: { ...environment, ...own, OFFLINE: 'true', SANDBOX: 'off', RUST_LOG: 'error' },
      stdio: 'ignore',
    })
    for (let isUp = false; !isUp; ) {
      isUp = await fetch(`${this.url}/health`).then(
        ({ ok }) => ok,
        () => false,
      )
      if (!isUp) await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Ends the program, as a restart does. */
  async end() {
    const process = this.#process
    if (!process || process.exitCode !== null) return
    process.kill('SIGTERM')
    await once(process, 'exit')
  }

  async remove() {
    await this.end()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async post<T = { session_id: string }>(path: string, body: unknown): Promise<T> {
    const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() }
    const send = () => fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    // A connection that was kept may end just then; the key lets nothing be done twice.
    const answer = await send().catch(send)
    if (!answer.ok) throw new Error(await answer.text())
    return answer.json() as Promise<T>
  }

  async get<T>(path: string): Promise<T> {
    return (await fetch(this.url + path)).json() as Promise<T>
  }

  /** Runs a task to its end, or to where a person has to decide; returns its session. */
  async task(prompt: string, replies: unknown[], options: object = {}): Promise<string> {
    const body = { prompt: script(prompt, replies), timeout_ms: 30_000, ...options }
    return (await this.post('/api/task', body)).session_id
  }
}

/** A prompt that says what the built-in model does. */
export function script(prompt: string, replies: unknown[]): string {
  return `${prompt}\n\`\`\`offline\n${JSON.stringify(replies)}\n\`\`\``
}

/** A reply in which the model uses a tool. */
export const use = (name: string, input: object) => ({ tool_use: { name, input } })

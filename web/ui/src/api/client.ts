import createClient, { type Middleware } from 'openapi-fetch'
import { createStore } from '@/lib/store'
import { ApiProblem, unreachable } from './problem'
import type { Problem, paths } from './schema'

/** Whether the server wants a login before anything else. */
export const loginWanted = createStore(false)

/** The exchange of the refresh token that is on its way: a token works once, so two must not be sent. */
let renewing: Promise<boolean> | null = null

async function renew(): Promise<boolean> {
  // Another tab may have renewed it: all of them have the same cookies.
  if ((await fetch('/api/auth/me')).ok) return true
  const headers = { 'Content-Type': 'application/json' }
  const answer = await fetch('/api/auth/refresh?cookie=true', { method: 'POST', headers, body: '{}' })
  return answer.ok
}

/** Tries to get a new access token; whether the login still stands. */
export function renewLogin(): Promise<boolean> {
  // Only pages of a secure origin have locks.
  const alone = navigator.locks ? () => navigator.locks.request('login', renew) : renew
  renewing ??= alone()
    .catch(() => false)
    .finally(() => {
      renewing = null
    })
  return renewing
}

async function send(request: Request): Promise<Response> {
  const again = request.clone()
  const answer = await fetch(request)
  if (answer.status !== 401 || new URL(request.url).pathname.startsWith('/api/auth/')) return answer
  if (await renewLogin()) return fetch(again)
  loginWanted.set(true)
  return answer
}

const problems: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return
    const body: Partial<Problem> = await response.json().catch(() => ({}))
    const status = response.status
    throw new ApiProblem({
      type: '',
      title: response.statusText,
      code: `http_${status}`,
      detail: '',
      status,
      ...body,
    })
  },
  onError({ error }) {
    return error instanceof ApiProblem ? error : unreachable()
  },
}

/** The server's API. Every answer that is no success is thrown as an {@link ApiProblem}. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: send })
api.use(problems)

/** The content of a success. */
export async function content<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer
  if (data === undefined) throw unreachable()
  return data
}

// The start page: runs a task, shows its stream, lists the latest sessions.

const byId = (id) => document.getElementById(id)
const transcript = byId('transcript')

/** The session that the next prompt continues. */
let sessionId = null
let running = false

/** Text from the server only ever becomes a text node. */
function element(tag, attributes, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  node.append(...children)
  return node
}

const line = (kind, text) => element('p', { class: kind }, text)
const code = (value) => element('pre', {}, typeof value === 'string' ? value : JSON.stringify(value, null, 2))
const folded = (kind, summary, body) => element('details', { class: kind }, element('summary', {}, summary), body)

function diff(patch) {
  const kinds = { '+': 'added', '-': 'removed', '@': 'quiet' }
  const lines = patch.match(/.+/g) ?? []
  return element('pre', {}, ...lines.map((text) => element('span', { class: kinds[text[0]] ?? '' }, `${text}\n`)))
}
const sentence = (...facts) => facts.filter(Boolean).join(' · ')
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`
const dollars = (usd) => (usd === null ? 'cost unknown' : `$${usd.toFixed(4)}`)
const moment = (time) => new Date(time).toLocaleString()
const count = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`

const send = (path, options) =>
  fetch(path, options).catch(() => { throw new Error('The server cannot be reached.') })
const json = (body) =>
  ({ method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })

/** The exchange of the refresh token that is on its way: a token works once, so two must not be sent. */
let refreshing = null

/** Whether there is an access token that works, from another page of this browser or a new one. */
async function renewTokens() {
  if ((await send('/api/auth/me')).ok) return true
  return (await send('/api/auth/refresh?cookie=true', json({}))).ok
}

/** Whether the login is still good; its tokens are in cookies that no script sees and all pages share. */
function stayLoggedIn() {
  const alone = () => (navigator.locks ? navigator.locks.request('tokens', renewTokens) : renewTokens())
  refreshing ??= alone().finally(() => { refreshing = null })
  return refreshing
}

async function call(path, options) {
  let response = await send(path, options)
  if (response.status === 401 && !path.startsWith('/api/auth/')) {
    if (await stayLoggedIn()) response = await send(path, options)
    byId('login-section').hidden = response.status !== 401
  }
  if (response.ok) return response
  const problem = await response.json().catch(() => ({}))
  const detail = problem.detail ?? problem.title ?? `The server answered ${response.status}.`
  const fields = (problem.errors ?? []).map((field) =>
    field.detail === detail ? `(${field.pointer})` : `${field.pointer}: ${field.detail}`)
  throw new Error([detail, ...fields].join(' '))
}

const get = async (path) => (await call(path)).json()

/** The JSON of each frame of an event stream, as it arrives; a lost connection ends it too. */
async function* framesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  const next = () => reader.read().catch(() => ({ done: true }))
  let buffer = ''
  for (let read = await next(); !read.done; read = await next()) {
    const blocks = (buffer + read.value).split('\n\n')
    buffer = blocks.pop()
    for (const block of blocks) {
      const data = block.match(/^data:(.*)$/m)
      if (data) yield JSON.parse(data[1])
    }
  }
}

/** What one turn shows: each type of frame has a method of that name, others are left out. */
class Turn {
  completed = false
  #explained = false
  /** Blocks that are being written, in order, by type, message and index. */
  #live = new Map()
  /** Boxes by tool call and by request: what comes of these goes into the box they belong to. */
  #tools = new Map()
  #requests = new Map()

  show(frame) {
    const atEnd = transcript.scrollHeight - transcript.scrollTop - transcript.clientHeight < 60
    this[frame.type]?.(frame)
    if (atEnd) transcript.scrollTop = transcript.scrollHeight
  }

  #add(frame, ...nodes) {
    const place = this.#tools.get(frame.parent_tool_use_id ?? frame.tool_use_id) ?? transcript
    place.append(...nodes)
  }

  #write(type, frame) {
    const key = `${type} ${frame.message_id} ${frame.index}`
    if (!this.#live.has(key)) {
      const block = type === 'text' ? line('text', '') : folded('thinking', 'Thinking', code(''))
      block.setAttribute('aria-busy', 'true')
      this.#live.set(key, block)
      this.#add(frame, block)
    }
    const block = this.#live.get(key)
    const body = block.querySelector('pre') ?? block
    body.append(frame.content)
  }

  /** Puts a whole block in the place of its oldest live one, or else at the end. */
  #settle(frame, block) {
    const key = [...this.#live.keys()].find((key) => key.startsWith(`${frame.type} ${frame.message_id} `))
    const live = this.#live.get(key)
    if (!live) return this.#add(frame, block)
    this.#live.delete(key)
    block.open = live.open
    live.replaceWith(block)
  }

  session({ session_id, metadata: { resumed, model, working_dir, permission_mode, offline } }) {
    sessionId = session_id
    byId('folder').value = working_dir ?? ''
    const facts = [offline ? 'offline model' : model, working_dir, permission_mode]
    transcript.append(line('quiet', sentence(resumed ? 'Continued' : 'Started', session_id, ...facts)))
    render()
  }

  text_delta(frame) { this.#write('text', frame) }
  thinking_delta(frame) { this.#write('thinking', frame) }
  text(frame) { this.#settle(frame, line('text', frame.content)) }
  thinking(frame) { this.#settle(frame, folded('thinking', 'Thinking', code(frame.content))) }

  tool_use(frame) {
    const gist = Object.values(frame.tool_input ?? {}).find((value) => typeof value === 'string') ?? ''
    const box = element('div', { class: 'tool' }, folded('', `${frame.tool_name} ${gist}`, code(frame.tool_input)))
    this.#add(frame, box)
    this.#tools.set(frame.tool_use_id, box)
  }

  tool_result(frame) {
    const body = code(frame.content || frame.metadata || 'No output.')
    this.#add(frame, frame.is_error ? folded('result bad', 'Result: error', body) : folded('result', 'Result', body))
  }

  file_change(frame) {
    const summary = `${frame.path}: ${frame.kind}, +${frame.added} −${frame.removed}`
    // What a command did to a file that is no text has none.
    const change = folded('', summary, diff(frame.patch ?? ''))
    change.open = true
    this.#add(frame, change)
  }

  permission_request(frame) {
    const asks = sentence(`Claude asks to use ${frame.tool_name}`, frame.subagent, frame.description, frame.reason)
    const input = folded('', 'Input', code(frame.input))
    this.#ask(frame, [line('asks', asks), input], ['Allow', 'Deny'], () => ({}))
  }

  question(frame) {
    const fields = (frame.input.questions ?? []).map(questionField)
    const answers = () => ({ answers: Object.fromEntries(fields.map(({ answer }) => answer()).filter(Boolean)) })
    const asks = line('asks', 'Claude asks')
    this.#ask(frame, [asks, ...fields.map(({ node }) => node)], ['Answer', 'Do not answer'], answers)
  }

  plan(frame) {
    const asks = line('asks', 'Claude proposes a plan')
    this.#ask(frame, [asks, code(frame.input.plan ?? '')], ['Approve', 'Keep planning'], () => ({}))
  }

  /** A request with two buttons; they go when it is decided, here or elsewhere. */
  #ask(frame, nodes, [yes, no], more) {
    const message = element('input', { type: 'text', 'aria-label': 'Message to Claude', placeholder: 'Message (optional)' })
    const buttons = element('div', { class: 'buttons' })
    const choose = (text, decision, fields) => {
      const button = element('button', { type: 'button' }, text)
      button.addEventListener('click', () => decide(frame, decision, { ...fields(), message: message.value }, buttons))
      return button
    }
    buttons.append(choose(yes, 'allow', more), choose(no, 'deny', () => ({})), message)
    const box = element('div', { class: 'request', role: 'group', 'aria-label': 'Request' }, ...nodes, buttons)
    this.#add(frame, box)
    this.#requests.set(frame.request_id, box)
  }

  decision({ request_id, decision, decided_by, content }) {
    const facts = sentence(`Decision: ${decision}`, decided_by?.name ?? decided_by?.kind, content)
    this.#close(request_id, line(decision === 'deny' ? 'asks bad' : 'asks', facts))
  }

  status({ content, request_id, reason }) {
    if (content === 'request_withdrawn') this.#close(request_id, line('quiet', `No decision is needed: ${reason}`))
    if (content === 'turn_parked') transcript.append(line('quiet', 'It waits for your decision, for as long as you like.'))
    if (content === 'turn_resumed') transcript.append(line('quiet', 'It goes on.'))
  }

  #close(request_id, node) {
    const box = this.#requests.get(request_id)
    box?.querySelector('.buttons')?.remove()
    ;(box ?? transcript).append(node)
  }

  retry({ attempt, max_attempts, delay_ms, status, content }) {
    const next = `retry ${attempt} of ${max_attempts} in ${seconds(delay_ms)}`
    transcript.append(line('quiet', sentence('The model’s API failed', status, content, next)))
  }

  error(frame) {
    this.#explained = true
    transcript.append(line('bad', frame.code === 'interrupted' ? 'Interrupted.' : (frame.detail ?? frame.content)))
  }

  complete({ metadata: { status, success, message, error, cost_usd, duration_ms, files_changed } }) {
    this.completed = true
    if (status) return void transcript.append(line('notice', `The turn is ${status}: follow the session.`))
    if (!success && !this.#explained) transcript.append(line('bad', error?.detail ?? message))
    const files = [`${count(files_changed.length, 'file')} changed`, ...files_changed].join(', ')
    const end = sentence(success ? 'Done' : 'Not done', seconds(duration_ms), dollars(cost_usd), files)
    transcript.append(line(success ? 'done' : 'done bad', end))
  }
}

/** A question with its options, and how to read what was chosen: text that was typed goes first. */
function questionField({ question, options = [], multiSelect }) {
  const type = multiSelect ? 'checkbox' : 'radio'
  const name = crypto.randomUUID()
  const choices = options.map(({ label, description }) => {
    const input = element('input', { type, name, value: label })
    return element('label', { class: 'choice' }, input, ` ${label} `, element('span', { class: 'quiet' }, description ?? ''))
  })
  const other = element('input', { type: 'text', 'aria-label': `Another answer to: ${question}`, placeholder: 'Another answer' })
  const node = element('fieldset', {}, element('legend', {}, question), ...choices, other)
  const answer = () => {
    const chosen = [...node.querySelectorAll(':checked')].map((input) => input.value)
    const said = other.value.trim() || (multiSelect ? chosen : chosen[0])
    return said?.length ? [question, said] : undefined
  }
  return { node, answer }
}

async function decide({ session_id, request_id }, decision, { message, ...fields }, buttons) {
  const body = JSON.stringify({ decision, ...fields, ...(message && { message }) })
  const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }
  const path = `/api/sessions/${session_id}/requests/${encodeURIComponent(request_id)}`
  buttons.querySelector('.bad')?.remove()
  // The decision itself comes back as a frame of the stream.
  await call(path, request).catch((error) => buttons.append(line('bad', error.message)))
}

function render() {
  byId('run').disabled = running
  byId('run').textContent = sessionId ? 'Continue' : 'Run'
  byId('interrupt').hidden = !running
  byId('interrupt').disabled = !sessionId
  byId('new-session').hidden = running || !sessionId
  byId('folder').readOnly = Boolean(sessionId)
  tellProgress(running ? 'Running…' : '')
  transcript.tabIndex = transcript.hasChildNodes() ? 0 : -1
}

async function run() {
  const task = { prompt: byId('prompt').value, permission_mode: byId('mode').value }
  const folder = byId('folder').value.trim()
  Object.assign(task, sessionId ? { resume: sessionId } : folder && { working_dir: folder })
  running = true
  const turn = new Turn()
  transcript.append(line('prompt', task.prompt))
  transcript.scrollTop = transcript.scrollHeight
  render()
  try {
    const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(task) }
    const response = await call('/api/task/stream', request)
    byId('prompt').value = ''
    for await (const frame of framesOf(response)) turn.show(frame)
    if (!turn.completed) throw new Error('The connection ended early. The turn goes on: follow the session.')
  } catch (error) {
    transcript.append(line('bad', error.message))
  }
  running = false
  for (const block of transcript.querySelectorAll('[aria-busy]')) block.removeAttribute('aria-busy')
  render()
  refresh()
}

async function showStatus() {
  const { version, node, store, uptime_ms, agent, sessions } = await get('/api/status')
  const credentials = { api_key: 'API key', login: 'login', offline: 'no credentials' }[agent.credentials]
  byId('status').textContent = sentence(`Version ${version}`, `node ${node}`, store,
    `up since ${moment(Date.now() - uptime_ms)}`, agent.version && `agent ${agent.version}`, credentials,
    `${count(sessions.stored, 'session')}, ${sessions.running} running, ${sessions.waiting} waiting`)
  const remedy = 'Set ANTHROPIC_API_KEY or log in with “claude”, then restart.'
  const problem = agent.problem && line('notice bad', `The agent cannot work: ${agent.problem}`)
  const offline = agent.offline && line('notice', `Offline: a built-in model answers, not Claude. ${remedy}`)
  byId('notices').replaceChildren(...[problem, offline].filter(Boolean))
}

async function showSessions() {
  const { sessions } = await get('/api/sessions?limit=10')
  byId('sessions').replaceChildren(...sessions.map(sessionItem))
}

function sessionItem({ id, title, status, turns, cost_usd, updated_at, offline }) {
  const path = `/api/sessions/${encodeURIComponent(id)}`
  const name = title || id
  const facts = sentence(status, count(turns, 'turn'), dollars(cost_usd), moment(updated_at), offline && 'offline')
  const link = (part) => element('a', { href: `${path}/${part}`, 'aria-label': `${part} of ${name}` }, part)
  return element('li', {}, element('a', { href: path, class: 'title' }, name),
    element('span', { class: 'quiet' }, facts), element('span', { class: 'links' }, link('events'), link('verify')))
}

const tell = (error) => byId('notices').replaceChildren(line('notice bad', error.message))
const refresh = () => Promise.all([showStatus(), showSessions()]).catch(tell)
const tellProgress = (text) => { byId('progress').textContent = text }

byId('login').addEventListener('submit', async (event) => {
  event.preventDefault()
  const [username, password] = [byId('username').value, byId('password').value]
  try {
    await call('/api/auth/login?cookie=true', json({ username, password }))
    byId('login').reset()
    byId('login-problem').textContent = ''
    byId('login-section').hidden = true
    byId('notices').replaceChildren()
    refresh()
  } catch (error) {
    byId('login-problem').textContent = error.message
  }
})
byId('task').addEventListener('submit', (event) => {
  event.preventDefault()
  if (!running) run()
})
byId('prompt').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId('task').requestSubmit()
})
byId('interrupt').addEventListener('click', () => {
  tellProgress('Interrupting…')
  call(`/api/sessions/${sessionId}/interrupt`, { method: 'POST' }).catch((error) => tellProgress(error.message))
})
byId('new-session').addEventListener('click', () => {
  sessionId = null
  transcript.replaceChildren()
  render()
  byId('prompt').focus()
})

render()
refresh()

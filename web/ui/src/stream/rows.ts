import type {
  DecidedBy,
  EventFileChanged,
  EventPromptSubmitted,
  EventSubagentFinished,
  EventSubagentStarted,
  EventToolReturned,
  RequestDecided,
  StoredEvent,
} from '@/api/schema'

interface Base {
  /** The same for the same thing, however much is known of it. */
  key: string
  /** The event that it begins with. */
  version: number
  at: string
  /** Grows with everything that becomes known of it. */
  stamp: number
}

export interface PromptRow extends Base {
  type: 'prompt'
  text: string
  author: string
  attachments: EventPromptSubmitted['data']['attachments']
  isSteered: boolean
  isWithdrawn: boolean
}

export interface TextRow extends Base {
  type: 'text' | 'thinking'
  text: string
  isStreaming: boolean
}

export interface ToolRequest {
  id: string
  decided?: RequestDecided
  isWithdrawn: boolean
}

export type ToolStatus = 'running' | 'ok' | 'error' | 'denied' | 'waiting' | 'abandoned'

export interface ToolRow extends Base {
  type: 'tool'
  id: string
  turn: string
  name: string
  input: unknown
  status: ToolStatus
  result?: EventToolReturned['data'] & { at: string }
  request?: ToolRequest
  /** What let it be used or refused it, where no person did. */
  decidedBy?: DecidedBy
  refusal?: string
  changes: EventFileChanged['data'][]
  subagent?: EventSubagentStarted['data'] & { finished?: EventSubagentFinished['data'] }
  /** What a subagent did that it started. */
  children: Row[]
}

/** Tools in a row that only looked at something. */
export interface FoldRow extends Base {
  type: 'fold'
  tools: ToolRow[]
}

/** Anything else: it is told in a line, by its event. */
export interface EventRow extends Base {
  type: 'event'
  event: StoredEvent
}

export type Row = PromptRow | TextRow | ToolRow | FoldRow | EventRow

/** Told in the panels or by other rows. */
const SILENT: ReadonlySet<StoredEvent['type']> = new Set([
  'agent_initialized',
  'agent_message',
  'model_called',
  'request_released',
  'session_tagged',
  'subagent_parked',
  'subagent_progressed',
  'subagent_taken_up',
  'task_list_changed',
  'turn_continued',
  'usage_reported',
  'workspace_changed',
  'workspace_unobserved',
])

const LOOKING: ReadonlySet<string> = new Set([
  'Read',
  'Grep',
  'Glob',
  'LS',
  'NotebookRead',
  'WebFetch',
  'WebSearch',
])

/** What the events of a session tell, as rows from first to last. Pure: the same events give the same rows. */
export function rowsOf(events: readonly StoredEvent[]): Row[] {
  const fold = new RowFold()
  for (const event of events) fold.add(event)
  return foldLooking(fold.rows)
}

class RowFold {
  readonly rows: Row[] = []
  #tools = new Map<string, ToolRow>()
  #parents = new Map<string, string>()
  #requests = new Map<string, ToolRow>()
  #prompts = new Map<string, PromptRow>()
  #subagents = new Map<string, ToolRow>()

  add(event: StoredEvent) {
    switch (event.type) {
      case 'prompt_submitted':
        this.#prompt(event, event.data.turn, false)
        break
      case 'prompt_steered':
        this.#prompt(event, event.data.message, true)
        break
      case 'prompt_withdrawn': {
        const prompt = this.#prompts.get(event.data.turn)
        if (prompt) Object.assign(prompt, { isWithdrawn: true, stamp: event.version })
        break
      }
      case 'assistant_text':
      case 'assistant_thinking':
        this.#place(event.data.parent_tool_use_id, {
          ...begin(event),
          type: event.type === 'assistant_text' ? 'text' : 'thinking',
          text: event.data.text,
          isStreaming: false,
        })
        break
      case 'tool_used': {
        const { tool_use_id: id, name, input, turn, parent_tool_use_id: parent } = event.data
        const base = { ...begin(event), key: `tool-${id}` }
        const tool: ToolRow = {
          ...base,
          type: 'tool',
          id,
          turn,
          name,
          input,
          status: 'running',
          changes: [],
          children: [],
        }
        this.#tools.set(id, tool)
        if (parent) this.#parents.set(id, parent)
        this.#place(parent, tool)
        break
      }
      case 'turn_completed':
      case 'turn_failed':
      case 'turn_interrupted':
        this.#endTurn(event.data.turn, event.version)
        this.#place(null, { ...begin(event), type: 'event', event })
        break
      case 'turn_started':
        if (event.data.initiator === 'agent') this.#place(null, { ...begin(event), type: 'event', event })
        break
      default:
        if (!this.#addToTool(event) && !SILENT.has(event.type)) {
          this.#place(null, { ...begin(event), type: 'event', event })
        }
    }
  }

  /** What belongs to the use of a tool; whether the event is of that kind. */
  #addToTool(event: StoredEvent): boolean {
    switch (event.type) {
      case 'tool_returned': {
        const { tool_use_id, is_error, decided_by } = event.data
        this.#change(tool_use_id, event.version, (tool) => {
          tool.result = { ...event.data, at: event.recorded_at }
          tool.decidedBy = decided_by ?? undefined
          if (tool.status !== 'denied') tool.status = is_error ? 'error' : 'ok'
        })
        return true
      }
      case 'tool_abandoned':
        this.#change(event.data.tool_use_id, event.version, (tool) => {
          tool.status = 'abandoned'
        })
        return true
      case 'policy_applied':
        this.#change(event.data.tool_use_id, event.version, (tool) => {
          tool.decidedBy = event.data.decided_by
          if (event.data.decision === 'deny')
            Object.assign(tool, { status: 'denied', refusal: event.data.message })
        })
        return true
      case 'file_changed':
        this.#change(event.data.tool_use_id, event.version, (tool) => tool.changes.push(event.data))
        return true
      case 'permission_requested':
      case 'question_asked':
      case 'plan_proposed': {
        const { request_id: id, tool_use_id } = event.data
        const tool = this.#change(tool_use_id, event.version, (tool) => {
          Object.assign(tool, { status: 'waiting', request: { id, isWithdrawn: false } })
        })
        if (tool) this.#requests.set(id, tool)
        return true
      }
      case 'permission_decided':
      case 'question_answered':
      case 'plan_decided':
        this.#settle(event.data.request_id, event.version, (tool, request) => {
          request.decided = event.data
          tool.status = event.data.decision === 'deny' ? 'denied' : 'running'
        })
        return true
      case 'request_withdrawn':
        this.#settle(event.data.request_id, event.version, (tool, request) => {
          request.isWithdrawn = true
          tool.status = 'abandoned'
        })
        return true
      case 'subagent_started': {
        const tool = this.#change(event.data.tool_use_id, event.version, (tool) => {
          tool.subagent = event.data
        })
        if (tool) this.#subagents.set(event.data.task_id, tool)
        return tool !== undefined
      }
      case 'subagent_finished': {
        const known = this.#subagents.get(event.data.task_id)
        const tool = this.#change(known?.id, event.version, (tool) => {
          if (tool.subagent) tool.subagent.finished = event.data
        })
        return tool !== undefined
      }
      default:
        return false
    }
  }

  #prompt(
    event: Extract<StoredEvent, { type: 'prompt_submitted' | 'prompt_steered' }>,
    id: string,
    isSteered: boolean,
  ) {
    const { text, author, attachments } = event.data
    const prompt: PromptRow = {
      ...begin(event),
      type: 'prompt',
      text,
      author,
      attachments: attachments ?? [],
      isSteered,
      isWithdrawn: false,
    }
    this.#prompts.set(id, prompt)
    this.#place(null, prompt)
  }

  #place(parent: string | null | undefined, row: Row) {
    const tool = parent ? this.#tools.get(parent) : undefined
    if (!tool) this.rows.push(row)
    else {
      tool.children.push(row)
      this.#touch(tool.id, row.stamp)
    }
  }

  #change(
    id: string | null | undefined,
    version: number,
    change: (tool: ToolRow) => void,
  ): ToolRow | undefined {
    const tool = id ? this.#tools.get(id) : undefined
    if (!tool) return undefined
    change(tool)
    this.#touch(tool.id, version)
    return tool
  }

  #settle(requestId: string, version: number, settle: (tool: ToolRow, request: ToolRequest) => void) {
    this.#change(this.#requests.get(requestId)?.id, version, (tool) => {
      if (tool.request) settle(tool, tool.request)
    })
  }

  /** What holds a row that has changed has changed as well. */
  #touch(id: string | undefined, stamp: number) {
    for (let at = id; at !== undefined; at = this.#parents.get(at)) {
      const tool = this.#tools.get(at)
      if (tool) tool.stamp = stamp
    }
  }

  /** A tool that has not come back by the end of its turn never does, but for subagents in the background. */
  #endTurn(turn: string, version: number) {
    for (const tool of this.#tools.values()) {
      const isOpen = tool.status === 'running' && !this.#parents.has(tool.id)
      if (tool.turn === turn && isOpen) Object.assign(tool, { status: 'abandoned', stamp: version })
    }
  }
}

function begin(event: StoredEvent): Base {
  return {
    key: `event-${event.version}`,
    version: event.version,
    at: event.recorded_at,
    stamp: event.version,
  }
}

function isLooking(row: Row | undefined): row is ToolRow {
  return row?.type === 'tool' && LOOKING.has(row.name) && row.status === 'ok' && !row.request
}

/** Puts tools that only looked at something into one row, where they follow one another. */
function foldLooking(rows: Row[]): Row[] {
  const folded: Row[] = []
  for (const row of rows) {
    const last = folded.at(-1)
    if (isLooking(row) && last?.type === 'fold') {
      last.tools.push(row)
      last.stamp = Math.max(last.stamp, row.stamp)
    } else if (isLooking(row) && isLooking(last)) {
      const { key, version, at, stamp } = last
      const fold: FoldRow = {
        key: `fold-${key}`,
        version,
        at,
        stamp: Math.max(stamp, row.stamp),
        type: 'fold',
        tools: [last, row],
      }
      folded[folded.length - 1] = fold
    } else folded.push(row)
  }
  return folded
}

import { describe, expect, it } from 'vitest'
import { events, view } from './recorded'
import { type Row, rowsOf, type ToolRow } from './rows'

function toolsIn(rows: readonly Row[]): ToolRow[] {
  return rows.flatMap((row) => {
    if (row.type === 'tool') return [row, ...toolsIn(row.children)]
    return row.type === 'fold' ? row.tools : []
  })
}

const until = (version: number) => rowsOf(events.filter((event) => event.version <= version))

describe('rows of a recorded session tell what the server tells', () => {
  const rows = rowsOf(events)
  const tools = toolsIn(rows)

  it('has a prompt for each turn', () => {
    const prompts = rows.flatMap((row) => (row.type === 'prompt' ? [row.text] : []))
    expect(prompts).toEqual(view.turns.map(({ prompt }) => prompt))
  })

  it('has the same tools in each turn', () => {
    for (const turn of view.turns) {
      const used = tools.filter((tool) => tool.turn === turn.id).map(({ name }) => name)
      expect([...new Set(used)]).toEqual(turn.tools_used)
    }
  })

  it('ends each turn with what was answered and what it cost', () => {
    const ends = rows.flatMap((row, at) =>
      row.type === 'event' && row.event.type === 'turn_completed'
        ? [{ end: row.event, before: rows[at - 1] }]
        : [],
    )
    expect(ends.map(({ before }) => (before?.type === 'text' ? before.text : null))).toEqual(
      view.turns.map(({ result }) => result),
    )
    expect(ends.map(({ end }) => end.data.spend.cost_micros / 1e6)).toEqual(
      view.turns.map(({ cost_usd }) => cost_usd),
    )
  })

  it('puts what subagents did under what started them', () => {
    const started = tools.filter(({ subagent }) => subagent)
    expect(started.map(({ id }) => id)).toEqual(view.subagents.map(({ tool_use_id }) => tool_use_id))
    expect(toolsIn(started[0]?.children ?? []).map(({ name }) => name)).toEqual(view.subagents[0]?.tools_used)
    expect(started[0]?.subagent?.finished?.summary).toBe(view.subagents[0]?.summary)
  })

  it('has the same changes of files', () => {
    const changes = tools.flatMap(({ changes }) => changes)
    expect(changes.map(({ path, added, removed }) => ({ path, added, removed }))).toEqual(
      view.files.map(({ path, added, removed }) => ({ path, added, removed })),
    )
  })

  it('has no tool that still runs when nothing does', () => {
    expect(tools.filter(({ status }) => status === 'running' || status === 'waiting')).toEqual([])
  })
})

describe('rows of the beginning of a session', () => {
  it('wait where a person has to decide, until somebody has', () => {
    const asked = events.find(({ type }) => type === 'permission_requested')?.version ?? 0
    const decided = events.find(({ type }) => type === 'permission_decided')?.version ?? 0
    const waiting = (version: number) => toolsIn(until(version)).filter(({ status }) => status === 'waiting')

    expect(waiting(asked).map(({ name }) => name)).toEqual(['Bash'])
    expect(waiting(decided)).toEqual([])
    expect(toolsIn(until(decided)).find(({ name }) => name === 'Bash')?.request?.decided?.decision).toBe(
      'allow',
    )
  })

  it('keep their keys while more becomes known, and grow a stamp when they change', () => {
    let before = new Map<string, number>()
    for (const { version } of events) {
      const now = new Map(toolsIn(until(version)).map(({ key, stamp }) => [key, stamp]))
      for (const [key, stamp] of before) expect(now.get(key)).toBeGreaterThanOrEqual(stamp)
      before = now
    }
  })

  it('begin anywhere: what belongs to tools before the first event is left out', () => {
    for (const { version } of events) {
      expect(() => rowsOf(events.filter((event) => event.version > version))).not.toThrow()
    }
  })
})

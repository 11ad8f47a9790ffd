import {
  Bot,
  FilePen,
  FileText,
  Globe,
  ListTodo,
  type LucideIcon,
  MessageCircleQuestion,
  Plug,
  Search,
  Sparkles,
  SquareTerminal,
  Wrench,
} from 'lucide-react'
import type { ComponentType } from 'react'
import type { ToolRow } from '@/stream/rows'
import type { ToolProps } from './context'
import { BashTool } from './tools/bash'
import { EditTool } from './tools/edit'
import { PlanTool, QuestionTool, TodoTool } from './tools/notes'
import { PlainTool } from './tools/plain'
import { ReadTool } from './tools/read'
import { TaskTool } from './tools/task'
import { shortPath, textOf } from './value'

interface Renderer {
  icon: LucideIcon
  /** What it is about, in a line. */
  summary: (row: ToolRow, workingDir: string) => string
  body: ComponentType<ToolProps>
  /** Shown without being asked for. */
  isOpen?: boolean
}

const path = (row: ToolRow, dir: string) =>
  shortPath(textOf(row.input, 'file_path') || textOf(row.input, 'notebook_path'), dir)
const field = (name: string) => (row: ToolRow) => textOf(row.input, name)

const bash: Renderer = { icon: SquareTerminal, summary: field('command'), body: BashTool }
const edit: Renderer = { icon: FilePen, summary: path, body: EditTool, isOpen: true }
const task: Renderer = { icon: Bot, summary: field('description'), body: TaskTool }
const search: Renderer = { icon: Search, summary: field('pattern'), body: PlainTool }
const plan: Renderer = { icon: ListTodo, summary: () => '', body: PlanTool, isOpen: true }

const RENDERERS: Record<string, Renderer> = {
  Agent: task,
  AskUserQuestion: { icon: MessageCircleQuestion, summary: () => '', body: QuestionTool, isOpen: true },
  Bash: bash,
  BashOutput: bash,
  Edit: edit,
  ExitPlanMode: plan,
  Glob: search,
  Grep: search,
  MultiEdit: edit,
  NotebookEdit: edit,
  Read: { icon: FileText, summary: path, body: ReadTool },
  Skill: { icon: Sparkles, summary: field('skill'), body: PlainTool },
  Task: task,
  TaskCreate: { icon: ListTodo, summary: field('subject'), body: PlainTool },
  TodoWrite: { icon: ListTodo, summary: () => '', body: TodoTool, isOpen: true },
  WebFetch: { icon: Globe, summary: field('url'), body: PlainTool },
  WebSearch: { icon: Globe, summary: field('query'), body: PlainTool },
  Write: edit,
}

/** A tool that nobody has heard of: its input, and what it answered. */
const OTHER: Renderer = {
  icon: Wrench,
  summary: ({ input }) =>
    ['description', 'query', 'command', 'path', 'url', 'name']
      .map((name) => textOf(input, name))
      .find(Boolean) ?? '',
  body: PlainTool,
}

export function rendererOf(tool: string): Renderer {
  return RENDERERS[tool] ?? (tool.startsWith('mcp__') ? { ...OTHER, icon: Plug } : OTHER)
}

/** The name of a tool as people say it: of an MCP server's the server and the tool. */
export function toolName(tool: string): string {
  const [, server, name] = /^mcp__(.+?)__(.+)$/.exec(tool) ?? []
  return server && name ? `${server} · ${name}` : tool
}

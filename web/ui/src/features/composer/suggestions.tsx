import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { clsx } from 'clsx'
import { type ComponentProps, type KeyboardEvent, useDeferredValue, useId, useState } from 'react'
import { api, content } from '@/api/client'
import { loadEvents } from '@/api/events'
import { loadFile } from '@/api/files'
import type { SessionView } from '@/api/schema'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'

interface Suggestion {
  /** What is put into the prompt. */
  insert: string
  name: string
  hint?: string | null
}

/** The word that is being written, if a list belongs to it: `/command` at the begin, `@file` anywhere. */
const COMMAND = /^\/([\w:-]*)$/
const FILE = /(?:^|\s)@([^\s@]*)$/
const SHOWN = 8

/** What can stand where the prompt ends: commands of the skills that the agent has, or files of the folder. */
export function useSuggestions(view: SessionView, prompt: string, onPrompt: (prompt: string) => void) {
  const id = useId()
  const [at, setAt] = useState(0)
  const [dismissed, setDismissed] = useState('')
  const command = COMMAND.exec(prompt)?.[1]
  const file = FILE.exec(prompt)?.[1]
  const isWanted = (command !== undefined || file !== undefined) && dismissed !== prompt
  const commands = useCommands(view, isWanted ? command : undefined)
  const files = useFiles(view, isWanted ? file : undefined)
  const list = isWanted ? [...commands, ...files].slice(0, SHOWN) : []
  const chosen = Math.min(at, list.length - 1)

  const take = (suggestion: Suggestion | undefined) => {
    if (!suggestion) return
    onPrompt(prompt.replace(/(^|\s)[/@][^\s]*$/, `$1${suggestion.insert}`))
    setAt(0)
  }
  const onKey = (event: KeyboardEvent) => {
    if (list.length === 0 || event.nativeEvent.isComposing) return
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 }
    const step = steps[event.key]
    if (step !== undefined) setAt((chosen + step + list.length) % list.length)
    else if (event.key === 'Enter' || event.key === 'Tab') take(list[chosen])
    else if (event.key === 'Escape') setDismissed(prompt)
    else return
    event.preventDefault()
  }
  const textarea: Partial<ComponentProps<'textarea'>> = {
    'aria-haspopup': 'listbox',
    'aria-controls': `${id}-list`,
    'aria-autocomplete': 'list',
    'aria-activedescendant': list.length > 0 ? `${id}-${chosen}` : undefined,
  }
  return { id, list, chosen, take, onKey, textarea }
}

type SuggestionsProps = Omit<ReturnType<typeof useSuggestions>, 'onKey' | 'textarea'>

export function Suggestions({ id, list, chosen, take }: SuggestionsProps) {
  const t = useText(words).composer
  return (
    <div
      id={`${id}-list`}
      role="listbox"
      aria-label={t.suggestions}
      hidden={list.length === 0}
      className="absolute inset-x-0 bottom-full z-10 mb-2 overflow-hidden rounded-xl border border-line bg-surface p-1.5 shadow-high"
    >
      {list.map((suggestion, at) => (
        <div
          key={suggestion.insert}
          id={`${id}-${at}`}
          role="option"
          tabIndex={-1}
          aria-selected={at === chosen}
          className={clsx('flex gap-3 rounded-lg px-3 py-1.5 text-sm', at === chosen && 'bg-sunken')}
          onPointerDown={(event) => {
            event.preventDefault()
            take(suggestion)
          }}
        >
          <span className="font-mono text-[0.8125rem]">{suggestion.name}</span>
          <span className="min-w-0 truncate text-ink-3">{suggestion.hint}</span>
        </div>
      ))}
    </div>
  )
}

function useCommands(view: SessionView, typed: string | undefined): Suggestion[] {
  const { data = [] } = useQuery({
    queryKey: ['skills'],
    queryFn: async () =>
      (await content(api.GET('/api/skills', { params: { query: { limit: 200 } } }))).skills,
    enabled: typed !== undefined,
    staleTime: 60_000,
  })
  const { data: loaded = [] } = useQuery({
    queryKey: ['commands', view.id],
    queryFn: async () => {
      const [event] = await loadEvents(view.id, { types: 'agent_initialized', limit: 1 })
      return event?.type === 'agent_initialized' ? (event.data.skills ?? []) : []
    },
    enabled: typed !== undefined,
  })
  if (typed === undefined) return []
  const own = data.map(({ name, description }) => ({ name, hint: description }))
  const names = new Set(own.map(({ name }) => name))
  const others = loaded.filter((skill): skill is string => typeof skill === 'string' && !names.has(skill))
  return [...own, ...others.map((name) => ({ name, hint: '' }))]
    .filter(({ name }) => name.toLowerCase().includes(typed.toLowerCase()))
    .map(({ name, hint }) => ({ insert: `/${name} `, name: `/${name}`, hint }))
}

function useFiles(view: SessionView, typed: string | undefined): Suggestion[] {
  const path = useDeferredValue(typed ?? '')
  const [folder, name] = [path.slice(0, path.lastIndexOf('/') + 1), path.slice(path.lastIndexOf('/') + 1)]
  const { data = [] } = useQuery({
    queryKey: ['folder', view.id, folder],
    queryFn: async () => {
      const found = await loadFile(view.id, folder || '.')
      return found.type === 'folder' ? found.entries : []
    },
    enabled: typed !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
  })
  if (typed === undefined) return []
  return data
    .filter((entry) => entry.name.toLowerCase().includes(name.toLowerCase()))
    .map((entry) => {
      const isFolder = entry.kind === 'folder'
      const whole = `${folder}${entry.name}`
      return { insert: isFolder ? `@${whole}/` : `@${whole} `, name: isFolder ? `${whole}/` : whole }
    })
}

import { Dialog as Base } from '@base-ui/react/dialog'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { clsx } from 'clsx'
import { ArrowRight, MessageSquare, MoonStar, Search, SquarePen, SunMedium } from 'lucide-react'
import { type KeyboardEvent, type ReactNode, useDeferredValue, useId, useState } from 'react'
import { api, content } from '@/api/client'
import { Csp } from '@/components/ui/csp'
import { useFormat, useText } from '@/i18n'
import { common } from '@/i18n/common'
import { setTheme } from '@/lib/theme'
import { NAV } from './nav'

interface Command {
  id: string
  icon: ReactNode
  label: string
  hint?: string
  run: () => void
}

const SHOWN = 8

/** Sessions by their words, views and commands by their names: a combobox over one list. */
export function Palette({ onClose }: { onClose: () => void }) {
  const t = useText(common)
  const id = useId()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const commands = useCommands(text)
  const chosen = Math.min(at, commands.length - 1)
  const run = (command: Command | undefined) => {
    if (!command) return
    onClose()
    command.run()
  }
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 }
    const step = steps[event.key]
    if (step !== undefined) {
      event.preventDefault()
      setAt((chosen + step + commands.length) % commands.length)
    }
    if (event.key === 'Enter') run(commands[chosen])
  }
  return (
    <Csp>
      <Base.Root open onOpenChange={(open) => !open && onClose()}>
        <Base.Portal>
          <Base.Backdrop className="fixed inset-0 z-40 bg-black/40" />
          <Base.Popup className="fixed inset-x-3 top-[10vh] z-50 mx-auto flex max-h-[70vh] max-w-xl flex-col overflow-hidden rounded-2xl border border-line bg-surface shadow-high outline-none">
            <Base.Title className="sr-only">{t.search}</Base.Title>
            <div className="flex items-center gap-3 border-b border-line px-4">
              <Search aria-hidden className="size-4.5 text-ink-3" />
              <input
                role="combobox"
                aria-expanded
                aria-controls={`${id}-list`}
                aria-activedescendant={commands[chosen] ? `${id}-${commands[chosen].id}` : undefined}
                aria-label={t.palette.placeholder}
                placeholder={t.palette.placeholder}
                className="h-13 flex-1 bg-transparent outline-none"
                value={text}
                onChange={(event) => {
                  setText(event.target.value)
                  setAt(0)
                }}
                onKeyDown={press}
              />
            </div>
            <div
              id={`${id}-list`}
              role="listbox"
              aria-label={t.search}
              className="scroll-thin overflow-y-auto p-1.5"
            >
              {commands.map((command, index) => (
                <div
                  key={command.id}
                  id={`${id}-${command.id}`}
                  role="option"
                  tabIndex={-1}
                  aria-selected={index === chosen}
                  className={clsx(
                    'flex cursor-pointer items-center gap-3 rounded-lg px-3 py-2.5 text-sm',
                    index === chosen && 'bg-sunken',
                  )}
                  onPointerMove={() => setAt(index)}
                  onClick={() => run(command)}
                  onKeyDown={press}
                >
                  <span aria-hidden className="text-ink-3">
                    {command.icon}
                  </span>
                  <span className="min-w-0 flex-1 truncate">{command.label}</span>
                  {command.hint && <span className="shrink-0 text-xs text-ink-3">{command.hint}</span>}
                </div>
              ))}
              {commands.length === 0 && (
                <p className="px-3 py-8 text-center text-sm text-ink-3">{t.palette.none}</p>
              )}
            </div>
          </Base.Popup>
        </Base.Portal>
      </Base.Root>
    </Csp>
  )
}

function useCommands(text: string): Command[] {
  const t = useText(common)
  const format = useFormat()
  const navigate = useNavigate()
  const q = useDeferredValue(text.trim())
  const { data: sessions = [] } = useQuery({
    queryKey: ['palette', q],
    queryFn: async () => {
      const query = { limit: SHOWN, ...(q && { q }) }
      return (await content(api.GET('/api/sessions', { params: { query } }))).sessions
    },
    placeholderData: keepPreviousData,
  })
  const icon = 'size-4'
  const commands: Command[] = [
    {
      id: 'new',
      icon: <SquarePen className={icon} />,
      label: t.newSession,
      hint: 'n',
      run: () => void navigate({ to: '/', hash: 'new' }),
    },
    ...NAV.map(({ to, keys, label, icon: Icon }) => ({
      id: `view-${keys.replace(' ', '-')}`,
      icon: <Icon className={icon} />,
      label: label(t),
      hint: keys,
      run: () => void navigate({ to }),
    })),
    {
      id: 'light',
      icon: <SunMedium className={icon} />,
      label: `${t.theme}: ${t.themes.light}`,
      run: () => setTheme('light'),
    },
    {
      id: 'dark',
      icon: <MoonStar className={icon} />,
      label: `${t.theme}: ${t.themes.dark}`,
      run: () => setTheme('dark'),
    },
  ]
  const matching = commands.filter(({ label }) => label.toLowerCase().includes(text.trim().toLowerCase()))
  const found = sessions.map((session) => ({
    id: session.id,
    icon: q ? <ArrowRight className={icon} /> : <MessageSquare className={icon} />,
    label: session.title ?? session.id,
    hint: format.ago(session.updated_at),
    run: () => void navigate({ to: '/sessions/$id', params: { id: session.id } }),
  }))
  return q ? [...matching, ...found] : [...found.slice(0, 5), ...matching]
}

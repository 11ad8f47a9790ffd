import { Search } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { SessionsFilter } from '@/api/queries'
import { inputClass } from '@/components/ui/field'
import { Select } from '@/components/ui/select'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'
import { useHotkeys } from '@/lib/hotkeys'
import { SORTS, STATUSES } from './filter'

const TYPING_MS = 250

interface FilterBarProps {
  filter: SessionsFilter
  onFilter: (filter: SessionsFilter) => void
}

/** What the list shows; it is in the address, so that a link to it shows the same. */
export function FilterBar({ filter, onFilter }: FilterBarProps) {
  const t = useText(words)
  const input = useRef<HTMLInputElement>(null)
  const [text, setText] = useState(filter.q ?? '')
  useHotkeys({ '/': () => input.current?.focus() })

  const sent = useRef(text)

  // What was searched for may also change from outside: by going back, or by clearing the filter.
  useEffect(() => {
    const wanted = filter.q ?? ''
    if (wanted === sent.current) return
    sent.current = wanted
    setText(wanted)
  }, [filter.q])

  useEffect(() => {
    if (text === sent.current) return
    const timer = window.setTimeout(() => {
      sent.current = text
      onFilter({ ...filter, q: text || undefined })
    }, TYPING_MS)
    return () => window.clearTimeout(timer)
  }, [text, filter, onFilter])

  return (
    <search className="mt-8 mb-4 flex flex-wrap gap-2">
      <span className="relative min-w-56 flex-1">
        <Search aria-hidden className="absolute top-1/2 left-3 size-4 -translate-y-1/2 text-ink-3" />
        <input
          ref={input}
          type="search"
          aria-label={t.list.search}
          placeholder={t.list.search}
          className={`${inputClass} h-9 pl-9 pointer-coarse:h-11`}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </span>
      <Select
        aria-label={t.list.status}
        value={filter.status ?? ''}
        options={[
          { value: '', label: t.list.all },
          ...STATUSES.map((value) => ({ value, label: t.status[value] })),
        ]}
        onValue={(status) => onFilter({ ...filter, status: status || undefined })}
      />
      <Select
        aria-label={t.list.sort}
        value={filter.sort ?? 'updated_at'}
        options={SORTS.map((value) => ({ value, label: t.list.sorts[value] }))}
        onValue={(sort) => onFilter({ ...filter, sort: sort === 'updated_at' ? undefined : sort })}
      />
    </search>
  )
}

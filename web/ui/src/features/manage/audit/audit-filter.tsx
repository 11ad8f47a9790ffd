import { inputClass } from '@/components/ui/field'
import { Select } from '@/components/ui/select'
import { useText } from '@/i18n'
import { server } from '@/i18n/server'
import { type AuditFilter, KINDS, OUTCOMES } from './filter'

interface AuditFilterBarProps {
  filter: AuditFilter
  onFilter: (filter: AuditFilter) => void
}

/** Text is looked for when it is written to its end, because the server may have to look through much. */
export function AuditFilterBar({ filter, onFilter }: AuditFilterBarProps) {
  const t = useText(server).audit
  const set = (change: Partial<AuditFilter>) => onFilter({ ...filter, ...change })
  const text = (name: 'q' | 'tool' | 'actor', placeholder: string, width: string) => (
    <input
      key={`${name} ${filter[name]}`}
      aria-label={t[name]}
      placeholder={placeholder}
      title={placeholder}
      className={`${inputClass} h-9 pointer-coarse:h-11 ${width}`}
      defaultValue={filter[name] ?? ''}
      onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
      onBlur={(event) => set({ [name]: event.target.value.trim() || undefined })}
    />
  )
  const day = (name: 'from' | 'to') => (
    <input
      type="date"
      aria-label={t[name]}
      className={`${inputClass} h-9 w-36! pointer-coarse:h-11`}
      value={filter[name] ?? ''}
      onChange={(event) => set({ [name]: event.target.value || undefined })}
    />
  )
  return (
    <search className="mb-4 flex flex-wrap items-center gap-2">
      {text('q', t.q, 'w-full! sm:w-60!')}
      {text('tool', t.tool, 'w-28!')}
      {text('actor', t.actorHint, 'w-44!')}
      <Select
        aria-label={t.kind}
        value={filter.kind ?? ''}
        options={[
          { value: '', label: t.anyKind },
          ...KINDS.map((value) => ({ value, label: t.kinds[value] })),
        ]}
        onValue={(kind) => set({ kind: kind || undefined })}
      />
      <Select
        aria-label={t.outcome}
        value={filter.outcome ?? ''}
        options={[
          { value: '', label: t.anyOutcome },
          ...OUTCOMES.map((value) => ({ value, label: t.outcomes[value] })),
        ]}
        onValue={(outcome) => set({ outcome: outcome || undefined })}
      />
      {day('from')}
      {day('to')}
      <label className="flex items-center gap-2 text-sm text-ink-2 pointer-coarse:min-h-11">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          checked={filter.all ?? false}
          onChange={(event) => set({ all: event.target.checked || undefined })}
        />
        {t.all}
      </label>
    </search>
  )
}

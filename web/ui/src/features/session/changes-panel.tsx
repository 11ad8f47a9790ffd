import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { clsx } from 'clsx'
import { ChevronRight } from 'lucide-react'
import { useState } from 'react'
import { api, content } from '@/api/client'
import type { ChangedFile, SessionView } from '@/api/schema'
import { DiffView } from '@/components/diff/diff-view'
import { Badge, type Tone } from '@/components/ui/badge'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'
import { Nothing } from './nothing'

const TONES: Record<ChangedFile['kind'], Tone> = { created: 'good', modified: 'info', deleted: 'bad' }

/** What the session has done to files, from its begin to now or to a version. */
export function ChangesPanel({ view, at }: { view: SessionView; at?: number }) {
  const t = useText(words)
  const last = view.files.map(({ last_version }) => last_version)
  const { data, error } = useQuery({
    queryKey: ['changes', view.id, at ?? 'now', Math.max(0, ...last)],
    queryFn: async () => {
      const params = { path: { id: view.id }, query: { by: 'file' as const, limit: 200, ...(at && { at }) } }
      const page = await content(api.GET('/api/sessions/{id}/changes', { params }))
      return typeof page === 'object' && 'files' in page ? page.files : []
    },
    placeholderData: keepPreviousData,
  })
  if (error) return <ErrorState error={error} />
  if (!data) return <SkeletonRows rows={3} />
  if (data.length === 0) return <Nothing>{t.noChanges}</Nothing>
  return (
    <ul className="grid gap-2.5">
      {data.map((file) => (
        <File key={file.path} file={file} isOpenAtFirst={data.length === 1} />
      ))}
    </ul>
  )
}

function File({ file, isOpenAtFirst }: { file: ChangedFile; isOpenAtFirst: boolean }) {
  const t = useText(words)
  const [isOpen, setOpen] = useState(isOpenAtFirst)
  return (
    <li className="card overflow-hidden">
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
        className="flex w-full items-center gap-2 px-3 py-2 text-left text-sm -outline-offset-2 hover:bg-sunken/60"
      >
        <ChevronRight
          aria-hidden
          className={clsx('size-4 text-ink-3 transition-transform', isOpen && 'rotate-90')}
        />
        <span className="min-w-0 flex-1 truncate font-mono text-[0.8125rem]">{file.path}</span>
        <Badge tone={TONES[file.kind]}>{t.kinds[file.kind]}</Badge>
        <span className="flex gap-1.5 text-xs tabular-nums">
          <span className="text-good">+{file.added}</span>
          <span className="text-bad">−{file.removed}</span>
        </span>
      </button>
      {isOpen && (
        <div className="border-t border-line">
          {file.unpatched ? (
            <p className="p-3 text-sm text-ink-3">{t.unpatched}</p>
          ) : (
            <DiffView patch={file.patch} />
          )}
        </div>
      )}
    </li>
  )
}

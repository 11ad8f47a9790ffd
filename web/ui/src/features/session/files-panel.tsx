import { useQuery } from '@tanstack/react-query'
import { CornerLeftUp, File as FileIcon, Folder } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { loadFile } from '@/api/files'
import type { SessionView } from '@/api/schema'
import { CodeBlock } from '@/components/code/code-block'
import { languageOf } from '@/components/code/use-highlight'
import { ErrorState, SkeletonRows } from '@/components/ui/states'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'
import { Nothing } from './nothing'

/** A file or a folder of the session as it is now. */
export function FilesPanel({ view }: { view: SessionView }) {
  const t = useText(words)
  const [path, setPath] = useState('.')
  const { data, error } = useQuery({
    queryKey: ['file', view.id, path, view.version],
    queryFn: () => loadFile(view.id, path),
  })
  const parent = path === '.' ? null : path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.'
  return (
    <div className="grid gap-2">
      <p className="truncate font-mono text-xs text-ink-3">{path === '.' ? view.working_dir : path}</p>
      {parent && (
        <Entry
          icon={<CornerLeftUp aria-hidden className="size-4" />}
          name={t.up}
          onOpen={() => setPath(parent)}
        />
      )}
      {error && <ErrorState error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data?.type === 'text' && <CodeBlock text={data.text} language={languageOf(path)} tall />}
      {data?.type === 'folder' && data.entries.length === 0 && <Nothing>{t.noFiles}</Nothing>}
      {data?.type === 'folder' && (
        <ul className="grid">
          {data.entries.map(({ name, kind }) => (
            <li key={name}>
              <Entry
                icon={
                  kind === 'folder' ? (
                    <Folder aria-hidden className="size-4 text-accent" />
                  ) : (
                    <FileIcon aria-hidden className="size-4" />
                  )
                }
                name={name}
                onOpen={() => setPath(path === '.' ? name : `${path}/${name}`)}
              />
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function Entry({ icon, name, onOpen }: { icon: ReactNode; name: string; onOpen: () => void }) {
  return (
    <button
      type="button"
      onClick={onOpen}
      className="flex w-full items-center gap-2.5 rounded-md px-2 py-1.5 text-left text-sm text-ink-2 hover:bg-sunken hover:text-ink pointer-coarse:py-2.5"
    >
      {icon}
      <span className="min-w-0 truncate">{name}</span>
    </button>
  )
}

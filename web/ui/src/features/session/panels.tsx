import { lazy, Suspense, useState } from 'react'
import type { SessionView } from '@/api/schema'
import { TodoItem } from '@/components/events/tools/notes'
import { Badge } from '@/components/ui/badge'
import { SkeletonRows } from '@/components/ui/states'
import { Tabs } from '@/components/ui/tabs'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'
import { AgentsPanel } from './agents-panel'
import { InfoPanel } from './info-panel'
import { Nothing } from './nothing'

const ChangesPanel = lazy(() =>
  import('./changes-panel').then(({ ChangesPanel }) => ({ default: ChangesPanel })),
)
const FilesPanel = lazy(() => import('./files-panel').then(({ FilesPanel }) => ({ default: FilesPanel })))

const PANELS = ['changes', 'todos', 'agents', 'files', 'info'] as const
type Panel = (typeof PANELS)[number]

/** What belongs to a session and is no part of its course. */
export function Panels({ view, at }: { view: SessionView; at?: number }) {
  const t = useText(words)
  const [panel, setPanel] = useState<Panel>('changes')
  const counts: Partial<Record<Panel, number>> = {
    changes: view.files.length,
    todos: view.tasks.length,
    agents: view.subagents.length,
  }
  return (
    <Tabs
      className="h-full"
      label={t.panel}
      value={panel}
      onValue={setPanel}
      tabs={PANELS.map((value) => ({
        value,
        label: t.panels[value],
        badge: counts[value] ? <Badge>{counts[value]}</Badge> : undefined,
      }))}
    >
      <div className="p-4">
        <Suspense fallback={<SkeletonRows rows={3} />}>
          {panel === 'changes' && <ChangesPanel view={view} at={at} />}
          {panel === 'todos' && <Todos view={view} />}
          {panel === 'agents' && <AgentsPanel view={view} />}
          {panel === 'files' && <FilesPanel view={view} />}
          {panel === 'info' && <InfoPanel view={view} />}
        </Suspense>
      </div>
    </Tabs>
  )
}

function Todos({ view }: { view: SessionView }) {
  const t = useText(words)
  if (view.tasks.length === 0) return <Nothing>{t.noTodos}</Nothing>
  return (
    <ul className="grid gap-2">
      {view.tasks.map((task) => (
        <TodoItem key={task.id} subject={task.subject} status={task.status} />
      ))}
    </ul>
  )
}

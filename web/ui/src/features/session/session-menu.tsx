import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Archive, ArchiveRestore, Download, Ellipsis, FileCheck, GitFork } from 'lucide-react'
import { api, content } from '@/api/client'
import type { SessionView } from '@/api/schema'
import { IconButton } from '@/components/ui/button'
import { Menu, MenuItem } from '@/components/ui/menu'
import { toast, toastProblem } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'

export function SessionMenu({ view }: { view: SessionView }) {
  const t = useText(words)
  const client = useQueryClient()
  const navigate = useNavigate()
  const params = { path: { id: view.id } }
  const isArchived = view.status === 'archived'

  const archive = async (archived: boolean) => {
    await content(api.PATCH('/api/sessions/{id}', { params, body: { archived } }))
    await client.invalidateQueries({ queryKey: ['session', view.id] })
    toast('good', archived ? t.archived : t.unarchived, () => void archive(!archived).catch(toastProblem))
  }
  const fork = async () => {
    const forked = await content(api.POST('/api/sessions/{id}/fork', { params, body: {} }))
    await navigate({ to: '/sessions/$id', params: { id: forked.id } })
    toast('good', t.forked)
  }
  const icon = 'size-4'
  return (
    <Menu
      align="end"
      trigger={
        <IconButton label={t.actions}>
          <Ellipsis aria-hidden className="size-4.5" />
        </IconButton>
      }
    >
      <MenuItem icon={<GitFork className={icon} />} onSelect={() => void fork().catch(toastProblem)}>
        {t.fork}
      </MenuItem>
      <MenuItem
        icon={isArchived ? <ArchiveRestore className={icon} /> : <Archive className={icon} />}
        onSelect={() => void archive(!isArchived).catch(toastProblem)}
      >
        {isArchived ? t.unarchive : t.archive}
      </MenuItem>
      <MenuItem
        icon={<Download className={icon} />}
        onSelect={() => window.location.assign(`/api/sessions/${view.id}/export?format=markdown`)}
      >
        {t.export}
      </MenuItem>
      <MenuItem
        icon={<FileCheck className={icon} />}
        onSelect={() => window.location.assign(`/api/sessions/${view.id}/export?format=jsonl`)}
      >
        {t.exportBundle}
      </MenuItem>
    </Menu>
  )
}

import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Clock } from 'lucide-react'
import { api } from '@/api/client'
import type { SessionView } from '@/api/schema'
import { withoutScript } from '@/components/events/tools/task'
import { Button } from '@/components/ui/button'
import { toastProblem } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { session as words } from '@/i18n/session'

/** Prompts that wait for the turn before them. */
export function Queue({ view }: { view: SessionView }) {
  const t = useText(words).composer
  const client = useQueryClient()
  const takeBack = useMutation({
    mutationFn(turn_id: string) {
      const path = { id: view.id, turn_id }
      return api.DELETE('/api/sessions/{id}/prompts/{turn_id}', { params: { path } })
    },
    onError: toastProblem,
    onSettled: () => client.invalidateQueries({ queryKey: ['session', view.id] }),
  })
  const running = view.turns.some(({ status }) => status === 'running')
  const queued = view.turns.filter(({ status }) => status === 'queued')
  if (!running || queued.length === 0) return null
  return (
    <ul className="mb-2 grid gap-1.5">
      {queued.map(({ id, prompt }) => (
        <li key={id} className="card flex items-center gap-2.5 px-3.5 py-1.5 text-sm">
          <Clock aria-hidden className="size-4 text-ink-3" />
          <span className="min-w-0 flex-1 truncate">{withoutScript(prompt ?? '')}</span>
          <span className="text-xs text-ink-3">{t.queued}</span>
          <Button size="small" look="quiet" disabled={takeBack.isPending} onClick={() => takeBack.mutate(id)}>
            {t.takeBack}
          </Button>
        </li>
      ))}
    </ul>
  )
}

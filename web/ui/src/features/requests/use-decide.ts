import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, content } from '@/api/client'
import { problemOf } from '@/api/problem'
import { requestsQuery } from '@/api/queries'
import type { DecisionBody, RequestView } from '@/api/schema'
import { toast, toastProblem } from '@/components/ui/toast'
import { useText } from '@/i18n'
import { requests as words } from '@/i18n/requests'

/** Sends a decision. The request is gone from the lists at once, and comes back if the server refuses. */
export function useDecide({ session_id, request_id }: RequestView) {
  const t = useText(words)
  const client = useQueryClient()
  const key = requestsQuery.queryKey
  return useMutation({
    mutationFn(body: DecisionBody) {
      const path = { id: session_id, request_id }
      return content(api.POST('/api/sessions/{id}/requests/{request_id}', { params: { path }, body }))
    },
    onMutate() {
      const before = client.getQueryData(key)
      client.setQueryData(
        key,
        before?.filter((request) => request.request_id !== request_id),
      )
    },
    async onError(error) {
      const problem = problemOf(error)
      const decided = problem.code === 'request_already_decided' && problem.problem.request?.decided_by
      if (decided) toast('bad', t.elsewhere(decided.name ?? decided.id ?? decided.kind))
      else toastProblem(error)
      await client.invalidateQueries({ queryKey: key })
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['session', session_id] }),
  })
}

export type Decide = ReturnType<typeof useDecide>

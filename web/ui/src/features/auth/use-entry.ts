import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { loginWanted } from '@/api/client'
import { problemOf } from '@/api/problem'

/** What a form sends to get in, and where it leads then. */
export function useEntry(enter: (form: FormData) => Promise<unknown>, next: string | undefined) {
  const client = useQueryClient()
  const router = useRouter()
  const entry = useMutation({
    mutationFn: enter,
    async onSuccess() {
      client.clear()
      loginWanted.set(false)
      router.history.push(isOurs(next) ? next : '/')
    },
  })
  const problem = entry.error ? problemOf(entry.error) : undefined
  const fields = problem?.fields ?? {}
  return {
    busy: entry.isPending,
    fields,
    /** What is wrong with none of the fields. */
    problem: Object.keys(fields).length === 0 ? problem?.message : undefined,
    onSubmit(event: React.SubmitEvent<HTMLFormElement>) {
      event.preventDefault()
      entry.mutate(new FormData(event.currentTarget))
    },
  }
}

/** A link from elsewhere must not lead out of the page after signing in. */
function isOurs(next: string | undefined): next is string {
  return next !== undefined && new URL(next, location.origin).origin === location.origin
}

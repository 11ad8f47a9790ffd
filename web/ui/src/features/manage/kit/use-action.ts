import { type QueryKey, useMutation, useQueryClient } from '@tanstack/react-query'
import { toastProblem } from '@/components/ui/toast'

/** Something that is done at once; the list that it changes is asked for anew, and what went wrong is told. */
export function useAction(changes: QueryKey) {
  const client = useQueryClient()
  const { mutateAsync, isPending } = useMutation({
    mutationFn: (action: () => Promise<unknown>) => action(),
    onSettled: () => client.invalidateQueries({ queryKey: changes }),
    onError: toastProblem,
  })
  return {
    busy: isPending,
    /** Whether it worked. */
    run: (action: () => Promise<unknown>): Promise<boolean> =>
      mutateAsync(action).then(
        () => true,
        () => false,
      ),
  }
}

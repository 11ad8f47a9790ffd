import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, content } from '@/api/client'
import { unreachable } from '@/api/problem'
import type { Grouping } from '@/api/schema'

export const statisticsQuery = (range: { from: string; to: string }, group_by: Grouping) =>
  queryOptions({
    queryKey: ['statistics', range, group_by],
    async queryFn() {
      const view = await content(api.GET('/api/stats', { params: { query: { ...range, group_by } } }))
      // Only whoever asks for a table gets a text.
      if (typeof view === 'string') throw unreachable()
      return view
    },
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  })

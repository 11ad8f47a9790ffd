import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, content } from './client'
import type { SessionStatus } from './schema'

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: () => content(api.GET('/api/auth/me')),
  staleTime: 60_000,
  retry: false,
})

export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: () => content(api.GET('/api/status')),
  staleTime: 30_000,
})

export const requestsQuery = queryOptions({
  queryKey: ['requests'],
  queryFn: async () =>
    (await content(api.GET('/api/requests', { params: { query: { limit: 200 } } }))).requests,
})

export interface SessionsFilter {
  q?: string
  status?: SessionStatus
  sort?: 'updated_at' | 'created_at' | 'cost'
  tag?: string
  owner?: string
}

export const sessionsQuery = (filter: SessionsFilter) =>
  infiniteQueryOptions({
    queryKey: ['sessions', filter],
    queryFn: ({ pageParam }) =>
      content(api.GET('/api/sessions', { params: { query: { ...filter, limit: 50, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (previous) => previous,
  })

export const sessionQuery = (id: string, at?: number) =>
  queryOptions({
    queryKey: ['session', id, at ?? 'now'],
    queryFn: () =>
      content(api.GET('/api/sessions/{id}', { params: { path: { id }, query: at ? { at } : {} } })),
  })

export const keysQuery = queryOptions({
  queryKey: ['keys'],
  queryFn: async () => (await content(api.GET('/api/api-keys'))).api_keys,
})

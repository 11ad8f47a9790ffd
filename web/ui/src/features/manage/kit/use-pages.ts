import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query'

export interface Page<T> {
  items: readonly T[]
  next_cursor?: string | null
}

interface PagesOptions {
  /** How often the list is asked for anew while it is shown. */
  refetchInterval?: number
}

/** A list that comes in pages. */
export function usePages<T>(
  queryKey: QueryKey,
  load: (cursor: string | undefined) => Promise<Page<T>>,
  options: PagesOptions = {},
) {
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    ...options,
  })
  return {
    items: query.data?.pages.flatMap((page) => page.items),
    error: query.error,
    retry: () => void query.refetch(),
    more: query.hasNextPage ? () => void query.fetchNextPage() : undefined,
    isLoadingMore: query.isFetchingNextPage,
  }
}

export type Pages<T> = ReturnType<typeof usePages<T>>

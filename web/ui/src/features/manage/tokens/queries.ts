import { api, content } from '@/api/client'
import type { ServiceTokenView } from '@/api/schema'
import type { Page } from '../kit/use-pages'

export const TOKENS = ['tokens']

export async function loadTokens(cursor: string | undefined): Promise<Page<ServiceTokenView>> {
  const { tokens, next_cursor } = await content(
    api.GET('/api/tokens', { params: { query: { limit: 100, cursor } } }),
  )
  return { items: tokens, next_cursor }
}

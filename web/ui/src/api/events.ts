import { api, content } from './client'
import type { StoredEvent } from './schema'

/** The most events of one answer. */
export const EVENTS_PAGE = 200

/** Stored events of a session after a version, in their order. */
export async function loadEvents(
  id: string,
  query: { after?: number; limit?: number; types?: string },
): Promise<StoredEvent[]> {
  const page = await content(api.GET('/api/sessions/{id}/events', { params: { path: { id }, query } }))
  return 'events' in page ? page.events : []
}

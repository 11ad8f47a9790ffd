import { api, content } from '@/api/client'
import type { InviteView, PersonView } from '@/api/schema'
import type { Page } from '../kit/use-pages'

export const PEOPLE = ['people']
export const INVITES = ['invites']

export async function loadPeople(cursor: string | undefined): Promise<Page<PersonView>> {
  const { users, next_cursor } = await content(
    api.GET('/api/users', { params: { query: { limit: 100, cursor } } }),
  )
  return { items: users, next_cursor }
}

export async function loadInvites(cursor: string | undefined): Promise<Page<InviteView>> {
  const { invites, next_cursor } = await content(
    api.GET('/api/users/invites', { params: { query: { limit: 100, cursor } } }),
  )
  return { items: invites, next_cursor }
}

import { queryOptions } from '@tanstack/react-query'
import { api, content } from '@/api/client'
import type { SkillView } from '@/api/schema'
import type { Change } from '../kit/history-dialog'
import type { Page } from '../kit/use-pages'

export const SKILLS = ['skills']

export async function loadSkills(cursor: string | undefined): Promise<Page<SkillView>> {
  const { skills, next_cursor } = await content(
    api.GET('/api/skills', { params: { query: { limit: 200, cursor } } }),
  )
  return { items: skills, next_cursor }
}

/** A skill with its instruction, which lists leave out. */
export const skillQuery = (name: string) =>
  queryOptions({
    queryKey: [...SKILLS, 'one', name],
    queryFn: () => content(api.GET('/api/skills/{name}', { params: { path: { name } } })),
  })

export async function loadSkillHistory(id: string, cursor: string | undefined): Promise<Page<Change>> {
  const params = { path: { name: id }, query: { limit: 50, cursor } }
  const { changes, next_cursor } = await content(api.GET('/api/skills/{name}/history', { params }))
  const items = changes.map(({ definition, ...change }) => ({ ...change, summary: definition?.description }))
  return { items, next_cursor }
}

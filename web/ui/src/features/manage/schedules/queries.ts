import { api, content } from '@/api/client'
import type { ChangeKind, ScheduleRun, ScheduleView } from '@/api/schema'
import type { Change } from '../kit/history-dialog'
import type { Page } from '../kit/use-pages'

export const SCHEDULES = ['schedules']

export async function loadSchedules(cursor: string | undefined): Promise<Page<ScheduleView>> {
  const { schedules, next_cursor } = await content(
    api.GET('/api/schedules', { params: { query: { limit: 100, cursor } } }),
  )
  return { items: schedules, next_cursor }
}

export async function loadRuns(id: string, cursor: string | undefined): Promise<Page<ScheduleRun>> {
  const params = { path: { id }, query: { limit: 20, cursor } }
  const { runs, next_cursor } = await content(api.GET('/api/schedules/{id}/runs', { params }))
  return { items: runs, next_cursor }
}

const KINDS: Record<string, ChangeKind> = {
  schedule_created: 'created',
  schedule_changed: 'changed',
  schedule_enabled: 'enabled',
  schedule_disabled: 'disabled',
}

export async function loadScheduleHistory(id: string, cursor: string | undefined): Promise<Page<Change>> {
  const params = { path: { id }, query: { limit: 50, cursor } }
  const { changes, next_cursor } = await content(api.GET('/api/schedules/{id}/history', { params }))
  const items = changes.map(({ version, at, by, type, definition, restored_from }) => ({
    version,
    at,
    actor: by,
    change: restored_from ? ('restored' as const) : (KINDS[type] ?? 'changed'),
    summary: definition && `${definition.cron} · ${definition.time_zone} · ${definition.prompt}`,
  }))
  return { items, next_cursor }
}

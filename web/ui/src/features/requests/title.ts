import type { RequestView } from '@/api/schema'
import type { requests as words } from '@/i18n/requests'

/** What a request is about, in a few words. */
export function titleOf({ kind, effect, tool_name }: RequestView, t: (typeof words)['en']): string {
  if (kind !== 'permission') return t.asks[kind]
  return t.asks[effect ?? 'other'](tool_name)
}

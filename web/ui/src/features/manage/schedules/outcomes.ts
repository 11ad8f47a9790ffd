import type { ScheduleRunStatus } from '@/api/schema'
import type { Tone } from '@/components/ui/badge'

export const OUTCOMES: Record<ScheduleRunStatus, Tone> = {
  running: 'info',
  succeeded: 'good',
  failed: 'bad',
  interrupted: 'warn',
  skipped: 'neutral',
}

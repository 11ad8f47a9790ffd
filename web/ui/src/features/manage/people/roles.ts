import type { Role } from '@/api/schema'

export const ROLES = ['admin', 'member', 'viewer'] as const satisfies readonly Role[]

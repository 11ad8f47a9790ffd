import type { TopicFrame } from '@/api/schema'

/** `sessions`, `requests`, or `session:<id>`. */
export type Topic = string

export type Connection =
  | { type: 'idle' }
  | { type: 'connecting' }
  | { type: 'live' }
  /** Broken; the next attempt is at this time, in milliseconds since the epoch. */
  | { type: 'waiting'; until: number }
  | { type: 'login_wanted' }

export type ToHub =
  | { type: 'follow'; topic: Topic; cursor?: string }
  | { type: 'unfollow'; topic: Topic }
  | { type: 'retry' }
  | { type: 'leave' }

export type FromHub = { type: 'frame'; frame: TopicFrame } | { type: 'connection'; connection: Connection }

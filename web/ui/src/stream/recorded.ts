import type { SessionView, StoredEvent } from '@/api/schema'
import recorded from './fixtures/recorded.json'

/** A session as a server has recorded it, with what that server shows of it. Texts were shortened since, so
    the hashes are not theirs. */
export const { events, view } = recorded as unknown as { events: StoredEvent[]; view: SessionView }

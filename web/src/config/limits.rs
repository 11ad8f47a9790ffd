//! How much may be asked of the server.

use super::Reader;

/// Limits of what goes on at once and of requests in a minute. Zero is no limit, but for turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Turns that are worked on at once.
    pub max_turns: usize,
    pub max_streams: usize,
    pub max_streams_per_user: usize,
    /// Requests of a person, a service token, or an address from which nobody is known.
    pub requests_per_minute: u32,
    pub turns_per_minute: u32,
}

impl Reader {
    pub(super) fn limits(&mut self, max_sessions: usize) -> LimitSettings {
        let max_turns = self.positive("MAX_TURNS", u64::try_from(max_sessions).unwrap_or(u64::MAX));
        let max_turns = usize::try_from(max_turns).unwrap_or(usize::MAX);
        if max_turns > max_sessions {
            let problem = format!("MAX_TURNS: {max_turns} is more than MAX_SESSIONS, {max_sessions}");
            self.problems.push(problem);
        }
        LimitSettings {
            max_turns,
            max_streams: self.parse("MAX_STREAMS", 2000, "a number"),
            max_streams_per_user: self.parse("MAX_STREAMS_PER_USER", 200, "a number"),
            requests_per_minute: self.parse("RATE_LIMIT_REQUESTS_PER_MINUTE", 1200, "a number"),
            turns_per_minute: self.parse("RATE_LIMIT_TURNS_PER_MINUTE", 120, "a number"),
        }
    }
}

//! The newest events of sessions that are watched, read and written out once for all who watch.
//!
//! Streams that are up to date take them from here. Those further behind read the log, and keep no other
//! waiting meanwhile.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use runner_actors::{RunnerError, Sessions};
use runner_core::ids::SessionId;
use runner_core::log::RecordedEvent;

use super::{PAGE, frame};

/// Kept of one session: as much as one who is slow for a moment falls behind.
const MAX_FRAMES: usize = 256;
const MAX_BYTES: usize = 1024 * 1024;

/// An event as a stream sends it.
#[derive(Clone, Debug)]
pub(crate) struct EventFrame {
    pub(crate) version: u64,
    pub(crate) type_name: Arc<str>,
    pub(crate) bytes: Bytes,
    /// The event alone, as JSON; a part of the bytes.
    pub(crate) json: Bytes,
}

/// The newest frames of all sessions that are watched. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecentFrames {
    watched: Arc<Mutex<HashMap<SessionId, Weak<SessionFrames>>>>,
}

impl RecentFrames {
    /// The frames of one session, for as long as the caller keeps them.
    pub(crate) fn of(&self, session: SessionId) -> Arc<SessionFrames> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(frames) = watched.get(&session).and_then(Weak::upgrade) {
            return frames;
        }
        watched.retain(|_, frames| frames.strong_count() > 0);
        let frames = Arc::new(SessionFrames { session, kept: tokio::sync::Mutex::default() });
        watched.insert(session, Arc::downgrade(&frames));
        frames
    }
}

/// The newest frames of one session, without gap.
#[derive(Debug)]
pub(crate) struct SessionFrames {
    session: SessionId,
    /// Held while the log is read for what is new: the others who want the same wait for it.
    kept: tokio::sync::Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    frames: VecDeque<EventFrame>,
    bytes: usize,
}

impl SessionFrames {
    /// Some frames after a version; none if that is the newest.
    pub(crate) async fn after(
        &self,
        sessions: &Sessions,
        after: u64,
    ) -> Result<Vec<EventFrame>, RunnerError> {
        let mut kept = self.kept.lock().await;
        if let Some(frames) = kept.after(after) {
            return Ok(frames);
        }
        if kept.last().is_some_and(|last| after < last) {
            drop(kept);
            return self.read(sessions, after).await;
        }
        let frames = self.read(sessions, after).await?;
        kept.keep(&frames);
        Ok(frames)
    }

    async fn read(&self, sessions: &Sessions, after: u64) -> Result<Vec<EventFrame>, RunnerError> {
        let page = sessions.events(self.session, after, PAGE).await?;
        Ok(page.iter().filter_map(written).collect())
    }
}

fn written(event: &RecordedEvent) -> Option<EventFrame> {
    let head = format!("id: {}\n", event.version);
    let bytes = frame(&head, event)?;
    let json = bytes.slice(head.len() + "data: ".len()..bytes.len() - "\n\n".len());
    Some(EventFrame { version: event.version, type_name: event.type_name.as_str().into(), bytes, json })
}

impl Kept {
    fn last(&self) -> Option<u64> {
        self.frames.back().map(|frame| frame.version)
    }

    fn after(&self, after: u64) -> Option<Vec<EventFrame>> {
        let (first, last) = (self.frames.front()?.version, self.last()?);
        let has_next = first <= after + 1 && after < last;
        has_next.then(|| self.frames.iter().filter(|frame| frame.version > after).cloned().collect())
    }

    /// Adds what comes right behind, or begins anew.
    fn keep(&mut self, frames: &[EventFrame]) {
        let Some(first) = frames.first() else { return };
        if self.last().is_some_and(|last| last + 1 != first.version) {
            *self = Self::default();
        }
        self.bytes += frames.iter().map(|frame| frame.bytes.len()).sum::<usize>();
        self.frames.extend(frames.iter().cloned());
        while self.frames.len() > MAX_FRAMES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.frames.pop_front() else { return };
            self.bytes -= oldest.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{EventFrame, Kept, MAX_BYTES, MAX_FRAMES};

    fn frames(versions: std::ops::RangeInclusive<u64>, size: usize) -> Vec<EventFrame> {
        let bytes = Bytes::from(vec![b'x'; size]);
        let frame = |version| EventFrame {
            version,
            type_name: "x".into(),
            bytes: bytes.clone(),
            json: bytes.clone(),
        };
        versions.map(frame).collect()
    }

    fn versions(kept: &Kept, after: u64) -> Option<Vec<u64>> {
        Some(kept.after(after)?.iter().map(|frame| frame.version).collect())
    }

    #[test]
    fn who_is_nearly_up_to_date_is_given_what_is_new_and_who_is_not_reads_the_log() {
        let mut kept = Kept::default();
        kept.keep(&frames(5..=7, 1));
        kept.keep(&frames(8..=8, 1));

        assert_eq!(versions(&kept, 6), Some(vec![7, 8]));
        assert_eq!(versions(&kept, 4), Some(vec![5, 6, 7, 8]));
        assert_eq!(versions(&kept, 3), None, "there is more in between");
        assert_eq!(versions(&kept, 8), None, "there may be more by now");
    }

    #[test]
    fn frames_behind_a_gap_begin_anew() {
        let mut kept = Kept::default();
        kept.keep(&frames(1..=3, 1));
        kept.keep(&frames(9..=9, 1));

        assert_eq!((versions(&kept, 2), versions(&kept, 8)), (None, Some(vec![9])));
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_or_they_are_too_large() {
        let mut kept = Kept::default();
        kept.keep(&frames(1..=MAX_FRAMES as u64 + 2, 1));
        assert_eq!((versions(&kept, 1), kept.frames.len()), (None, MAX_FRAMES));

        kept.keep(&frames(MAX_FRAMES as u64 + 3..=MAX_FRAMES as u64 + 4, MAX_BYTES / 2));
        assert_eq!(kept.frames.len(), 2);
        assert_eq!(kept.bytes, MAX_BYTES / 2 * 2);
    }
}

//! Sessions that were held elsewhere: taken into the log once, and taken further when they have grown.
//!
//! It runs without actors, while no server does.

use std::sync::Arc;

use runner_core::ids::{CommandId, SessionId};
use runner_core::log::{Aggregate as _, Append, LogStream, Provenance, RecordedEvent};
use runner_core::ports::{AgentFile, AgentFiles, EventLog, ReadError};
use runner_core::session::Session;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::{LifecycleEvent, Origin, SessionEvent, SessionOpened};
use uuid::Uuid;

use crate::error::RunnerError;
use crate::store::replay;

/// An append ends with the first turn behind this many events, so that no turn is ever half there.
const EVENTS_AT_ONCE: usize = 500;

/// The ports that it needs, and who asked for it.
#[derive(Clone)]
pub struct Adoption {
    pub log: Arc<dyn EventLog>,
    pub files: Arc<dyn AgentFiles>,
    pub actor: String,
}

impl std::fmt::Debug for Adoption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adoption").field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// A session as it was held elsewhere. Its events begin with `session_opened`.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    pub session: SessionId,
    pub events: Vec<SessionEvent>,
    pub files: Vec<AgentFile>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    New,
    /// What was new stands behind what was there.
    Grown,
    /// All of it was there.
    Unchanged,
    /// It went on here, or elsewhere in another way than what was taken in; it is left as it is.
    Different,
    /// A session of that id was made here; it is left alone.
    MadeHere,
}

impl Adoption {
    pub async fn adopt(&self, foreign: Foreign) -> Result<Adopted, RunnerError> {
        let Foreign { session, mut events, files } = foreign;
        let stored = self.read(session).await?;
        let adopted = compare(&stored, &events)?;
        match adopted {
            Adopted::Unchanged | Adopted::Different | Adopted::MadeHere => return Ok(adopted),
            Adopted::New | Adopted::Grown => {}
        }
        // First of all: with all events in the log nobody would look at the files again.
        self.files.save(session, &files).await?;
        let mut state = Session::default();
        events.drain(..stored.len()).for_each(|event| state.apply(event));
        let mut version = stored.len() as u64;
        for piece in pieces(events) {
            let decided = state.decide(SessionCommand::Adopt(piece))?.events;
            decided.iter().cloned().for_each(|event| state.apply(event));
            let tenant = state.opened().map(|opened| opened.tenant.clone()).unwrap_or_default();
            let stream = LogStream::of::<Session>(session, tenant);
            let append = Append::to(stream, version, &decided, self.provenance());
            let append = append.map_err(|source| RunnerError::Unexpected(source.into()))?;
            version = self.log.append(append).await?.last_version;
        }
        Ok(adopted)
    }

    fn provenance(&self) -> Provenance {
        Provenance::of(self.actor.clone(), CommandId(Uuid::now_v7()))
    }

    async fn read(&self, session: SessionId) -> Result<Vec<RecordedEvent>, ReadError> {
        let mut stored: Vec<RecordedEvent> = vec![];
        replay(&*self.log, session.into(), 1..=u64::MAX, |recorded| {
            stored.push(recorded);
            Ok(())
        })
        .await?;
        Ok(stored)
    }
}

/// What is to be done, given what is stored. How a session was opened may be told otherwise later: by a
/// title that it got, or a folder that is gone.
fn compare(stored: &[RecordedEvent], events: &[SessionEvent]) -> Result<Adopted, ReadError> {
    let Some(first) = stored.first() else { return Ok(Adopted::New) };
    let first: SessionEvent = first.decode().map_err(|source| ReadError(source.into()))?;
    let SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened { origin: Origin::Import, .. })) = first
    else {
        return Ok(Adopted::MadeHere);
    };
    for (recorded, event) in stored.iter().zip(events).skip(1) {
        let data = event.encode().map_err(|source| ReadError(source.into()))?;
        if (recorded.type_name.as_str(), &recorded.data) != (event.type_name(), &data) {
            return Ok(Adopted::Different);
        }
    }
    Ok(if stored.len() < events.len() { Adopted::Grown } else { Adopted::Unchanged })
}

/// Cuts between turns.
fn pieces(events: Vec<SessionEvent>) -> Vec<Vec<SessionEvent>> {
    let mut pieces = vec![vec![]];
    for event in events {
        let ends_turn = event.ended_turn().is_some();
        let Some(piece) = pieces.last_mut() else { break };
        piece.push(event);
        if ends_turn && piece.len() >= EVENTS_AT_ONCE {
            pieces.push(vec![]);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

//! Sessions that were held elsewhere: taken into the log once, and taken further when they have grown.
//!
//! It runs without actors, beside a server's or alone.

use std::sync::Arc;

use runner_core::ids::{CommandId, SessionId, TurnId};
use runner_core::log::{Aggregate as _, Append, EncodedEvent, LogStream, Provenance};
use runner_core::ports::{AgentFile, AgentFiles, EventLog, ReadError};
use runner_core::session::Session;
use runner_core::session::adoption::{News, PastEvent, Shared, news, shared};
use runner_core::session::command::SessionCommand;
use runner_core::session::event::SessionEvent;
use uuid::Uuid;

use crate::error::RunnerError;
use crate::hub::Hub;
use crate::store::replay;

/// An append ends with the first turn behind this many events, so that no turn is ever half there.
const EVENTS_AT_ONCE: usize = 500;

/// The ports that it needs, and who asked for it.
#[derive(Clone)]
pub struct Adoption {
    log: Arc<dyn EventLog>,
    files: Arc<dyn AgentFiles>,
    actor: String,
    /// Those who watch sessions, where a server runs.
    hub: Option<Arc<Hub>>,
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
    pub events: Vec<PastEvent>,
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
    /// From this turn on it went another way than what is stored, which is left as it is.
    Branch(TurnId),
    /// A session of that id was made here; it is left alone.
    MadeHere,
}

impl Adoption {
    pub fn new(log: Arc<dyn EventLog>, files: Arc<dyn AgentFiles>, actor: String) -> Self {
        Self { log, files, actor, hub: None }
    }

    pub(crate) fn watched_through(self, hub: Arc<Hub>) -> Self {
        Self { hub: Some(hub), ..self }
    }

    pub async fn adopt(&self, foreign: Foreign) -> Result<Adopted, RunnerError> {
        let Foreign { session, events, files } = foreign;
        let stored = self.read(session).await?;
        let mut version = stored.len() as u64;
        let mut state = Session::default();
        let news = news(&stored, events);
        stored.into_iter().for_each(|event| state.apply(event));
        let (adopted, events) = match news {
            News::First(events) => (Adopted::New, events),
            News::More(events) if events.is_empty() => return Ok(Adopted::Unchanged),
            News::More(events) => (Adopted::Grown, events),
            News::Branch(turn) => return Ok(Adopted::Branch(turn)),
            News::MadeHere => return Ok(Adopted::MadeHere),
        };
        // First of all: with all events in the log nobody would look at the files again.
        self.files.save(session, &files).await?;
        for piece in pieces(events) {
            let encoded: Result<Vec<_>, _> = piece.iter().map(PastEvent::to_encoded).collect();
            let encoded = encoded.map_err(|source| RunnerError::Unexpected(source.into()))?;
            let told = piece.into_iter().map(|past| past.event).collect();
            state
                .decide(SessionCommand::Adopt(told))?
                .events
                .into_iter()
                .for_each(|event| state.apply(event));
            let tenant = state.opened().map(|opened| opened.tenant.clone()).unwrap_or_default();
            let stream = LogStream::of::<Session>(session, tenant);
            version = self.log.append(self.append(stream, version, encoded)).await?.last_version;
            if let Some(hub) = &self.hub {
                hub.publish(session, version);
            }
        }
        Ok(adopted)
    }

    /// What a stored session has of what is told of another one; absent where there is no such session.
    pub async fn shared(&self, stored: SessionId, told: &[PastEvent]) -> Result<Option<Shared>, ReadError> {
        let stored = self.read(stored).await?;
        Ok((!stored.is_empty()).then(|| shared(&stored, told)))
    }

    fn append(&self, stream: LogStream, version: u64, events: Vec<EncodedEvent>) -> Append {
        let provenance = Provenance::of(self.actor.clone(), CommandId(Uuid::now_v7()));
        Append { stream, expected_version: Some(version), events, state: None, secrets: vec![], provenance }
    }

    async fn read(&self, session: SessionId) -> Result<Vec<SessionEvent>, ReadError> {
        let mut stored = vec![];
        replay(&*self.log, session.into(), 1..=u64::MAX, |recorded| {
            stored.push(recorded.decode().map_err(|source| ReadError(source.into()))?);
            Ok(())
        })
        .await?;
        Ok(stored)
    }
}

/// Cuts between turns.
fn pieces(events: Vec<PastEvent>) -> Vec<Vec<PastEvent>> {
    let mut pieces = vec![vec![]];
    for event in events {
        let ends_turn = event.event.ended_turn().is_some();
        let Some(piece) = pieces.last_mut() else { break };
        piece.push(event);
        if ends_turn && piece.len() >= EVENTS_AT_ONCE {
            pieces.push(vec![]);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

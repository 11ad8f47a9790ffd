//! What is asked of the log's writer, and what it answers.

use std::fmt;

use super::{Aggregate, AggregateEvent, EncodedEvent, Provenance};
use crate::ids::{SecretId, SessionId, StreamId, TenantId};

/// A stream of the log: of which aggregate it tells, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    pub id: StreamId,
    pub kind: &'static str,
    pub tenant: TenantId,
}

impl LogStream {
    pub fn of<A: Aggregate>(id: impl Into<StreamId>, tenant: TenantId) -> Self {
        Self { id: id.into(), kind: A::KIND, tenant }
    }
}

/// Events to add to one stream, with what they make of it, all or none.
#[derive(Clone, Debug)]
pub struct Append {
    pub stream: LogStream,
    /// The version that the stream must have, so that no writer builds on a state that it has not seen;
    /// absent where events are only noted and nothing is folded.
    pub expected_version: Option<u64>,
    pub events: Vec<EncodedEvent>,
    /// JSON of the aggregate after these events; absent where the log keeps no row for it.
    pub state: Option<String>,
    /// Written in the same transaction.
    pub secrets: Vec<SecretChange>,
    pub provenance: Provenance,
}

impl Append {
    /// Events on top of a version of a stream.
    pub fn to<E: AggregateEvent>(
        stream: LogStream,
        expected_version: u64,
        events: &[E],
        provenance: Provenance,
    ) -> serde_json::Result<Self> {
        let events = events.iter().map(E::to_encoded).collect::<Result<_, _>>()?;
        let expected_version = Some(expected_version);
        Ok(Self { stream, expected_version, events, state: None, secrets: vec![], provenance })
    }
}

/// Where an append, or the first one under the same command id, put its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub stream: StreamId,
    pub first_version: u64,
    pub last_version: u64,
    /// The command had been carried out before; nothing was written now.
    pub replayed: bool,
}

impl Appended {
    /// The session whose stream it is.
    pub const fn session(&self) -> SessionId {
        SessionId(self.stream.0)
    }
}

/// What becomes of a secret. Secrets are never in an event; an event names their id.
#[derive(Clone)]
pub struct SecretChange {
    pub id: SecretId,
    /// Sealed bytes in place of what was there; absent to destroy it.
    pub sealed: Option<Vec<u8>>,
}

impl fmt::Debug for SecretChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.sealed.is_some() { "written" } else { "destroyed" };
        write!(f, "{} {what}", self.id)
    }
}

//! What stands around an event's data: who caused it, by which command, and where the log has it.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::encoding::happened_at;
use super::{AggregateEvent, Digest};
use crate::ids::CommandId;
use crate::time::Timestamp;

/// On whose behalf, and by which request, events are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// `user:<name>`, `user:<name>/token:<id>`, `agent`, `system`, `operator` or `anonymous`.
    pub actor: String,
    pub http_request_id: Option<String>,
    /// Where the request came from: the client's IP address.
    pub address: Option<String>,
    pub command: CommandId,
    /// For commands that a client may retry: what it asked for. The log then remembers the answer.
    pub request_hash: Option<Digest>,
}

impl Provenance {
    /// Events of an actor that no request has asked for.
    pub fn of(actor: impl Into<String>, command: CommandId) -> Self {
        Self { actor: actor.into(), http_request_id: None, address: None, command, request_hash: None }
    }

    /// Events that the server writes by itself.
    pub fn system(command: CommandId) -> Self {
        Self::of("system", command)
    }

    /// Events that an agent reports.
    pub fn agent(command: CommandId) -> Self {
        Self::of("agent", command)
    }
}

/// An event as it stands in the log.
#[derive(Clone, Debug, Serialize)]
pub struct RecordedEvent {
    /// Place in the whole log, gapless from 1.
    pub position: u64,
    /// Place in the session, gapless from 1.
    pub version: u64,
    #[serde(rename = "type")]
    pub type_name: String,
    pub schema: u32,
    pub recorded_at: Timestamp,
    pub actor: String,
    /// `X-Request-Id` of the HTTP request that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_request_id: Option<String>,
    /// JSON text.
    #[serde(serialize_with = "as_json")]
    pub data: String,
    pub payload_hash: Digest,
    pub hash: Digest,
}

fn as_json<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::from_str::<&RawValue>(text).map_err(S::Error::custom)?.serialize(serializer)
}

impl RecordedEvent {
    /// When it happened: what was held elsewhere happened before it was recorded.
    pub fn happened_at(&self) -> Timestamp {
        happened_at(&self.data).unwrap_or(self.recorded_at)
    }

    /// The event in the type of its aggregate; an error means that a newer program wrote it.
    pub fn decode<E: AggregateEvent>(&self) -> serde_json::Result<E> {
        E::decode_data(&self.type_name, &self.data)
    }
}

//! The log as its readers and writers see it: what is appended, and what comes back.

use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use crate::ids::{CommandId, SessionId, StreamId};
use crate::session::event::SessionEvent;
use crate::time::Timestamp;

/// A SHA-256 digest; hexadecimal in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut digest = Self::default();
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(de::Error::custom("a digest is 64 hexadecimal digits"));
        }
        for (index, byte) in digest.0.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(de::Error::custom)?;
        }
        Ok(digest)
    }
}

/// Events to add to one session's stream, all or none.
#[derive(Clone, Debug)]
pub struct Append {
    pub session: SessionId,
    /// The version the stream must have, so that no writer builds on a state that it has not seen.
    pub expected_version: u64,
    pub events: Vec<SessionEvent>,
    pub provenance: Provenance,
}

/// On whose behalf, and by which request, events are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// `user:<name>`, `user:<name>/token:<id>`, `agent`, `system` or `anonymous`.
    pub actor: String,
    pub request_id: Option<String>,
    /// Where the request came from: the client's IP address.
    pub address: Option<String>,
    pub command: CommandId,
    /// For commands that a client may retry: what it asked for. The log then remembers the answer.
    pub request_hash: Option<Digest>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
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
    /// The event in the domain's own type; an error means a newer program wrote it.
    pub fn decode(&self) -> serde_json::Result<SessionEvent> {
        SessionEvent::decode(&self.type_name, &self.data)
    }
}

/// What recomputing a session's hash chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Verification {
    pub valid: bool,
    /// How many events were checked.
    pub events: u64,
    /// The hash of the last event, in hexadecimal.
    #[schema(value_type = String)]
    pub head_hash: Digest,
    /// A signed checkpoint that covers the session, if there is one.
    #[schema(value_type = Option<Object>)]
    pub checkpoint: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad_version: Option<u64>,
    /// What is wrong there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

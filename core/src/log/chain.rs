//! The hash chain: each event of a stream carries the hash of the one before it.
//!
//! Hashed are the stored bytes, so that a chain can be checked without understanding its events, and the
//! whole envelope but position and shard, so that whoever appends needs to ask nobody for a place.
//! Every field goes in with its length in front; no two different events hash the same input.

#[cfg(test)]
mod tests;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::Digest;
use crate::ids::{CommandId, StreamId};
use crate::time::Timestamp;

const EVENT_DOMAIN: &[u8] = b"claude-runner event";

/// What is hashed of an event. A number is never used for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    First = 1,
}

/// How a payload is stored. A number is never used for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// JSON text.
    Json = 0,
    /// The SHA-256 of a blob that holds the JSON text.
    Blob = 1,
}

impl Layout {
    pub const fn from_number(number: i64) -> Result<Self, Flaw> {
        match number {
            1 => Ok(Self::First),
            _ => Err(Flaw::UnknownLayout),
        }
    }

    pub const fn number(self) -> i64 {
        self as i64
    }
}

impl Codec {
    pub const fn from_number(number: i64) -> Result<Self, Flaw> {
        match number {
            0 => Ok(Self::Json),
            1 => Ok(Self::Blob),
            _ => Err(Flaw::UnknownCodec),
        }
    }

    pub const fn number(self) -> i64 {
        self as i64
    }
}

/// Everything that is hashed of an event beside the event before it.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    pub layout: Layout,
    pub stream: StreamId,
    pub kind: &'a str,
    pub tenant: &'a str,
    pub version: u64,
    pub type_name: &'a str,
    pub schema: u32,
    pub recorded_at: Timestamp,
    pub command: CommandId,
    pub actor: &'a str,
    pub http_request_id: Option<&'a str>,
    pub address: Option<&'a str>,
    pub codec: Codec,
    pub payload_hash: Digest,
}

impl Envelope<'_> {
    /// The hash of the event that follows one with the hash `previous`.
    pub fn hash(&self, previous: Digest) -> Digest {
        match self.layout {
            Layout::First => self.hash_of_first_layout(previous),
        }
    }

    fn hash_of_first_layout(&self, previous: Digest) -> Digest {
        let presence = |text: Option<&str>| [u8::from(text.is_some())];
        let fields: [&[u8]; 18] = [
            EVENT_DOMAIN,
            &self.layout.number().to_be_bytes(),
            &previous.0,
            self.stream.0.as_bytes(),
            self.kind.as_bytes(),
            self.tenant.as_bytes(),
            &self.version.to_be_bytes(),
            self.type_name.as_bytes(),
            &self.schema.to_be_bytes(),
            &self.recorded_at.as_micros().to_be_bytes(),
            self.command.0.as_bytes(),
            self.actor.as_bytes(),
            &presence(self.http_request_id),
            self.http_request_id.unwrap_or_default().as_bytes(),
            &presence(self.address),
            self.address.unwrap_or_default().as_bytes(),
            &self.codec.number().to_be_bytes(),
            &self.payload_hash.0,
        ];
        let mut hasher = Sha256::new();
        for field in fields {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        Digest(hasher.finalize().into())
    }
}

/// The hash of bytes as they are stored: of a payload, and of a blob by which it is addressed.
pub fn content_hash(stored: &[u8]) -> Digest {
    Digest(Sha256::digest(stored).into())
}

/// An event with all that is stored of it.
#[derive(Clone, Copy, Debug)]
pub struct StoredEvent<'a> {
    pub envelope: Envelope<'a>,
    pub payload: &'a [u8],
    /// What the payload is the address of, if it is stored.
    pub blob: Option<&'a [u8]>,
    pub hash: Digest,
}

/// What is wrong with an event of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    #[error("an event is missing")]
    Missing,
    #[error("the event's layout is unknown")]
    UnknownLayout,
    #[error("the payload's codec is unknown")]
    UnknownCodec,
    #[error("the payload's blob is missing or changed")]
    Blob,
    #[error("the payload does not have the hash that was recorded")]
    Payload,
    #[error("the event does not follow from the one before it")]
    Unconnected,
}

/// What recomputing a stream's hash chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Verification {
    pub valid: bool,
    /// How many events were checked.
    pub events: u64,
    /// The hash of the last event, in hexadecimal.
    #[schema(value_type = String)]
    pub head_hash: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad_version: Option<u64>,
    /// What is wrong there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A walk along the chain of one stream, recomputing every hash from what is stored.
#[derive(Clone, Debug)]
pub struct ChainCheck {
    stream: StreamId,
    events: u64,
    head: Digest,
}

impl ChainCheck {
    /// Begins before the first event of a stream.
    pub fn of(stream: StreamId) -> Self {
        Self { stream, events: 0, head: Digest::default() }
    }

    /// How many events were found to be good: the version of the last one.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Takes the next event in if it follows from those before it.
    pub fn check(&mut self, event: &StoredEvent<'_>) -> Result<(), Flaw> {
        let envelope = &event.envelope;
        if envelope.version != self.events + 1 {
            return Err(Flaw::Missing);
        }
        match envelope.codec {
            Codec::Json => {}
            Codec::Blob if event.blob.is_some_and(|blob| content_hash(blob).0[..] == *event.payload) => {}
            Codec::Blob => return Err(Flaw::Blob),
        }
        if content_hash(event.payload) != envelope.payload_hash {
            return Err(Flaw::Payload);
        }
        if envelope.stream != self.stream || envelope.hash(self.head) != event.hash {
            return Err(Flaw::Unconnected);
        }
        self.events = envelope.version;
        self.head = event.hash;
        Ok(())
    }

    /// What was found, given what is wrong with the next event.
    pub fn verified(self, flaw: Option<Flaw>) -> Verification {
        Verification {
            valid: flaw.is_none(),
            events: self.events,
            head_hash: self.head,
            first_bad_version: flaw.map(|_| self.events + 1),
            reason: flaw.map(|flaw| flaw.to_string()),
        }
    }
}

//! The hash chain: each event of a session carries the hash of the one before it.
//!
//! Hashed are the stored bytes, so that a chain can be checked without understanding its events.
//! Every field goes in with its length in front; no two different events hash the same input.

use runner_core::event_log::Digest;
use runner_core::ids::SessionId;
use sha2::{Digest as _, Sha256};

const EVENT_DOMAIN: &[u8] = b"claude-runner event 1";
const PAYLOAD_DOMAIN: &[u8] = b"claude-runner payload 1";

/// How a payload is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// JSON text.
    Json = 0,
    /// The SHA-256 of a blob that holds the JSON text.
    Blob = 1,
}

impl Codec {
    pub(super) const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Json),
            1 => Some(Self::Blob),
            _ => None,
        }
    }
}

/// Everything of an event but its payload.
#[derive(Clone, Debug)]
pub(super) struct Header<'a> {
    pub(super) position: u64,
    pub(super) session: SessionId,
    pub(super) version: u64,
    pub(super) type_name: &'a str,
    pub(super) schema: u32,
    pub(super) recorded_at: i64,
    pub(super) command_id: &'a [u8],
    pub(super) actor: &'a str,
    pub(super) request_id: Option<&'a str>,
}

pub(super) fn payload_hash(codec: Codec, stored: &[u8]) -> Digest {
    digest(&[PAYLOAD_DOMAIN, &[codec as u8], stored])
}

pub(super) fn event_hash(previous: Digest, header: &Header<'_>, payload_hash: Digest) -> Digest {
    digest(&[
        EVENT_DOMAIN,
        &previous.0,
        &header.position.to_be_bytes(),
        header.session.0.as_bytes(),
        &header.version.to_be_bytes(),
        header.type_name.as_bytes(),
        &header.schema.to_be_bytes(),
        &header.recorded_at.to_be_bytes(),
        header.command_id,
        header.actor.as_bytes(),
        &[u8::from(header.request_id.is_some())],
        header.request_id.unwrap_or_default().as_bytes(),
        &payload_hash.0,
    ])
}

/// The address of a blob.
pub(super) fn content_hash(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn digest(fields: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    for field in fields {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    Digest(hasher.finalize().into())
}

//! The hash chain: each event of a session carries the hash of the one before it.
//!
//! Hashed are the stored bytes, so that a chain can be checked without understanding its events.
//! Every field goes in with its length in front; no two different events hash the same input.

use runner_core::ids::StreamId;
use runner_core::log::Digest;
use sha2::{Digest as _, Sha256};

const EVENT_DOMAIN: &[u8] = b"claude-runner event 2";
/// How events were hashed before they had a kind, a tenant and an address.
const FIRST_EVENT_DOMAIN: &[u8] = b"claude-runner event 1";
const PAYLOAD_DOMAIN: &[u8] = b"claude-runner payload 1";

/// How a payload is stored and its event hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// JSON text, in an event of the first layout.
    FirstJson = 0,
    /// The SHA-256 of a blob that holds the JSON text, in an event of the first layout.
    FirstBlob = 1,
    /// JSON text.
    Json = 2,
    /// The SHA-256 of a blob that holds the JSON text.
    Blob = 3,
}

impl Codec {
    pub(super) const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::FirstJson),
            1 => Some(Self::FirstBlob),
            2 => Some(Self::Json),
            3 => Some(Self::Blob),
            _ => None,
        }
    }

    pub(super) const fn is_blob(self) -> bool {
        match self {
            Self::FirstBlob | Self::Blob => true,
            Self::FirstJson | Self::Json => false,
        }
    }

    const fn is_first_layout(self) -> bool {
        match self {
            Self::FirstJson | Self::FirstBlob => true,
            Self::Json | Self::Blob => false,
        }
    }
}

/// Everything of an event but its payload.
#[derive(Clone, Debug)]
pub(super) struct Header<'a> {
    pub(super) position: u64,
    pub(super) codec: Codec,
    pub(super) stream: StreamId,
    pub(super) kind: &'a str,
    pub(super) tenant: &'a str,
    pub(super) version: u64,
    pub(super) type_name: &'a str,
    pub(super) schema: u32,
    pub(super) recorded_at: i64,
    pub(super) command_id: &'a [u8],
    pub(super) actor: &'a str,
    pub(super) request_id: Option<&'a str>,
    pub(super) address: Option<&'a str>,
}

pub(super) fn payload_hash(codec: Codec, stored: &[u8]) -> Digest {
    // The layout of the event is no part of its payload.
    digest([PAYLOAD_DOMAIN, &[u8::from(codec.is_blob())], stored].iter())
}

pub(super) fn event_hash(previous: Digest, header: &Header<'_>, payload_hash: Digest) -> Digest {
    let (position, version) = (header.position.to_be_bytes(), header.version.to_be_bytes());
    let (schema, recorded_at) = (header.schema.to_be_bytes(), header.recorded_at.to_be_bytes());
    let (has_request_id, has_address) =
        ([u8::from(header.request_id.is_some())], [u8::from(header.address.is_some())]);
    let first_layout: [&[u8]; 13] = [
        if header.codec.is_first_layout() { FIRST_EVENT_DOMAIN } else { EVENT_DOMAIN },
        &previous.0,
        &position,
        header.stream.0.as_bytes(),
        &version,
        header.type_name.as_bytes(),
        &schema,
        &recorded_at,
        header.command_id,
        header.actor.as_bytes(),
        &has_request_id,
        header.request_id.unwrap_or_default().as_bytes(),
        &payload_hash.0,
    ];
    let added: [&[u8]; 4] = [
        header.kind.as_bytes(),
        header.tenant.as_bytes(),
        &has_address,
        header.address.unwrap_or_default().as_bytes(),
    ];
    let added = if header.codec.is_first_layout() { &added[..0] } else { &added[..] };
    digest(first_layout.iter().chain(added))
}

/// The address of a blob.
pub(super) fn content_hash(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

fn digest<'a>(fields: impl Iterator<Item = &'a &'a [u8]>) -> Digest {
    let mut hasher = Sha256::new();
    for field in fields {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    Digest(hasher.finalize().into())
}

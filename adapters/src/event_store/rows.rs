//! What one transaction writes, row by row, whatever the database is.

use std::sync::Arc;

use runner_core::ids::{CommandId, StreamId, TenantId};
use runner_core::log::chain::{Codec, Layout};
use runner_core::log::{Appended, Digest, SecretChange, StoredAggregate};
use runner_core::session::index::SessionIndex;
use runner_core::time::Timestamp;

use super::projection::Projected;

/// Where a stream ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) version: u64,
    pub(super) hash: Digest,
    /// Absent before the first event, and where the stream is no session's.
    pub(super) index: Option<SessionIndex>,
}

/// An event of the log, ready to be written. Words that many events share are one text.
#[derive(Clone, Debug)]
pub(super) struct EventRow {
    pub(super) position: u64,
    pub(super) stream: StreamId,
    pub(super) kind: Arc<str>,
    pub(super) tenant: Arc<str>,
    pub(super) version: u64,
    pub(super) type_name: Arc<str>,
    pub(super) schema: u32,
    pub(super) recorded_at: Timestamp,
    pub(super) command: CommandId,
    pub(super) actor: Arc<str>,
    pub(super) http_request_id: Option<String>,
    pub(super) address: Option<String>,
    pub(super) layout: Layout,
    pub(super) codec: Codec,
    pub(super) payload: Vec<u8>,
    pub(super) payload_hash: Digest,
    pub(super) hash: Digest,
}

/// Where the events of a command are that may be retried.
#[derive(Clone, Debug)]
pub(super) struct CommandRow {
    pub(super) command: CommandId,
    pub(super) request_hash: Digest,
    pub(super) appended: Appended,
}

/// The state of an aggregate that the log keeps a row of.
#[derive(Clone, Debug)]
pub(super) struct AggregateRow {
    pub(super) kind: &'static str,
    pub(super) stored: StoredAggregate,
}

/// Everything one transaction writes; `I` is how the database takes events.
#[derive(Debug)]
pub(super) struct Rows<I> {
    /// The first of the events, made ready, and then the others.
    pub(super) inserts: Vec<I>,
    pub(super) events: Vec<EventRow>,
    pub(super) blobs: Vec<(Digest, Vec<u8>)>,
    pub(super) commands: Vec<CommandRow>,
    pub(super) projected: Projected,
    /// The ends of sessions whose index changes, in the order of its table.
    pub(super) indexed: Vec<Arc<Head>>,
    pub(super) aggregates: Vec<AggregateRow>,
    pub(super) secrets: Vec<(TenantId, SecretChange)>,
    pub(super) recorded_at: Timestamp,
}

impl<I> Rows<I> {
    pub(super) fn at(recorded_at: Timestamp) -> Self {
        Self {
            inserts: vec![],
            events: vec![],
            blobs: vec![],
            commands: vec![],
            projected: Projected::default(),
            indexed: vec![],
            aggregates: vec![],
            secrets: vec![],
            recorded_at,
        }
    }

    /// Whether there is nothing to be written but events.
    pub(super) fn has_only_events(&self) -> bool {
        self.indexed.is_empty()
            && self.blobs.is_empty()
            && self.commands.is_empty()
            && self.projected.is_empty()
            && self.aggregates.is_empty()
            && self.secrets.is_empty()
    }

    /// The indexes that are to be written.
    pub(super) fn indexes(&self) -> Vec<&SessionIndex> {
        self.indexed.iter().filter_map(|head| head.index.as_ref()).collect()
    }
}

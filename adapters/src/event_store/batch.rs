//! One group commit, decided before any SQL: versions, positions, hashes, and what the read models become.
//!
//! Requests are taken one after the other. One that expects the wrong version is refused alone; the
//! others of its batch go on.

use std::collections::HashMap;
use std::sync::Arc;

use runner_core::event_log::{Append, Appended, Digest};
use runner_core::ids::{CommandId, SessionId};
use runner_core::ports::AppendError;
use runner_core::session::event::SessionEvent;
use runner_core::session::index::SessionIndex;
use runner_core::time::Timestamp;

use super::chain::{self, Codec, Header};
use super::projection::{Projected, project};

/// A larger payload moves to a blob, and the log keeps its address.
const MAX_INLINE_BYTES: usize = 64 * 1024;

/// Where a session's stream ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) version: u64,
    pub(super) hash: Digest,
    /// Absent before the first event.
    pub(super) index: Option<SessionIndex>,
}

/// A row of the log, ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) position: u64,
    pub(super) session: SessionId,
    pub(super) version: u64,
    pub(super) type_name: &'static str,
    pub(super) schema: u32,
    pub(super) recorded_at: i64,
    pub(super) command: CommandId,
    pub(super) actor: String,
    pub(super) request_id: Option<String>,
    pub(super) codec: Codec,
    pub(super) payload: Vec<u8>,
    pub(super) payload_hash: Digest,
    pub(super) hash: Digest,
}

/// What a command that may be retried has led to.
#[derive(Clone, Debug)]
pub(super) struct CommandRow {
    pub(super) command: CommandId,
    pub(super) request_hash: Digest,
    pub(super) appended: Appended,
}

/// Everything one transaction writes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<Row>,
    pub(super) blobs: Vec<(Digest, Vec<u8>)>,
    pub(super) commands: Vec<CommandRow>,
    pub(super) projected: Projected,
    /// The heads as they are after this batch.
    pub(super) heads: HashMap<SessionId, Arc<Head>>,
    pub(super) recorded_at: Timestamp,
    position: u64,
}

impl Batch {
    /// Begins a batch behind the last position of the log.
    pub(super) fn after(position: u64, recorded_at: Timestamp) -> Self {
        Self { position, recorded_at, ..Self::default() }
    }

    pub(super) fn last_position(&self) -> u64 {
        self.position
    }

    /// What an earlier request of this batch under the same command id led to.
    pub(super) fn find_command(&self, command: CommandId) -> Option<&CommandRow> {
        self.commands.iter().find(|row| row.command == command)
    }

    /// Takes one request into the batch; `head` is the session's as stored or as an earlier request left it.
    pub(super) fn add(&mut self, append: Append, head: &Head) -> Result<Appended, AppendError> {
        if append.expected_version != head.version {
            return Err(AppendError::Conflict { expected: append.expected_version, actual: head.version });
        }
        let encoded = encode(&append.events)?;
        let mut next = head.clone();
        for (event, payload) in append.events.iter().zip(encoded) {
            self.push_row(&append, event, payload, &mut next);
            let place = (self.position, self.recorded_at);
            project(&mut self.projected, &mut next.index, event, place);
        }
        let (first_version, last_version) = (head.version + 1, next.version);
        let appended = Appended { session: append.session, first_version, last_version, replayed: false };
        if let Some(request_hash) = append.provenance.request_hash {
            let command = append.provenance.command;
            self.commands.push(CommandRow { command, request_hash, appended });
        }
        self.heads.insert(append.session, Arc::new(next));
        Ok(appended)
    }

    fn push_row(&mut self, append: &Append, event: &SessionEvent, json: Vec<u8>, head: &mut Head) {
        let provenance = &append.provenance;
        let (codec, payload) = self.place(json);
        let payload_hash = chain::payload_hash(codec, &payload);
        self.position += 1;
        head.version += 1;
        let header = Header {
            position: self.position,
            session: append.session,
            version: head.version,
            type_name: event.type_name(),
            schema: event.schema(),
            recorded_at: self.recorded_at.as_micros(),
            command_id: provenance.command.0.as_bytes(),
            actor: &provenance.actor,
            request_id: provenance.request_id.as_deref(),
        };
        head.hash = chain::event_hash(head.hash, &header, payload_hash);
        self.rows.push(Row {
            position: self.position,
            session: append.session,
            version: head.version,
            type_name: event.type_name(),
            schema: event.schema(),
            recorded_at: self.recorded_at.as_micros(),
            command: provenance.command,
            actor: provenance.actor.clone(),
            request_id: provenance.request_id.clone(),
            codec,
            payload,
            payload_hash,
            hash: head.hash,
        });
    }

    fn place(&mut self, json: Vec<u8>) -> (Codec, Vec<u8>) {
        if json.len() <= MAX_INLINE_BYTES {
            return (Codec::Json, json);
        }
        let address = chain::content_hash(&json);
        self.blobs.push((address, json));
        (Codec::Blob, address.0.to_vec())
    }
}

/// Encodes all events before any is taken in, so that a request is added whole or not at all.
fn encode(events: &[SessionEvent]) -> Result<Vec<Vec<u8>>, AppendError> {
    let encoded = events.iter().map(|event| {
        Ok(event.encode().map_err(|source| AppendError::Unavailable(source.into()))?.into_bytes())
    });
    encoded.collect()
}

//! One group commit, decided before any SQL is run: versions, positions, hashes, and what the read models become.
//!
//! Requests are taken one after the other. One that expects the wrong version is refused alone; the
//! others of its batch go on.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use runner_core::ids::{CommandId, StreamId, TenantId};
use runner_core::log::chain::{Codec, Envelope, Layout, content_hash};
use runner_core::log::{
    Aggregate as _, Append, Appended, Digest, EncodedEvent, LogStream, Provenance, SecretChange,
    StoredAggregate,
};
use runner_core::ports::AppendError;
use runner_core::session::Session;
use runner_core::session::event::SessionEvent;
use runner_core::session::index::SessionIndex;
use runner_core::time::Timestamp;

use super::projection::{Place, Projected, project};
use super::sqlite::{Insert, MAX_ROWS};

/// A larger payload moves to a blob, and the log keeps its address.
const MAX_INLINE_BYTES: usize = 64 * 1024;

/// Where a stream ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    pub(super) version: u64,
    pub(super) hash: Digest,
    /// Absent before the first event, and where the stream is no session's.
    pub(super) index: Option<SessionIndex>,
}

/// A row of the log, ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) position: u64,
    pub(super) stream: StreamId,
    pub(super) kind: Arc<str>,
    pub(super) tenant: Arc<str>,
    pub(super) version: u64,
    pub(super) type_name: Arc<str>,
    pub(super) schema: u32,
    pub(super) recorded_at: i64,
    pub(super) command: CommandId,
    pub(super) actor: Arc<str>,
    pub(super) request_id: Option<String>,
    pub(super) address: Option<String>,
    pub(super) layout: Layout,
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

/// What an aggregate other than a session has become.
#[derive(Clone, Debug)]
pub(super) struct AggregateRow {
    pub(super) kind: &'static str,
    pub(super) stored: StoredAggregate,
}

/// Everything one transaction writes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The first of the events, as the database takes them, and then the others.
    pub(super) ready: Vec<Insert>,
    pub(super) rows: Vec<Row>,
    pub(super) blobs: Vec<(Digest, Vec<u8>)>,
    pub(super) commands: Vec<CommandRow>,
    pub(super) projected: Projected,
    pub(super) aggregates: Vec<AggregateRow>,
    pub(super) secrets: Vec<(TenantId, SecretChange)>,
    /// Sessions whose index this batch changes.
    indexed: BTreeSet<StreamId>,
    /// The heads as they are after this batch.
    pub(super) heads: HashMap<StreamId, Arc<Head>>,
    pub(super) recorded_at: Timestamp,
    position: u64,
    words: Words,
}

/// Words that most rows of a batch have in common: one copy of each goes to the database's thread.
#[derive(Debug, Default)]
struct Words(HashSet<Arc<str>>);

impl Words {
    fn share(&mut self, word: &str) -> Arc<str> {
        if let Some(shared) = self.0.get(word) {
            return Arc::clone(shared);
        }
        let shared: Arc<str> = word.into();
        self.0.insert(Arc::clone(&shared));
        shared
    }
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

    /// Whether there is nothing to be written but events.
    pub(super) fn has_only_events(&self) -> bool {
        self.indexed.is_empty()
            && self.blobs.is_empty()
            && self.commands.is_empty()
            && self.projected.is_empty()
            && self.aggregates.is_empty()
            && self.secrets.is_empty()
    }

    /// The indexes that are to be written, in the order of their table.
    pub(super) fn indexes(&self) -> Vec<&SessionIndex> {
        self.indexed.iter().filter_map(|stream| self.heads.get(stream)?.index.as_ref()).collect()
    }

    /// Takes one request into the batch; `head` is its stream's as stored or as an earlier request left it.
    pub(super) fn add(&mut self, append: Append, head: &Head) -> Result<Appended, AppendError> {
        let expected = append.expected_version.unwrap_or(head.version);
        if expected != head.version {
            return Err(AppendError::Conflict { expected, actual: head.version });
        }
        let Append { stream, events, state, secrets, provenance, .. } = append;
        let mut next = head.clone();
        if stream.kind == Session::KIND {
            self.project(stream.id, &events, &mut next)?;
        }
        for event in events {
            self.push_row(&stream, &provenance, event, &mut next);
        }
        self.secrets.extend(secrets.into_iter().map(|secret| (stream.tenant.clone(), secret)));
        if let Some(state) = state {
            let stored =
                StoredAggregate { stream: stream.id, tenant: stream.tenant, version: next.version, state };
            self.aggregates.push(AggregateRow { kind: stream.kind, stored });
        }
        Ok(self.close_append(stream.id, &provenance, head, next))
    }

    /// What a session's events mean for its read models. All of them are read before any is taken in, so that
    /// an append is added whole or not at all.
    fn project(
        &mut self,
        stream: StreamId,
        events: &[EncodedEvent],
        next: &mut Head,
    ) -> Result<(), AppendError> {
        let events: serde_json::Result<Vec<SessionEvent>> = events.iter().map(EncodedEvent::decode).collect();
        let events = events.map_err(|source| AppendError::Unavailable(source.into()))?;
        for (ahead, event) in (1..).zip(&events) {
            let place = Place {
                position: self.position + ahead,
                version: next.version + ahead,
                at: self.recorded_at,
            };
            if project(&mut self.projected, &mut next.index, event, place) {
                self.indexed.insert(stream);
            }
        }
        Ok(())
    }

    fn close_append(
        &mut self,
        stream: StreamId,
        provenance: &Provenance,
        head: &Head,
        next: Head,
    ) -> Appended {
        let (first_version, last_version) = (head.version + 1, next.version);
        let appended = Appended { stream, first_version, last_version, replayed: false };
        if let Some(request_hash) = provenance.request_hash {
            self.commands.push(CommandRow { command: provenance.command, request_hash, appended });
        }
        self.heads.insert(stream, Arc::new(next));
        while self.rows.len() >= MAX_ROWS {
            self.ready.push(Insert::of(self.rows.drain(..MAX_ROWS)));
        }
        appended
    }

    fn push_row(
        &mut self,
        stream: &LogStream,
        provenance: &Provenance,
        event: EncodedEvent,
        head: &mut Head,
    ) {
        let EncodedEvent { type_name, schema, data } = event;
        let (codec, payload) = self.place(data.into_bytes());
        let (layout, payload_hash) = (Layout::First, content_hash(&payload));
        self.position += 1;
        head.version += 1;
        let envelope = Envelope {
            layout,
            stream: stream.id,
            kind: stream.kind,
            tenant: &stream.tenant.0,
            version: head.version,
            type_name: &type_name,
            schema,
            recorded_at: self.recorded_at,
            command: provenance.command,
            actor: &provenance.actor,
            request_id: provenance.request_id.as_deref(),
            address: provenance.address.as_deref(),
            codec,
            payload_hash,
        };
        head.hash = envelope.hash(head.hash);
        let row = Row {
            position: self.position,
            stream: stream.id,
            kind: self.words.share(stream.kind),
            tenant: self.words.share(&stream.tenant.0),
            version: head.version,
            type_name: self.words.share(&type_name),
            schema,
            recorded_at: self.recorded_at.as_micros(),
            command: provenance.command,
            actor: self.words.share(&provenance.actor),
            request_id: provenance.request_id.clone(),
            address: provenance.address.clone(),
            layout,
            codec,
            payload,
            payload_hash,
            hash: head.hash,
        };
        self.rows.push(row);
    }

    fn place(&mut self, json: Vec<u8>) -> (Codec, Vec<u8>) {
        if json.len() <= MAX_INLINE_BYTES {
            return (Codec::Json, json);
        }
        let address = content_hash(&json);
        self.blobs.push((address, json));
        (Codec::Blob, address.0.to_vec())
    }
}

//! One group commit, decided before any SQL is run: versions, positions, hashes, and what the read models become.
//!
//! Requests are taken one after the other. One that expects the wrong version is refused alone; the
//! others of its batch go on.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use runner_core::log::aggregate::{Change, SecretChange, StoredAggregate};

use runner_core::ids::{CommandId, StreamId, TenantId};
use runner_core::log::event_log::{Append, Appended, Digest, Provenance};
use runner_core::ports::AppendError;
use runner_core::session::event::SessionEvent;
use runner_core::session::index::SessionIndex;
use runner_core::time::Timestamp;

use super::chain::{self, Codec, Header};
use super::projection::{Place, Projected, project};
use super::sqlite::{Insert, MAX_ROWS};

/// A larger payload moves to a blob, and the log keeps its address.
const MAX_INLINE_BYTES: usize = 64 * 1024;

/// The kind of a session's stream.
pub(super) const SESSION: &str = "session";

/// Of what an event tells, and to whom that belongs.
struct Origin {
    stream: StreamId,
    kind: &'static str,
    tenant: TenantId,
}

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

    /// Takes one request into the batch; `head` is the session's as stored or as an earlier request left it.
    pub(super) fn add(&mut self, append: Append, head: &Head) -> Result<Appended, AppendError> {
        if append.expected_version != head.version {
            return Err(AppendError::Conflict { expected: append.expected_version, actual: head.version });
        }
        let encoded = encode(&append.events)?;
        let mut next = head.clone();
        for (event, payload) in append.events.iter().zip(encoded) {
            // The first event of a session says whose it is.
            let place =
                Place { position: self.position + 1, version: next.version + 1, at: self.recorded_at };
            if project(&mut self.projected, &mut next.index, event, place) {
                self.indexed.insert(append.session.into());
            }
            let tenant = next.index.as_ref().map(|index| index.tenant.clone()).unwrap_or_default();
            let origin = Origin { stream: append.session.into(), kind: SESSION, tenant };
            let event = (Cow::Borrowed(event.type_name()), event.schema(), payload);
            self.push_row(origin, &append.provenance, event, &mut next);
        }
        Ok(self.close_append(append.session.into(), &append.provenance, head, next))
    }

    /// The same for an aggregate that is no session.
    pub(super) fn add_change(&mut self, change: Change, head: &Head) -> Result<Appended, AppendError> {
        let expected = change.expected_version.unwrap_or(head.version);
        if expected != head.version {
            return Err(AppendError::Conflict { expected, actual: head.version });
        }
        let Change { kind, stream, tenant, events, state, secrets, provenance, .. } = change;
        let mut next = head.clone();
        for event in events {
            let origin = Origin { stream, kind, tenant: tenant.clone() };
            let event = (Cow::Owned(event.type_name), event.schema, event.data.into_bytes());
            self.push_row(origin, &provenance, event, &mut next);
        }
        self.secrets.extend(secrets.into_iter().map(|secret| (tenant.clone(), secret)));
        if let Some(state) = state {
            let stored = StoredAggregate { stream, tenant, version: next.version, state };
            self.aggregates.push(AggregateRow { kind, stored });
        }
        Ok(self.close_append(stream, &provenance, head, next))
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
        origin: Origin,
        provenance: &Provenance,
        (type_name, schema, json): (Cow<'static, str>, u32, Vec<u8>),
        head: &mut Head,
    ) {
        let (codec, payload) = self.place(json);
        let payload_hash = chain::payload_hash(codec, &payload);
        self.position += 1;
        head.version += 1;
        let header = Header {
            position: self.position,
            codec,
            stream: origin.stream,
            kind: origin.kind,
            tenant: &origin.tenant.0,
            version: head.version,
            type_name: &type_name,
            schema,
            recorded_at: self.recorded_at.as_micros(),
            command_id: provenance.command.0.as_bytes(),
            actor: &provenance.actor,
            request_id: provenance.request_id.as_deref(),
            address: provenance.address.as_deref(),
        };
        head.hash = chain::event_hash(head.hash, &header, payload_hash);
        let row = Row {
            position: self.position,
            stream: origin.stream,
            kind: self.words.share(origin.kind),
            tenant: self.words.share(&origin.tenant.0),
            version: head.version,
            type_name: self.words.share(&type_name),
            schema,
            recorded_at: self.recorded_at.as_micros(),
            command: provenance.command,
            actor: self.words.share(&provenance.actor),
            request_id: provenance.request_id.clone(),
            address: provenance.address.clone(),
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

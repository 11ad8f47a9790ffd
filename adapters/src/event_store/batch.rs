//! One group commit, decided before any SQL is run: versions, positions, hashes, and what the read models
//! become.
//!
//! Requests are taken one after the other. One that expects the wrong version is refused alone; the
//! others of its batch go on.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use runner_core::ids::{CommandId, StreamId};
use runner_core::log::chain::{Codec, Envelope, Layout, content_hash};
use runner_core::log::{
    Aggregate as _, Append, Appended, EncodedEvent, LogStream, Provenance, StoredAggregate,
};
use runner_core::ports::AppendError;
use runner_core::session::Session;
use runner_core::session::event::SessionEvent;
use runner_core::time::Timestamp;

use super::dialect::Dialect;
use super::projection::{Place, project};
use super::rows::{AggregateRow, CommandRow, EventRow, Head, Rows};

/// A larger payload moves to a blob, and the log keeps its address.
const MAX_INLINE_BYTES: usize = 64 * 1024;

/// Everything one transaction writes, while it is gathered.
pub(super) struct Batch<D: Dialect> {
    rows: Rows<D::Insert>,
    /// Sessions whose index this batch changes.
    indexed: BTreeSet<StreamId>,
    /// The heads as they are after this batch.
    heads: HashMap<StreamId, Arc<Head>>,
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

impl<D: Dialect> Default for Batch<D> {
    fn default() -> Self {
        Self::after(0, Timestamp::default())
    }
}

impl<D: Dialect> Batch<D> {
    /// Begins a batch behind the last position of the log.
    pub(super) fn after(position: u64, recorded_at: Timestamp) -> Self {
        Self {
            rows: Rows::at(recorded_at),
            indexed: BTreeSet::new(),
            heads: HashMap::new(),
            position,
            words: Words::default(),
        }
    }

    pub(super) const fn last_position(&self) -> u64 {
        self.position
    }

    pub(super) const fn recorded_at(&self) -> Timestamp {
        self.rows.recorded_at
    }

    /// The heads as they are after this batch, of streams that it adds to.
    pub(super) const fn heads(&self) -> &HashMap<StreamId, Arc<Head>> {
        &self.heads
    }

    pub(super) fn commands(&self) -> &[CommandRow] {
        &self.rows.commands
    }

    /// Where an earlier request of this batch under the same command id put its events.
    pub(super) fn find_command(&self, command: CommandId) -> Option<&CommandRow> {
        self.rows.commands.iter().find(|row| row.command == command)
    }

    /// Ends the gathering.
    pub(super) fn into_rows(self) -> Rows<D::Insert> {
        let Self { mut rows, indexed, heads, .. } = self;
        rows.indexed = indexed.iter().filter_map(|stream| heads.get(stream).cloned()).collect();
        rows
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
            self.push_event(&stream, &provenance, event, &mut next);
        }
        let secrets = secrets.into_iter().map(|secret| (stream.tenant.clone(), secret));
        self.rows.secrets.extend(secrets);
        let (first_version, last_version) = (head.version + 1, next.version);
        let appended = Appended { stream: stream.id, first_version, last_version, replayed: false };
        if let Some(request_hash) = provenance.request_hash {
            self.rows.commands.push(CommandRow { command: provenance.command, request_hash, appended });
        }
        self.heads.insert(stream.id, Arc::new(next));
        if let Some(state) = state {
            let LogStream { id, kind, tenant } = stream;
            let stored = StoredAggregate { stream: id, tenant, version: last_version, state };
            self.rows.aggregates.push(AggregateRow { kind, stored });
        }
        self.make_ready();
        Ok(appended)
    }

    fn make_ready(&mut self) {
        while self.rows.events.len() >= D::MAX_ROWS {
            let later = self.rows.events.split_off(D::MAX_ROWS);
            let first = std::mem::replace(&mut self.rows.events, later);
            self.rows.inserts.push(D::insert(first));
        }
    }

    /// What a session's events mean for its read models. All of them are read before any is taken in, so that
    /// an append is added whole or not at all.
    fn project(
        &mut self,
        stream: StreamId,
        events: &[EncodedEvent],
        next: &mut Head,
    ) -> Result<(), AppendError> {
        let decoded: serde_json::Result<Vec<SessionEvent>> =
            events.iter().map(EncodedEvent::decode).collect();
        let decoded = decoded.map_err(|source| AppendError::Unavailable(source.into()))?;
        for ((ahead, event), encoded) in (1..).zip(&decoded).zip(events) {
            let (position, version) = (self.position + ahead, next.version + ahead);
            let at = encoded.happened_at().unwrap_or(self.rows.recorded_at);
            let place = Place { position, version, at };
            if project(&mut self.rows.projected, &mut next.index, event, place) {
                self.indexed.insert(stream);
            }
        }
        Ok(())
    }

    fn push_event(
        &mut self,
        stream: &LogStream,
        provenance: &Provenance,
        event: EncodedEvent,
        head: &mut Head,
    ) {
        let EncodedEvent { type_name, schema, data } = event;
        let (codec, payload) = self.place(data.into_bytes());
        let (layout, payload_hash, recorded_at) =
            (Layout::First, content_hash(&payload), self.rows.recorded_at);
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
            recorded_at,
            command: provenance.command,
            actor: &provenance.actor,
            http_request_id: provenance.http_request_id.as_deref(),
            address: provenance.address.as_deref(),
            codec,
            payload_hash,
        };
        head.hash = envelope.hash(head.hash);
        self.rows.events.push(EventRow {
            position: self.position,
            stream: stream.id,
            kind: self.words.share(stream.kind),
            tenant: self.words.share(&stream.tenant.0),
            version: head.version,
            type_name: self.words.share(&type_name),
            schema,
            recorded_at,
            command: provenance.command,
            actor: self.words.share(&provenance.actor),
            http_request_id: provenance.http_request_id.clone(),
            address: provenance.address.clone(),
            layout,
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
        let address = content_hash(&json);
        self.rows.blobs.push((address, json));
        (Codec::Blob, address.0.to_vec())
    }
}

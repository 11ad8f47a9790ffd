//! The event log in memory: the whole of the port, but for durability.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use runner_core::ids::{CommandId, SecretId, SessionId, StreamId, TenantId};
use runner_core::log::chain::Verification;
use runner_core::log::{
    Aggregate as _, Append, Appended, Digest, RecordedEvent, SecretChange, StoredAggregate,
};
use runner_core::ports::{AgentFile, AppendError, EventLog, ReadError};
use runner_core::session::Session;
use runner_core::session::event::SessionEvent;
use runner_core::session::index::{SessionIndex, SessionSummary};
use runner_core::session::view::{RequestView, SessionView};
use runner_core::time::Timestamp;
use tokio::sync::watch;

/// How long a test waits for something that is about to happen.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Default)]
pub(crate) struct MemoryLog {
    state: Mutex<State>,
    /// The last position, for those who wait for what comes.
    position: watch::Sender<u64>,
}

#[derive(Default)]
pub(crate) struct State {
    streams: BTreeMap<StreamId, Vec<RecordedEvent>>,
    kinds: BTreeMap<StreamId, &'static str>,
    rows: BTreeMap<StreamId, StoredAggregate>,
    secrets: BTreeMap<SecretId, Vec<u8>>,
    commands: HashMap<CommandId, (Digest, Appended)>,
    position: u64,
    /// The next append that holds an event of this type fails.
    failing_type: Option<&'static str>,
    failing_reads: u32,
    /// Appends until one fails, and that one; zero if none will.
    until_failure: u32,
    appends: u32,
    pub(crate) files: BTreeMap<SessionId, Saved>,
}

/// Files of an agent, and how many events its session had when they were stored.
#[derive(Clone)]
pub(crate) struct Saved {
    pub(crate) files: Vec<AgentFile>,
    pub(crate) version: usize,
}

impl MemoryLog {
    /// Lets the next append fail that holds an event of this type.
    pub(crate) fn fail_next(&self, type_name: &'static str) {
        self.lock().failing_type = Some(type_name);
    }

    /// Lets one append fail, once so many others have been stored.
    pub(crate) fn fail_after(&self, appends: u32) {
        self.lock().until_failure = appends + 1;
    }

    /// How often anything was stored.
    pub(crate) fn appends(&self) -> u32 {
        self.lock().appends
    }

    pub(crate) fn fail_next_read(&self) {
        self.lock().failing_reads += 1;
    }

    pub(crate) fn events(&self, session: SessionId) -> Vec<SessionEvent> {
        let state = self.lock();
        let stream = state.streams.get(&session.into()).map(Vec::as_slice).unwrap_or_default();
        stream.iter().map(|recorded| recorded.decode().unwrap()).collect()
    }

    /// The events of a session once there are so many.
    pub(crate) async fn when_there_are(&self, count: usize, session: SessionId) -> Vec<SessionEvent> {
        let mut position = self.position.subscribe();
        let enough = position.wait_for(|_| self.events(session).len() >= count);
        let in_time = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        assert!(in_time, "{count} events were expected, there are only {:#?}", self.events(session));
        self.events(session)
    }

    /// The events of a stream of any kind once there are so many.
    pub(crate) async fn when_stream_has(&self, count: usize, stream: StreamId) -> Vec<RecordedEvent> {
        let stored = || self.lock().streams.get(&stream).cloned().unwrap_or_default();
        let mut position = self.position.subscribe();
        let enough = position.wait_for(|_| stored().len() >= count);
        let in_time = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        assert!(in_time, "{count} events were expected, there are only {:#?}", stored());
        stored()
    }

    /// What was stored last of the files of a session's agent.
    pub(crate) fn saved(&self, session: SessionId) -> Option<Saved> {
        self.lock().files.get(&session).cloned()
    }

    pub(crate) fn requests(&self, session: SessionId) -> Vec<RequestView> {
        let state = self.lock();
        let mut events = state.streams[&session.into()].iter();
        let first = events.next().map(|recorded| (recorded.decode().unwrap(), recorded.recorded_at));
        let Some(mut view) = first.and_then(|(event, at)| SessionView::open(&event, at)) else {
            return vec![];
        };
        events.for_each(|recorded| view.apply(recorded, &recorded.decode().unwrap()));
        view.pending
    }

    /// The place in the log of an event of a session.
    pub(crate) fn position(&self, session: SessionId, version: u64) -> u64 {
        let state = self.lock();
        let recorded = state.streams[&session.into()].iter().find(|recorded| recorded.version == version);
        recorded.map_or(0, |recorded| recorded.position)
    }

    pub(crate) fn index(&self, session: SessionId) -> Option<SessionIndex> {
        let state = self.lock();
        let mut events = state.streams.get(&session.into())?.iter();
        let first = events.next()?;
        let mut index = SessionIndex::open(&first.decode().unwrap(), first.recorded_at)?;
        events.for_each(|recorded| index.apply(&recorded.decode().unwrap(), recorded.recorded_at));
        Some(index)
    }

    pub(crate) fn summaries(&self) -> Vec<SessionSummary> {
        let is_session = |(_, kind): &(&StreamId, &&str)| **kind == Session::KIND;
        let sessions: Vec<_> =
            self.lock().kinds.iter().filter(is_session).map(|(stream, _)| SessionId(stream.0)).collect();
        sessions.into_iter().filter_map(|session| Some(self.index(session)?.summary())).collect()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn append(&mut self, append: Append) -> Result<Appended, AppendError> {
        let (id, provenance) = (append.stream.id, &append.provenance);
        if let Some(request_hash) = provenance.request_hash
            && let Some((first_hash, first)) = self.commands.get(&provenance.command)
        {
            return replay(*first_hash, *first, request_hash);
        }
        self.fail(&append)?;
        let stream = self.streams.entry(id).or_default();
        let actual = stream.len() as u64;
        if let Some(expected) = append.expected_version.filter(|expected| *expected != actual) {
            return Err(AppendError::Conflict { expected, actual });
        }
        for event in append.events {
            self.position += 1;
            stream.push(RecordedEvent {
                position: self.position,
                version: stream.len() as u64 + 1,
                type_name: event.type_name.into_owned(),
                schema: event.schema,
                recorded_at: Timestamp::from_micros(self.position.cast_signed() * 1000),
                actor: provenance.actor.clone(),
                http_request_id: provenance.http_request_id.clone(),
                data: event.data,
                payload_hash: Digest::default(),
                hash: Digest::default(),
            });
        }
        let version = stream.len() as u64;
        let appended =
            Appended { stream: id, first_version: actual + 1, last_version: version, replayed: false };
        if let Some(request_hash) = provenance.request_hash {
            self.commands.insert(provenance.command, (request_hash, appended));
        }
        self.appends += 1;
        self.kinds.insert(id, append.stream.kind);
        if let Some(state) = append.state {
            let tenant = append.stream.tenant;
            self.rows.insert(id, StoredAggregate { stream: id, tenant, version, state });
        }
        append.secrets.into_iter().for_each(|change| self.change_secret(change));
        Ok(appended)
    }

    /// Fails as a test wants it to.
    fn fail(&mut self, append: &Append) -> Result<(), AppendError> {
        if append.events.iter().any(|event| Some(&*event.type_name) == self.failing_type) {
            self.failing_type = None;
            return Err(AppendError::Unavailable("the disk is full".into()));
        }
        let until_failure = self.until_failure;
        self.until_failure = until_failure.saturating_sub(1);
        match until_failure {
            1 => Err(AppendError::Unavailable("no space".into())),
            _ => Ok(()),
        }
    }

    fn change_secret(&mut self, SecretChange { id, sealed }: SecretChange) {
        match sealed {
            Some(sealed) => drop(self.secrets.insert(id, sealed)),
            None => drop(self.secrets.remove(&id)),
        }
    }
}

fn replay(first_hash: Digest, first: Appended, request_hash: Digest) -> Result<Appended, AppendError> {
    match first_hash == request_hash {
        true => Ok(Appended { replayed: true, ..first }),
        false => Err(AppendError::CommandReused),
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    fn is_writable(&self) -> bool {
        true
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        // As with a disk, others get their turn meanwhile.
        tokio::task::yield_now().await;
        let appended = self.lock().append(append)?;
        self.position.send_replace(self.lock().position);
        Ok(appended)
    }

    async fn read(&self, stream: StreamId, after: u64, limit: u32) -> Result<Vec<RecordedEvent>, ReadError> {
        tokio::task::yield_now().await;
        let mut state = self.lock();
        if state.failing_reads > 0 {
            state.failing_reads -= 1;
            return Err(ReadError("the disk is gone".into()));
        }
        let stream = state.streams.get(&stream).map(Vec::as_slice).unwrap_or_default();
        let later = stream.iter().filter(|recorded| recorded.version > after);
        Ok(later.take(limit as usize).cloned().collect())
    }

    async fn find_command(
        &self,
        command: CommandId,
        request_hash: Digest,
    ) -> Result<Option<Appended>, AppendError> {
        tokio::task::yield_now().await;
        let found = self.lock().commands.get(&command).copied();
        found.map(|(first_hash, first)| replay(first_hash, first, request_hash)).transpose()
    }

    async fn load_aggregate(
        &self,
        kind: &str,
        stream: StreamId,
    ) -> Result<Option<StoredAggregate>, ReadError> {
        tokio::task::yield_now().await;
        let state = self.lock();
        let is_of_kind = state.kinds.get(&stream).is_some_and(|known| *known == kind);
        Ok(state.rows.get(&stream).filter(|_| is_of_kind).cloned())
    }

    async fn list_aggregates(
        &self,
        kind: &str,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<StoredAggregate>, ReadError> {
        tokio::task::yield_now().await;
        let state = self.lock();
        let of_kind = state.rows.values().filter(|row| state.kinds[&row.stream] == kind);
        Ok(of_kind.filter(|row| tenant.is_none_or(|tenant| row.tenant == *tenant)).cloned().collect())
    }

    async fn load_secret(&self, secret: SecretId) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.lock().secrets.get(&secret).cloned())
    }

    async fn verify(&self, stream: StreamId) -> Result<Verification, ReadError> {
        let events = self.lock().streams.get(&stream).map_or(0, |events| events.len() as u64);
        let head_hash = Digest::default();
        let (first_bad_version, reason) = (None, None);
        Ok(Verification { valid: true, events, head_hash, first_bad_version, reason })
    }
}

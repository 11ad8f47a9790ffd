//! The event log, the index of sessions and the agents' files in memory: the whole of these ports, but for
//! durability.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use runner_core::ids::{CommandId, SessionId, TenantId};
use runner_core::log::event_log::{Append, Appended, Digest, RecordedEvent, Verification};
use runner_core::people::principal::Reach;
use runner_core::ports::{
    AgentFile, AgentFiles, AppendError, EventLog, ReadError, SessionCounts, SessionCursor, SessionDirectory,
    SessionFilter, WaitingRequest,
};
use runner_core::session::event::SessionEvent;
use runner_core::session::index::{SessionIndex, SessionStatus, SessionSummary};
use runner_core::session::view::{RequestView, SessionView};
use runner_core::time::Timestamp;
use tokio::sync::watch;

/// How long a test waits for something that is about to happen.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Default)]
pub(super) struct MemoryLog {
    state: Mutex<State>,
    /// The last position, for those who wait for what comes.
    position: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<SessionId, Vec<RecordedEvent>>,
    commands: HashMap<CommandId, (Digest, Appended)>,
    position: u64,
    /// The next append that holds an event of this type fails.
    failing_type: Option<&'static str>,
    failing_reads: u32,
    files: BTreeMap<SessionId, Saved>,
}

/// Files of an agent, and how many events its session had when they were stored.
#[derive(Clone)]
pub(super) struct Saved {
    pub(super) files: Vec<AgentFile>,
    pub(super) version: usize,
}

impl MemoryLog {
    /// Lets the next append fail that holds an event of this type.
    pub(super) fn fail_next(&self, type_name: &'static str) {
        self.lock().failing_type = Some(type_name);
    }

    pub(super) fn fail_next_read(&self) {
        self.lock().failing_reads += 1;
    }

    pub(super) fn events(&self, session: SessionId) -> Vec<SessionEvent> {
        let state = self.lock();
        let stream = state.streams.get(&session).map(Vec::as_slice).unwrap_or_default();
        stream.iter().map(|recorded| recorded.decode().unwrap()).collect()
    }

    /// The events of a session once there are so many.
    pub(super) async fn when_there_are(&self, count: usize, session: SessionId) -> Vec<SessionEvent> {
        let mut position = self.position.subscribe();
        let enough = position.wait_for(|_| self.events(session).len() >= count);
        let in_time = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        assert!(in_time, "{count} events were expected, there are only {:#?}", self.events(session));
        self.events(session)
    }

    /// What was stored last of the files of a session's agent.
    pub(super) fn saved(&self, session: SessionId) -> Option<Saved> {
        self.lock().files.get(&session).cloned()
    }

    fn requests(&self, session: SessionId) -> Vec<RequestView> {
        let state = self.lock();
        let mut events = state.streams[&session].iter();
        let first = events.next().map(|recorded| (recorded.decode().unwrap(), recorded.recorded_at));
        let Some(mut view) = first.and_then(|(event, at)| SessionView::open(&event, at)) else {
            return vec![];
        };
        events.for_each(|recorded| view.apply(recorded, &recorded.decode().unwrap()));
        view.pending
    }

    /// The place in the log of an event of a session.
    fn position(&self, session: SessionId, version: u64) -> u64 {
        let state = self.lock();
        let recorded = state.streams[&session].iter().find(|recorded| recorded.version == version);
        recorded.map_or(0, |recorded| recorded.position)
    }

    fn index(&self, session: SessionId) -> Option<SessionIndex> {
        let state = self.lock();
        let mut events = state.streams.get(&session)?.iter();
        let first = events.next()?;
        let mut index = SessionIndex::open(&first.decode().unwrap(), first.recorded_at)?;
        events.for_each(|recorded| index.apply(&recorded.decode().unwrap(), recorded.recorded_at));
        Some(index)
    }

    fn summaries(&self) -> Vec<SessionSummary> {
        let sessions: Vec<SessionId> = self.lock().streams.keys().copied().collect();
        sessions.into_iter().filter_map(|session| Some(self.index(session)?.summary())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn append(&mut self, append: Append) -> Result<Appended, AppendError> {
        let (session, provenance) = (append.session, append.provenance);
        if let Some(request_hash) = provenance.request_hash
            && let Some((first_hash, first)) = self.commands.get(&provenance.command)
        {
            return replay(*first_hash, *first, request_hash);
        }
        if append.events.iter().any(|event| Some(event.type_name()) == self.failing_type) {
            self.failing_type = None;
            return Err(AppendError::Unavailable("the disk is full".into()));
        }
        let stream = self.streams.entry(session).or_default();
        let actual = stream.len() as u64;
        if append.expected_version != actual {
            return Err(AppendError::Conflict { expected: append.expected_version, actual });
        }
        for event in &append.events {
            self.position += 1;
            stream.push(RecordedEvent {
                position: self.position,
                version: stream.len() as u64 + 1,
                type_name: event.type_name().to_owned(),
                schema: event.schema(),
                recorded_at: Timestamp::from_micros(self.position.cast_signed() * 1000),
                actor: provenance.actor.clone(),
                request_id: provenance.request_id.clone(),
                data: event.encode().map_err(|error| AppendError::Unavailable(error.into()))?,
                payload_hash: Digest::default(),
                hash: Digest::default(),
            });
        }
        let last_version = stream.len() as u64;
        let appended =
            Appended { stream: session.into(), first_version: actual + 1, last_version, replayed: false };
        if let Some(request_hash) = provenance.request_hash {
            self.commands.insert(provenance.command, (request_hash, appended));
        }
        Ok(appended)
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

    async fn read(
        &self,
        session: SessionId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        tokio::task::yield_now().await;
        let mut state = self.lock();
        if state.failing_reads > 0 {
            state.failing_reads -= 1;
            return Err(ReadError("the disk is gone".into()));
        }
        let stream = state.streams.get(&session).map(Vec::as_slice).unwrap_or_default();
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

    async fn verify(&self, session: SessionId) -> Result<Verification, ReadError> {
        let events = self.events(session).len() as u64;
        let head_hash = Digest::default();
        let (checkpoint, first_bad_version, reason) = (None, None, None);
        Ok(Verification { valid: true, events, head_hash, checkpoint, first_bad_version, reason })
    }
}

#[async_trait]
impl SessionDirectory for MemoryLog {
    async fn list(
        &self,
        filter: SessionFilter,
    ) -> Result<(Vec<SessionSummary>, Option<SessionCursor>), ReadError> {
        let mut sessions = self.summaries();
        sessions.retain(|summary| filter.reach.covers(&summary.tenant, &summary.head.owner));
        Ok((sessions, None))
    }

    async fn find(&self, reach: &Reach, session: SessionId) -> Result<Option<SessionSummary>, ReadError> {
        let found = self.index(session).map(|index| index.summary());
        Ok(found.filter(|found| reach.covers(&found.tenant, &found.head.owner)))
    }

    async fn list_unfinished(&self) -> Result<Vec<SessionId>, ReadError> {
        let unfinished = |summary: &SessionSummary| {
            matches!(summary.head.status, SessionStatus::Running | SessionStatus::Waiting)
        };
        Ok(self
            .summaries()
            .iter()
            .filter(|summary| unfinished(summary))
            .map(|summary| summary.head.id)
            .collect())
    }

    async fn count(&self, tenant: Option<&TenantId>) -> Result<SessionCounts, ReadError> {
        let mut own = self.summaries();
        own.retain(|summary| tenant.is_none_or(|tenant| summary.tenant == *tenant));
        let count =
            |status: SessionStatus| own.iter().filter(|summary| summary.head.status == status).count() as u64;
        let (running, waiting) = (count(SessionStatus::Running), count(SessionStatus::Waiting));
        Ok(SessionCounts { stored: own.len() as u64, running, waiting })
    }

    async fn list_requests(
        &self,
        reach: &Reach,
        after: u64,
        limit: u32,
    ) -> Result<Vec<WaitingRequest>, ReadError> {
        let mut within = self.summaries();
        within.retain(|summary| reach.covers(&summary.tenant, &summary.head.owner));
        let views = within.iter().flat_map(|summary| self.requests(summary.head.id));
        let mut waiting: Vec<WaitingRequest> = views
            .map(|view| WaitingRequest {
                position: self.position(view.session_id, view.version),
                view: serde_json::to_value(view).unwrap(),
            })
            .collect();
        waiting.retain(|request| request.position > after);
        waiting.sort_by_key(|request| request.position);
        waiting.truncate(limit as usize);
        Ok(waiting)
    }
}

#[async_trait]
impl AgentFiles for MemoryLog {
    async fn save(&self, session: SessionId, files: &[AgentFile]) -> Result<(), AppendError> {
        tokio::task::yield_now().await;
        let version = self.events(session).len();
        self.lock().files.insert(session, Saved { files: files.to_vec(), version });
        Ok(())
    }

    async fn load(&self, session: SessionId) -> Result<Vec<AgentFile>, ReadError> {
        tokio::task::yield_now().await;
        Ok(self.saved(session).map_or_else(Vec::new, |saved| saved.files))
    }
}

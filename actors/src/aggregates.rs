//! Aggregates other than sessions: read, decided about, appended; and decided again where somebody else
//! was faster.
//!
//! They need no actor. Nothing runs for them, they change seldom, and the log refuses what was decided on
//! an older version.

use std::sync::Arc;

use runner_core::log::aggregate::{
    Aggregate, AggregateEvent, Change, EncodedEvent, SecretChange, StoredAggregate, encode_state,
};

use runner_core::ids::{SecretId, StreamId, TenantId};
use runner_core::log::event_log::{Appended, Provenance};
use runner_core::ports::{AggregateLog, AppendError, ReadError};
use thiserror::Error;
use tokio::sync::watch;

/// How often a change is decided again because somebody else appended first. Of all who change one thing at
/// once, one gets through each time.
const MAX_ATTEMPTS: u32 = 128;

/// Why an aggregate was not changed.
#[derive(Debug, Error)]
pub enum ChangeError<R> {
    /// By one of its rules.
    #[error(transparent)]
    Refused(R),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// An aggregate with its place in the log.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    pub stream: StreamId,
    pub tenant: TenantId,
    /// Zero if nothing has happened to it.
    pub version: u64,
    pub state: A,
}

/// What a rule decided.
#[derive(Clone, Debug)]
pub struct Decided<E> {
    pub events: Vec<E>,
    /// Written in the same transaction.
    pub secrets: Vec<SecretChange>,
}

impl<E> From<Vec<E>> for Decided<E> {
    fn from(events: Vec<E>) -> Self {
        Self { events, secrets: vec![] }
    }
}

/// The handle on all of them. Clones share the log.
#[derive(Clone)]
pub struct Aggregates {
    log: Arc<dyn AggregateLog>,
    /// Counts what was taken back or given back that agents run on.
    rights: Arc<watch::Sender<u64>>,
}

impl std::fmt::Debug for Aggregates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aggregates").finish_non_exhaustive()
    }
}

impl Aggregates {
    pub fn new(log: Arc<dyn AggregateLog>) -> Self {
        Self { log, rights: Arc::default() }
    }

    /// Changes whenever something was taken back or given back that agents run on.
    pub(crate) fn rights(&self) -> watch::Receiver<u64> {
        self.rights.subscribe()
    }

    /// The aggregate of a stream; `None` if nothing has happened to it, or if it is of another kind.
    pub async fn load<A: Aggregate>(&self, stream: StreamId) -> Result<Option<Loaded<A>>, ReadError> {
        self.log.load_aggregate(A::KIND, stream).await?.map(loaded).transpose()
    }

    /// All of a kind; of one tenant or of all.
    pub async fn list<A: Aggregate>(&self, tenant: Option<&TenantId>) -> Result<Vec<Loaded<A>>, ReadError> {
        let stored = self.log.list_aggregates(A::KIND, tenant).await?;
        stored.into_iter().map(loaded).collect()
    }

    pub async fn load_secret(&self, secret: SecretId) -> Result<Option<Vec<u8>>, ReadError> {
        self.log.load_secret(secret).await
    }

    /// Decides on the newest state and appends what was decided; both again if somebody else was faster.
    /// Returns the aggregate as it is then. Deciding on nothing appends nothing.
    pub async fn change<A: Aggregate, R>(
        &self,
        (stream, tenant): (StreamId, TenantId),
        provenance: Provenance,
        decide: impl Fn(&Loaded<A>) -> Result<Decided<A::Event>, R>,
    ) -> Result<(Loaded<A>, Option<Appended>), ChangeError<R>> {
        let mut attempts = 1;
        loop {
            let before = self.load(stream).await?.unwrap_or_else(|| Loaded {
                stream,
                tenant: tenant.clone(),
                version: 0,
                state: A::default(),
            });
            let decided = decide(&before).map_err(ChangeError::Refused)?;
            if decided.events.is_empty() {
                return Ok((before, None));
            }
            let concerns_agents = decided.events.iter().any(AggregateEvent::concerns_agents);
            let (change, mut after) = prepare(before, decided, provenance.clone())?;
            match self.log.append_change(change).await {
                // Two requests under one key came at once, and the other one was first.
                Ok(appended) if appended.replayed => {
                    let first = self.load(appended.stream).await?.ok_or(AppendError::CommandReused)?;
                    return Ok((first, Some(appended)));
                }
                Ok(appended) => {
                    after.version = appended.last_version;
                    if concerns_agents {
                        self.rights.send_modify(|count| *count += 1);
                    }
                    return Ok((after, Some(appended)));
                }
                Err(AppendError::Conflict { .. }) if attempts < MAX_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Adds events to a stream of which nothing is folded.
    pub async fn note(
        &self,
        (kind, stream): (&'static str, StreamId),
        tenant: TenantId,
        events: Vec<EncodedEvent>,
        provenance: Provenance,
    ) -> Result<Appended, AppendError> {
        self.note_with_secrets((kind, stream), tenant, (events, vec![]), provenance).await
    }

    /// The same, with secrets that are written in the same transaction.
    pub async fn note_with_secrets(
        &self,
        (kind, stream): (&'static str, StreamId),
        tenant: TenantId,
        (events, secrets): (Vec<EncodedEvent>, Vec<SecretChange>),
        provenance: Provenance,
    ) -> Result<Appended, AppendError> {
        let change =
            Change { kind, stream, tenant, expected_version: None, events, state: None, secrets, provenance };
        self.log.append_change(change).await
    }
}

fn loaded<A: Aggregate>(stored: StoredAggregate) -> Result<Loaded<A>, ReadError> {
    let state = stored.decode().map_err(|source| ReadError(source.into()))?;
    Ok(Loaded { stream: stored.stream, tenant: stored.tenant, version: stored.version, state })
}

fn prepare<A: Aggregate>(
    before: Loaded<A>,
    decided: Decided<A::Event>,
    provenance: Provenance,
) -> Result<(Change, Loaded<A>), ReadError> {
    let events = decided.events.iter().map(EncodedEvent::encode).collect::<Result<_, _>>();
    let events = events.map_err(|source| ReadError(source.into()))?;
    let mut after = before;
    decided.events.iter().for_each(|event| after.state.apply(event));
    let change = Change {
        kind: A::KIND,
        stream: after.stream,
        tenant: after.tenant.clone(),
        expected_version: Some(after.version),
        events,
        state: Some(encode_state(&after.state).map_err(|source| ReadError(source.into()))?),
        secrets: decided.secrets,
        provenance,
    };
    Ok((change, after))
}

//! Aggregates as this crate uses them: read, decided about, appended; and decided again where somebody else
//! was faster.
//!
//! Most need no actor. Nothing runs for them, they change seldom, and the log refuses what was decided on
//! an older version. A session's actor keeps the state of its session between commands instead.

use std::ops::RangeInclusive;
use std::sync::Arc;

use runner_core::ids::{SecretId, StreamId, TenantId};
use runner_core::log::{
    Aggregate, AggregateEvent as _, Append, Appended, EncodedEvent, LogStream, Provenance, RecordedEvent,
    SecretChange, StoredAggregate, encode_state,
};
use runner_core::ports::{AppendError, EventLog, ReadError};
use thiserror::Error;
use tokio::sync::watch;

/// How often a change is decided again because somebody else appended first. Of all who change one thing at
/// once, one gets through each time.
const MAX_ATTEMPTS: u32 = 128;

/// Events read at once.
const PAGE: u32 = 1000;

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

/// The events that a rule decided on, with the secrets that are written in the same transaction.
#[derive(Clone, Debug)]
pub struct Decided<E> {
    pub events: Vec<E>,
    pub secrets: Vec<SecretChange>,
}

impl<E> From<Vec<E>> for Decided<E> {
    fn from(events: Vec<E>) -> Self {
        Self { events, secrets: vec![] }
    }
}

/// An aggregate as a change left it.
#[derive(Clone, Debug)]
pub struct Changed<A: Aggregate> {
    pub aggregate: Loaded<A>,
    /// What was stored now; empty also where an earlier request under the same key had stored it.
    pub events: Vec<A::Event>,
    /// Absent where the rules decided on nothing.
    pub appended: Option<Appended>,
}

/// The handle on all aggregates. Clones share the log.
#[derive(Clone)]
pub struct Repository {
    log: Arc<dyn EventLog>,
    /// Counts what was taken back or given back that agents run on.
    rights: Arc<watch::Sender<u64>>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").finish_non_exhaustive()
    }
}

impl Repository {
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, rights: Arc::default() }
    }

    /// Changes whenever something was taken back or given back that agents run on.
    pub(crate) fn rights(&self) -> watch::Receiver<u64> {
        self.rights.subscribe()
    }

    /// The aggregate whose row a stream has; `None` if nothing has happened to it, or if it is of another
    /// kind.
    pub async fn load<A: Aggregate>(&self, stream: StreamId) -> Result<Option<Loaded<A>>, ReadError> {
        self.log.load_aggregate(A::KIND, stream).await?.map(loaded).transpose()
    }

    /// All of a kind; of one team or of all.
    pub async fn list<A: Aggregate>(&self, tenant: Option<&TenantId>) -> Result<Vec<Loaded<A>>, ReadError> {
        let stored = self.log.list_aggregates(A::KIND, tenant).await?;
        stored.into_iter().map(loaded).collect()
    }

    pub async fn load_secret(&self, secret: SecretId) -> Result<Option<Vec<u8>>, ReadError> {
        self.log.load_secret(secret).await
    }

    /// Carries a command out.
    pub async fn execute<A>(
        &self,
        stream: LogStream,
        command: A::Command,
        provenance: Provenance,
    ) -> Result<Changed<A>, ChangeError<A::Refusal>>
    where
        A: Aggregate,
        A::Command: Clone,
    {
        let decide = |before: &Loaded<A>| Ok(before.state.decide(command.clone())?.events.into());
        self.change(stream, provenance, decide).await
    }

    /// Decides on the newest state and appends what was decided; both again if somebody else was faster.
    /// Deciding on nothing appends nothing.
    pub async fn change<A: Aggregate>(
        &self,
        stream: LogStream,
        provenance: Provenance,
        decide: impl Fn(&Loaded<A>) -> Result<Decided<A::Event>, A::Refusal>,
    ) -> Result<Changed<A>, ChangeError<A::Refusal>> {
        let mut attempts = 1;
        loop {
            let before = self.current(&stream).await?;
            let Decided { events, secrets } = decide(&before).map_err(ChangeError::Refused)?;
            if events.is_empty() {
                return Ok(Changed { aggregate: before, events, appended: None });
            }
            let (append, after) = prepare(before, &stream, &events, provenance.clone())?;
            match self.log.append(Append { secrets, ..append }).await {
                // Two requests under one key came at once, and the other one was first.
                Ok(appended) if appended.replayed => {
                    let first = LogStream { id: appended.stream, ..stream };
                    let aggregate = Some(self.current(&first).await?).filter(|first| first.version > 0);
                    let aggregate = aggregate.ok_or(AppendError::CommandReused)?;
                    return Ok(Changed { aggregate, events: vec![], appended: Some(appended) });
                }
                Ok(appended) => {
                    if events.iter().any(A::Event::concerns_agents) {
                        self.rights.send_modify(|count| *count += 1);
                    }
                    let aggregate = Loaded { version: appended.last_version, ..after };
                    return Ok(Changed { aggregate, events, appended: Some(appended) });
                }
                Err(AppendError::Conflict { .. }) if attempts < MAX_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The newest state, whether the log keeps a row of it or not.
    async fn current<A: Aggregate>(&self, stream: &LogStream) -> Result<Loaded<A>, ReadError> {
        let Folded { state, version } = if !A::HAS_ROW {
            fold(&*self.log, stream.id).await?
        } else if let Some(loaded) = self.load(stream.id).await? {
            return Ok(loaded);
        } else {
            Folded { state: A::default(), version: 0 }
        };
        Ok(Loaded { stream: stream.id, tenant: stream.tenant.clone(), version, state })
    }

    /// All events of an aggregate, the first first.
    pub(crate) async fn events<A: Aggregate>(
        &self,
        stream: StreamId,
    ) -> Result<Vec<(RecordedEvent, A::Event)>, ReadError> {
        let mut events = vec![];
        replay(&*self.log, stream, 1..=u64::MAX, |recorded| {
            let event = recorded.decode().map_err(unreadable)?;
            events.push((recorded, event));
            Ok(())
        })
        .await?;
        Ok(events)
    }

    /// Adds events to a stream of which nothing is folded.
    pub async fn note(
        &self,
        stream: LogStream,
        decided: Decided<EncodedEvent>,
        provenance: Provenance,
    ) -> Result<Appended, AppendError> {
        let Decided { events, secrets } = decided;
        let (expected_version, state) = (None, None);
        self.log.append(Append { stream, expected_version, events, state, secrets, provenance }).await
    }
}

fn loaded<A: Aggregate>(stored: StoredAggregate) -> Result<Loaded<A>, ReadError> {
    let state = stored.decode().map_err(unreadable)?;
    Ok(Loaded { stream: stored.stream, tenant: stored.tenant, version: stored.version, state })
}

/// What is to be appended, and the aggregate as it will be then.
fn prepare<A: Aggregate>(
    before: Loaded<A>,
    stream: &LogStream,
    events: &[A::Event],
    provenance: Provenance,
) -> Result<(Append, Loaded<A>), ReadError> {
    let mut after = before;
    events.iter().cloned().for_each(|event| after.state.apply(event));
    // An aggregate stays whose it was.
    let stream = LogStream { tenant: after.tenant.clone(), ..stream.clone() };
    let append = Append::to(stream, after.version, events, provenance).map_err(unreadable)?;
    let state = A::HAS_ROW.then(|| encode_state(&after.state)).transpose().map_err(unreadable)?;
    Ok((Append { state, ..append }, after))
}

fn unreadable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ReadError {
    ReadError(source.into())
}

/// An aggregate folded from its events.
#[derive(Clone, Debug)]
pub(crate) struct Folded<A> {
    pub(crate) state: A,
    pub(crate) version: u64,
}

/// Folds all events of a stream.
pub(crate) async fn fold<A: Aggregate>(log: &dyn EventLog, stream: StreamId) -> Result<Folded<A>, ReadError> {
    let mut folded = Folded { state: A::default(), version: 0 };
    replay(log, stream, 1..=u64::MAX, |recorded| {
        folded.state.apply(recorded.decode().map_err(unreadable)?);
        folded.version = recorded.version;
        Ok(())
    })
    .await?;
    Ok(folded)
}

/// Visits the events of a stream that have one of these versions, in order.
pub(crate) async fn replay(
    log: &dyn EventLog,
    stream: StreamId,
    versions: RangeInclusive<u64>,
    mut visit: impl FnMut(RecordedEvent) -> Result<(), ReadError> + Send,
) -> Result<(), ReadError> {
    let mut after = versions.start().saturating_sub(1);
    while after < *versions.end() {
        let limit = u32::try_from(versions.end() - after).unwrap_or(PAGE).min(PAGE);
        let page = log.read(stream, after, limit).await?;
        let is_last = page.len() < limit as usize;
        for recorded in page {
            after = recorded.version;
            visit(recorded)?;
        }
        if is_last {
            break;
        }
    }
    Ok(())
}

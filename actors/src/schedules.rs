//! Schedules as the outside uses them: make, list, change, run now, read back what ran.
//!
//! One task begins runs when it is time, and sleeps until then (`scheduler.rs`).
//! How a run begins and ends is the same on demand and on time (`running.rs`).

mod error;
mod history;
mod running;
mod scheduler;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use runner_core::ids::{ScheduleId, StreamId, TenantId};
use runner_core::log::{Aggregate as _, LogStream, Provenance};
use runner_core::people::principal::{Principal, Reach};
use runner_core::ports::{Clock, EventLog};
use runner_core::setup::schedule::definition::ScheduleDefinition;
use runner_core::setup::schedule::event::{ScheduleCreated, ScheduleEvent};
use runner_core::setup::schedule::{MAX_SCHEDULES, Schedule, ScheduleCommand};
use runner_core::time::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::Sessions;
use crate::store::{Changed, Loaded, Repository};
pub use error::ScheduleError;
pub use history::ScheduleChange;

/// Whether a run may begin now, which was asked when its schedule was made and may be otherwise by now.
#[async_trait]
pub trait RunPermits: Send + Sync {
    /// Looks at the owner, the folders, and the permission mode.
    async fn permit(
        &self,
        owner: (&TenantId, &str),
        definition: &ScheduleDefinition,
    ) -> Result<RunPermit, RunRefusal>;
}

/// A run may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunPermit {
    /// Whether the offline model answers.
    pub offline: bool,
}

/// Why a run does not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunRefusal {
    /// It is not allowed, or not possible, until somebody changes something.
    Refused { code: String, detail: String },
    /// It could not be found out; later it may.
    NotNow(String),
}

/// What schedules need done by others.
#[derive(Clone)]
pub struct SchedulePorts {
    pub repository: Repository,
    pub log: Arc<dyn EventLog>,
    pub sessions: Sessions,
    pub permits: Arc<dyn RunPermits>,
    pub clock: Arc<dyn Clock>,
}

/// The handle on all schedules. Clones share everything.
#[derive(Clone)]
pub struct Schedules(Arc<Inner>);

struct Inner {
    ports: SchedulePorts,
    /// Since when there has been somebody to begin runs.
    up_since: Timestamp,
    /// Held by whoever decides something that depends on several schedules.
    deciding: tokio::sync::Mutex<()>,
    /// Told when something may be due sooner than was thought.
    changed: Notify,
    /// The runs whose end somebody waits for.
    followed: Mutex<HashSet<StreamId>>,
}

impl std::fmt::Debug for SchedulePorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchedulePorts").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Schedules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schedules").field("up_since", &self.0.up_since).finish_non_exhaustive()
    }
}

impl Schedules {
    pub fn new(ports: SchedulePorts) -> Self {
        let up_since = ports.clock.now();
        Self(Arc::new(Inner {
            ports,
            up_since,
            deciding: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            followed: Mutex::default(),
        }))
    }

    /// The schedules within reach, the oldest first.
    pub async fn list(&self, reach: &Reach) -> Result<Vec<Schedule>, ScheduleError> {
        let all = self.repository().list::<Schedule>(Some(&reach.tenant)).await?;
        let mut schedules: Vec<_> = all.into_iter().map(|loaded| loaded.state).collect();
        schedules.retain(|schedule| {
            schedule.created().is_some_and(|created| reach.covers(&reach.tenant, &created.owner))
        });
        schedules.sort_by_key(|schedule| schedule.created().map(|created| created.schedule));
        Ok(schedules)
    }

    pub async fn find(&self, reach: &Reach, schedule: ScheduleId) -> Result<Schedule, ScheduleError> {
        Ok(self.load(reach, schedule).await?.state)
    }

    pub async fn create(
        &self,
        owner: &Principal,
        definition: ScheduleDefinition,
        provenance: Provenance,
    ) -> Result<Schedule, ScheduleError> {
        let _deciding = self.0.deciding.lock().await;
        let own = self.list(&owner.own()).await?;
        if own.len() >= MAX_SCHEDULES {
            return Err(ScheduleError::TooMany);
        }
        refuse_taken(&own, None, &definition.name)?;
        let (schedule, at) = (ScheduleId(Uuid::now_v7()), self.now());
        let created = ScheduleCreated { schedule, owner: owner.name.clone(), definition, at };
        let stream = LogStream::of::<Schedule>(StreamId(schedule.0), owner.tenant.clone());
        let command = ScheduleCommand::Create(Box::new(created));
        Ok(self.execute(stream, command, provenance).await?.aggregate.state)
    }

    /// Puts another definition in the place of the one it has.
    pub async fn change(
        &self,
        (reach, schedule): (&Reach, ScheduleId),
        definition: ScheduleDefinition,
        provenance: Provenance,
    ) -> Result<Schedule, ScheduleError> {
        self.replace((reach, schedule), (definition, None), provenance).await
    }

    /// Takes up the definition again that an earlier version had.
    pub async fn restore(
        &self,
        (reach, schedule): (&Reach, ScheduleId),
        (definition, version): (ScheduleDefinition, u64),
        provenance: Provenance,
    ) -> Result<Schedule, ScheduleError> {
        self.replace((reach, schedule), (definition, Some(version)), provenance).await
    }

    async fn replace(
        &self,
        (reach, schedule): (&Reach, ScheduleId),
        (definition, restored_from): (ScheduleDefinition, Option<u64>),
        provenance: Provenance,
    ) -> Result<Schedule, ScheduleError> {
        let _deciding = self.0.deciding.lock().await;
        let loaded = self.load(reach, schedule).await?;
        let created = loaded.state.created().ok_or(ScheduleError::NotFound)?;
        let of_owner = Reach { tenant: loaded.tenant.clone(), owner: Some(created.owner.clone()) };
        refuse_taken(&self.list(&of_owner).await?, Some(schedule), &definition.name)?;
        let at = self.now();
        let command = ScheduleCommand::Change { definition: Box::new(definition), restored_from, at };
        Ok(self.execute(stream_of(&loaded), command, provenance).await?.aggregate.state)
    }

    /// Lets it run when it is time, from now on.
    pub async fn enable(
        &self,
        (reach, schedule): (&Reach, ScheduleId),
        provenance: Provenance,
    ) -> Result<Schedule, ScheduleError> {
        let loaded = self.load(reach, schedule).await?;
        let command = ScheduleCommand::Enable { at: self.now() };
        Ok(self.execute(stream_of(&loaded), command, provenance).await?.aggregate.state)
    }

    /// Lets nothing run but on demand. A run that is not over goes on.
    pub async fn disable(
        &self,
        (reach, schedule): (&Reach, ScheduleId),
        provenance: Provenance,
    ) -> Result<Schedule, ScheduleError> {
        let loaded = self.load(reach, schedule).await?;
        let command = ScheduleCommand::Disable { at: self.now() };
        Ok(self.execute(stream_of(&loaded), command, provenance).await?.aggregate.state)
    }

    /// Takes it away. Its history and its sessions stay, and a run that is not over goes on.
    pub async fn remove(
        &self,
        (reach, schedule): (&Reach, ScheduleId),
        provenance: Provenance,
    ) -> Result<(), ScheduleError> {
        let loaded = self.load(reach, schedule).await?;
        let command = ScheduleCommand::Remove { at: self.now() };
        self.execute(stream_of(&loaded), command, provenance).await.map(drop)
    }

    async fn load(&self, reach: &Reach, schedule: ScheduleId) -> Result<Loaded<Schedule>, ScheduleError> {
        let loaded = self.repository().load::<Schedule>(StreamId(schedule.0)).await?;
        let found = loaded.filter(|loaded| {
            let created = loaded.state.created();
            created.is_some_and(|created| reach.covers(&loaded.tenant, &created.owner))
        });
        found.ok_or(ScheduleError::NotFound)
    }

    /// Carries a command out, and has the scheduler look again.
    async fn execute(
        &self,
        stream: LogStream,
        command: ScheduleCommand,
        provenance: Provenance,
    ) -> Result<Changed<Schedule>, ScheduleError> {
        let changed = self.repository().execute::<Schedule>(stream, command, provenance).await?;
        let is_timed = |event: &ScheduleEvent| !matches!(event, ScheduleEvent::RunStarted(_));
        if changed.events.iter().any(is_timed) {
            self.0.changed.notify_one();
        }
        Ok(changed)
    }

    fn repository(&self) -> &Repository {
        &self.0.ports.repository
    }

    /// The time, as the scheduler knows it.
    pub fn now(&self) -> Timestamp {
        self.0.ports.clock.now()
    }
}

fn stream_of(loaded: &Loaded<Schedule>) -> LogStream {
    LogStream { id: loaded.stream, kind: Schedule::KIND, tenant: loaded.tenant.clone() }
}

fn refuse_taken(own: &[Schedule], except: Option<ScheduleId>, name: &str) -> Result<(), ScheduleError> {
    let mut others = own.iter().filter_map(Schedule::created);
    match others.any(|other| Some(other.schedule) != except && other.definition.name == name) {
        true => Err(ScheduleError::NameTaken),
        false => Ok(()),
    }
}

//! The session as a list shows it: a fold that the store keeps up to date beside the log.

mod apply;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::agent::PermissionMode;
use crate::ids::{ScheduleId, SessionId, TenantId, TurnId};
use crate::money::{MicroDollars, as_usd_if_known};
use crate::session::event::{
    BackgroundEvent, LifecycleEvent, Origin, Parent, SessionEvent, SessionOpened, TurnEvent,
};
use crate::session::so_far::SoFar;
use crate::spend::Usage;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    #[default]
    Idle,
    Running,
    /// A person has to decide something.
    Waiting,
    Archived,
}

impl SessionStatus {
    /// The word for it in JSON and in the index.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Archived => "archived",
        }
    }
}

/// What every view of a session begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SessionHead {
    pub id: SessionId,
    pub title: Option<String>,
    pub status: SessionStatus,
    pub working_dir: String,
    /// The model asked for, or the one the agent said it uses.
    pub model: Option<String>,
    pub permission_mode: PermissionMode,
    pub owner: String,
    pub origin: Origin,
    /// What it was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The schedule of which it is a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleId>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// How many events the session has.
    pub version: u64,
    /// Null where a model was used whose price is not known.
    #[serde(with = "as_usd_if_known")]
    #[schema(value_type = Option<f64>, required)]
    pub cost_usd: Option<MicroDollars>,
    /// Some of it is what the public price list asks for the tokens of what was imported.
    #[serde(default)]
    pub cost_is_estimate: bool,
    pub usage: Usage,
    pub tags: Vec<String>,
    /// Whether the offline model plays the agent's model.
    pub offline: bool,
}

/// A session in a list; `turns`, `files_changed` and `pending` are counts.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SessionSummary {
    /// Not shown: nobody sees sessions of another one.
    #[serde(skip)]
    pub tenant: TenantId,
    #[serde(flatten)]
    pub head: SessionHead,
    pub turns: u32,
    pub files_changed: u32,
    pub pending: u32,
}

/// The fold behind [`SessionSummary`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionIndex {
    #[serde(default)]
    pub tenant: TenantId,
    pub head: SessionHead,
    turns: u32,
    files: BTreeSet<String>,
    pending: BTreeSet<String>,
    queued: BTreeSet<TurnId>,
    running: bool,
    /// The turn that runs.
    #[serde(default)]
    turn: Option<TurnId>,
    /// The last turn had ended before, and went on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    continued: bool,
    /// What the calls of the turn that runs are counted with, until its end.
    #[serde(default, skip_serializing_if = "SoFar::is_nothing")]
    so_far: SoFar,
    /// When that began, in microseconds, as exact as the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    turn_since: Option<i64>,
    /// A call of a model was counted, so the accounts of turns hold nothing but such calls.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    metered: bool,
    /// Which subagents asked what is pending, by the request.
    #[serde(default)]
    asked_by: BTreeMap<String, String>,
    /// What is pending, by the request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    waiting: BTreeMap<String, Waiting>,
    /// Work beside the conversation that has a process.
    #[serde(default)]
    background: BTreeSet<String>,
    /// Work that waits without one.
    #[serde(default)]
    parked: BTreeSet<String>,
    archived: bool,
}

/// The tool that a request is about, and since when that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub tool: String,
    /// In microseconds, as exact as the log.
    since: i64,
}

impl Waiting {
    pub fn millis_until(&self, at: Timestamp) -> u64 {
        at.millis_since(Timestamp::from_micros(self.since))
    }
}

impl SessionIndex {
    /// Begins the fold; absent if the first event does not open a session.
    pub fn open(event: &SessionEvent, at: Timestamp) -> Option<Self> {
        let SessionEvent::Lifecycle(LifecycleEvent::Opened(opened)) = event else { return None };
        Some(Self {
            tenant: opened.tenant.clone(),
            head: opened_head(opened, at),
            turns: 0,
            files: BTreeSet::new(),
            pending: BTreeSet::new(),
            queued: BTreeSet::new(),
            running: false,
            turn: None,
            continued: false,
            so_far: SoFar::default(),
            turn_since: None,
            metered: false,
            asked_by: BTreeMap::new(),
            waiting: BTreeMap::new(),
            background: BTreeSet::new(),
            parked: BTreeSet::new(),
            archived: false,
        })
    }

    /// Folds in one event after the first.
    pub fn apply(&mut self, event: &SessionEvent, at: Timestamp) {
        self.note(event, at);
        self.advance_by(event, (self.head.version + 1, at));
    }

    /// Folds an event into an index that is stored. While a turn runs, most events change nothing but how far
    /// the log has come and when, which the log itself knows ([`Self::advance`]). False if this is one of
    /// them: the index is as it was.
    pub fn follow(&mut self, event: &SessionEvent, (version, at): (u64, Timestamp)) -> bool {
        let is_running = self.head.status == SessionStatus::Running;
        let is_different = self.note(event, at) || !is_running;
        if is_different {
            self.advance_by(event, (version, at));
        }
        is_different
    }

    /// What waits loses its process at an idle limit or a stop of the server. Nothing of the session changes
    /// with that, so its time stays.
    fn advance_by(&mut self, event: &SessionEvent, (version, at): (u64, Timestamp)) {
        let is_parked = matches!(
            event,
            SessionEvent::Turn(TurnEvent::Parked { .. })
                | SessionEvent::Background(BackgroundEvent::Parked { .. })
        );
        let at = if is_parked { self.head.updated_at } else { at };
        self.advance(version, at);
    }

    /// Says how far the log has come, and when.
    pub fn advance(&mut self, version: u64, at: Timestamp) {
        self.head.version = version;
        self.head.updated_at = at.to_millis();
    }

    pub fn summary(&self) -> SessionSummary {
        SessionSummary {
            tenant: self.tenant.clone(),
            head: self.head.clone(),
            turns: self.turns,
            files_changed: count(self.files.len()),
            pending: count(self.pending.len()),
        }
    }

    /// The requests that nobody need decide any more when the turn ends.
    pub fn ending_with_turn(&self) -> impl Iterator<Item = &String> {
        self.pending.iter().filter(|request| !self.asked_by.contains_key(*request))
    }

    /// Whether a turn pays for a call that is made for it now; else the call is added to it.
    pub fn is_running(&self, turn: TurnId) -> bool {
        self.turn == Some(turn)
    }

    /// Whether the last turn had ended before, and went on.
    pub fn has_continued(&self) -> bool {
        self.continued
    }

    /// Since when a turn runs; absent if another one does.
    pub fn turn_since(&self, turn: TurnId) -> Option<Timestamp> {
        self.turn_since.filter(|_| self.is_running(turn)).map(Timestamp::from_micros)
    }

    /// Whether calls of models are counted one by one, so that the account of a turn adds nothing to them.
    pub fn is_metered(&self) -> bool {
        self.metered
    }

    /// What waits for a person under this id.
    pub fn waiting(&self, request_id: &str) -> Option<&Waiting> {
        self.waiting.get(request_id).filter(|_| self.pending.contains(request_id))
    }

    /// Whether a file is known to have been changed.
    pub fn has_changed(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// What is parked goes on as soon as nobody need decide about it any more.
    fn has_background_work(&self) -> bool {
        !(self.background.is_empty() && self.parked.is_empty())
    }

    fn status(&self) -> SessionStatus {
        if self.archived {
            SessionStatus::Archived
        } else if !self.pending.is_empty() {
            SessionStatus::Waiting
        } else if self.running || !self.queued.is_empty() || self.has_background_work() {
            SessionStatus::Running
        } else {
            SessionStatus::Idle
        }
    }
}

fn opened_head(opened: &SessionOpened, at: Timestamp) -> SessionHead {
    SessionHead {
        id: opened.session,
        title: opened.title.clone(),
        status: SessionStatus::Idle,
        working_dir: opened.working_dir.clone(),
        model: opened.options.model.clone(),
        permission_mode: opened.permission_mode,
        owner: opened.owner.clone(),
        origin: opened.origin,
        parent: opened.parent,
        schedule: opened.schedule,
        // A stored index must be the same when it is read again.
        created_at: at.to_millis(),
        updated_at: at.to_millis(),
        version: 1,
        cost_usd: Some(MicroDollars::default()),
        cost_is_estimate: false,
        usage: Usage::default(),
        tags: Vec::new(),
        offline: opened.offline,
    }
}

pub(crate) fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

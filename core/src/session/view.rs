//! The whole session as one JSON document: its turns, what they changed and what they cost.

mod files;
mod outcome;
mod requests;
mod tasks;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::agent::{Denial, FileChange};
use crate::ids::TurnId;
use crate::log::event_log::RecordedEvent;
use crate::money::{MicroDollars, as_usd};
use crate::session::event::{SessionEvent, TurnAccount, TurnCompleted, TurnResumed};
use crate::session::index::{SessionHead, SessionIndex, count};
use crate::spend::Usage;
use crate::time::Timestamp;
use crate::workspace::WorkspaceChange;
pub use files::FileView;
use files::{FileHistory, Step};
use outcome::{failure, interruption, outcome_name, shortfall, withdrawal};
use requests::RequestHistory;
pub use requests::{DecidedView, RequestView};
pub use tasks::{SubagentView, TaskView};

/// A session with everything that its events add up to.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SessionView {
    #[serde(flatten)]
    pub head: SessionHead,
    pub turns: Vec<TurnView>,
    /// What waits for a person.
    pub pending: Vec<RequestView>,
    /// What was changed, without what a rewind undid.
    pub files: Vec<FileView>,
    pub files_changed: u32,
    /// The agent's list of things to do.
    pub tasks: Vec<TaskView>,
    pub subagents: Vec<SubagentView>,
    #[serde(skip)]
    requests: RequestHistory,
    #[serde(skip)]
    history: FileHistory,
    /// Prompts that were taken back, and by whom.
    #[serde(skip)]
    withdrawn: BTreeMap<TurnId, String>,
    #[serde(skip)]
    index: SessionIndex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnStatus {
    Queued,
    Running,
    Completed,
    Failed,
    Interrupted,
}

/// One prompt and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TurnView {
    pub id: TurnId,
    /// Absent where the agent began the turn by itself.
    pub prompt: Option<String>,
    pub status: TurnStatus,
    pub result: Option<String>,
    /// `success`, `max_turns`, `max_budget`, `refused`, `interrupted`, `withdrawn`, or the code of the failure.
    pub outcome: Option<String>,
    pub error: Option<TurnError>,
    #[serde(with = "as_usd")]
    #[schema(value_type = f64)]
    pub cost_usd: MicroDollars,
    pub usage: Usage,
    pub model: Option<String>,
    pub duration_ms: u64,
    pub duration_api_ms: u64,
    /// The agent's own count of steps.
    pub num_turns: u32,
    pub tools_used: Vec<String>,
    pub files_changed: Vec<String>,
    #[schema(value_type = Vec<Object>)]
    pub permission_denials: Vec<Denial>,
    pub structured_output: Option<Value>,
    pub stop_reason: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    pub first_version: u64,
    pub last_version: u64,
}

/// Why a turn did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TurnError {
    pub code: String,
    pub detail: String,
    /// The HTTP status of the model's API, where that is what failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl SessionView {
    /// Begins the fold with the event that opened the session.
    pub fn open(event: &SessionEvent, at: Timestamp) -> Option<Self> {
        let index = SessionIndex::open(event, at)?;
        let head = index.head.clone();
        Some(Self {
            head,
            turns: vec![],
            pending: vec![],
            files: vec![],
            files_changed: 0,
            tasks: vec![],
            subagents: vec![],
            requests: RequestHistory::default(),
            history: FileHistory::default(),
            withdrawn: BTreeMap::new(),
            index,
        })
    }

    /// Folds in the event that follows.
    pub fn apply(&mut self, recorded: &RecordedEvent, event: &SessionEvent) {
        let (version, at) = (recorded.version, recorded.recorded_at);
        self.index.apply(event, at);
        self.head.clone_from(&self.index.head);
        match event {
            SessionEvent::PromptSubmitted { turn, text, .. } => {
                self.turns.push(TurnView::new(*turn, Some(text.clone()), version));
            }
            SessionEvent::PromptWithdrawn { turn, by } => {
                self.turns.retain(|view| view.id != *turn);
                self.withdrawn.insert(*turn, by.clone());
            }
            SessionEvent::TurnStarted { turn, .. } => self.start_turn(*turn, version, at),
            SessionEvent::AgentInitialized { turn, .. } => {
                let model = self.head.model.clone();
                self.change_turn(*turn, version, |view| view.model = model);
            }
            SessionEvent::ToolUsed { turn, name, parent_tool_use_id, .. } => {
                tasks::tool_used(&mut self.subagents, parent_tool_use_id.as_deref(), name);
                self.change_turn(*turn, version, |view| push_new(&mut view.tools_used, name));
            }
            SessionEvent::FileChanged { .. }
            | SessionEvent::WorkspaceChanged { .. }
            | SessionEvent::FilesRewound { .. } => self.apply_files(event, version),
            SessionEvent::PermissionRequested(_)
            | SessionEvent::QuestionAsked(_)
            | SessionEvent::PlanProposed(_)
            | SessionEvent::PermissionDecided(_)
            | SessionEvent::QuestionAnswered(_)
            | SessionEvent::PlanDecided(_)
            | SessionEvent::RequestWithdrawn { .. } => self.apply_request(event, version, at),
            SessionEvent::SubagentStarted { .. }
            | SessionEvent::SubagentProgressed { .. }
            | SessionEvent::SubagentFinished { .. }
            | SessionEvent::TaskListChanged { .. } => {
                tasks::apply(&mut self.subagents, &mut self.tasks, event, at);
            }
            SessionEvent::TurnParked { turn, .. } => {
                tasks::end_all(&mut self.subagents, at);
                self.change_turn(*turn, version, |_| ());
            }
            SessionEvent::TurnCompleted(_)
            | SessionEvent::TurnFailed { .. }
            | SessionEvent::TurnInterrupted { .. } => self.apply_end(event, version, at),
            SessionEvent::AssistantText { turn, .. }
            | SessionEvent::AssistantThinking { turn, .. }
            | SessionEvent::ToolReturned { turn, .. }
            | SessionEvent::WorkspaceUnobserved { turn, .. }
            | SessionEvent::ApiRetried { turn, .. }
            | SessionEvent::RateLimited { turn, .. }
            | SessionEvent::ContextCompacted { turn, .. }
            | SessionEvent::RequestReleased { turn, .. }
            | SessionEvent::PolicyApplied { turn, .. }
            | SessionEvent::TurnResumed(TurnResumed { turn, .. })
            | SessionEvent::UsageReported { turn, .. }
            | SessionEvent::ModelCalled { turn: Some(turn), .. }
            | SessionEvent::BudgetExhausted { turn: Some(turn), .. }
            | SessionEvent::PromptSteered { turn, .. }
            | SessionEvent::InterruptRequested { turn, .. } => self.change_turn(*turn, version, |_| ()),
            SessionEvent::SessionOpened(_)
            | SessionEvent::PermissionModeChanged { .. }
            | SessionEvent::ModelChanged { .. }
            | SessionEvent::SessionRenamed { .. }
            | SessionEvent::SessionTagged { .. }
            | SessionEvent::SessionArchived { .. }
            | SessionEvent::SessionUnarchived { .. }
            | SessionEvent::ModelCalled { turn: None, .. }
            | SessionEvent::BudgetExhausted { turn: None, .. }
            | SessionEvent::AgentMessage { .. } => {}
        }
    }

    /// What was asked under this id, whether it waits or not.
    pub fn request(&self, request_id: &str) -> Option<&RequestView> {
        let waiting = self.pending.iter().find(|view| view.request.request_id == request_id);
        waiting.or_else(|| self.requests.find(request_id))
    }

    /// All requests that are closed, in the order in which they were.
    pub fn closed_requests(&self) -> &[RequestView] {
        self.requests.all()
    }

    /// Who took back the prompt of a turn that therefore never began.
    pub fn withdrawn_by(&self, turn: TurnId) -> Option<&str> {
        self.withdrawn.get(&turn).map(String::as_str)
    }

    /// A turn of which nothing more comes: it is over, or its prompt was taken back before it began.
    pub fn ended_turn(&self, turn: TurnId) -> Option<TurnView> {
        if let Some(by) = self.withdrawn_by(turn) {
            let mut view = TurnView::new(turn, None, self.head.version);
            view.fail(TurnStatus::Interrupted, withdrawal(by));
            return Some(view);
        }
        self.turn(turn).filter(|turn| turn.is_over()).cloned()
    }

    fn start_turn(&mut self, turn: TurnId, version: u64, at: Timestamp) {
        if self.turn(turn).is_none() {
            self.turns.push(TurnView::new(turn, None, version));
        }
        self.history.start_turn(turn, version);
        self.change_turn(turn, version, |view| {
            view.status = TurnStatus::Running;
            view.started_at = Some(at);
        });
    }

    fn apply_files(&mut self, event: &SessionEvent, version: u64) {
        if let SessionEvent::FileChanged { turn, change: FileChange { path, kind, added, removed, .. } }
        | SessionEvent::WorkspaceChanged {
            turn,
            change: WorkspaceChange { path, kind, added, removed, .. },
        } = event
        {
            let (path, kind, added, removed) = (path.clone(), *kind, *added, *removed);
            self.change_turn(*turn, version, |view| push_new(&mut view.files_changed, &path));
            self.history.change(&mut self.files, Step { path, kind, added, removed, version });
        } else if let SessionEvent::FilesRewound { turn, files, .. } = event {
            self.history.rewind(&mut self.files, *turn, files);
        }
        self.files_changed = count(self.files.len());
    }

    fn apply_end(&mut self, event: &SessionEvent, version: u64, at: Timestamp) {
        if let SessionEvent::TurnCompleted(completed) = event {
            self.complete_turn(completed, version, at);
        } else if let SessionEvent::TurnFailed { turn, cause, detail, status, account } = event {
            let error = failure(*cause, detail, *status);
            self.end_turn(*turn, version, at, account, |view| view.fail(TurnStatus::Failed, error));
        } else if let SessionEvent::TurnInterrupted { turn, cause, account } = event {
            let error = interruption(*cause);
            self.end_turn(*turn, version, at, account, |view| view.fail(TurnStatus::Interrupted, error));
        }
    }

    fn apply_request(&mut self, event: &SessionEvent, version: u64, at: Timestamp) {
        if let Some((kind, asked)) = event.asked() {
            self.pending.push(RequestView::new(self.head.id, kind, asked, (at, version)));
            self.change_turn(asked.turn, version, |_| ());
        } else if let Some(decided) = event.decided() {
            self.requests.decide(&mut self.pending, &decided.settlement, at);
            self.change_turn(decided.turn, version, |_| ());
        } else if let SessionEvent::RequestWithdrawn { turn, request_id, reason } = event {
            self.requests.withdraw(&mut self.pending, request_id, reason.as_text());
            self.change_turn(*turn, version, |_| ());
        }
    }

    pub fn turn(&self, id: TurnId) -> Option<&TurnView> {
        // Newest first: whoever asks, asks for one of the last.
        self.turns.iter().rev().find(|turn| turn.id == id)
    }

    fn change_turn(&mut self, id: TurnId, version: u64, change: impl FnOnce(&mut TurnView)) {
        if let Some(view) = self.turns.iter_mut().rev().find(|turn| turn.id == id) {
            view.last_version = version;
            change(view);
        }
    }

    fn end_turn(
        &mut self,
        id: TurnId,
        version: u64,
        at: Timestamp,
        account: &TurnAccount,
        change: impl FnOnce(&mut TurnView),
    ) {
        let model = self.head.model.clone();
        self.requests.end_turn(&mut self.pending);
        self.change_turn(id, version, |view| {
            view.ended_at = Some(at);
            view.cost_usd = account.spend.cost_micros;
            view.usage = account.spend.usage();
            view.model = model;
            view.duration_api_ms = account.duration_api_ms;
            view.duration_ms = match (account.duration_ms, view.started_at) {
                (0, Some(started_at)) => at.millis_since(started_at),
                (reported, _) => reported,
            };
            change(view);
        });
    }

    fn complete_turn(&mut self, completed: &TurnCompleted, version: u64, at: Timestamp) {
        self.end_turn(completed.turn, version, at, &completed.account, |view| {
            view.status = TurnStatus::Completed;
            view.result = Some(completed.result.clone());
            view.outcome = Some(outcome_name(completed.outcome).to_owned());
            view.error = shortfall(completed.outcome, &completed.result);
            view.num_turns = completed.agent_turns;
            view.permission_denials.clone_from(&completed.denials);
            view.structured_output.clone_from(&completed.structured_output);
            view.stop_reason.clone_from(&completed.stop_reason);
        });
    }
}

impl TurnView {
    fn new(id: TurnId, prompt: Option<String>, version: u64) -> Self {
        Self {
            id,
            prompt,
            status: TurnStatus::Queued,
            result: None,
            outcome: None,
            error: None,
            cost_usd: MicroDollars::default(),
            usage: Usage::default(),
            model: None,
            duration_ms: 0,
            duration_api_ms: 0,
            num_turns: 0,
            tools_used: vec![],
            files_changed: vec![],
            permission_denials: vec![],
            structured_output: None,
            stop_reason: None,
            started_at: None,
            ended_at: None,
            first_version: version,
            last_version: version,
        }
    }

    /// Whether nothing more will happen in this turn.
    pub fn is_over(&self) -> bool {
        match self.status {
            TurnStatus::Queued | TurnStatus::Running => false,
            TurnStatus::Completed | TurnStatus::Failed | TurnStatus::Interrupted => true,
        }
    }

    fn fail(&mut self, status: TurnStatus, error: TurnError) {
        self.status = status;
        self.outcome = Some(error.code.clone());
        self.error = Some(error);
    }
}

/// Adds a name unless it is there already; lists of tools and files are short.
fn push_new(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

//! How the view of a session grows with each event.

use std::collections::BTreeMap;

use super::files::Step;
use super::outcome::{failure, interruption, outcome_name, shortfall};
use super::{RequestView, SessionView, TurnStatus, TurnView, tasks};
use crate::agent::FileChange;
use crate::ids::TurnId;
use crate::log::RecordedEvent;
use crate::session::event::{
    AgentEvent, BackgroundEvent, FilesEvent, MessageEvent, PromptEvent, RequestEvent, SessionEvent,
    SpendEvent, ToolEvent, TurnAccount, TurnCompleted, TurnEvent,
};
use crate::session::index::count;
use crate::time::Timestamp;
use crate::workspace::WorkspaceChange;

/// Where the event was stored that is folded in, and when it happened.
#[derive(Clone, Copy)]
struct Stored {
    version: u64,
    at: Timestamp,
}

impl SessionView {
    /// Folds in the event that follows.
    pub fn apply(&mut self, recorded: &RecordedEvent, event: &SessionEvent) {
        let stored = Stored { version: recorded.version, at: recorded.happened_at() };
        self.index.apply(event, stored.at);
        self.head.clone_from(&self.index.head);
        match event {
            SessionEvent::Prompt(event) => self.apply_prompt(event, stored),
            SessionEvent::Turn(event) => self.apply_turn(event, stored),
            SessionEvent::Agent(event) => self.apply_agent(event, stored),
            SessionEvent::Message(event) => self.apply_message(event, stored),
            SessionEvent::Tool(event) => self.apply_tool(event, stored),
            SessionEvent::Files(event) => self.apply_files(event, stored),
            SessionEvent::Request(event) => self.apply_request(event, stored),
            SessionEvent::Background(event) => self.apply_background(event, stored),
            SessionEvent::Spend(event) => self.apply_spend(event, stored),
            // The head shows them.
            SessionEvent::Lifecycle(_) | SessionEvent::Setting(_) | SessionEvent::Hook(_) => {}
        }
    }

    fn apply_prompt(&mut self, event: &PromptEvent, stored: Stored) {
        match event {
            PromptEvent::Submitted { turn, text, .. } => {
                self.turns.push(TurnView::new(*turn, Some(text.clone()), stored.version));
            }
            PromptEvent::Withdrawn { turn, by } => {
                self.turns.retain(|view| view.id != *turn);
                self.withdrawn.insert(*turn, by.clone());
            }
            PromptEvent::Steered { turn, .. } => self.touch(*turn, stored),
        }
    }

    fn apply_turn(&mut self, event: &TurnEvent, stored: Stored) {
        match event {
            TurnEvent::Started { turn, task_id, .. } => {
                self.start_turn(*turn, stored);
                self.change_turn(*turn, stored, |view| view.task_id.clone_from(task_id));
            }
            TurnEvent::InterruptRequested { turn, .. } => self.touch(*turn, stored),
            TurnEvent::Parked { turn, .. } => {
                tasks::end_all(&mut self.subagents, stored.at);
                self.count_background();
                self.touch(*turn, stored);
            }
            TurnEvent::Resumed(resumed) => self.touch(resumed.turn, stored),
            TurnEvent::Continued { turn, process: _ } => self.change_turn(*turn, stored, TurnView::go_on),
            TurnEvent::Completed(completed) => self.complete_turn(completed, stored),
            TurnEvent::Failed { turn, cause, detail, status, account } => {
                let error = failure(*cause, detail, *status);
                self.end_turn(*turn, stored, account, |view| view.fail(TurnStatus::Failed, error));
            }
            TurnEvent::Interrupted { turn, cause, account } => {
                let error = interruption(*cause);
                self.end_turn(*turn, stored, account, |view| view.fail(TurnStatus::Interrupted, error));
            }
        }
    }

    fn apply_agent(&mut self, event: &AgentEvent, stored: Stored) {
        match event {
            AgentEvent::Initialized { turn, profile: _ } => {
                let model = self.head.model.clone();
                self.change_turn(*turn, stored, |view| view.model = model);
            }
            AgentEvent::ApiRetried { turn, .. }
            | AgentEvent::RateLimited { turn, .. }
            | AgentEvent::ContextCompacted { turn, .. } => self.touch(*turn, stored),
            AgentEvent::Unknown { .. } => {}
        }
    }

    fn apply_message(&mut self, event: &MessageEvent, stored: Stored) {
        match event {
            MessageEvent::Text { turn, .. } | MessageEvent::Thinking { turn, .. } => {
                self.touch(*turn, stored);
            }
        }
    }

    fn apply_tool(&mut self, event: &ToolEvent, stored: Stored) {
        match event {
            ToolEvent::Used { turn, name, parent_tool_use_id, tool_use_id, .. } => {
                self.open_calls.used(*turn, tool_use_id, parent_tool_use_id.as_deref());
                tasks::tool_used(&mut self.subagents, parent_tool_use_id.as_deref(), name);
                self.change_turn(*turn, stored, |view| push_new(&mut view.tools_used, name));
            }
            ToolEvent::Returned { turn, tool_use_id, .. } => {
                self.open_calls.returned(tool_use_id);
                self.touch(*turn, stored);
            }
            ToolEvent::Abandoned { turn, .. } | ToolEvent::PolicyApplied { turn, .. } => {
                self.touch(*turn, stored);
            }
        }
    }

    fn apply_files(&mut self, event: &FilesEvent, stored: Stored) {
        match event {
            FilesEvent::Changed { turn, change: FileChange { path, kind, added, removed, .. } }
            | FilesEvent::WorkspaceChanged {
                turn,
                change: WorkspaceChange { path, kind, added, removed, .. },
            } => {
                let (path, kind, added, removed) = (path.clone(), *kind, *added, *removed);
                self.change_turn(*turn, stored, |view| push_new(&mut view.files_changed, &path));
                let step = Step { path, kind, added, removed, version: stored.version };
                self.history.change(&mut self.files, step);
            }
            FilesEvent::WorkspaceUnobserved { turn, .. } => self.touch(*turn, stored),
            FilesEvent::Rewound { turn, files, by: _ } => {
                self.history.rewind(&mut self.files, *turn, files);
            }
        }
        self.files_changed = count(self.files.len());
    }

    fn apply_request(&mut self, event: &RequestEvent, stored: Stored) {
        match event {
            RequestEvent::Asked(asked) => {
                let view = RequestView::new(self.head.id, asked, (stored.at, stored.version));
                self.pending.push(view);
                self.touch(asked.turn, stored);
            }
            RequestEvent::Decided(decided) => {
                self.requests.decide(&mut self.pending, &decided.settlement, stored.at);
                self.touch(decided.turn, stored);
            }
            RequestEvent::Released { turn, .. } => self.touch(*turn, stored),
            RequestEvent::Withdrawn { turn, request_id, reason } => {
                self.requests.withdraw(&mut self.pending, request_id, reason.as_text());
                self.touch(*turn, stored);
            }
        }
    }

    fn apply_background(&mut self, event: &BackgroundEvent, stored: Stored) {
        tasks::apply(&mut self.subagents, &mut self.tasks, event, stored.at);
        match event {
            BackgroundEvent::Started { .. }
            | BackgroundEvent::Finished { .. }
            | BackgroundEvent::TakenUp { .. } => self.count_background(),
            BackgroundEvent::Progressed { .. }
            | BackgroundEvent::Parked { .. }
            | BackgroundEvent::StopRequested { .. }
            | BackgroundEvent::TaskListChanged { .. } => {}
        }
    }

    fn apply_spend(&mut self, event: &SpendEvent, stored: Stored) {
        match event {
            SpendEvent::ModelCalled { turn: Some(turn), call } => {
                self.change_turn(*turn, stored, |view| view.count_call(call));
            }
            SpendEvent::UsageReported { turn, .. } | SpendEvent::BudgetExhausted { turn: Some(turn), .. } => {
                self.touch(*turn, stored)
            }
            SpendEvent::ModelCalled { turn: None, .. } | SpendEvent::BudgetExhausted { turn: None, .. } => {}
        }
    }

    fn count_background(&mut self) {
        let mut by_turn: BTreeMap<TurnId, u32> = BTreeMap::new();
        for view in self.subagents.iter().filter(|view| view.ended_at.is_none()) {
            *by_turn.entry(view.turn_id).or_default() += 1;
        }
        for turn in &mut self.turns {
            turn.background = by_turn.get(&turn.id).copied().unwrap_or_default();
        }
    }

    fn start_turn(&mut self, turn: TurnId, stored: Stored) {
        if self.turn(turn).is_none() {
            self.turns.push(TurnView::new(turn, None, stored.version));
        }
        self.history.start_turn(turn, stored.version);
        self.change_turn(turn, stored, |view| {
            view.status = TurnStatus::Running;
            view.started_at = Some(stored.at);
        });
    }

    fn change_turn(&mut self, id: TurnId, stored: Stored, change: impl FnOnce(&mut TurnView)) {
        if let Some(view) = self.turns.iter_mut().rev().find(|turn| turn.id == id) {
            view.last_version = stored.version;
            change(view);
        }
    }

    /// The event is of the turn, and changes nothing else that is shown of it.
    fn touch(&mut self, id: TurnId, stored: Stored) {
        self.change_turn(id, stored, |_| ());
    }

    fn end_turn(
        &mut self,
        id: TurnId,
        stored: Stored,
        account: &TurnAccount,
        change: impl FnOnce(&mut TurnView),
    ) {
        let model = self.head.model.clone();
        self.requests.end_turn(&mut self.pending);
        self.open_calls.turn_ended();
        self.change_turn(id, stored, |view| {
            view.ended_at = Some(stored.at);
            view.settle(account);
            view.model = model;
            view.duration_ms = match (account.duration_ms, view.started_at) {
                (0, Some(started_at)) => stored.at.millis_since(started_at),
                (reported, _) => view.duration_ms + reported,
            };
            change(view);
        });
    }

    fn complete_turn(&mut self, completed: &TurnCompleted, stored: Stored) {
        self.end_turn(completed.turn, stored, &completed.account, |view| {
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

/// Adds a name unless it is there already; lists of tools and files are short.
fn push_new(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

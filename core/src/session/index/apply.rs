//! How the index of a session changes with each event.

use super::{SessionIndex, Waiting};
use crate::agent::FileChange;
use crate::session::event::{
    AgentEvent, BackgroundEvent, CostBasis, FilesEvent, LifecycleEvent, PromptEvent, RequestEvent,
    SessionEvent, SettingEvent, SpendEvent, TurnAccount, TurnEvent,
};
use crate::time::Timestamp;
use crate::workspace::WorkspaceChange;

/// A title made from a prompt has at most this many characters.
const MAX_TITLE_CHARS: usize = 80;

impl SessionIndex {
    /// Takes in what an event tells; false if it tells nothing that is shown here.
    pub(super) fn note(&mut self, event: &SessionEvent, at: Timestamp) -> bool {
        let is_shown = match event {
            SessionEvent::Lifecycle(event) => self.note_lifecycle(event),
            SessionEvent::Prompt(event) => self.note_prompt(event),
            SessionEvent::Turn(event) => self.note_turn(event, at),
            SessionEvent::Agent(event) => self.note_agent(event),
            SessionEvent::Files(event) => self.note_files(event),
            SessionEvent::Request(event) => self.note_request(event, at),
            SessionEvent::Setting(event) => self.note_setting(event),
            SessionEvent::Background(event) => self.note_background(event),
            SessionEvent::Spend(event) => self.note_spend(event),
            SessionEvent::Message(_) | SessionEvent::Tool(_) | SessionEvent::Hook(_) => false,
        };
        if is_shown {
            self.head.status = self.status();
        }
        is_shown
    }

    fn note_lifecycle(&mut self, event: &LifecycleEvent) -> bool {
        match event {
            LifecycleEvent::Opened(_) => return false,
            LifecycleEvent::Renamed { title, by: _ } => self.head.title = Some(title.clone()),
            LifecycleEvent::Tagged { tags, by: _ } => self.head.tags.clone_from(tags),
            LifecycleEvent::Archived { by: _ } => self.archived = true,
            LifecycleEvent::Unarchived { by: _ } => self.archived = false,
            LifecycleEvent::HandedOver { to, offline, .. } => {
                self.head.owner.clone_from(to);
                self.head.offline = *offline;
            }
        }
        true
    }

    fn note_prompt(&mut self, event: &PromptEvent) -> bool {
        match event {
            PromptEvent::Submitted { turn, text, .. } => {
                self.turns += 1;
                self.queued.insert(*turn);
                self.head.title.get_or_insert_with(|| title_from(text));
            }
            PromptEvent::Withdrawn { turn, by: _ } => {
                self.turns = self.turns.saturating_sub(u32::from(self.queued.remove(turn)));
            }
            PromptEvent::Steered { .. } => return false,
        }
        true
    }

    fn note_turn(&mut self, event: &TurnEvent, at: Timestamp) -> bool {
        match event {
            TurnEvent::Started { turn, .. } => {
                // A turn that the agent began by itself had no prompt to be counted by.
                self.turns += u32::from(!self.queued.remove(turn));
                (self.running, self.turn, self.continued) = (true, Some(*turn), false);
                self.turn_since = Some(at.as_micros());
            }
            TurnEvent::Continued { turn, process: _ } => {
                (self.running, self.turn, self.continued) = (true, Some(*turn), true);
            }
            TurnEvent::Completed(completed) => self.end_turn(&completed.account),
            TurnEvent::Failed { account, .. } | TurnEvent::Interrupted { account, .. } => {
                self.end_turn(account);
            }
            // The work beside it has ended with its process.
            TurnEvent::Parked { .. } => self.background.clear(),
            TurnEvent::InterruptRequested { .. } | TurnEvent::Resumed(_) => return false,
        }
        true
    }

    fn note_agent(&mut self, event: &AgentEvent) -> bool {
        match event {
            AgentEvent::Initialized { turn: _, profile } => self.head.model = Some(profile.model.clone()),
            AgentEvent::ApiRetried { .. }
            | AgentEvent::RateLimited { .. }
            | AgentEvent::ContextCompacted { .. }
            | AgentEvent::Unknown { .. } => return false,
        }
        true
    }

    fn note_files(&mut self, event: &FilesEvent) -> bool {
        match event {
            FilesEvent::Changed { change: FileChange { path, .. }, .. }
            | FilesEvent::WorkspaceChanged { change: WorkspaceChange { path, .. }, .. } => {
                self.files.insert(path.clone());
            }
            FilesEvent::WorkspaceUnobserved { .. } | FilesEvent::Rewound { .. } => return false,
        }
        true
    }

    fn note_request(&mut self, event: &RequestEvent, at: Timestamp) -> bool {
        match event {
            RequestEvent::Asked(asked) => {
                let request = &asked.request;
                self.pending.insert(request.request_id.clone());
                let asked_by = request.subagent.clone().map(|by| (request.request_id.clone(), by));
                self.asked_by.extend(asked_by);
                let waiting = Waiting { tool: request.tool_name.clone(), since: at.as_micros() };
                self.waiting.insert(request.request_id.clone(), waiting);
            }
            RequestEvent::Decided(decided) => self.close_request(&decided.settlement.request_id),
            RequestEvent::Withdrawn { request_id, .. } => self.close_request(request_id),
            RequestEvent::Released { .. } => return false,
        }
        true
    }

    fn close_request(&mut self, request_id: &str) {
        self.pending.remove(request_id);
        self.asked_by.remove(request_id);
        self.waiting.remove(request_id);
    }

    fn note_background(&mut self, event: &BackgroundEvent) -> bool {
        match event {
            BackgroundEvent::Started { work, .. } => self.background.insert(work.task_id.clone()),
            BackgroundEvent::Parked { task_id, .. } => {
                self.background.remove(task_id);
                self.parked.insert(task_id.clone())
            }
            BackgroundEvent::Finished { task_id, .. } | BackgroundEvent::TakenUp { task_id, .. } => {
                self.background.remove(task_id) | self.parked.remove(task_id)
            }
            BackgroundEvent::Progressed { .. }
            | BackgroundEvent::StopRequested { .. }
            | BackgroundEvent::TaskListChanged { .. } => false,
        }
    }

    /// One before the first turn is in the account of that.
    fn note_spend(&mut self, event: &SpendEvent) -> bool {
        let is_estimate = matches!(event, SpendEvent::ModelCalled { call, .. } if call.cost_is_estimate);
        let is_first_estimate = is_estimate && !self.head.cost_is_estimate;
        self.head.cost_is_estimate |= is_estimate;
        let is_first_call = matches!(event, SpendEvent::ModelCalled { .. }) && !self.metered;
        self.metered |= is_first_call;
        match event {
            SpendEvent::ModelCalled { turn: Some(turn), call } => {
                self.head.cost_usd = self.head.cost_usd.map(|cost| cost + call.cost_micros);
                self.head.usage = self.head.usage.plus(call.usage);
                if self.is_running(*turn) {
                    self.so_far.count(call);
                }
                true
            }
            SpendEvent::ModelCalled { .. }
            | SpendEvent::UsageReported { .. }
            | SpendEvent::BudgetExhausted { .. } => is_first_estimate || is_first_call,
        }
    }

    fn note_setting(&mut self, event: &SettingEvent) -> bool {
        match event {
            SettingEvent::PermissionModeChanged { mode, by: _ } => self.head.permission_mode = *mode,
            SettingEvent::ModelChanged { model, by: _ } => self.head.model.clone_from(model),
            SettingEvent::WorkingDirChanged { working_dir, by: _ } => {
                self.head.working_dir.clone_from(working_dir);
            }
        }
        true
    }

    fn end_turn(&mut self, account: &TurnAccount) {
        let so_far = std::mem::take(&mut self.so_far);
        self.head.cost_usd = account.cost_beside(so_far.cost_before(self.head.cost_usd));
        self.head.cost_is_estimate |= account.cost_basis == CostBasis::PriceList;
        self.head.usage = so_far.usage_before(self.head.usage).plus(account.spend.usage());
        (self.running, self.turn) = (false, None);
        let asked_by = &self.asked_by;
        self.pending.retain(|request| asked_by.contains_key(request));
        self.waiting.retain(|request, _| asked_by.contains_key(request));
    }
}

fn title_from(prompt: &str) -> String {
    let line = prompt.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(MAX_TITLE_CHARS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

//! How the index of a session changes with each event.

use super::SessionIndex;
use crate::agent::FileChange;
use crate::session::event::{
    AgentEvent, FilesEvent, LifecycleEvent, PromptEvent, RequestEvent, SessionEvent, SettingEvent,
    TurnAccount, TurnEvent,
};
use crate::workspace::WorkspaceChange;

/// A title made from a prompt has at most this many characters.
const MAX_TITLE_CHARS: usize = 80;

impl SessionIndex {
    /// Takes in what an event tells; false if it tells nothing that is shown here.
    pub(super) fn note(&mut self, event: &SessionEvent) -> bool {
        let is_shown = match event {
            SessionEvent::Lifecycle(event) => self.note_lifecycle(event),
            SessionEvent::Prompt(event) => self.note_prompt(event),
            SessionEvent::Turn(event) => self.note_turn(event),
            SessionEvent::Agent(event) => self.note_agent(event),
            SessionEvent::Files(event) => self.note_files(event),
            SessionEvent::Request(event) => self.note_request(event),
            SessionEvent::Setting(event) => self.note_setting(event),
            SessionEvent::Message(_)
            | SessionEvent::Tool(_)
            | SessionEvent::Background(_)
            | SessionEvent::Spend(_) => false,
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

    fn note_turn(&mut self, event: &TurnEvent) -> bool {
        match event {
            TurnEvent::Started { turn, .. } => {
                // A turn that the agent began by itself had no prompt to be counted by.
                self.turns += u32::from(!self.queued.remove(turn));
                self.running = true;
            }
            TurnEvent::Completed(completed) => self.end_turn(&completed.account),
            TurnEvent::Failed { account, .. } | TurnEvent::Interrupted { account, .. } => {
                self.end_turn(account);
            }
            TurnEvent::InterruptRequested { .. } | TurnEvent::Parked { .. } | TurnEvent::Resumed(_) => {
                return false;
            }
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

    fn note_request(&mut self, event: &RequestEvent) -> bool {
        match event {
            RequestEvent::Asked(asked) => {
                self.pending.insert(asked.request.request_id.clone());
            }
            RequestEvent::Decided(decided) => {
                self.pending.remove(&decided.settlement.request_id);
            }
            RequestEvent::Withdrawn { request_id, .. } => {
                self.pending.remove(request_id);
            }
            RequestEvent::Released { .. } => return false,
        }
        true
    }

    fn note_setting(&mut self, event: &SettingEvent) -> bool {
        match event {
            SettingEvent::PermissionModeChanged { mode, by: _ } => self.head.permission_mode = *mode,
            SettingEvent::ModelChanged { model, by: _ } => self.head.model.clone_from(model),
        }
        true
    }

    fn end_turn(&mut self, account: &TurnAccount) {
        self.head.cost_usd += account.spend.cost_micros;
        self.head.usage = self.head.usage.plus(account.spend.usage());
        self.running = false;
        self.pending.clear();
    }
}

fn title_from(prompt: &str) -> String {
    let line = prompt.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(MAX_TITLE_CHARS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

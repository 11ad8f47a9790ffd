//! How events change a session. Cannot fail, and decides nothing.

use crate::agent::{AgentProfile, PermissionMode};
use crate::ids::{ProcessId, TurnId};
use crate::money::MicroDollars;
use crate::session::background::Task;
use crate::session::event::{
    AgentCounter, AgentEvent, BackgroundEvent, Initiator, LifecycleEvent, Origin, PromptEvent, RequestEvent,
    SessionEvent, SessionOpened, SettingEvent, SpendEvent, ToolEvent, TurnAccount, TurnEvent, TurnResumed,
};
use crate::session::requests::OpenRequest;
use crate::session::{QueuedPrompt, RunningTurn, Session, SteeredPrompt};
use crate::time::Timestamp;

impl Session {
    pub(super) fn take_in(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Lifecycle(event) => self.apply_lifecycle(event),
            SessionEvent::Prompt(event) => self.apply_prompt(event),
            SessionEvent::Turn(event) => self.apply_turn(event),
            SessionEvent::Agent(event) => self.apply_agent(event),
            SessionEvent::Tool(event) => self.apply_tool(event),
            SessionEvent::Request(event) => self.apply_request(event),
            SessionEvent::Background(event) => self.apply_background(event),
            SessionEvent::Spend(event) => self.apply_spend(event),
            SessionEvent::Setting(event) => self.apply_setting(event),
            SessionEvent::Hook(event) => self.apply_hook(event),
            // No rule depends on them.
            SessionEvent::Message(_) | SessionEvent::Files(_) => {}
        }
    }

    fn apply_lifecycle(&mut self, event: LifecycleEvent) {
        match event {
            LifecycleEvent::Opened(opened) => self.open(opened),
            LifecycleEvent::Archived { by: _ } => self.archived = true,
            LifecycleEvent::Unarchived { by: _ } => self.archived = false,
            LifecycleEvent::HandedOver { to, offline, .. } => self.change_owner(to, offline),
            LifecycleEvent::Renamed { .. } | LifecycleEvent::Tagged { .. } => {}
        }
    }

    fn apply_prompt(&mut self, event: PromptEvent) {
        match event {
            PromptEvent::Submitted { turn, text, attachments, author: _ } => {
                self.queue.push_back(QueuedPrompt { turn, text, attachments });
            }
            PromptEvent::Withdrawn { turn, by: _ } => {
                self.queue.retain(|queued| queued.turn != turn);
                self.requests.drop_for_conversation(turn);
            }
            PromptEvent::Steered { message, text, attachments, .. } => {
                self.steered.push(SteeredPrompt { message, text, attachments });
            }
        }
    }

    fn apply_turn(&mut self, event: TurnEvent) {
        match event {
            TurnEvent::Started { turn, process, initiator, .. } => self.start(turn, process, initiator),
            TurnEvent::InterruptRequested { cause, .. } => {
                self.change_running(|running| running.interrupt_requested = Some(cause));
            }
            TurnEvent::Parked { .. } => {
                self.change_running(|running| running.parked = true);
                self.asks_everything = None;
            }
            TurnEvent::Resumed(resumed) => self.resume(&resumed),
            TurnEvent::Continued { turn, process } => self.start(turn, process, Initiator::Prompt),
            TurnEvent::Completed(completed) => self.end_turn(completed.account),
            TurnEvent::Failed { account, .. } | TurnEvent::Interrupted { account, .. } => {
                self.end_turn(account);
            }
        }
    }

    /// The model of an imported conversation may be one that is no longer offered.
    fn chosen_by_agent(&self, profile: &AgentProfile) -> Option<String> {
        let is_own = self.opened().is_some_and(|opened| opened.origin != Origin::Import);
        (is_own && self.model.is_none() && !profile.model.is_empty()).then(|| profile.model.clone())
    }

    fn apply_agent(&mut self, event: AgentEvent) {
        match event {
            AgentEvent::Initialized { turn: _, profile } => {
                self.chosen_model = self.chosen_by_agent(&profile);
                self.profile = Some(profile);
            }
            AgentEvent::RateLimited { resets_at_micros, .. } => {
                self.limited_until = resets_at_micros.map(Timestamp::from_micros);
            }
            AgentEvent::ApiRetried { .. }
            | AgentEvent::ContextCompacted { .. }
            | AgentEvent::Unknown { .. } => {}
        }
    }

    fn apply_tool(&mut self, event: ToolEvent) {
        match event {
            ToolEvent::Used { turn, tool_use_id, parent_tool_use_id, .. } => {
                self.open_calls.used(turn, &tool_use_id, parent_tool_use_id.as_deref());
            }
            ToolEvent::Returned { tool_use_id, .. } => {
                self.asked_by_hooks.remove(&tool_use_id);
                self.waiting_for_hooks.remove(&tool_use_id);
                self.open_calls.returned(&tool_use_id);
            }
            ToolEvent::PolicyApplied { tool_use_id, .. } | ToolEvent::Abandoned { tool_use_id, .. } => {
                self.open_calls.settled(&tool_use_id);
            }
        }
    }

    fn apply_request(&mut self, event: RequestEvent) {
        match event {
            RequestEvent::Asked(asked) => {
                let attempt = self.running.as_ref().map_or(1, |running| running.attempt);
                self.open_calls.settled(&asked.request.tool_use_id);
                self.requests.made(attempt, asked);
            }
            RequestEvent::Decided(decided) => self.requests.settled(decided.settlement),
            RequestEvent::Released { request_id, process, .. } => {
                self.requests.released(&request_id);
                self.asks_everything.take_if(|(asking, _)| *asking == process);
            }
            RequestEvent::Withdrawn { request_id, .. } => self.requests.withdrawn(&request_id),
        }
    }

    fn apply_background(&mut self, event: BackgroundEvent) {
        match event {
            BackgroundEvent::Started { turn, work } => {
                self.background
                    .insert(work.task_id.clone(), Task { work, turn, parked: false, stopped_by: None });
            }
            BackgroundEvent::Finished { task_id, .. } => {
                self.forget_calls_of(&task_id);
                self.background.remove(&task_id);
                self.requests.subagent_ended(&task_id);
                self.finished_work = Some(task_id);
            }
            BackgroundEvent::Parked { turn: _, task_id } => {
                self.forget_calls_of(&task_id);
                self.background.entry(task_id).and_modify(|task| task.parked = true);
            }
            BackgroundEvent::TakenUp { turn, task_id, request_id } => {
                self.background.remove(&task_id);
                self.requests.taken_up(turn, &request_id);
                self.requests.subagent_ended(&task_id);
            }
            BackgroundEvent::StopRequested { task_id, by, .. } => {
                self.background.entry(task_id).and_modify(|task| task.stopped_by = Some(by));
            }
            BackgroundEvent::Progressed { .. } | BackgroundEvent::TaskListChanged { .. } => {}
        }
    }

    fn apply_spend(&mut self, event: SpendEvent) {
        match event {
            SpendEvent::UsageReported { turn: _, process, counter } => {
                self.metered = Some((process, counter));
            }
            SpendEvent::ModelCalled { turn, call } => self.count_call(turn, call),
            SpendEvent::BudgetExhausted { turn: _, spent } => {
                self.change_running(|running| running.exhausted = Some(spent));
            }
        }
    }

    fn apply_setting(&mut self, event: SettingEvent) {
        match event {
            SettingEvent::PermissionModeChanged { mode, by: _ } => self.change_mode(mode),
            SettingEvent::ModelChanged { model, by: _ } => {
                self.model = model;
                self.chosen_model = None;
            }
            SettingEvent::WorkingDirChanged { working_dir, by: _ } => {
                self.moved = true;
                if let Some(opened) = &mut self.opened {
                    opened.working_dir = working_dir;
                }
            }
        }
    }

    fn end_turn(&mut self, account: TurnAccount) {
        if let Some(running) = self.running.take() {
            self.counter = Some((running.process, account.counter));
            self.requests.drop_for_conversation(running.turn);
        }
        let mut requests = std::mem::take(&mut self.requests);
        requests.turn_ended(|open| self.outlives_turn(open));
        self.requests = requests;
        self.steered.clear();
        self.open_calls.turn_ended();
    }

    /// Whether a subagent that goes on waits for it.
    fn outlives_turn(&self, open: &OpenRequest) -> bool {
        let subagent = open.request.subagent.as_ref();
        subagent.is_some_and(|subagent| self.background.contains_key(subagent))
            && !self.is_awaited_by_turn(&open.request)
    }

    fn open(&mut self, opened: SessionOpened) {
        self.mode = opened.permission_mode;
        self.was_bypassed = self.mode == PermissionMode::BypassPermissions;
        self.model.clone_from(&opened.options.model);
        self.opened = Some(opened);
    }

    /// What the one before allowed for as long as the session lasts, the new owner has not allowed.
    fn change_owner(&mut self, owner: String, offline: bool) {
        if let Some(opened) = &mut self.opened {
            (opened.owner, opened.offline) = (owner, offline);
        }
        self.requests.forget_remembered();
    }

    fn start(&mut self, turn: TurnId, process: ProcessId, initiator: Initiator) {
        self.queue.retain(|queued| queued.turn != turn);
        self.last_turn = Some(turn);
        self.finished_work = None;
        let calls = std::mem::take(&mut self.calls_before);
        self.running = Some(RunningTurn {
            turn,
            process,
            initiator,
            interrupt_requested: None,
            attempt: 1,
            parked: false,
            resumed_for: None,
            earlier: AgentCounter::default(),
            calls,
            exhausted: None,
        });
        self.spent.turn = MicroDollars::default();
        self.asks_everything = None;
    }

    /// The counters start anew with the process; what the one before has spent is kept beside them.
    fn resume(&mut self, resumed: &TurnResumed) {
        let Some(running) = &self.running else { return };
        let share = self.estimated_share(running.process);
        let Some(running) = &mut self.running else { return };
        running.earlier = running.earlier.plus(&share);
        (running.process, running.attempt, running.parked) = (resumed.process, resumed.attempt, false);
        running.resumed_for = Some(resumed.request_id.clone());
        let mode = self.requests.mode_to_resume_in(&resumed.request_id);
        self.asks_everything = Some((resumed.process, mode));
        // Work beside the turn has ended with its process.
        self.background.retain(|_, task| task.parked);
        self.open_calls.subagents_ended();
    }

    fn change_running(&mut self, change: impl FnOnce(&mut RunningTurn)) {
        if let Some(running) = &mut self.running {
            change(running);
        }
    }

    fn change_mode(&mut self, mode: PermissionMode) {
        if mode == PermissionMode::Plan {
            self.mode_before_plan = self.mode_before_plan.or(Some(self.mode));
        } else {
            self.mode_before_plan = None;
        }
        self.was_bypassed |= mode == PermissionMode::BypassPermissions;
        self.mode = mode;
    }
}

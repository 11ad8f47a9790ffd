//! Work that goes on beside the conversation: the turn that started it, and what it waits for.
//!
//! A subagent may outlive its turn. What it asks then waits as long as its process does; when that ends
//! first, the subagent is parked, and the decision goes to the conversation as a prompt of the server's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::agent::{BackgroundUsage, BackgroundWork};
use crate::ids::TurnId;
use crate::request::{AgentRequest, Decision};
use crate::session::Session;
use crate::session::error::SessionError;
use crate::session::event::{BackgroundEvent, PromptEvent, SessionEvent};
use crate::session::requests::{OpenRequest, SettledRequest};

/// Work beside the conversation that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) work: BackgroundWork,
    pub(super) turn: TurnId,
    /// It waits for people, and its process is gone.
    pub(super) parked: bool,
    /// Who wants it to end, if somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stopped_by: Option<String>,
}

/// The tool uses that have no result yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenCalls(BTreeMap<String, OpenCall>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OpenCall {
    turn: TurnId,
    /// The tool use that started the subagent which made it; absent for the conversation's own.
    parent: Option<String>,
    /// The log says who decided about it.
    #[serde(default)]
    settled: bool,
}

impl OpenCalls {
    pub(super) fn used(&mut self, turn: TurnId, tool_use_id: &str, parent: Option<&str>) {
        let parent = parent.map(str::to_owned);
        self.0.insert(tool_use_id.to_owned(), OpenCall { turn, parent, settled: false });
    }

    /// People are asked about it, it is refused, or it is given up.
    pub(super) fn settled(&mut self, tool_use_id: &str) {
        if let Some(call) = self.0.get_mut(tool_use_id) {
            call.settled = true;
        }
    }

    /// The calls of which the log does not say who decided about them, with their turns.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = (&str, TurnId)> {
        let unsettled = self.0.iter().filter(|(_, call)| !call.settled);
        unsettled.map(|(tool_use_id, call)| (tool_use_id.as_str(), call.turn))
    }

    pub(super) fn returned(&mut self, tool_use_id: &str) {
        self.0.remove(tool_use_id);
    }

    /// The conversation waits for none of its own any more.
    pub(super) fn turn_ended(&mut self) {
        self.0.retain(|_, call| call.parent.is_some());
    }

    /// What subagents waited for has ended with their process.
    pub(super) fn subagents_ended(&mut self) {
        self.0.retain(|_, call| call.parent.is_none());
    }

    fn subagent_ended(&mut self, started_by: Option<&str>) {
        self.0.retain(|_, call| call.parent.is_none() || call.parent.as_deref() != started_by);
    }

    /// Whether the conversation waits for it, or for the subagent that made it.
    pub(super) fn is_awaited(&self, tool_use_id: &str) -> bool {
        let Some(call) = self.0.get(tool_use_id) else { return false };
        call.parent.as_ref().is_none_or(|parent| self.is_awaited(parent))
    }

    /// Whether the conversation waits for any other one of its own.
    pub(super) fn has_other_than(&self, tool_use_id: &str) -> bool {
        self.0.iter().any(|(id, call)| call.parent.is_none() && id != tool_use_id)
    }
}

impl Session {
    /// Work that goes on beside the conversation.
    pub fn background_work(&self, task_id: &str) -> Option<&BackgroundWork> {
        self.background.get(task_id).map(|task| &task.work)
    }

    /// Whether the agent works on something beside the conversation.
    pub fn has_background_work(&self) -> bool {
        self.background.values().any(|task| !task.parked)
    }

    /// Whether something of that does not wait for people.
    pub fn is_working_beside(&self) -> bool {
        self.background.values().any(|task| !task.parked && !self.is_asking(&task.work.task_id))
    }

    /// The turn that a subagent works for, by the tool use that started it.
    pub(super) fn turn_of_subagent(&self, parent_tool_use_id: Option<&str>) -> Option<TurnId> {
        let parent = parent_tool_use_id?;
        let mut tasks = self.background.values();
        tasks.find(|task| task.work.tool_use_id.as_deref() == Some(parent)).map(|task| task.turn)
    }

    pub(super) fn turn_of_task(&self, task_id: Option<&str>) -> Option<TurnId> {
        self.background.get(task_id?).map(|task| task.turn)
    }

    /// The turn of a tool use, whoever made it.
    pub(super) fn turn_of_call(&self, tool_use_id: Option<&str>) -> Option<TurnId> {
        self.open_calls.0.get(tool_use_id?).map(|call| call.turn)
    }

    /// Whether the turn stands still until a request is decided: the conversation itself made it, or a
    /// subagent whose report it waits for.
    pub(super) fn is_awaited_by_turn(&self, request: &AgentRequest) -> bool {
        let Some(subagent) = &request.subagent else { return true };
        let Some(task) = self.background.get(subagent) else { return true };
        !task.parked && task.work.tool_use_id.as_ref().is_none_or(|call| self.open_calls.is_awaited(call))
    }

    /// What a task waited for has ended with it.
    pub(super) fn forget_calls_of(&mut self, task_id: &str) {
        let task = self.background.get(task_id);
        self.open_calls.subagent_ended(task.and_then(|task| task.work.tool_use_id.as_deref()));
    }

    /// Whether a subagent waits whose process is gone.
    pub(super) fn is_parked(&self, request: &AgentRequest) -> bool {
        let task = request.subagent.as_ref().and_then(|subagent| self.background.get(subagent));
        task.is_some_and(|task| task.parked)
    }

    fn is_asking(&self, task_id: &str) -> bool {
        self.waiting().iter().any(|open| open.request.subagent.as_deref() == Some(task_id))
    }

    /// The end of a task. With it nobody need decide any more what it has asked.
    pub(super) fn task_finished(
        &self,
        task_id: String,
        status: String,
        summary: String,
        usage: Option<BackgroundUsage>,
    ) -> Vec<SessionEvent> {
        // Its end may be told twice. A parked one is told as lost by the next process.
        let Some(task) = self.background.get(&task_id).filter(|task| !task.parked) else { return vec![] };
        let turn = task.turn;
        let interrupted = self.running.as_ref().is_some_and(|running| running.interrupt_requested.is_some());
        let summary = match (&task.stopped_by, summary.is_empty() && status == STOPPED) {
            (Some(by), true) => format!("stopped by {by}"),
            (None, true) if interrupted => "ended with the turn that was interrupted".to_owned(),
            (Some(_) | None, _) => summary,
        };
        let mut events: Vec<SessionEvent> = self.asked_by(&task_id).map(OpenRequest::withdrawn).collect();
        events.push(BackgroundEvent::Finished { turn, task_id, status, summary, usage }.into());
        events
    }

    /// Somebody wants work to end. What has no process is over with that.
    pub(super) fn stop_work(&self, task_id: &str, by: String) -> Result<Vec<SessionEvent>, SessionError> {
        let task = self.background.get(task_id).ok_or(SessionError::SubagentNotRunning)?;
        if task.stopped_by.is_some() {
            return Ok(vec![]);
        }
        let mut events =
            vec![BackgroundEvent::StopRequested { turn: task.turn, task_id: task_id.to_owned(), by }.into()];
        if task.parked {
            events.extend(self.asked_by(task_id).map(OpenRequest::withdrawn));
            events.push(task.stopped());
        }
        Ok(events)
    }

    /// Whether work has a process that can be told to end it.
    pub(super) fn has_process(&self, task_id: &str) -> bool {
        self.background.get(task_id).is_some_and(|task| !task.parked)
    }

    /// What becomes of the work beside the conversation when its process has ended between two turns.
    pub(super) fn close_background_work(&self) -> Vec<SessionEvent> {
        if self.running.is_some() {
            return vec![]; // What the turn waits for may be taken up with it.
        }
        let orphans = self.waiting().iter().filter(|open| self.is_awaited_by_turn(&open.request));
        self.end_work_beside_turn().into_iter().chain(orphans.map(OpenRequest::withdrawn)).collect()
    }

    /// The work that no turn waits for, when its process has ended: what waits for people is parked, the rest
    /// is over.
    pub(super) fn end_work_beside_turn(&self) -> Vec<SessionEvent> {
        let is_beside = |task: &&Task| {
            let is_awaited =
                task.work.tool_use_id.as_ref().is_some_and(|call| self.open_calls.is_awaited(call));
            !(task.parked || self.running.is_some() && is_awaited)
        };
        let tasks = self.background.values().filter(is_beside);
        tasks.map(|task| self.end_with_process(task)).collect()
    }

    fn end_with_process(&self, task: &Task) -> SessionEvent {
        let (turn, task_id) = (task.turn, task.work.task_id.clone());
        let is_of = |settled: &SettledRequest| settled.open.request.subagent.as_ref() == Some(&task_id);
        if self.is_asking(&task_id) || self.requests.has_decided(is_of) {
            return BackgroundEvent::Parked { turn, task_id }.into();
        }
        task.stopped()
    }

    /// The ends of all work beside the conversation.
    pub(super) fn stopped_work(&self) -> Vec<SessionEvent> {
        let asked = self.background.keys().flat_map(|task_id| self.asked_by(task_id));
        asked.map(OpenRequest::withdrawn).chain(self.background.values().map(Task::stopped)).collect()
    }

    /// The decision about a parked subagent goes to the conversation, as a prompt of the server's own.
    pub(super) fn report_decision(&self, turn: TurnId) -> Vec<SessionEvent> {
        let Some(settled) = self.decided_when_parked() else { return vec![] };
        let request = &settled.open.request;
        let Some(task) = request.subagent.as_ref().and_then(|id| self.background.get(id)) else {
            return vec![];
        };
        let (text, author) = (task.report(settled), "system".to_owned());
        let (task_id, request_id) = (task.work.task_id.clone(), request.request_id.clone());
        let others = self.asked_by(&task_id).map(OpenRequest::withdrawn);
        let taken_up = [
            PromptEvent::Submitted { turn, text, attachments: vec![], author }.into(),
            BackgroundEvent::TakenUp { turn, task_id: task_id.clone(), request_id }.into(),
        ];
        others.chain(taken_up).collect()
    }

    fn asked_by<'a>(&'a self, task_id: &'a str) -> impl Iterator<Item = &'a OpenRequest> {
        self.waiting().iter().filter(move |open| open.request.subagent.as_deref() == Some(task_id))
    }
}

impl Task {
    fn stopped(&self) -> SessionEvent {
        let (turn, task_id, status) = (self.turn, self.work.task_id.clone(), STOPPED.to_owned());
        BackgroundEvent::Finished { turn, task_id, status, summary: String::new(), usage: None }.into()
    }

    /// The decision that it waited for, in words for the conversation.
    fn report(&self, settled: &SettledRequest) -> String {
        let decision = match settled.settlement.decision {
            Decision::Allow => "allowed",
            Decision::Deny => "refused",
        };
        let message = settled.settlement.message.as_ref();
        let message = message.map(|message| format!(" They said: {message}")).unwrap_or_default();
        format!(
            "This is a message of the server, not of a person. The process of your background task \
             \"{description}\" ({task_id}) ended while the task waited for a person to decide about a use of \
             {tool}. That has now been {decision}.{message}\nIf the work is still needed, start the task again \
             with the same prompt: the same use of {tool} is then {decision} without another question. What \
             the task had done before is in place.",
            description = self.work.description,
            task_id = self.work.task_id,
            tool = settled.open.request.tool_name,
        )
    }
}

/// The status of work that did not come to its own end.
const STOPPED: &str = "stopped";

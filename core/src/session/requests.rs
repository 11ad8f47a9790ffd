//! The rules for what the agent asks: what waits for people, what holds without asking them, and what
//! was handed to the agent.
//!
//! A request waits, is decided, and is released to the agent; each step is an event of its own. After a
//! crash a decision that was not released is taken to the agent anew, and one that was released is not:
//! its tool may have been used already.

use serde::{Deserialize, Serialize};

use crate::agent::PermissionMode;
use crate::ids::{ProcessId, TurnId};
use crate::request::{AgentRequest, Answer, DecidedBy, DeciderKind, Decision, RequestKind, Settlement};
use crate::session::Session;
use crate::session::error::SessionError;
use crate::session::event::{Asked, Decided, InterruptCause, RequestEvent, SessionEvent, WithdrawReason};

/// A request that was made and is not closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenRequest {
    pub kind: RequestKind,
    pub turn: TurnId,
    /// The attempt of its turn that made it; another one does not wait for it.
    pub attempt: u32,
    pub request: AgentRequest,
}

impl OpenRequest {
    /// The agent no longer waits for it.
    pub(super) fn withdrawn(&self) -> SessionEvent {
        let request_id = self.request.request_id.clone();
        RequestEvent::Withdrawn { turn: self.turn, request_id, reason: WithdrawReason::AgentWithdrew }.into()
    }
}

/// A request with the decision about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettledRequest {
    pub open: OpenRequest,
    pub settlement: Settlement,
}

/// The requests of a session, by how far they have come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Requests {
    waiting: Vec<OpenRequest>,
    decided: Vec<SettledRequest>,
    released: Vec<SettledRequest>,
    /// Decisions that go to the conversation because the subagent that asked is gone, and the turn of the
    /// prompt that takes each there.
    for_conversation: Vec<(TurnId, SettledRequest)>,
    /// Decisions that hold as long as the session lasts.
    remembered: Vec<SettledRequest>,
}

impl Requests {
    pub(super) fn made(&mut self, attempt: u32, asked: Asked) {
        let Asked { kind, turn, request } = asked;
        self.waiting.push(OpenRequest { kind, turn, attempt, request });
    }

    pub(super) fn settled(&mut self, settlement: Settlement) {
        let Some(index) =
            self.waiting.iter().position(|open| open.request.request_id == settlement.request_id)
        else {
            return;
        };
        let settled = SettledRequest { open: self.waiting.remove(index), settlement };
        if settled.settlement.remember {
            self.remembered.push(settled.clone());
        }
        self.decided.push(settled);
    }

    pub(super) fn released(&mut self, request_id: &str) {
        let mut is_released = |settled: &mut SettledRequest| settled.open.request.request_id == request_id;
        self.released.extend(self.decided.extract_if(.., &mut is_released));
        let mut taken_up = self.for_conversation.extract_if(.., |(_, settled)| is_released(settled));
        self.released.extend(taken_up.next().map(|(_, settled)| settled));
    }

    /// What was decided for as long as the session lasts holds no more.
    pub(super) fn forget_remembered(&mut self) {
        self.remembered.clear();
    }

    pub(super) fn has_decided(&self, is_meant: impl Fn(&SettledRequest) -> bool) -> bool {
        self.decided.iter().any(is_meant)
    }

    pub(super) fn withdrawn(&mut self, request_id: &str) {
        self.waiting.retain(|open| open.request.request_id != request_id);
        self.decided.retain(|settled| settled.open.request.request_id != request_id);
    }

    /// A process that takes up a turn has to come to the decision in every case: in its session's own mode
    /// the tool might be used before anything was asked.
    pub(super) fn mode_to_resume_in(&self, request_id: &str) -> PermissionMode {
        let mut decided = self.decided.iter();
        match decided.find(|settled| settled.open.request.request_id == request_id) {
            Some(settled) if settled.open.kind == RequestKind::Plan => PermissionMode::Plan,
            Some(_) | None => PermissionMode::Default,
        }
    }

    /// With its turn everything ends but what is remembered, and what subagents wait for that go on.
    pub(super) fn turn_ended(&mut self, goes_on: impl Fn(&OpenRequest) -> bool) {
        self.waiting.retain(&goes_on);
        self.decided.retain(|settled| goes_on(&settled.open));
        self.released.retain(|settled| goes_on(&settled.open));
    }

    /// A subagent waits for nothing any more.
    pub(super) fn subagent_ended(&mut self, task_id: &str) {
        let is_of = |open: &OpenRequest| open.request.subagent.as_deref() == Some(task_id);
        self.waiting.retain(|open| !is_of(open));
        self.decided.retain(|settled| !is_of(&settled.open));
        self.released.retain(|settled| !is_of(&settled.open));
    }

    pub(super) fn taken_up(&mut self, turn: TurnId, request_id: &str) {
        let is_meant = |settled: &mut SettledRequest| settled.open.request.request_id == request_id;
        self.for_conversation.extend(self.decided.extract_if(.., is_meant).map(|settled| (turn, settled)));
    }

    pub(super) fn drop_for_conversation(&mut self, turn: TurnId) {
        self.for_conversation.retain(|(taken_up_in, _)| *taken_up_in != turn);
    }
}

/// The fate of a call before anybody is asked.
enum Verdict {
    /// The same call was decided before its turn was taken up anew.
    Carried(SettledRequest),
    Remembered(SettledRequest),
    AllowedByMode,
    /// With the text that the agent reads.
    RefusedByMode(&'static str),
    /// A person decides.
    Open,
}

impl Session {
    /// The requests that wait for people.
    pub fn waiting(&self) -> &[OpenRequest] {
        &self.requests.waiting
    }

    /// Whether a decision has not been handed to the agent.
    pub fn has_undelivered(&self) -> bool {
        !self.requests.decided.is_empty()
    }

    /// The oldest decision that the turn waits for and that has not been handed to the agent.
    pub fn undelivered(&self) -> Option<&SettledRequest> {
        let mut decided = self.requests.decided.iter();
        decided.find(|settled| self.is_awaited_by_turn(&settled.open.request))
    }

    /// The oldest decision that the process at work waits for; to what an earlier one asked, it comes by
    /// itself.
    pub fn awaited(&self) -> Option<&SettledRequest> {
        let attempt = self.running.as_ref().map(|running| running.attempt);
        let mut decided = self.requests.decided.iter();
        decided.find(|settled| match self.is_awaited_by_turn(&settled.open.request) {
            true => attempt.is_none_or(|attempt| settled.open.attempt == attempt),
            false => !self.is_parked(&settled.open.request),
        })
    }

    /// The oldest decision about a subagent whose process is gone.
    pub fn decided_when_parked(&self) -> Option<&SettledRequest> {
        self.requests.decided.iter().find(|settled| self.is_parked(&settled.open.request))
    }

    /// The decision about a tool use that the agent has been given already.
    pub fn released(&self, tool_use_id: &str) -> Option<&SettledRequest> {
        let mut released = self.requests.released.iter();
        released.find(|settled| settled.open.request.tool_use_id == tool_use_id)
    }

    pub(super) fn settle(
        &self,
        request_id: &str,
        answer: Answer,
        by: DecidedBy,
    ) -> Result<Vec<SessionEvent>, SessionError> {
        let mut waiting = self.requests.waiting.iter();
        let open = waiting
            .find(|open| open.request.request_id == request_id)
            .ok_or_else(|| SessionError::RequestNotWaiting(request_id.to_owned()))?;
        let by_whom = by.name.clone().unwrap_or_default();
        let settlement = answer.settle(open.kind, &open.request, by).map_err(SessionError::AnswerInvalid)?;
        let interrupts = settlement.interrupt;
        let decided = Decided { kind: open.kind, turn: open.turn, settlement };
        let mut events = vec![RequestEvent::Decided(decided).into()];
        if interrupts && self.running.is_some() {
            events.extend(self.request_interrupt(by_whom, InterruptCause::User)?);
        }
        Ok(events)
    }

    /// The events of a request of the agent: it waits, unless something settles it at once.
    pub(super) fn asked(
        &self,
        turn: TurnId,
        kind: RequestKind,
        request: AgentRequest,
        process: ProcessId,
    ) -> Vec<SessionEvent> {
        if self.released(&request.tool_use_id).is_some() {
            return vec![]; // It asks twice about what it has been told.
        }
        if let Some(released) = self.release_at(turn, &request.tool_use_id, process) {
            return vec![released]; // It was asked before its process ended, and decided since.
        }
        let verdict = self.verdict(kind, &request);
        let request_id = request.request_id.clone();
        let mut events = vec![RequestEvent::Asked(Asked { kind, turn, request }).into()];
        let mut settled = |settlement| {
            events.push(RequestEvent::Decided(Decided { kind, turn, settlement }).into());
            let request_id = request_id.clone();
            events.push(RequestEvent::Released { turn, request_id, process }.into());
        };
        match verdict {
            Verdict::Open => {}
            Verdict::AllowedByMode => settled(self.by_mode(&request_id, Decision::Allow, None)),
            Verdict::RefusedByMode(message) => {
                settled(self.by_mode(&request_id, Decision::Deny, Some(message.to_owned())));
            }
            Verdict::Remembered(earlier) => settled(remembered(&request_id, &earlier)),
            Verdict::Carried(earlier) => {
                settled(remembered(&request_id, &earlier));
                let request_id = earlier.open.request.request_id;
                events.push(RequestEvent::Released { turn, request_id, process }.into());
            }
        }
        events
    }

    /// The decision about a tool use that no process has been given.
    pub(super) fn decided_about(&self, tool_use_id: &str) -> Option<&SettledRequest> {
        let mut decided = self.requests.decided.iter();
        decided.find(|settled| settled.open.request.tool_use_id == tool_use_id)
    }

    /// The decision about a tool use goes to a process that came to it anew.
    pub(super) fn release_at(
        &self,
        turn: TurnId,
        tool_use_id: &str,
        process: ProcessId,
    ) -> Option<SessionEvent> {
        let settled = self.decided_about(tool_use_id)?;
        let request_id = settled.open.request.request_id.clone();
        Some(RequestEvent::Released { turn, request_id, process }.into())
    }

    fn by_mode(&self, request_id: &str, decision: Decision, message: Option<String>) -> Settlement {
        Settlement {
            request_id: request_id.to_owned(),
            decision,
            decided_by: DecidedBy::mode(self.mode.as_str()),
            message,
            updated_input: None,
            answers: None,
            remember: false,
            interrupt: false,
        }
    }

    fn verdict(&self, kind: RequestKind, request: &AgentRequest) -> Verdict {
        let is_same = |settled: &&SettledRequest| {
            let earlier = &settled.open.request;
            earlier.tool_name == request.tool_name && earlier.input == request.input
        };
        let for_conversation = self.requests.for_conversation.iter().map(|(_, settled)| settled);
        if let Some(carried) = self.requests.decided.iter().chain(for_conversation).find(is_same) {
            return Verdict::Carried(carried.clone());
        }
        if kind != RequestKind::Permission {
            return Verdict::Open;
        }
        if self.mode == PermissionMode::BypassPermissions && !self.is_asked_by_hook(&request.tool_use_id) {
            return Verdict::AllowedByMode;
        }
        if let Some(message) = self.refused_when_asked(request.effect) {
            return Verdict::RefusedByMode(message);
        }
        let has_same_target = |settled: &&SettledRequest| {
            let earlier = &settled.open.request;
            earlier.tool_name == request.tool_name && earlier.target == request.target
        };
        // The newest word holds.
        match self.requests.remembered.iter().rev().find(has_same_target) {
            Some(remembered) => Verdict::Remembered(remembered.clone()),
            None => Verdict::Open,
        }
    }
}

/// An earlier decision, for the same call again. It has a changed input only if this is that very call: one
/// that is to be remembered cannot have any.
fn remembered(request_id: &str, earlier: &SettledRequest) -> Settlement {
    let first = &earlier.settlement;
    Settlement {
        request_id: request_id.to_owned(),
        decided_by: DecidedBy {
            kind: DeciderKind::Remembered,
            id: Some(first.request_id.clone()),
            name: first.decided_by.name.clone(),
        },
        remember: false,
        interrupt: false,
        ..first.clone()
    }
}

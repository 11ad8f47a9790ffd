//! The outcome of a turn of a transcript. No line has it: it shows in the last lines.

use std::collections::BTreeSet;

use runner_core::agent::{AgentOutcome, TurnReport};
use runner_core::spend::Spend;
use runner_core::time::Timestamp;
use serde_json::Value;

use super::line::Line;

/// The turn that is being reported.
#[derive(Debug, Default)]
pub(super) struct Turn {
    began_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
    end: End,
    text: String,
    stop_reason: Option<String>,
    structured_output: Option<Value>,
    messages: BTreeSet<String>,
}

/// The end of the turn if no more lines came.
#[derive(Debug, Default, PartialEq)]
enum End {
    /// The agent was at work.
    #[default]
    CutOff,
    Answered,
    Interrupted,
    Failed {
        status: Option<u16>,
    },
    TurnLimit,
}

impl Turn {
    /// Begins a turn. A command may have nothing to answer; a prompt without an answer was cut off.
    pub(super) fn begin(line: &Line, is_command: bool) -> Self {
        let end = if is_command { End::Answered } else { End::CutOff };
        Self { began_at: line.at(), end, ..Self::default() }
    }

    pub(super) fn has_reached(&mut self, line: &Line) {
        self.last_at = line.at().or(self.last_at);
    }

    /// When the last of it happened that is known so far.
    pub(super) fn last_at(&self) -> Option<Timestamp> {
        self.last_at
    }

    pub(super) fn is_at_work(&self) -> bool {
        self.end == End::CutOff
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.end == End::Interrupted
    }

    pub(super) fn said(&mut self, line: &Line) {
        self.messages.extend(line.message().filter(|_| line.model().is_some()).map(str::to_owned));
        self.stop_reason = line.stop_reason().map(str::to_owned);
        let text = line.message_text();
        self.end = match line.tool_uses().next() {
            None if !text.is_empty() => End::Answered,
            Some(_) | None => End::CutOff,
        };
        if !text.is_empty() {
            self.text = text;
        }
    }

    pub(super) fn failed(&mut self, line: &Line) {
        self.said(line);
        self.end = End::Failed { status: line.api_status() };
    }

    pub(super) fn returned(&mut self, line: &Line) {
        self.end = if line.ends_turn() { End::Answered } else { End::CutOff };
    }

    pub(super) fn answered_locally(&mut self, text: &str) {
        (self.end, self.text) = (End::Answered, text.to_owned());
    }

    pub(super) fn gave(&mut self, output: Value) {
        self.text = output.to_string();
        self.structured_output = Some(output);
    }

    pub(super) fn goes_on(&mut self) {
        self.end = End::CutOff;
    }

    pub(super) fn interrupted(&mut self) {
        self.end = End::Interrupted;
    }

    pub(super) fn reached_limit(&mut self, turns: u64) {
        self.end = End::TurnLimit;
        self.text = format!("Reached maximum number of turns ({turns})");
    }

    /// The report that the agent would have given of the turn.
    pub(super) fn report(self, total: Spend) -> TurnReport {
        let outcome = match self.end {
            End::CutOff | End::Interrupted => AgentOutcome::Aborted,
            End::Answered => AgentOutcome::Succeeded,
            End::Failed { .. } if self.stop_reason.as_deref() == Some("refusal") => AgentOutcome::Refused,
            End::Failed { status } => AgentOutcome::ApiError { status },
            End::TurnLimit => AgentOutcome::MaxTurns,
        };
        let duration_ms = match (self.began_at, self.last_at) {
            (Some(began_at), Some(last_at)) => last_at.millis_since(began_at),
            (Some(_), None) | (None, _) => 0,
        };
        TurnReport {
            outcome,
            text: self.text,
            stop_reason: self.stop_reason,
            structured_output: self.structured_output,
            total,
            own_spend: None,
            duration_ms,
            total_duration_api_ms: 0,
            agent_turns: u32::try_from(self.messages.len()).unwrap_or(u32::MAX),
            denials: vec![],
            unsolicited: false,
        }
    }
}

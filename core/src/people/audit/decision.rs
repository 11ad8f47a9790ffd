//! Decisions about uses of tools, as who audits sees them: with the call that they are about.
//!
//! In the log a decision names the request or the tool use that it settles, and an earlier event has the
//! rest.

use serde::Serialize;
use serde_json::Value;

use crate::request::{DecidedBy, Decision, ToolEffect};

/// A decision about one use of a tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditedDecision {
    /// Absent where the log does not have the call, as where a session was imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// What the call was about: a command, a path, a host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<ToolEffect>,
    pub decision: Decision,
    pub decided_by: DecidedBy,
    /// What the tool was, or would have been, used with; long texts are cut.
    #[serde(skip)]
    pub input: Value,
}

/// What a call of a tool may do, and what it is about; only the agent's adapter knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallNature {
    pub effect: ToolEffect,
    pub target: Option<String>,
}

/// Tells it by the tool's name and input.
pub type NatureOfCall = fn(&str, &Value) -> CallNature;

impl AuditedDecision {
    /// Says what the call was for.
    pub fn describe(&mut self, nature: NatureOfCall) {
        let Some(tool_name) = &self.tool_name else { return };
        if self.input.is_null() {
            return;
        }
        let CallNature { effect, target } = nature(tool_name, &self.input);
        (self.effect, self.target) = (Some(effect), target);
    }
}

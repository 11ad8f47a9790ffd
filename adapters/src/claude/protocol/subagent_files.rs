//! What subagents' file tools report of their changes.
//!
//! The lines with a subagent's results leave out the structured part, which alone says what became of a
//! file. A hook is told it just before such a line; it is kept until the line comes.

use std::collections::VecDeque;

use runner_core::agent::{AgentOutput, ToolReturn};
use serde_json::Value;

use super::file_change::file_change;

/// Subagents work side by side, and one may be stopped between its hook and its line.
const MAX_KEPT: usize = 64;

/// A tool's structured result, as a hook was told it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileReport {
    pub(super) tool_use_id: String,
    pub(super) result: Value,
}

impl FileReport {
    /// Absent for the main conversation: its own lines have it.
    pub(super) fn of_subagent(input: &Value) -> Option<Self> {
        input["agent_id"].as_str()?;
        let tool_use_id = input["tool_use_id"].as_str()?.to_owned();
        Some(Self { tool_use_id, result: input["tool_response"].clone() })
    }
}

/// Reports whose lines have not come, oldest first.
#[derive(Debug, Default)]
pub(super) struct FileReports {
    kept: VecDeque<FileReport>,
}

impl FileReports {
    pub(super) fn keep(&mut self, report: FileReport) {
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(report);
    }

    /// Gives a result that has no structured part the one that was reported.
    pub(super) fn complete(&mut self, output: AgentOutput) -> AgentOutput {
        let AgentOutput::ToolReturned(returned) = output else { return output };
        let is_meant = |report: &FileReport| report.tool_use_id == returned.tool_use_id;
        let reported = self.kept.iter().position(is_meant).and_then(|index| self.kept.remove(index));
        AgentOutput::ToolReturned(match reported {
            Some(FileReport { tool_use_id, result }) if returned.structured.is_none() => ToolReturn {
                file_change: file_change(&result, &tool_use_id),
                structured: Some(result),
                ..returned
            },
            Some(_) | None => returned,
        })
    }
}

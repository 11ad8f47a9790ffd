//! File changes that subagents make with file tools.
//!
//! The lines with a subagent's results leave out the structured part, and only that has the change of a file.
//! A hook gets it just before such a line; it is kept until the line comes.

use std::collections::VecDeque;

use runner_core::agent::{AgentOutput, ToolReturn};
use serde_json::Value;

use super::file_change::file_change;

/// Subagents work side by side, and one may be stopped between its hook and its line.
const MAX_KEPT: usize = 64;

/// A tool's structured result, as a hook has reported it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileReport {
    pub(super) tool_use_id: String,
    pub(super) result: Value,
}

impl FileReport {
    /// The report of a subagent's tool. Absent for the main conversation, whose own lines have the result.
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

    /// Adds the reported part to a result without one.
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

//! The conversations of subagents, each in a file of its own beside the session's.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use runner_core::agent::{AgentOutput, BackgroundUsage, BackgroundWork};
use serde_json::Value;

use super::Unreadable;
use super::chain::subagent_chain;
use super::folder::files_beside;
use super::line::Line;
use crate::claude::protocol::json::{number, text};

/// A subagent's conversation and what began it.
#[derive(Debug)]
pub(super) struct Subagent {
    task: BackgroundWork,
    lines: Vec<Line>,
    /// The result of the tool use that began the subagent.
    result: Value,
}

/// The subagents of a session, by the tool use that began each.
#[derive(Debug, Default)]
pub(super) struct Subagents {
    by_tool_use: HashMap<String, Subagent>,
    pub(super) unreadable: Vec<Unreadable>,
}

impl Subagents {
    /// Reads the files of subagents beside a transcript. A file that no tool use leads to is left out.
    pub(super) fn read(path: &Path, lines: &[Line]) -> Self {
        let mut found = vec![];
        let mut subagents = Self::default();
        for path in files_beside(path) {
            let Some(id) = agent_id(&path) else { continue };
            let Ok(bytes) = fs::read(&path) else { continue };
            let (lines, unreadable) = Line::parse_all(&bytes);
            subagents.unreadable.push(Unreadable { path: path.clone(), lines: unreadable });
            found.push((id, path.with_extension("meta.json"), lines));
        }
        let all_lines = || lines.iter().chain(found.iter().flat_map(|(_, _, lines)| lines));
        let results: HashMap<String, (String, Value)> = all_lines()
            .filter_map(|line| {
                let tool_use = line.tool_results().next()?.to_owned();
                Some((line.subagent()?.to_owned(), (tool_use, line.structured_result().clone())))
            })
            .collect();
        for (id, description, lines) in found {
            let described = fs::read(description).ok();
            let described: Value =
                described.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
            let (tool_use, result) = results.get(&id).cloned().unzip();
            let Some(tool_use) = described["toolUseId"].as_str().map(str::to_owned).or(tool_use) else {
                continue;
            };
            let task = BackgroundWork {
                task_id: id,
                tool_use_id: Some(tool_use.clone()),
                kind: "local_agent".to_owned(),
                description: text(&described["description"]),
                subagent_type: described["agentType"].as_str().map(str::to_owned),
            };
            let result = result.unwrap_or_default();
            subagents.by_tool_use.insert(tool_use, Subagent { task, lines, result });
        }
        subagents
    }

    /// Takes the subagent that a tool use began, so that it is reported once.
    pub(super) fn take(&mut self, tool_use: &str) -> Option<Subagent> {
        self.by_tool_use.remove(tool_use)
    }
}

impl Subagent {
    pub(super) fn started(&self) -> AgentOutput {
        AgentOutput::TaskStarted(self.task.clone())
    }

    pub(super) fn chain(&self) -> Vec<&Line> {
        subagent_chain(&self.lines)
    }

    pub(super) fn finished(&self) -> AgentOutput {
        let chain = self.chain();
        let answered = chain.last().is_some_and(|line| !line.message_text().is_empty());
        let result = &self.result;
        let usage = result["totalTokens"].as_u64().map(|total_tokens| BackgroundUsage {
            total_tokens,
            tool_uses: number(&result["totalToolUseCount"]),
            duration_ms: result["totalDurationMs"].as_u64().unwrap_or_default(),
        });
        AgentOutput::TaskFinished {
            task_id: self.task.task_id.clone(),
            status: if answered { "completed" } else { "stopped" }.to_owned(),
            summary: self.task.description.clone(),
            usage,
        }
    }
}

/// The subagent's id in the file name `agent-<id>.jsonl`.
fn agent_id(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    Some(name.strip_prefix("agent-")?.strip_suffix(".jsonl")?.to_owned())
}

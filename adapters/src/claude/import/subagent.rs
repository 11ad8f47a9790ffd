//! The conversations of subagents, each in a file of its own beside the session's.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use runner_core::agent::{AgentOutput, BackgroundUsage, BackgroundWork};
use serde_json::Value;

use super::Unreadable;
use super::chain::subagent_chain;
use super::folder::files_beside;
use super::line::Line;
use super::usage::tokens;
use crate::claude::protocol::json::{number, text};

/// The file of a subagent, and what is said of it beside.
#[derive(Debug)]
pub(super) struct SubagentFile {
    id: String,
    lines: Vec<Line>,
    description: Value,
}

/// A subagent's conversation and what began it.
#[derive(Debug)]
pub(super) struct Subagent<'a> {
    task: BackgroundWork,
    lines: &'a [Line],
    /// The result of the tool use that began the subagent.
    result: Value,
}

/// The subagents of a session, by the tool use that began each.
#[derive(Debug, Default)]
pub(super) struct Subagents<'a> {
    by_tool_use: HashMap<String, Subagent<'a>>,
    /// The files of those that were not told, by their ids.
    untold: HashMap<&'a str, &'a [Line]>,
}

/// The subagents that are not told, for no tool use of the conversation leads to them: those of workflows, of
/// branches that were left, and those whose lines older versions wrote among the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftSubagents {
    pub count: u64,
    /// What they said and read; no turn of the session has it.
    pub tokens: u64,
}

impl SubagentFile {
    /// Reads the files of subagents beside a transcript.
    pub(super) fn read_all(path: &Path, unreadable: &mut Vec<Unreadable>) -> Vec<Self> {
        let mut found = vec![];
        for path in files_beside(path) {
            let Some(id) = agent_id(&path) else { continue };
            let Ok(bytes) = fs::read(&path) else { continue };
            let (lines, numbers) = Line::parse_all(&bytes);
            let description = fs::read(path.with_extension("meta.json")).ok();
            let description = description.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            unreadable.push(Unreadable { path, lines: numbers });
            found.push(Self { id, lines, description: description.unwrap_or_default() });
        }
        found
    }
}

impl<'a> Subagents<'a> {
    /// Finds what began each. A file that no tool use leads to is left out.
    pub(super) fn of(files: &'a [SubagentFile], lines: &[Line]) -> Self {
        let all_lines = lines.iter().chain(files.iter().flat_map(|file| &file.lines));
        let results: HashMap<&str, (&str, &Value)> = all_lines
            .filter_map(|line| {
                Some((line.subagent()?, (line.tool_results().next()?, line.structured_result())))
            })
            .collect();
        let untold = files.iter().map(|file| (file.id.as_str(), file.lines.as_slice())).collect();
        let mut subagents = Self { untold, ..Self::default() };
        for SubagentFile { id, lines, description } in files {
            let (tool_use, result) = results.get(id.as_str()).copied().unzip();
            let Some(tool_use) = description["toolUseId"].as_str().or(tool_use).map(str::to_owned) else {
                continue;
            };
            let task = BackgroundWork {
                task_id: id.clone(),
                tool_use_id: Some(tool_use.clone()),
                kind: "local_agent".to_owned(),
                description: text(&description["description"]),
                subagent_type: description["agentType"].as_str().map(str::to_owned),
            };
            let result = result.cloned().unwrap_or_default();
            subagents.by_tool_use.insert(tool_use, Subagent { task, lines, result });
        }
        subagents
    }

    /// Takes the subagent that a tool use began, so that it is reported once.
    pub(super) fn take(&mut self, tool_use: &str) -> Option<Subagent<'a>> {
        let taken = self.by_tool_use.remove(tool_use)?;
        self.untold.remove(taken.task.task_id.as_str());
        Some(taken)
    }

    /// What is left once the conversation is told.
    pub(super) fn left(&self, lines: &[Line]) -> LeftSubagents {
        let inline: Vec<&Line> = lines.iter().filter(|line| line.is_of_subagent()).collect();
        let uuids: HashSet<&str> = inline.iter().filter_map(|line| line.uuid()).collect();
        let begins = |line: &&&Line| line.parent().is_none_or(|parent| !uuids.contains(parent));
        let files = self.untold.values().filter(|lines| !lines.is_empty());
        let count = files.clone().count() + inline.iter().filter(begins).count();
        let tokens = tokens(files.flat_map(|lines| lines.iter()).chain(inline.iter().copied()));
        LeftSubagents { count: count as u64, tokens }
    }
}

impl<'a> Subagent<'a> {
    pub(super) fn started(&self) -> AgentOutput {
        AgentOutput::TaskStarted(self.task.clone())
    }

    pub(super) fn chain(&self) -> Vec<&'a Line> {
        subagent_chain(self.lines)
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

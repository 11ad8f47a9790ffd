//! Subagents and the agent's list of things to do, as a session's events add up to them.

use serde::Serialize;

use crate::agent::{BackgroundUsage, BackgroundWork, TaskListChange};
use crate::ids::TurnId;
use crate::session::event::BackgroundEvent;
use crate::time::Timestamp;

const PARKED: &str = "parked";

/// A subagent, or a command that ran beside the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SubagentView {
    pub id: String,
    pub turn_id: TurnId,
    pub tool_use_id: Option<String>,
    /// `local_agent`, `local_bash`, or what a newer version calls it.
    pub kind: String,
    pub subagent_type: Option<String>,
    pub description: String,
    /// `running`, `completed`, `failed`, `stopped`; `parked` while it waits for people without a process.
    pub status: String,
    pub summary: Option<String>,
    /// The tools it used, each once per use.
    pub tools_used: Vec<String>,
    pub usage: BackgroundUsage,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TaskView {
    pub id: String,
    pub subject: String,
    /// `pending`, `in_progress`, `completed`.
    pub status: String,
}

/// Folds in an event of a subagent or of the list.
pub(super) fn apply(
    subagents: &mut Vec<SubagentView>,
    tasks: &mut Vec<TaskView>,
    event: &BackgroundEvent,
    at: Timestamp,
) {
    match event {
        BackgroundEvent::Started { turn, work } => start(subagents, *turn, work, at),
        BackgroundEvent::Progressed { task_id, description, usage, .. } => {
            change(subagents, task_id, |view| {
                view.description.clone_from(description);
                view.usage = *usage;
            });
        }
        BackgroundEvent::Finished { task_id, status, summary, usage, .. } => {
            change(subagents, task_id, |view| {
                view.status.clone_from(status);
                view.summary = Some(summary.clone());
                view.usage = usage.unwrap_or(view.usage);
                view.ended_at = Some(at);
            });
        }
        BackgroundEvent::Parked { task_id, .. } => {
            change(subagents, task_id, |view| PARKED.clone_into(&mut view.status));
        }
        BackgroundEvent::TakenUp { task_id, .. } => {
            change(subagents, task_id, |view| stop(view, at));
        }
        // It goes on until its process has ended it.
        BackgroundEvent::StopRequested { .. } => {}
        BackgroundEvent::TaskListChanged { change, .. } => change_list(tasks, change),
    }
}

fn start(subagents: &mut Vec<SubagentView>, turn: TurnId, work: &BackgroundWork, at: Timestamp) {
    subagents.push(SubagentView {
        id: work.task_id.clone(),
        turn_id: turn,
        tool_use_id: work.tool_use_id.clone(),
        kind: work.kind.clone(),
        subagent_type: work.subagent_type.clone(),
        description: work.description.clone(),
        status: "running".to_owned(),
        summary: None,
        tools_used: vec![],
        usage: BackgroundUsage::default(),
        started_at: at,
        ended_at: None,
    });
}

fn change(subagents: &mut [SubagentView], id: &str, change: impl FnOnce(&mut SubagentView)) {
    if let Some(view) = subagents.iter_mut().rev().find(|view| view.id == id) {
        change(view);
    }
}

/// Counts a tool use for the subagent that made it.
pub(super) fn tool_used(subagents: &mut [SubagentView], parent_tool_use_id: Option<&str>, name: &str) {
    let Some(parent) = parent_tool_use_id else { return };
    let mut newest_first = subagents.iter_mut().rev();
    if let Some(view) = newest_first.find(|view| view.tool_use_id.as_deref() == Some(parent)) {
        view.tools_used.push(name.to_owned());
    }
}

/// Work that was running when its process ended was ended with it.
pub(super) fn end_all(subagents: &mut [SubagentView], at: Timestamp) {
    for view in subagents.iter_mut().filter(|view| view.ended_at.is_none() && view.status != PARKED) {
        stop(view, at);
    }
}

fn stop(view: &mut SubagentView, at: Timestamp) {
    (view.status, view.ended_at) = ("stopped".to_owned(), Some(at));
}

fn change_list(tasks: &mut Vec<TaskView>, change: &TaskListChange) {
    if change.status == "deleted" {
        tasks.retain(|task| task.id != change.id);
        return;
    }
    match tasks.iter_mut().find(|task| task.id == change.id) {
        Some(task) => {
            task.status.clone_from(&change.status);
            if let Some(subject) = &change.subject {
                task.subject.clone_from(subject);
            }
        }
        None => tasks.push(TaskView {
            id: change.id.clone(),
            subject: change.subject.clone().unwrap_or_default(),
            status: change.status.clone(),
        }),
    }
}

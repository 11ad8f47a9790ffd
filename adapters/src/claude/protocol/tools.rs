//! The built-in tools of Claude Code 2.1, as its documentation and its `init` message name them.

use runner_core::ports::ToolInfo;
use runner_core::request::ToolEffect;

const fn tool(
    name: &'static str,
    category: &'static str,
    modifies_files: bool,
    description: &'static str,
) -> ToolInfo {
    ToolInfo { name, description, category, modifies_files }
}

/// The tools, in the order in which a person would look for them.
pub(crate) const BUILT_IN: &[ToolInfo] = &[
    tool("Read", "files", false, "Reads a file, picture, PDF or notebook."),
    tool("Glob", "files", false, "Finds files by name pattern."),
    tool("Grep", "files", false, "Searches file contents by regular expression."),
    tool("Edit", "files", true, "Replaces text in a file."),
    tool("Write", "files", true, "Creates or overwrites a file."),
    tool("NotebookEdit", "files", true, "Changes a cell of a Jupyter notebook."),
    tool("Bash", "commands", true, "Runs a shell command."),
    tool("TaskOutput", "commands", false, "Reads what a background task has printed."),
    tool("TaskStop", "commands", false, "Stops a background task."),
    tool("Monitor", "commands", false, "Watches a background command."),
    tool("WebFetch", "web", false, "Fetches a page and reads it."),
    tool("WebSearch", "web", false, "Searches the web."),
    tool("Agent", "agents", false, "Starts a subagent for a task of its own."),
    tool("Task", "agents", false, "The older name of Agent."),
    tool("SendMessage", "agents", false, "Sends a message to a subagent."),
    tool("Skill", "agents", false, "Uses a skill."),
    tool("ReportFindings", "agents", false, "Hands over what a review found."),
    tool("Workflow", "agents", false, "Runs a workflow of several agents."),
    tool("TaskCreate", "planning", false, "Adds a task to the session's list."),
    tool("TaskGet", "planning", false, "Reads a task of the session's list."),
    tool("TaskList", "planning", false, "Lists the session's tasks."),
    tool("TaskUpdate", "planning", false, "Changes a task of the session's list."),
    tool("TodoWrite", "planning", false, "Writes the task list of older versions."),
    tool("EnterPlanMode", "planning", false, "Begins to plan without changing anything."),
    tool("ExitPlanMode", "planning", false, "Presents a plan for approval."),
    tool("AskUserQuestion", "people", false, "Asks the person a question."),
    tool("ToolSearch", "agents", false, "Finds tools that are loaded on demand."),
    tool("EnterWorktree", "commands", true, "Works in a git worktree."),
    tool("ExitWorktree", "commands", true, "Leaves a git worktree."),
];

/// Tools that no agent is offered, and why.
pub(crate) const WITHHELD: &[&str] = &[
    // These make turns that nobody asked for, and end unseen with the process.
    "CronCreate",
    "CronDelete",
    "CronList",
    "ScheduleWakeup",
    "RemoteTrigger",
    // This shows other sessions on this machine, whoever they belong to.
    "ListAgents",
];

/// Tools that an agent is offered only if its session names them: a message may go to another session.
pub(crate) const ON_REQUEST: &[&str] = &["SendMessage"];

/// The effect of a tool. Only tools that are named here can pass by their effect.
pub(super) fn effect(name: &str) -> ToolEffect {
    match name {
        "Read"
        | "Glob"
        | "Grep"
        | "LS"
        | "NotebookRead"
        | "LSP"
        | "TaskOutput"
        | "BashOutput"
        | "WebFetch"
        | "WebSearch"
        | "ListMcpResourcesTool"
        | "ReadMcpResourceTool" => ToolEffect::Reads,
        "AskUserQuestion" | "EnterPlanMode" | "ExitPlanMode" | "ReportFindings" | "StructuredOutput"
        | "TaskCreate" | "TaskGet" | "TaskList" | "TaskUpdate" | "TaskStop" | "KillShell" | "TodoWrite"
        | "ToolSearch" => ToolEffect::Notes,
        "Edit" | "Write" | "NotebookEdit" => ToolEffect::WritesFiles,
        "Bash" => ToolEffect::RunsCommands,
        "Agent" | "Task" => ToolEffect::StartsAgents,
        "Skill" => ToolEffect::LoadsSkills,
        name if WITHHELD.contains(&name) => ToolEffect::Withheld,
        _ => ToolEffect::Other,
    }
}

//! The server's decisions for every agent, whatever its folder, a request or a model says.
//!
//! Some of them stand in the environment, some on the command line, which wins over the settings of a folder.
//! A trusted folder may set variables as well; `trust.rs` repeats these ones on the command line. A request
//! that sets one of them is refused before it comes here.
//!
//! The snapshot that newer versions make of the system prompt at a session's first turn stays on: the
//! additions to the prompt (`append_system_prompt`) are fixed when the session is opened, so the snapshot
//! hides no change.

use runner_core::ports::AgentSetup;
use serde_json::{Map, Value, json};

use crate::claude::program::Program;
use crate::claude::protocol::tools::{ON_REQUEST, WITHHELD};

/// The variable by which the processes of an agent are found.
pub(crate) const MARKER_VARIABLE: &str = "CLAUDE_RUNNER_AGENT";

/// Variables and their values.
pub(crate) const ENVIRONMENT: &[(&str, &str)] = &[
    // The agent presents itself to the API as a program that another one drives.
    ("CLAUDE_CODE_ENTRYPOINT", "sdk-cli"),
    // The agent reports nothing about people's work to anybody.
    ("DISABLE_TELEMETRY", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    // The operator chooses and tests the version.
    ("DISABLE_AUTOUPDATER", "1"),
    // Schedules lie in the folder. They would begin turns by themselves, also a stranger's schedules, in the
    // name of the next person who opens a session there.
    ("CLAUDE_CODE_DISABLE_CRON", "1"),
    // An MCP server that does not answer holds up the first turn, and whoever interrupts it, for so many
    // milliseconds. One that is started with `npx` is downloaded first, in every session anew.
    ("MCP_TIMEOUT", "60000"),
    // The agent does not resume an interrupted turn by itself.
    ("CLAUDE_CODE_RESUME_INTERRUPTED_TURN", ""),
    // The agent keeps copies of files, with which a turn can be rewound.
    ("CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING", "true"),
];

/// The first version known to look at a repository without running what its configuration names.
const LOOKS_WITHOUT_RUNNING: [u64; 3] = [2, 1, 332];

/// One more variable for a folder that nobody trusts: at their start, older versions ask git about the
/// folder, and git runs programs that the folder's configuration names.
pub(crate) fn of_untrusted_folder(program: &Program) -> Option<(&'static str, &'static str)> {
    let is_old = !program.is_at_least(LOOKS_WITHOUT_RUNNING);
    is_old.then_some(("CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS", "1"))
}

/// Settings that no file of a folder can undo.
pub(crate) fn settings() -> Map<String, Value> {
    let settings = json!({
        // A message of another session on this machine is never a prompt of this one.
        "crossSessionInbound": "refuse",
        // While the agent plans, people decide, not a classifier.
        "useAutoModeDuringPlan": false,
    });
    settings.as_object().cloned().unwrap_or_default()
}

/// Tools that are not offered to this session's agent.
pub(crate) fn withheld_tools(setup: &AgentSetup) -> String {
    let named = setup.options.tools.as_deref().unwrap_or_default();
    let on_request = ON_REQUEST.iter().filter(|tool| !named.iter().any(|named| named == *tool));
    WITHHELD.iter().chain(on_request).copied().collect::<Vec<_>>().join(",")
}

//! What the server decides for every agent, whatever its folder, a request or a model says.
//!
//! Some of it stands in the environment, some on the command line, which goes before the settings of a folder. A
//! trusted folder may set variables as well; `trust.rs` repeats these ones on the command line. A request that
//! sets one of them is refused before it comes here.
//!
//! The snapshot that newer versions make of the system prompt at a session's first turn stays on: what goes into
//! the prompt (`append_system_prompt`) is fixed when the session is opened, so there is nothing that it would hide.

use runner_core::ports::AgentSetup;
use serde_json::{Map, Value, json};

use crate::claude::program::Program;
use crate::claude::protocol::tools::{ON_REQUEST, WITHHELD};

/// The variable by which the processes of an agent are found.
pub(crate) const MARKER_VARIABLE: &str = "CLAUDE_RUNNER_AGENT";

/// Variables and their values.
pub(crate) const ENVIRONMENT: &[(&str, &str)] = &[
    // How it presents itself to the API: as a program that another one drives.
    ("CLAUDE_CODE_ENTRYPOINT", "sdk-cli"),
    // What people do here is nobody else's business.
    ("DISABLE_TELEMETRY", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    // The version is chosen by whoever runs the server, and tested.
    ("DISABLE_AUTOUPDATER", "1"),
    // Schedules lie in the folder: they would begin turns by themselves, also those of a stranger, and in the
    // name of whoever opens a session there next.
    ("CLAUDE_CODE_DISABLE_CRON", "1"),
    // A turn that was cut off is not begun anew unasked.
    ("CLAUDE_CODE_RESUME_INTERRUPTED_TURN", ""),
    // Files are put back to what they were before a turn.
    ("CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING", "true"),
];

/// The first version known to look at a repository without running what its configuration names.
const LOOKS_WITHOUT_RUNNING: [u64; 3] = [2, 1, 332];

/// One more for a folder that nobody trusts: at their start, older versions ask git about the folder, and git
/// runs programs that the folder's configuration names.
pub(crate) fn of_untrusted_folder(program: &Program) -> Option<(&'static str, &'static str)> {
    let is_old = !program.is_at_least(LOOKS_WITHOUT_RUNNING);
    is_old.then_some(("CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS", "1"))
}

/// Settings that no file of a folder takes back.
pub(crate) fn settings() -> Map<String, Value> {
    let settings = json!({
        // What another session on this machine says is never a prompt of this one.
        "crossSessionInbound": "refuse",
        // While it plans, people are asked, not a classifier.
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

//! The meaning of one line of the agent.

use runner_core::agent::{AgentOutput, Delta};
use serde_json::Value;

use super::subagent_files::FileReport;

/// What a line means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Incoming {
    Output(AgentOutput),
    Delta(Delta),
    /// The agent answered a control request, so it is up.
    Answered {
        request_id: String,
        outcome: Result<Value, String>,
    },
    /// A tool may have changed a file; absent where the result's own line tells how. The agent goes on once it
    /// is answered.
    Reported {
        request_id: String,
        report: Option<FileReport>,
    },
    /// The agent asks for something that this program does not offer.
    Unsupported {
        request_id: String,
        subtype: String,
    },
}

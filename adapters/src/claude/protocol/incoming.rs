//! The meaning of one line of the agent.

use runner_core::agent::{AgentOutput, Delta};
use serde_json::Value;

use super::subagent_files::FileReport;

/// The meaning of a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Incoming {
    Output(AgentOutput),
    Delta(Delta),
    /// The agent answered a control request, so it is up.
    Answered {
        request_id: String,
        outcome: Result<Value, String>,
    },
    /// A tool may have changed a file. The report is absent where the result's own line has it. The agent
    /// waits for the answer.
    Reported {
        request_id: String,
        report: Option<FileReport>,
    },
    /// The agent makes a request that this program does not offer.
    Unsupported {
        request_id: String,
        subtype: String,
    },
}

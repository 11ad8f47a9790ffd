//! What can be asked of a session. Commands carry every fact a rule needs: ids, time, what was looked up.

use crate::agent::AgentOutput;
use crate::ids::{ProcessId, TurnId};
use crate::prompt::{Attachment, Prompt};
use crate::session::event::{FailureCause, InterruptCause, SessionOpened};

/// A request to change a session. Never stored.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionCommand {
    Open(Box<SessionOpened>),
    SubmitPrompt {
        turn: TurnId,
        text: Prompt,
        attachments: Vec<Attachment>,
        author: String,
        while_running: WhileRunning,
    },
    /// Begin with the prompt that waited longest.
    StartTurn {
        process: ProcessId,
        runtime_version: String,
        node: String,
    },
    RequestInterrupt {
        by: String,
    },
    /// The agent said something.
    Record(Box<Recording>),
    /// The running turn cannot go on, for a reason outside the agent.
    InterruptTurn {
        cause: InterruptCause,
    },
    /// The running turn cannot go on because the agent is not there.
    FailTurn {
        cause: FailureCause,
        detail: String,
    },
}

/// What to do with a prompt that comes while a turn runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileRunning {
    Queue,
    Refuse,
}

/// Something the agent said, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    pub output: AgentOutput,
    pub process: ProcessId,
    pub runtime_version: String,
    pub node: String,
    /// The id to use if this output begins a turn by itself.
    pub spare_turn: TurnId,
}

//! Commands to a session. They carry every fact that a rule needs: ids, time, and whatever was looked up.

use crate::agent::{AgentOutput, PermissionMode};
use crate::ids::{ProcessId, TurnId};
use crate::prompt::{Attachment, Prompt};
use crate::request::{Answer, DecidedBy};
use crate::session::event::{FailureCause, InterruptCause, ParkCause, SessionEvent, SessionOpened};
use crate::session::gate::Allowance;
use crate::session::hooks_in_force::HooksInForce;
use crate::workspace::WorkspaceReport;

/// A request to change a session. Never stored.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionCommand {
    Open(Box<SessionOpened>),
    /// Begin with what has happened elsewhere: a fork, or an import. An import may bring more of it later.
    Adopt(Vec<SessionEvent>),
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
    /// Take back a prompt that waits.
    WithdrawPrompt {
        turn: TurnId,
        by: String,
    },
    /// Give a prompt to the turn that runs.
    Steer {
        message: TurnId,
        text: Prompt,
        attachments: Vec<Attachment>,
        author: String,
    },
    RequestInterrupt {
        by: String,
        cause: InterruptCause,
    },
    /// Have work beside the conversation end.
    StopWork {
        task_id: String,
        by: String,
    },
    /// A person settles a request.
    Settle {
        request_id: String,
        answer: Box<Answer>,
        by: DecidedBy,
    },
    /// The oldest decision about a subagent whose process is gone goes to the conversation, in a turn with
    /// this id.
    ReportDecision {
        turn: TurnId,
    },
    /// The oldest decision that the process at work waits for goes to it.
    Release {
        process: ProcessId,
    },
    /// The process has ended, and with it what it did beside the conversation.
    CloseBackgroundWork,
    /// The waiting turn has no process any more.
    Park {
        cause: ParkCause,
    },
    /// A new process takes up the turn with the oldest decision.
    Resume {
        process: ProcessId,
        runtime_version: String,
        node: String,
    },
    Change {
        change: SessionChange,
        by: String,
    },
    HandOver(Handover),
    /// Files were put back to what they were before a turn.
    RecordRewind {
        turn: TurnId,
        files: Vec<String>,
        by: String,
    },
    /// Changes to files that the turn's commands made.
    RecordWorkspace(WorkspaceReport),
    /// The process has ended before these calls came back.
    AbandonCalls(Vec<Allowance>),
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

impl SessionCommand {
    /// Whether it is there to have an agent work, so that it needs somebody in whose name that may be.
    pub const fn needs_owner(&self) -> bool {
        matches!(self, Self::SubmitPrompt { .. } | Self::Steer { .. } | Self::Settle { .. })
    }
}

/// Who is to own a session from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Somebody in whose name agents may work.
    pub to: String,
    pub by: String,
    /// Whether the offline model plays the agent's model for them.
    pub offline: bool,
    /// Whether they may have agents work without asking; without the right to it the session asks.
    pub may_bypass: bool,
}

/// A property that is set anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionChange {
    Title(String),
    Tags(Vec<String>),
    PermissionMode(PermissionMode),
    Model(Option<String>),
    /// The folder is gone; whoever asks has looked.
    WorkingDir(String),
    Archived(bool),
}

impl SessionChange {
    /// The permission mode, if that is what is set.
    pub const fn permission_mode(&self) -> Option<PermissionMode> {
        match self {
            Self::PermissionMode(mode) => Some(*mode),
            Self::Title(_) | Self::Tags(_) | Self::Model(_) | Self::WorkingDir(_) | Self::Archived(_) => None,
        }
    }

    /// The folder, if that is what is set.
    pub fn working_dir(&self) -> Option<&str> {
        match self {
            Self::WorkingDir(folder) => Some(folder),
            Self::Title(_) | Self::Tags(_) | Self::PermissionMode(_) | Self::Model(_) | Self::Archived(_) => {
                None
            }
        }
    }
}

/// The fate of a prompt that comes while a turn runs.
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
    /// The hooks by which it is judged, if it waits to be let through.
    pub hooks: HooksInForce,
}

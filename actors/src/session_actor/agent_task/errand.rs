//! What an actor wants done with its agent, with all that it takes: the task knows no rules.

use runner_core::agent::PermissionMode;
use runner_core::ids::{ExtensionId, TurnId};
use runner_core::ports::hooks::HookProgram;
use runner_core::ports::{AgentError, AgentInput, AgentLaunch, GateVerdict, RunningAgent};
use runner_core::request::ToolGate;
use runner_core::session::action::GateAnswer;
use runner_core::session::requests::SettledRequest;
use runner_core::session::{QueuedPrompt, SteeredPrompt};
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use super::transcript::Transcript;
use super::workspace_diff::SharedDiff;

/// Done one after the other.
pub(in crate::session_actor) enum Errand {
    Start(Box<Start>),
    Tell(Telling),
    Rewind {
        turn: TurnId,
        answer: oneshot::Sender<Result<Vec<String>, AgentError>>,
    },
    /// The program of a hook is asked about a tool use, beside everything else.
    CallHook(Box<HookCall>),
    /// The turn is over.
    CloseTurn,
    /// The process ends, by force if it must; that it has ended is reported.
    Stop,
    /// The actor has given the agent up: nothing more of it is reported.
    End(Ending),
    /// Nothing comes after this.
    Finish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session_actor) enum Ending {
    Kill,
    Stop,
}

/// How an agent is started. Its files come from the store when nothing is being stored any more.
pub(in crate::session_actor) struct Start {
    pub(in crate::session_actor) launch: AgentLaunch,
    /// One that was started before the session was opened.
    pub(in crate::session_actor) spare: Option<RunningAgent>,
    /// Turns true when the process must not do anything more.
    pub(in crate::session_actor) killed: watch::Receiver<bool>,
}

/// A program that is asked about a tool use.
pub(in crate::session_actor) struct HookCall {
    pub(in crate::session_actor) tool_use_id: String,
    pub(in crate::session_actor) hook: ExtensionId,
    pub(in crate::session_actor) program: HookProgram,
}

/// Something that is said to the agent.
pub(in crate::session_actor) enum Telling {
    Prompt(QueuedPrompt),
    Steer(SteeredPrompt),
    ChangeMode(PermissionMode),
    ChangeModel(Option<String>),
    /// To stop its turn, without what that was given beside its prompt: it would begin another turn.
    Interrupt {
        withdrawn: Vec<TurnId>,
    },
    /// To end work beside its conversation.
    StopWork {
        task_id: String,
    },
    AnswerGate {
        gate: ToolGate,
        answer: GateAnswer,
        updated_input: Option<Value>,
    },
    /// Said to nobody: what has changed in the folder until now was not done by a command.
    ResnapshotFolder,
    AnswerRequest {
        request_id: String,
        settled: Box<SettledRequest>,
        mode_after: Option<PermissionMode>,
    },
    /// The mode, if it is not the one that the process was started in, and what people said to the turn, but
    /// for what its conversation has already.
    CatchUp {
        mode: Option<PermissionMode>,
        steered: Vec<SteeredPrompt>,
    },
}

impl Telling {
    pub(super) async fn say(
        self,
        input: &dyn AgentInput,
        diff: &SharedDiff,
        transcript: &Transcript,
    ) -> Result<(), AgentError> {
        match self {
            Self::Prompt(prompt) => {
                transcript.note_prompt(prompt.turn);
                input.prompt(prompt.turn, &prompt.text, &prompt.attachments).await
            }
            Self::Steer(prompt) => input.prompt(prompt.message, &prompt.text, &prompt.attachments).await,
            Self::ChangeMode(mode) => input.change_mode(mode).await,
            Self::ChangeModel(model) => input.change_model(model.as_deref()).await,
            Self::Interrupt { withdrawn } => {
                for message in withdrawn {
                    input.withdraw(message).await?;
                }
                input.interrupt().await
            }
            Self::StopWork { task_id } => input.stop_work(&task_id).await,
            Self::AnswerGate { gate, answer, updated_input } => {
                diff.snapshot_before(gate.effect).await;
                input.answer_gate(&gate.gate_id, verdict(&answer), updated_input.as_ref()).await
            }
            Self::ResnapshotFolder => {
                diff.resnapshot().await;
                Ok(())
            }
            Self::AnswerRequest { request_id, settled, mode_after } => {
                input.answer(&request_id, &settled, mode_after).await
            }
            Self::CatchUp { mode, steered } => {
                if let Some(mode) = mode {
                    input.change_mode(mode).await?;
                }
                let files = if steered.is_empty() { vec![] } else { transcript.load().await? };
                for prompt in steered {
                    let id = prompt.message.to_string();
                    if !files.iter().any(|file| contains(&file.bytes, &id)) {
                        input.prompt(prompt.message, &prompt.text, &prompt.attachments).await?;
                    }
                }
                Ok(())
            }
        }
    }
}

fn verdict(answer: &GateAnswer) -> GateVerdict<'_> {
    match answer {
        GateAnswer::Pass => GateVerdict::Pass,
        GateAnswer::Ask(why) => GateVerdict::Ask(why),
        GateAnswer::Allow(_) => GateVerdict::Allow,
        GateAnswer::Refuse(message) => GateVerdict::Refuse(message),
        GateAnswer::Settled(settled) => GateVerdict::Settled(settled),
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

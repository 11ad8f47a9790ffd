//! The events of a session, by subject. Names are frozen: once stored, an event is read for ever.
//!
//! Each subject is an enum of its own, and each fold matches the subject first. In the log an event is a name
//! and its fields; [`encoding`] knows which name belongs to which subject.

mod agent;
mod background;
mod causes;
mod encoding;
mod files;
mod hook;
mod lifecycle;
mod message;
mod prompt;
mod request;
mod schema;
mod setting;
mod spend;
mod tool;
mod turn;

use serde::Serialize;

use crate::ids::TurnId;
pub use agent::AgentEvent;
pub use background::BackgroundEvent;
pub use causes::{FailureCause, Fallback, Initiator, InterruptCause, ParkCause};
pub use files::FilesEvent;
pub use hook::{HookCalled, HookEvaluated, HookEvent, HookOutcome};
pub use lifecycle::{LifecycleEvent, Origin, Parent, SessionOpened};
pub use message::MessageEvent;
pub use prompt::PromptEvent;
pub use request::{Asked, Decided, RequestEvent, WithdrawReason};
pub use setting::SettingEvent;
pub use spend::{AgentCounter, SpendEvent};
pub use tool::ToolEvent;
pub use turn::{CostBasis, TurnAccount, TurnCompleted, TurnEvent, TurnOutcome, TurnResumed};

/// A fact about a session. In JSON: `{"type": …, "data": …}`; the log keeps both apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SessionEvent {
    Lifecycle(LifecycleEvent),
    Prompt(PromptEvent),
    Turn(TurnEvent),
    Agent(AgentEvent),
    Message(MessageEvent),
    Tool(ToolEvent),
    Files(FilesEvent),
    Request(RequestEvent),
    Background(BackgroundEvent),
    Spend(SpendEvent),
    Setting(SettingEvent),
    Hook(HookEvent),
}

impl SessionEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Lifecycle(event) => event.type_name(),
            Self::Prompt(event) => event.type_name(),
            Self::Turn(event) => event.type_name(),
            Self::Agent(event) => event.type_name(),
            Self::Message(event) => event.type_name(),
            Self::Tool(event) => event.type_name(),
            Self::Files(event) => event.type_name(),
            Self::Request(event) => event.type_name(),
            Self::Background(event) => event.type_name(),
            Self::Spend(event) => event.type_name(),
            Self::Setting(event) => event.type_name(),
            Self::Hook(event) => event.type_name(),
        }
    }

    /// The turn that is over with this event.
    pub const fn ended_turn(&self) -> Option<TurnId> {
        let Self::Turn(
            TurnEvent::Completed(TurnCompleted { turn, .. })
            | TurnEvent::Failed { turn, .. }
            | TurnEvent::Interrupted { turn, .. },
        ) = self
        else {
            return None;
        };
        Some(*turn)
    }
}

macro_rules! from_subjects {
    ($($subject:ident($event:ty)),+ $(,)?) => {
        $(impl From<$event> for SessionEvent {
            fn from(event: $event) -> Self {
                Self::$subject(event)
            }
        })+
    };
}

from_subjects! {
    Lifecycle(LifecycleEvent),
    Prompt(PromptEvent),
    Turn(TurnEvent),
    Agent(AgentEvent),
    Message(MessageEvent),
    Tool(ToolEvent),
    Files(FilesEvent),
    Request(RequestEvent),
    Background(BackgroundEvent),
    Spend(SpendEvent),
    Setting(SettingEvent),
    Hook(HookEvent),
}

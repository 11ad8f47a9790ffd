//! Requests of the agent: asked, decided, handed over, withdrawn.
//!
//! Whatever a person is asked for, the rules are the same, so here it is one pair of events with a kind. In
//! the log the kind is part of the name: `permission_requested`, `question_answered`, `plan_decided`, …

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{ProcessId, TurnId};
use crate::request::{AgentRequest, RequestKind, Settlement};

/// The agent asks people, and they decide.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestEvent {
    Asked(Asked),
    Decided(Decided),
    /// The decision is handed to a process of the agent: from here on the tool may have been used.
    Released {
        turn: TurnId,
        request_id: String,
        process: ProcessId,
    },
    /// Nobody need decide any more.
    Withdrawn {
        turn: TurnId,
        request_id: String,
        reason: WithdrawReason,
    },
}

/// A request as it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub kind: RequestKind,
    pub turn: TurnId,
    pub request: AgentRequest,
}

/// A request as it was settled.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    pub kind: RequestKind,
    pub turn: TurnId,
    pub settlement: Settlement,
}

/// Why nobody need decide any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawReason {
    /// The agent no longer waits for it.
    AgentWithdrew,
    /// The turn was taken up for another request, and the agent asks again if it still needs this one.
    Dropped,
}

impl WithdrawReason {
    /// For people.
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::AgentWithdrew => "the agent no longer waits for it",
            Self::Dropped => "the turn was taken up for another request; the agent asks again if it needs to",
        }
    }
}

impl RequestEvent {
    /// The stable name under which the log keeps it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Asked(Asked { kind: RequestKind::Permission, .. }) => "permission_requested",
            Self::Asked(Asked { kind: RequestKind::Question, .. }) => "question_asked",
            Self::Asked(Asked { kind: RequestKind::Plan, .. }) => "plan_proposed",
            Self::Decided(Decided { kind: RequestKind::Permission, .. }) => "permission_decided",
            Self::Decided(Decided { kind: RequestKind::Question, .. }) => "question_answered",
            Self::Decided(Decided { kind: RequestKind::Plan, .. }) => "plan_decided",
            Self::Released { .. } => "request_released",
            Self::Withdrawn { .. } => "request_withdrawn",
        }
    }
}

/// The stored form, in which the name tells the kind.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub(super) enum StoredRequestEvent<'a> {
    PermissionRequested(StoredAsked<'a>),
    QuestionAsked(StoredAsked<'a>),
    PlanProposed(StoredAsked<'a>),
    PermissionDecided(StoredDecided<'a>),
    QuestionAnswered(StoredDecided<'a>),
    PlanDecided(StoredDecided<'a>),
    RequestReleased {
        turn: TurnId,
        #[schema(value_type = String)]
        request_id: Cow<'a, str>,
        process: ProcessId,
    },
    RequestWithdrawn {
        turn: TurnId,
        #[schema(value_type = String)]
        request_id: Cow<'a, str>,
        reason: WithdrawReason,
    },
}

#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = RequestAsked)]
pub(super) struct StoredAsked<'a> {
    turn: TurnId,
    #[serde(flatten)]
    #[schema(value_type = AgentRequest)]
    request: Cow<'a, AgentRequest>,
}

#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = RequestDecided)]
pub(super) struct StoredDecided<'a> {
    turn: TurnId,
    #[serde(flatten)]
    #[schema(value_type = Settlement)]
    settlement: Cow<'a, Settlement>,
}

impl Serialize for RequestEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = match self {
            Self::Asked(asked) => {
                let stored = StoredAsked { turn: asked.turn, request: Cow::Borrowed(&asked.request) };
                match asked.kind {
                    RequestKind::Permission => StoredRequestEvent::PermissionRequested(stored),
                    RequestKind::Question => StoredRequestEvent::QuestionAsked(stored),
                    RequestKind::Plan => StoredRequestEvent::PlanProposed(stored),
                }
            }
            Self::Decided(decided) => {
                let settlement = Cow::Borrowed(&decided.settlement);
                let stored = StoredDecided { turn: decided.turn, settlement };
                match decided.kind {
                    RequestKind::Permission => StoredRequestEvent::PermissionDecided(stored),
                    RequestKind::Question => StoredRequestEvent::QuestionAnswered(stored),
                    RequestKind::Plan => StoredRequestEvent::PlanDecided(stored),
                }
            }
            Self::Released { turn, request_id, process } => StoredRequestEvent::RequestReleased {
                turn: *turn,
                request_id: request_id.into(),
                process: *process,
            },
            Self::Withdrawn { turn, request_id, reason } => StoredRequestEvent::RequestWithdrawn {
                turn: *turn,
                request_id: request_id.into(),
                reason: *reason,
            },
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RequestEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match StoredRequestEvent::deserialize(deserializer)? {
            StoredRequestEvent::PermissionRequested(asked) => asked.of_kind(RequestKind::Permission),
            StoredRequestEvent::QuestionAsked(asked) => asked.of_kind(RequestKind::Question),
            StoredRequestEvent::PlanProposed(asked) => asked.of_kind(RequestKind::Plan),
            StoredRequestEvent::PermissionDecided(decided) => decided.of_kind(RequestKind::Permission),
            StoredRequestEvent::QuestionAnswered(decided) => decided.of_kind(RequestKind::Question),
            StoredRequestEvent::PlanDecided(decided) => decided.of_kind(RequestKind::Plan),
            StoredRequestEvent::RequestReleased { turn, request_id, process } => {
                Self::Released { turn, request_id: request_id.into_owned(), process }
            }
            StoredRequestEvent::RequestWithdrawn { turn, request_id, reason } => {
                Self::Withdrawn { turn, request_id: request_id.into_owned(), reason }
            }
        })
    }
}

impl StoredAsked<'_> {
    fn of_kind(self, kind: RequestKind) -> RequestEvent {
        RequestEvent::Asked(Asked { kind, turn: self.turn, request: self.request.into_owned() })
    }
}

impl StoredDecided<'_> {
    fn of_kind(self, kind: RequestKind) -> RequestEvent {
        RequestEvent::Decided(Decided { kind, turn: self.turn, settlement: self.settlement.into_owned() })
    }
}

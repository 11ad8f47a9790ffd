//! Identifiers. All are UUIDs; a session's id is also the agent's session id and its stream in the log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

id!(
    /// One conversation with the agent and its stream of events.
    SessionId
);
id!(
    /// One aggregate's events in the log. A session's stream has the session's id.
    StreamId
);
id!(
    /// A stored API key.
    ApiKeyId
);
id!(
    /// Something that extends the agent.
    ExtensionId
);
id!(
    /// A prompt that is given at set times.
    ScheduleId
);
id!(
    /// Something that is kept encrypted beside the log.
    SecretId
);
id!(
    /// A login and the refresh tokens that follow from it.
    LoginId
);
id!(
    /// A token for programs.
    ServiceTokenId
);
id!(
    /// An invitation into a team.
    InviteId
);
id!(
    /// One prompt and everything the agent did about it.
    TurnId
);
id!(
    /// One run of the agent's program. Its cost counter starts at zero.
    ProcessId
);
id!(
    /// One request to change something. A retry under the same id gets the first answer.
    CommandId
);

impl From<SessionId> for StreamId {
    fn from(session: SessionId) -> Self {
        Self(session.0)
    }
}

/// Whom stored things belong to: a team. People of other teams cannot tell that they exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct TenantId(pub String);

impl TenantId {
    /// The team that an installation begins with, the operators'. What was stored before there were teams
    /// is its own.
    pub fn first() -> Self {
        Self("default".to_owned())
    }

    pub fn is_first(&self) -> bool {
        self.0 == "default"
    }
}

impl Default for TenantId {
    fn default() -> Self {
        Self::first()
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

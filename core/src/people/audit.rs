//! Who did what, and who was told no.
//!
//! What was done needs no record of its own: it is the log, and [`AuditEntry`] is how an event of any kind
//! looks to who audits. What was refused leaves no event otherwise, so it becomes [`AuditEvent`]s in one
//! stream of each team. [`ledger`] keeps a flood of refusals from becoming a flood of events.

pub mod decision;
pub mod ledger;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use self::decision::AuditedDecision;
use crate::ids::{StreamId, TenantId};
use crate::log::{Aggregate, AggregateEvent, stream_of_name};
use crate::people::account::Account;
use crate::people::account::username::Username;
use crate::time::Timestamp;

/// The word for these streams in the log.
pub const KIND: &str = "audit";

/// The actor in the log for a caller who was not authenticated.
pub const ANONYMOUS: &str = "anonymous";

/// The most events that one page may look at to find those that were asked for.
pub const MAX_SCANNED: u32 = 10_000;

/// The same where decisions about uses of tools are looked for among all that agents said: no index has them,
/// because that would make each call dearer.
pub const MAX_SCANNED_FOR_DECISIONS: u32 = 50_000;

/// The stream of what was refused in a team.
pub fn stream_of(tenant: &TenantId) -> StreamId {
    stream_of_name(KIND, &tenant.0)
}

/// The streams that an object may be: by the id in it, and an account also by its owner's name.
pub fn streams_of(object: &str) -> Vec<StreamId> {
    let (kind, name) = object.rsplit_once(':').unwrap_or_default();
    let by_id = name.parse().ok();
    let username = (kind == Account::KIND).then(|| Username::try_from(name.to_owned()).ok()).flatten();
    by_id.into_iter().chain(username.map(|username| Account::stream(&username))).collect()
}

/// Something that did not happen because it was not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum AuditEvent {
    AccessDenied(AccessDenied),
    /// More was refused than is recorded one by one.
    DenialsOmitted {
        times: u64,
        first_at: Timestamp,
        last_at: Timestamp,
    },
}

impl AggregateEvent for AuditEvent {}

/// One refusal, or several equal ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessDenied {
    /// Method and route, as `GET /api/sessions/{id}`; never what stood in the path.
    pub operation: String,
    /// What it was about, as `session:<id>`, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The stable code of the problem that was the answer.
    pub reason: String,
    /// How often since the equal refusal that was recorded before this one.
    pub times: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// What became of what somebody wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    /// It was tried and went wrong.
    Failed,
    Denied,
}

impl Outcome {
    /// The types of events that mean this; for [`Outcome::Succeeded`] it is all others.
    pub const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Succeeded => &[],
            Self::Failed => &["turn_failed"],
            Self::Denied => &["access_denied", "denials_omitted", "refresh_reused"],
        }
    }

    pub fn of(type_name: &str) -> Self {
        let is_one_of = |outcome: Self| outcome.types().contains(&type_name);
        match (is_one_of(Self::Failed), is_one_of(Self::Denied)) {
            (true, _) => Self::Failed,
            (false, true) => Self::Denied,
            (false, false) => Self::Succeeded,
        }
    }
}

/// An event of the log as who audits sees it.
#[derive(Clone, Debug, Serialize)]
pub struct AuditEntry {
    pub position: u64,
    /// `session`, `account`, `audit` …
    pub kind: String,
    pub stream: StreamId,
    /// Place in the stream, gapless from 1.
    pub version: u64,
    #[serde(rename = "type")]
    pub type_name: String,
    pub schema: u32,
    pub recorded_at: Timestamp,
    pub actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// `X-Request-Id` of the HTTP request that caused it.
    pub http_request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What it is about, as `session:<id>`; an account by its owner's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    pub outcome: Outcome,
    /// What was decided about which use of a tool, and by whom, where the event says so.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub decided: Option<AuditedDecision>,
    /// JSON text. Absent where it is too large to be listed; a session's own events have it.
    #[serde(serialize_with = "as_json")]
    pub data: Option<String>,
}

fn as_json<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let raw = text.as_deref().map(serde_json::from_str::<&RawValue>).transpose();
    raw.map_err(serde::ser::Error::custom)?.serialize(serializer)
}

impl AuditEntry {
    /// What an event is about: what it says itself if it is a refusal, else what its stream is of.
    pub fn object_of(kind: &str, stream: StreamId, data: Option<&str>) -> Option<String> {
        if kind != KIND {
            return Some(format!("{kind}:{stream}"));
        }
        #[derive(Deserialize)]
        struct About {
            object: Option<String>,
        }
        serde_json::from_str::<About>(data?).ok()?.object
    }
}

/// How much of the log is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// What people and programs did, and what they were refused.
    #[default]
    People,
    /// Also what agents said and what the server did by itself.
    Everything,
}

/// Which events to show; what is absent restricts nothing.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub tenant: TenantId,
    pub scope: Scope,
    /// A person's tokens act for that person: `user:<name>` finds events of all of them as well.
    pub actor: Option<String>,
    pub kind: Option<String>,
    /// One of these; empty for all.
    pub types: Vec<String>,
    pub object: Option<String>,
    pub outcome: Option<Outcome>,
    /// Only decisions about uses of this tool.
    pub tool: Option<String>,
    /// Only decisions about uses of tools with this text somewhere in their input.
    pub text: Option<String>,
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub to: Option<Timestamp>,
    pub limit: u32,
    /// Only events at earlier positions.
    pub before: Option<u64>,
}

impl AuditFilter {
    /// Whether only decisions about uses of tools are asked for.
    pub const fn asks_for_decisions(&self) -> bool {
        self.tool.is_some() || self.text.is_some()
    }

    /// The most events that a page may look at.
    pub const fn max_scanned(&self) -> u32 {
        if self.asks_for_decisions() { MAX_SCANNED_FOR_DECISIONS } else { MAX_SCANNED }
    }
}

/// A page, the newest first.
#[derive(Clone, Debug)]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins. There may be one although this one is not full: a page looks at
    /// [`MAX_SCANNED`] events at most.
    pub next: Option<u64>,
}

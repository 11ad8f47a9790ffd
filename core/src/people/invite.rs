//! An invitation into a team: a code that is shown once and makes one account.
//!
//! Its stream is found by its id, which stands in the code beside the secret; only the secret's hash is
//! kept. Whoever uses it first has it: two at once want the same next version of its stream.

#[cfg(test)]
mod tests;

use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{InviteId, StreamId, TenantId};
use crate::log::{Aggregate, AggregateEvent, Digest, Effects, stream_of_name};
use crate::people::account::username::Username;
use crate::people::principal::Role;
use crate::time::Timestamp;

/// The longest that an invitation is open.
pub const MAX_LIFETIME_MS: u64 = 90 * 24 * 60 * 60 * 1000;

/// An invitation as far as its rules need to know it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Invite {
    created: Option<Created>,
    used_by: Option<String>,
    revoked: bool,
}

/// What somebody is invited to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub invite: InviteId,
    pub tenant: String,
    pub role: Role,
    /// The only name that may be chosen, if that is fixed.
    pub username: Option<String>,
    /// SHA-256 of the secret.
    pub hash: Digest,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    pub by: String,
}

/// A fact about an invitation. Names are frozen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum InviteEvent {
    InviteCreated(Created),
    InviteUsed { username: String, at: Timestamp },
    InviteRevoked { by: String },
}

/// What can be asked of an invitation.
#[derive(Clone, Debug, PartialEq)]
pub enum InviteCommand {
    Create(Created),
    Use { hash: Digest, username: Username, at: Timestamp },
    Revoke { by: String },
}

/// Why an invitation refuses. To whoever shows a code they are all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InviteRefusal {
    #[error("there is no such invitation")]
    Unknown,
    #[error("the invitation was used, revoked, or is too old")]
    Closed,
    #[error("the invitation is for another username")]
    ForAnotherName,
    #[error("an invitation expires after it is made, and at the latest 90 days later")]
    Lifetime,
}

/// An invitation without its code.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct InviteView {
    pub id: InviteId,
    pub role: Role,
    pub username: Option<String>,
    pub created_by: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl Invite {
    pub fn stream(invite: InviteId) -> StreamId {
        stream_of_name(Self::KIND, &invite.to_string())
    }

    fn admit(
        &self,
        created: &Created,
        hash: Digest,
        username: &Username,
        at: Timestamp,
    ) -> Result<(), InviteRefusal> {
        if created.hash != hash {
            return Err(InviteRefusal::Unknown);
        }
        if !self.is_open_to(username, at) {
            return Err(InviteRefusal::Closed);
        }
        match &created.username {
            Some(only) if only != username.as_str() => Err(InviteRefusal::ForAnotherName),
            Some(_) | None => Ok(()),
        }
    }

    /// What somebody is invited to; absent before it is made.
    pub fn created(&self) -> Option<&Created> {
        self.created.as_ref()
    }

    /// Whether somebody could still use it.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used_by.is_none() && self.holds(now)
    }

    /// Whether somebody of this name could: also who has taken it and has no account yet, because what was
    /// to make that was cut off. That there is none is for the caller to know.
    pub fn is_open_to(&self, username: &Username, now: Timestamp) -> bool {
        self.used_by.as_deref().is_none_or(|used_by| used_by == username.as_str()) && self.holds(now)
    }

    fn holds(&self, now: Timestamp) -> bool {
        !self.revoked && self.created.as_ref().is_some_and(|created| created.expires_at > now)
    }

    pub fn view(&self) -> Option<InviteView> {
        let created = self.created.as_ref()?;
        Some(InviteView {
            id: created.invite,
            role: created.role,
            username: created.username.clone(),
            created_by: created.by.clone(),
            created_at: created.at,
            expires_at: created.expires_at,
        })
    }

    pub fn tenant(&self) -> TenantId {
        TenantId(self.created.as_ref().map(|created| created.tenant.clone()).unwrap_or_default())
    }
}

impl AggregateEvent for InviteEvent {}

impl Aggregate for Invite {
    type Command = InviteCommand;
    type Event = InviteEvent;
    type Action = Infallible;
    type Refusal = InviteRefusal;

    const KIND: &'static str = "invite";

    fn decide(&self, command: InviteCommand) -> Result<Effects<InviteEvent, Infallible>, InviteRefusal> {
        Ok(self.events_of(command)?.into())
    }

    fn apply(&mut self, event: InviteEvent) {
        match event {
            InviteEvent::InviteCreated(created) => self.created = Some(created),
            InviteEvent::InviteUsed { username, at: _ } => self.used_by = Some(username),
            InviteEvent::InviteRevoked { by: _ } => self.revoked = true,
        }
    }
}

impl Invite {
    fn events_of(&self, command: InviteCommand) -> Result<Vec<InviteEvent>, InviteRefusal> {
        match (&self.created, command) {
            (None, InviteCommand::Create(created)) => match created.expires_at.millis_since(created.at) {
                1..=MAX_LIFETIME_MS => Ok(vec![InviteEvent::InviteCreated(created)]),
                _ => Err(InviteRefusal::Lifetime),
            },
            (Some(_), InviteCommand::Create(_)) => Err(InviteRefusal::Closed),
            (None, _) => Err(InviteRefusal::Unknown),
            (Some(created), InviteCommand::Use { hash, username, at }) => {
                self.admit(created, hash, &username, at)?;
                let is_taken = self.used_by.is_some();
                let used = InviteEvent::InviteUsed { username: username.to_string(), at };
                Ok(if is_taken { vec![] } else { vec![used] })
            }
            (Some(_), InviteCommand::Revoke { .. }) if self.used_by.is_some() => Err(InviteRefusal::Closed),
            (Some(_), InviteCommand::Revoke { .. }) if self.revoked => Ok(vec![]),
            (Some(_), InviteCommand::Revoke { by }) => Ok(vec![InviteEvent::InviteRevoked { by }]),
        }
    }
}

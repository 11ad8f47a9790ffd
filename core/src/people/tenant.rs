//! Teams beside the one that an installation begins with.
//!
//! The first team, `default`, is the operators': its admins make the others. A team has a name and a folder
//! below which its sessions work, neither of which another team may have. Both stay as they are, so a rule
//! that holds when a team is made holds for good. Whose something is, everything stored says by the team's
//! [`TenantId`]; a team's own events belong to `default`, where it was made.

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::log::{Aggregate, AggregateEvent, Effects};

use crate::ids::{InviteId, StreamId, TenantId};
use crate::time::Timestamp;

/// How a team's own log names whoever made it: who that is, only the operators' log says.
pub const OPERATOR: &str = "operator";

const MAX_NAME_CHARS: usize = 64;

/// A team's name: 1 to 64 visible characters, with single spaces between words. Never changes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TenantName(String);

/// The text is no team's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be 1 to {MAX_NAME_CHARS} visible characters, without a space at either end")]
pub struct NameMalformed;

/// A team as far as its rules need to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    created: Option<TenantCreated>,
}

/// How a team came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantCreated {
    pub tenant: TenantId,
    pub name: String,
    /// Resolved; its sessions work below it and nowhere else.
    pub working_dir: String,
    /// The invitation of its first person.
    pub invite: InviteId,
    pub by: String,
    pub at: Timestamp,
}

/// A fact about a team. Names are frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum TenantEvent {
    TenantCreated(TenantCreated),
    /// An operator made another invitation into it.
    TenantInvited {
        invite: InviteId,
        by: String,
        at: Timestamp,
    },
}

/// Why a team is not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TenantRefusal {
    #[error("there is no such team")]
    Unknown,
    #[error("another team is called so")]
    NameTaken,
    /// The name of the team whose folder it is.
    #[error("the folder is, holds, or lies in the folder of the team `{0}`")]
    FolderTaken(String),
    #[error("the folder is, or holds, the one in which the operators' team works")]
    FolderOfOperators,
}

/// A team as operators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TenantView {
    pub id: TenantId,
    pub name: String,
    /// Its sessions work below this folder and nowhere else; the default of its people.
    pub working_dir: String,
    pub created_by: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// What can be asked of a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantCommand {
    Create {
        new: TenantCreated,
        name: TenantName,
        beside: Beside,
    },
    /// Notes another invitation into the team.
    Invite {
        invite: InviteId,
        by: String,
        at: Timestamp,
    },
}

/// What a new team must not collide with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    pub teams: Vec<Tenant>,
    /// Where the operators' team works if a request names no folder.
    pub operators_dir: PathBuf,
}

impl Tenant {
    /// The stream of a team; absent for `default`, which nobody made, and for what is no team's id.
    pub fn stream(tenant: &TenantId) -> Option<StreamId> {
        Uuid::try_parse(&tenant.0).ok().map(StreamId)
    }

    fn create(
        &self,
        new: TenantCreated,
        name: &TenantName,
        beside: &Beside,
    ) -> Result<Vec<TenantEvent>, TenantRefusal> {
        let is_named_so = |other: &TenantCreated| fold(&other.name) == name.folded();
        let mut others = beside.teams.iter().filter_map(|team| team.created.as_ref());
        if name.folded() == TenantId::first().0 || others.clone().any(is_named_so) || self.created.is_some() {
            return Err(TenantRefusal::NameTaken);
        }
        let folder = Path::new(&new.working_dir);
        if beside.operators_dir.starts_with(folder) {
            return Err(TenantRefusal::FolderOfOperators);
        }
        let overlaps = |other: &&TenantCreated| {
            folder.starts_with(&other.working_dir) || Path::new(&other.working_dir).starts_with(folder)
        };
        match others.find(overlaps) {
            Some(other) => Err(TenantRefusal::FolderTaken(other.name.clone())),
            None => Ok(vec![TenantEvent::TenantCreated(new)]),
        }
    }

    /// How it came to be; absent before that.
    pub fn created(&self) -> Option<&TenantCreated> {
        self.created.as_ref()
    }

    pub fn view(&self) -> Option<TenantView> {
        let TenantCreated { tenant, name, working_dir, invite: _, by, at } = self.created.clone()?;
        Some(TenantView { id: tenant, name, working_dir, created_by: by, created_at: at })
    }
}

impl AggregateEvent for TenantEvent {}

impl Aggregate for Tenant {
    type Command = TenantCommand;
    type Event = TenantEvent;
    type Action = Infallible;
    type Refusal = TenantRefusal;

    const KIND: &'static str = "tenant";

    fn decide(&self, command: TenantCommand) -> Result<Effects<TenantEvent, Infallible>, TenantRefusal> {
        Ok(self.events_of(command)?.into())
    }

    fn apply(&mut self, event: TenantEvent) {
        match event {
            TenantEvent::TenantCreated(created) => self.created = Some(created),
            // The invitation itself is the team's.
            TenantEvent::TenantInvited { .. } => {}
        }
    }
}

impl Tenant {
    fn events_of(&self, command: TenantCommand) -> Result<Vec<TenantEvent>, TenantRefusal> {
        match command {
            TenantCommand::Create { new, name, beside } => self.create(new, &name, &beside),
            TenantCommand::Invite { invite, by, at } => {
                self.created.as_ref().ok_or(TenantRefusal::Unknown)?;
                Ok(vec![TenantEvent::TenantInvited { invite, by, at }])
            }
        }
    }
}

impl TenantName {
    /// Equal for names that nobody should have to tell apart.
    fn folded(&self) -> String {
        fold(&self.0)
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TenantName {
    type Error = NameMalformed;

    fn try_from(text: String) -> Result<Self, NameMalformed> {
        let is_short = text.len() <= 4 * MAX_NAME_CHARS && text.chars().count() <= MAX_NAME_CHARS;
        let is_trimmed = !text.is_empty() && text.trim() == text && !text.contains("  ");
        if is_short && is_trimmed && text.chars().all(is_visible) {
            return Ok(Self(text));
        }
        Err(NameMalformed)
    }
}

/// Neither a control character nor one that changes how others look without being seen itself.
fn is_visible(char: char) -> bool {
    let is_hidden = matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    char == ' ' || !(char.is_control() || char.is_whitespace() || is_hidden)
}

fn fold(name: &str) -> String {
    let lower = name.nfkc().collect::<String>().to_lowercase();
    lower.nfkc().collect()
}

//! What people add to the agent: its rules and how events change it.
//!
//! An extension is somebody's, has a name that no other of its kind and owner has, and a definition by kind.
//! It is active in sessions of its owner, or in everybody's in one folder. An agent works with the extensions
//! that were active when its turn began ([`active::ActiveExtensions`]).
//!
//! Values that are secret are in no event and in no state: both name a [`SecretId`], under which they lie
//! sealed beside the log. What was removed can be made anew under its name; its history goes on.

pub mod active;
pub mod agent;
pub mod definition;
pub mod event;
pub mod files;
pub mod hook;
pub mod kept_files;
pub mod mcp_server;
pub mod plugin;
pub mod secrets;
pub mod skill;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::definition::{Definition, ExtensionKind, Scope};
use self::event::{CreatedExtension, ExtensionEvent};
use crate::ids::{SecretId, StreamId, TenantId};
use crate::log::{Aggregate, Effects, stream_of_name};
use crate::time::Timestamp;

/// The most extensions of one kind that one person keeps.
pub const MAX_EXTENSIONS: usize = 100;

/// Something that extends the agent, as far as its rules and its users need to know it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    created: Option<CreatedExtension>,
    pub is_enabled: bool,
    /// When its definition, its scope or its being enabled was changed last.
    pub changed_at: Option<Timestamp>,
    is_removed: bool,
}

/// What can be asked of an extension.
#[derive(Clone, Debug, PartialEq)]
pub enum ExtensionCommand {
    Create(CreatedExtension),
    Change(Vec<ExtensionChange>, Timestamp),
    Remove(Timestamp),
    /// Back to what it was at a version of its stream.
    Restore(Restored, Timestamp),
}

/// One property of an extension.
#[derive(Clone, Debug, PartialEq)]
pub enum ExtensionChange {
    Enabled,
    Disabled,
    Scope(Scope),
    /// With the secret values that belong to it; those before are destroyed where they are others.
    Definition(Box<Definition>, Option<SecretId>),
}

/// An earlier definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The version of the stream at which it was so.
    pub version: u64,
    pub scope: Scope,
    pub definition: Definition,
}

/// Why an extension was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExtensionRefusal {
    #[error("there is no such extension")]
    NoSuchExtension,
    #[error("another one of the same kind is called so")]
    NameTaken,
}

impl Extension {
    pub fn stream(tenant: &TenantId, kind: ExtensionKind, (owner, name): (&str, &str)) -> StreamId {
        stream_of_name(Self::KIND, &format!("{tenant}:{}:{owner}:{name}", kind.as_str()))
    }

    /// What is known of it, unless it was never made or is removed.
    pub fn created(&self) -> Option<&CreatedExtension> {
        self.created.as_ref().filter(|_| !self.is_removed)
    }

    /// The secret values that are kept for it.
    pub fn secret(&self) -> Option<SecretId> {
        self.created().and_then(|created| created.secret)
    }

    /// Nothing happens where nothing would change.
    fn change(
        &self,
        created: &CreatedExtension,
        change: ExtensionChange,
        at: Timestamp,
    ) -> Option<ExtensionEvent> {
        match change {
            ExtensionChange::Enabled => (!self.is_enabled).then_some(ExtensionEvent::ExtensionEnabled { at }),
            ExtensionChange::Disabled => self.is_enabled.then_some(ExtensionEvent::ExtensionDisabled { at }),
            ExtensionChange::Scope(scope) => {
                (created.scope != scope).then_some(ExtensionEvent::ExtensionMoved { scope, at })
            }
            ExtensionChange::Definition(definition, secret) => {
                let is_same = (&created.definition, created.secret) == (&*definition, secret);
                let definition = *definition;
                (!is_same).then_some(ExtensionEvent::ExtensionChanged { definition, secret, at })
            }
        }
    }

    fn events_of(&self, command: ExtensionCommand) -> Result<Vec<ExtensionEvent>, ExtensionRefusal> {
        if let ExtensionCommand::Create(created) = command {
            return match self.created() {
                None => Ok(vec![ExtensionEvent::ExtensionCreated(created)]),
                Some(_) => Err(ExtensionRefusal::NameTaken),
            };
        }
        let created = self.created().ok_or(ExtensionRefusal::NoSuchExtension)?;
        match command {
            ExtensionCommand::Create(_) => Err(ExtensionRefusal::NameTaken),
            ExtensionCommand::Change(changes, at) => {
                Ok(changes.into_iter().filter_map(|change| self.change(created, change, at)).collect())
            }
            ExtensionCommand::Remove(at) => Ok(vec![ExtensionEvent::ExtensionRemoved { at }]),
            ExtensionCommand::Restore(restored, at) => {
                Ok(vec![ExtensionEvent::ExtensionRestored { restored, at }])
            }
        }
    }
}

impl Aggregate for Extension {
    type Command = ExtensionCommand;
    type Event = ExtensionEvent;
    type Action = Infallible;
    type Refusal = ExtensionRefusal;

    const KIND: &'static str = "extension";

    fn decide(
        &self,
        command: ExtensionCommand,
    ) -> Result<Effects<ExtensionEvent, Infallible>, ExtensionRefusal> {
        Ok(self.events_of(command)?.into())
    }

    fn apply(&mut self, event: ExtensionEvent) {
        self.changed_at = Some(event.at());
        match (event, &mut self.created) {
            (ExtensionEvent::ExtensionCreated(created), _) => {
                self.is_enabled = created.is_enabled;
                self.created = Some(created);
                self.is_removed = false;
            }
            (ExtensionEvent::ExtensionChanged { definition, secret, .. }, Some(created)) => {
                created.definition = definition;
                created.secret = secret;
            }
            (ExtensionEvent::ExtensionRestored { restored, .. }, Some(created)) => {
                created.definition = restored.definition;
                created.scope = restored.scope;
            }
            (ExtensionEvent::ExtensionMoved { scope, .. }, Some(created)) => created.scope = scope,
            (ExtensionEvent::ExtensionEnabled { .. }, Some(_)) => self.is_enabled = true,
            (ExtensionEvent::ExtensionDisabled { .. }, Some(_)) => self.is_enabled = false,
            (ExtensionEvent::ExtensionRemoved { .. }, Some(_)) => self.is_removed = true,
            (
                ExtensionEvent::ExtensionChanged { .. }
                | ExtensionEvent::ExtensionRestored { .. }
                | ExtensionEvent::ExtensionMoved { .. }
                | ExtensionEvent::ExtensionEnabled { .. }
                | ExtensionEvent::ExtensionDisabled { .. }
                | ExtensionEvent::ExtensionRemoved { .. },
                None,
            ) => {}
        }
    }
}

//! What can have happened to an extension. Names are frozen: once stored, an event is read for ever.

use serde::{Deserialize, Serialize};

use super::Restored;
use super::definition::{Definition, Scope};
use crate::ids::SecretId;
use crate::log::AggregateEvent;
use crate::time::Timestamp;

/// A fact about an extension. In JSON: `{"type": …, "data": …}`. Who did it is the event's actor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum ExtensionEvent {
    ExtensionCreated(CreatedExtension),
    ExtensionChanged {
        definition: Definition,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<SecretId>,
        at: Timestamp,
    },
    /// It is active elsewhere.
    ExtensionMoved {
        scope: Scope,
        at: Timestamp,
    },
    ExtensionEnabled {
        at: Timestamp,
    },
    ExtensionDisabled {
        at: Timestamp,
    },
    /// It is again what it was; the secret values stay those of now.
    ExtensionRestored {
        #[serde(flatten)]
        restored: Restored,
        at: Timestamp,
    },
    /// Its secret values are destroyed.
    ExtensionRemoved {
        at: Timestamp,
    },
}

impl ExtensionEvent {
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::ExtensionCreated(created) => created.at,
            Self::ExtensionChanged { at, .. }
            | Self::ExtensionMoved { at, .. }
            | Self::ExtensionEnabled { at }
            | Self::ExtensionDisabled { at }
            | Self::ExtensionRestored { at, .. }
            | Self::ExtensionRemoved { at } => *at,
        }
    }
}

impl AggregateEvent for ExtensionEvent {}

/// An extension as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedExtension {
    pub owner: String,
    pub name: String,
    pub scope: Scope,
    pub definition: Definition,
    /// The secret values of its definition, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretId>,
    pub is_enabled: bool,
    pub at: Timestamp,
}

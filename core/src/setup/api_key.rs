//! A stored API key: its rules and how events change it.
//!
//! The key itself is in no event and in no state: both name a [`SecretId`], under which the sealed value
//! lies beside the log, and its last four characters. Whoever has a key can use it, order it among others
//! and replace it; nobody can read it again.

pub mod event;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::SecretId;
use crate::log::{Aggregate, Effects};
use crate::money::MicroDollars;
use crate::time::Timestamp;
use event::{ApiKeyEvent, Exhaustion, Refusal, StoredKey};

/// The most keys that one person keeps.
pub const MAX_KEYS: usize = 50;

/// A key that the API refused is left alone for this long, if there are others.
pub const REFUSED_FOR_MS: u64 = 10 * 60 * 1000;

/// Where the address of a key may lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// On the public network only: the address is somebody's choice who has no say over this server.
    #[default]
    Public,
    /// Wherever the server reaches.
    Any,
}

/// What the API said to a key when it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyCheck {
    Accepted,
    /// The API answered neither yes nor no.
    Unclear,
    /// Nobody answered in time.
    Unreachable,
}

/// An API key as far as its rules and its users need to know it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    stored: Option<StoredKey>,
    pub enabled: bool,
    pub rotated_at: Option<Timestamp>,
    pub last_refused: Option<Refusal>,
    #[serde(default)]
    last_exhausted: Option<Exhaustion>,
    removed: bool,
}

/// What can be asked of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum ApiKeyCommand {
    Store(StoredKey),
    Change(Vec<KeyChange>),
    /// The new value lies under `secret`; the old one is to be destroyed.
    Rotate {
        secret: SecretId,
        last_four: String,
        checked: Option<KeyCheck>,
        at: Timestamp,
    },
    Remove,
    /// The API did not accept the value under this secret.
    NoteRefusal(SecretId, Refusal),
    /// Its budget is spent.
    NoteExhaustion(Exhaustion),
}

/// One property of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    Name(String),
    Enabled,
    Disabled,
    Priority(u32),
    MonthlyBudget(Option<MicroDollars>),
}

/// Why a key was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ApiKeyRefusal {
    #[error("there is no such key")]
    NoSuchKey,
    #[error("the key is stored already")]
    AlreadyStored,
}

impl ApiKey {
    /// What is known of it, unless it was never stored or is removed.
    pub fn stored(&self) -> Option<&StoredKey> {
        self.stored.as_ref().filter(|_| !self.removed)
    }

    /// Whether it may be tried now: a key that was refused a moment ago is passed over.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        let rests =
            self.last_refused.as_ref().is_some_and(|refused| now.millis_since(refused.at) < REFUSED_FOR_MS);
        self.stored().is_some() && self.enabled && !rests
    }

    /// Nothing happens where nothing would change.
    fn change(&self, stored: &StoredKey, change: KeyChange) -> Option<ApiKeyEvent> {
        match change {
            KeyChange::Name(name) => (stored.name != name).then_some(ApiKeyEvent::ApiKeyRenamed { name }),
            KeyChange::Enabled => (!self.enabled).then_some(ApiKeyEvent::ApiKeyEnabled {}),
            KeyChange::Disabled => self.enabled.then_some(ApiKeyEvent::ApiKeyDisabled {}),
            KeyChange::Priority(priority) => {
                (stored.priority != priority).then_some(ApiKeyEvent::ApiKeyPrioritized { priority })
            }
            KeyChange::MonthlyBudget(monthly_budget_micros) => (stored.monthly_budget_micros
                != monthly_budget_micros)
                .then_some(ApiKeyEvent::ApiKeyBudgetChanged { monthly_budget_micros }),
        }
    }
}

impl Aggregate for ApiKey {
    type Command = ApiKeyCommand;
    type Event = ApiKeyEvent;
    type Action = Infallible;
    type Refusal = ApiKeyRefusal;

    const KIND: &'static str = "api_key";

    fn decide(&self, command: ApiKeyCommand) -> Result<Effects<ApiKeyEvent, Infallible>, ApiKeyRefusal> {
        Ok(self.events_of(command)?.into())
    }

    fn apply(&mut self, event: ApiKeyEvent) {
        match (event, &mut self.stored) {
            (ApiKeyEvent::ApiKeyStored(stored), _) => {
                self.stored = Some(stored);
                self.enabled = true;
            }
            (ApiKeyEvent::ApiKeyRenamed { name }, Some(stored)) => stored.name = name,
            (ApiKeyEvent::ApiKeyPrioritized { priority }, Some(stored)) => stored.priority = priority,
            (ApiKeyEvent::ApiKeyBudgetChanged { monthly_budget_micros }, Some(stored)) => {
                stored.monthly_budget_micros = monthly_budget_micros;
            }
            (ApiKeyEvent::ApiKeyRotated { secret, last_four, checked, at }, Some(stored)) => {
                stored.secret = secret;
                stored.checked = checked;
                stored.last_four = last_four;
                self.rotated_at = Some(at);
                self.last_refused = None;
            }
            (ApiKeyEvent::ApiKeyEnabled {}, Some(_)) => {
                self.enabled = true;
                // Whoever enables it wants it tried again.
                self.last_refused = None;
            }
            (ApiKeyEvent::ApiKeyDisabled {}, Some(_)) => self.enabled = false,
            (ApiKeyEvent::ApiKeyRefused(refusal), Some(_)) => self.last_refused = Some(refusal),
            (ApiKeyEvent::ApiKeyExhausted(exhaustion), Some(_)) => {
                self.last_exhausted = Some(exhaustion);
            }
            (ApiKeyEvent::ApiKeyRemoved {}, Some(_)) => self.removed = true,
            (
                ApiKeyEvent::ApiKeyRenamed { .. }
                | ApiKeyEvent::ApiKeyPrioritized { .. }
                | ApiKeyEvent::ApiKeyBudgetChanged { .. }
                | ApiKeyEvent::ApiKeyRotated { .. }
                | ApiKeyEvent::ApiKeyEnabled {}
                | ApiKeyEvent::ApiKeyDisabled {}
                | ApiKeyEvent::ApiKeyRefused(_)
                | ApiKeyEvent::ApiKeyExhausted(_)
                | ApiKeyEvent::ApiKeyRemoved {},
                None,
            ) => {}
        }
    }
}

impl ApiKey {
    fn events_of(&self, command: ApiKeyCommand) -> Result<Vec<ApiKeyEvent>, ApiKeyRefusal> {
        if let ApiKeyCommand::Store(stored) = command {
            return match self.stored {
                None => Ok(vec![ApiKeyEvent::ApiKeyStored(stored)]),
                Some(_) => Err(ApiKeyRefusal::AlreadyStored),
            };
        }
        let stored = self.stored().ok_or(ApiKeyRefusal::NoSuchKey)?;
        match command {
            ApiKeyCommand::Store(_) => Err(ApiKeyRefusal::AlreadyStored),
            ApiKeyCommand::Change(changes) => {
                Ok(changes.into_iter().filter_map(|change| self.change(stored, change)).collect())
            }
            ApiKeyCommand::Rotate { secret, last_four, checked, at } => {
                Ok(vec![ApiKeyEvent::ApiKeyRotated { secret, last_four, checked, at }])
            }
            ApiKeyCommand::Remove => Ok(vec![ApiKeyEvent::ApiKeyRemoved {}]),
            // What was refused has been replaced meanwhile.
            ApiKeyCommand::NoteRefusal(secret, _) if secret != stored.secret => Ok(vec![]),
            ApiKeyCommand::NoteRefusal(_, refusal) => {
                let known = self.last_refused.as_ref().is_some_and(|last| {
                    last.status == refusal.status && refusal.at.millis_since(last.at) < REFUSED_FOR_MS
                });
                Ok(if known { vec![] } else { vec![ApiKeyEvent::ApiKeyRefused(refusal)] })
            }
            ApiKeyCommand::NoteExhaustion(exhaustion) => {
                // Once for a month and a limit: each call that comes would tell of it again.
                let known = self.last_exhausted.as_ref().is_some_and(|last| {
                    (&last.month, last.limit_micros) == (&exhaustion.month, exhaustion.limit_micros)
                });
                Ok(if known { vec![] } else { vec![ApiKeyEvent::ApiKeyExhausted(exhaustion)] })
            }
        }
    }
}

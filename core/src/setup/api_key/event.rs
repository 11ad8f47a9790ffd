//! What can have happened to an API key. Names are frozen: once stored, an event is read for ever.

use serde::{Deserialize, Serialize};

use crate::ids::{ApiKeyId, SecretId};
use crate::log::AggregateEvent;
use crate::money::MicroDollars;
use crate::setup::api_key::{KeyCheck, Network};
use crate::time::Timestamp;

/// A fact about a key. In JSON: `{"type": …, "data": …}`. Who did it is the event's actor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum ApiKeyEvent {
    ApiKeyStored(StoredKey),
    ApiKeyRenamed {
        name: String,
    },
    ApiKeyEnabled {},
    ApiKeyDisabled {},
    ApiKeyPrioritized {
        priority: u32,
    },
    /// Absent: no limit of its own.
    ApiKeyBudgetChanged {
        monthly_budget_micros: Option<MicroDollars>,
    },
    /// The value under the secret before is destroyed.
    ApiKeyRotated {
        secret: SecretId,
        last_four: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checked: Option<KeyCheck>,
        at: Timestamp,
    },
    /// The API did not accept it, and another one was tried.
    ApiKeyRefused(Refusal),
    /// Nothing is left of its budget for a month; another one is tried.
    ApiKeyExhausted(Exhaustion),
    /// Its value is destroyed.
    ApiKeyRemoved {},
}

impl AggregateEvent for ApiKeyEvent {}

/// A key as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredKey {
    pub key: ApiKeyId,
    /// Whose sessions use it.
    pub owner: String,
    pub name: String,
    /// Under which its value is kept.
    pub secret: SecretId,
    pub last_four: String,
    /// Absent where nobody asked the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<KeyCheck>,
    /// Where it is valid; absent means the server's own upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Where that address may lie, by who stored it. What does not say so is not trusted.
    #[serde(default)]
    pub network: Network,
    /// Keys are tried in this order, the smallest first.
    pub priority: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_budget_micros: Option<MicroDollars>,
    pub at: Timestamp,
}

/// That the API did not accept a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status of its answer.
    pub status: u16,
    pub at: Timestamp,
}

/// That a key's budget is spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhaustion {
    /// A calendar month of UTC like `2026-01`.
    pub month: String,
    pub spent_micros: MicroDollars,
    pub limit_micros: MicroDollars,
}

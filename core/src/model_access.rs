//! Who may ask a model, with whose key, and what it may cost.
//!
//! The agent holds no key. Each of its calls passes a gateway, which asks the ports of this module: which
//! keys there are for a session ([`ModelKeys`]), and whether more may be spent ([`Budgets`]).

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::agent::Usage;
use crate::ids::SessionId;
use crate::money::MicroDollars;
use crate::ports::ReadError;

/// On whose behalf a model is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelScope {
    pub session: SessionId,
    pub tenant: String,
    pub owner: String,
}

/// A key of the model's API. `Debug` does not show the secret, and it is wiped from memory when dropped.
#[derive(Clone, Debug)]
pub struct ModelKey {
    /// Names it where people keep several; the operator's own has none.
    pub id: Option<Uuid>,
    /// Where it is valid; absent means Anthropic's public API.
    pub base_url: Option<String>,
    secret: SecretString,
}

impl ModelKey {
    pub fn new(id: Option<Uuid>, base_url: Option<String>, secret: impl Into<SecretString>) -> Self {
        Self { id, base_url, secret: secret.into() }
    }

    /// The key itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// The keys with which a model may be asked.
#[async_trait]
pub trait ModelKeys: Send + Sync {
    /// The keys to try, in order. None means that nobody has set one up.
    async fn keys(&self, scope: &ModelScope) -> Result<Vec<ModelKey>, ReadError>;

    /// A key was not accepted, with this HTTP status. The next one is tried.
    async fn refused(&self, scope: &ModelScope, key: &ModelKey, status: u16);
}

/// One question to a model and its answer, as the gateway saw them pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCall {
    /// The model that answered; where none did, the one that was asked.
    pub model: String,
    pub outcome: CallOutcome,
    /// What the API counted. Of a call that was cut off it is what was told up to then, and an estimate of
    /// what was written.
    pub usage: Usage,
    pub cost_micros: MicroDollars,
    /// Which of several keys paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Uuid>,
    /// The HTTP status of the answer; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// From the question to the last byte of the answer.
    pub duration_ms: u64,
    /// The API's own name for the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// How a call of a model ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    Completed,
    /// The API, or the way to it, answered with an error.
    Failed,
    /// The agent left, or the answer broke off.
    CutOff,
}

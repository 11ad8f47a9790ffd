//! Who may ask a model, with whose key, and what it may cost.
//!
//! The agent holds no key. Each of its calls passes a gateway, which asks the ports of this module: which
//! keys there are for a session ([`ModelKeys`]), and whether more may be spent ([`Budgets`]).

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::ids::SessionId;
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

//! Who may ask a model, with whose key, and what it may cost.
//!
//! The agent holds no key. Each of its calls passes a gateway, which asks the ports of this module: which
//! keys there are for a session ([`ModelKeys`]), and whether more may be spent ([`Budgets`]).

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use uuid::Uuid;

use super::log::ReadError;
use crate::ids::{SecretId, SessionId, TenantId};
use crate::money::MicroDollars;
use crate::session::revoked::Revoked;
use crate::setup::api_key::Network;
use crate::spend::{BudgetSpent, Payer, Payment, Spent};

/// On whose behalf a model is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelScope {
    pub session: SessionId,
    pub tenant: TenantId,
    pub owner: String,
}

/// A key of the model's API. `Debug` does not show the secret, and it is wiped from memory when dropped.
#[derive(Clone, Debug)]
pub struct ModelKey {
    /// Names it where people keep several; the operator's own has none.
    pub id: Option<Uuid>,
    /// Under which its value is kept, which is another one after each rotation; the operator's has none.
    pub value: Option<SecretId>,
    /// Where it is valid; absent means Anthropic's public API.
    pub base_url: Option<String>,
    pub network: Network,
    secret: SecretString,
}

impl ModelKey {
    /// A key of the operator's.
    pub fn new(id: Option<Uuid>, base_url: Option<String>, secret: impl Into<SecretString>) -> Self {
        Self { id, value: None, base_url, network: Network::Any, secret: secret.into() }
    }

    /// The same as somebody stored it.
    pub fn stored(self, value: SecretId, network: Network) -> Self {
        Self { value: Some(value), network, ..self }
    }

    /// The same, with another say about where its address may lie.
    pub fn within(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// The key itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// The keys with which a model may be asked.
#[async_trait]
pub trait ModelKeys: Send + Sync {
    /// The keys to try, in order. None means that there are some and none of them may be used.
    async fn keys(&self, scope: &ModelScope) -> Result<Vec<ModelKey>, ReadError>;

    /// A key was not accepted, with this HTTP status. The next one is tried.
    async fn refused(&self, scope: &ModelScope, key: &ModelKey, status: u16);

    /// Nothing is left of a key's own budget. The next one is tried.
    async fn exhausted(&self, scope: &ModelScope, key: &ModelKey, spent: &BudgetSpent);
}

/// Asks the API for which a key is meant whether it is let in there, at no cost.
#[async_trait]
pub trait KeyTrial: Send + Sync {
    async fn try_key(&self, key: &ModelKey) -> KeyVerdict;
}

/// What the API says to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyVerdict {
    Accepted,
    Refused {
        status: u16,
    },
    /// It answered something else, as one does that knows no such question.
    Unclear,
    Unreachable,
}

/// Why a call is not let through.
#[derive(Debug, Error)]
pub enum BudgetError {
    #[error("{}", .0.message())]
    Spent(BudgetSpent),
    /// Calls under way may cost all that is left, and did not end in time.
    #[error("other calls are under way that may cost all that is left of a budget")]
    Reserved,
    /// Nothing may be asked in the name of the session's owner any more.
    #[error(transparent)]
    Revoked(Revoked),
    /// What was spent cannot be read.
    #[error(transparent)]
    Unknown(#[from] ReadError),
}

/// Budgets of users and keys. Those of a turn and a session are kept where their process is.
///
/// For each call that may be made something is set aside, so that several at once do not spend the same
/// money. A caller that was granted a call reports exactly once that it has ended.
#[async_trait]
pub trait Budgets: Send + Sync {
    /// Whether anything may be asked, also what costs nothing.
    async fn admit(&self, scope: &ModelScope) -> Result<(), BudgetError>;

    /// Whether one more call may be made, and if so sets aside what it is expected to cost. A call alone may
    /// be made while anything is left. If calls under way may cost the rest, this waits for them.
    async fn reserve(
        &self,
        scope: &ModelScope,
        key: Option<Uuid>,
        estimate: MicroDollars,
    ) -> Result<(), BudgetError>;

    /// Something was spent, which may not be in the log yet. Told as soon as it is known, so one call tells
    /// several times.
    fn spent(&self, scope: &ModelScope, key: Option<Uuid>, payment: Payment);

    /// A call has ended; what is left of what was set aside for it is free again.
    fn ended(&self, scope: &ModelScope, key: Option<Uuid>, released: MicroDollars);
}

/// What the log says was spent.
#[async_trait]
pub trait SpendRecord: Send + Sync {
    /// In a calendar month of UTC like `2026-01`.
    async fn spent_in_month(&self, month: &str, payer: &Payer) -> Result<Spent, ReadError>;
}

/// What may be spent in a calendar month.
#[async_trait]
pub trait BudgetLimits: Send + Sync {
    /// `None` is no limit. Who may not spend anything is refused with [`BudgetError::Revoked`].
    async fn monthly_limit(&self, payer: &Payer) -> Result<Option<MicroDollars>, BudgetError>;
}

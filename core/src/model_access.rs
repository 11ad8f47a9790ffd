//! Who may ask a model, with whose key, and what it may cost.
//!
//! The agent holds no key. Each of its calls passes a gateway, which asks the ports of this module: which
//! keys there are for a session ([`ModelKeys`]), and whether more may be spent ([`Budgets`]).

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::agent::Usage;
use crate::aggregate::TenantId;
use crate::ids::{SecretId, SessionId};
use crate::money::MicroDollars;
use crate::ports::ReadError;
use crate::revoked::Revoked;
use crate::time::Timestamp;

/// On whose behalf a model is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelScope {
    pub session: SessionId,
    pub tenant: TenantId,
    pub owner: String,
}

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

/// What was spent before a process of the agent was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentBefore {
    /// In the session, and of that in the turn that it takes up.
    pub session: MicroDollars,
    pub turn: MicroDollars,
}

/// What a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetKind {
    Turn,
    Session,
    /// Of one user, in a calendar month of UTC.
    Month,
    /// Of one key, in a calendar month of UTC.
    Key,
}

/// A budget that nothing is left of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetSpent {
    pub budget: BudgetKind,
    pub spent_micros: MicroDollars,
    pub limit_micros: MicroDollars,
    /// When there is one again, in microseconds since 1970; absent where that never comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at_micros: Option<i64>,
}

impl BudgetSpent {
    /// For the agent, which shows it, and for people.
    pub fn message(&self) -> String {
        let what = match self.budget {
            BudgetKind::Turn => "the budget of this turn",
            BudgetKind::Session => "the budget of this session",
            BudgetKind::Month => "the budget of its owner for this month",
            BudgetKind::Key => "the budget of the API key for this month",
        };
        let (spent, limit) = (self.spent_micros.as_usd(), self.limit_micros.as_usd());
        let resets = self.resets_at_micros.map(|at| format!(" It resets at {}.", Timestamp::from_micros(at)));
        format!("{what} is spent: ${spent:.4} of ${limit:.4}.{}", resets.unwrap_or_default())
    }
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

/// A part of what a call costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    pub cost: MicroDollars,
    /// So much of what was set aside for the call is free again.
    pub released: MicroDollars,
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

/// Whose money it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// A user of a tenant, whichever key is used.
    User { tenant: TenantId, owner: String },
    /// A stored key, whoever uses it.
    Key(Uuid),
}

/// What was spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub calls: u64,
    pub cost: MicroDollars,
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

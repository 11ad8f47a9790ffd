//! What calls of models cost: tokens and money, who pays, and what budgets have left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::TenantId;
use crate::money::MicroDollars;
use crate::time::Timestamp;

/// Tokens of model calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cache_read_input_tokens: u64,
    pub cache_creation_input_tokens: u64,
}

impl Usage {
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cache_read_input_tokens: self
                .cache_read_input_tokens
                .saturating_add(other.cache_read_input_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .saturating_add(other.cache_creation_input_tokens),
        }
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_sub(earlier.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(earlier.output_tokens),
            cache_read_input_tokens: self
                .cache_read_input_tokens
                .saturating_sub(earlier.cache_read_input_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .saturating_sub(earlier.cache_creation_input_tokens),
        }
    }
}

/// What one model was used for and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ModelUse {
    #[serde(flatten)]
    pub usage: Usage,
    pub cost_micros: MicroDollars,
}

/// A reading of spend: either a process's running total, or the share of one turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Spend {
    pub cost_micros: MicroDollars,
    pub models: BTreeMap<String, ModelUse>,
}

impl Spend {
    /// What was spent between an earlier reading of the same counter and this one.
    pub fn since(&self, earlier: &Self) -> Self {
        let models = self.models.iter().map(|(name, now)| {
            let before = earlier.models.get(name).copied().unwrap_or_default();
            let used = ModelUse {
                usage: now.usage.since(before.usage),
                cost_micros: now.cost_micros.saturating_sub(before.cost_micros),
            };
            (name.clone(), used)
        });
        Self {
            cost_micros: self.cost_micros.saturating_sub(earlier.cost_micros),
            models: models.filter(|(_, used)| *used != ModelUse::default()).collect(),
        }
    }

    /// Both together.
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.cost_micros += other.cost_micros;
        for (name, used) in &other.models {
            let model = sum.models.entry(name.clone()).or_default();
            model.usage = model.usage.plus(used.usage);
            model.cost_micros += used.cost_micros;
        }
        sum
    }

    /// Tokens of all models together.
    pub fn usage(&self) -> Usage {
        self.models.values().fold(Usage::default(), |sum, model| sum.plus(model.usage))
    }
}

/// One question to a model and its answer, as the gateway saw them pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ModelCall {
    /// The gateway's name for the call, by which a call that was noted before its end is told only once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<Uuid>,
    /// The model that answered; where none did, the one that was asked.
    pub model: String,
    pub outcome: CallOutcome,
    /// What the API counted. Of a call that was cut off it is what was told up to then, and an estimate of
    /// what was written.
    pub usage: Usage,
    pub cost_micros: MicroDollars,
    /// Whether the cost is an estimate: the price list does not know the model, which is counted at the
    /// highest price, or the API did not tell all tokens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cost_is_estimate: bool,
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
    pub api_request_id: Option<String>,
    /// The subagent that asked, by the id of its task; absent for the conversation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<String>,
}

/// How a call of a model ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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

/// A part of what a call costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    pub cost: MicroDollars,
    /// So much of what was set aside for the call is free again.
    pub released: MicroDollars,
}

/// Whose money it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// A user of a team, whichever key is used.
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

//! What users and keys may spend in a month, and what people have spent.

use std::sync::Arc;

use async_trait::async_trait;
use runner_core::ids::{StreamId, TenantId};
use runner_core::money::MicroDollars;
use runner_core::people::account::Account;
use runner_core::people::account::username::Username;
use runner_core::ports::model::{BudgetError, BudgetLimits, SpendRecord};
use runner_core::ports::{Clock, ReadError};
use runner_core::setup::api_key::ApiKey;
use runner_core::spend::Payer;
use runner_core::time::Timestamp;

use crate::store::Repository;

/// What people have spent, by the log. Clones share it.
#[derive(Clone)]
pub struct Spending {
    record: Arc<dyn SpendRecord>,
    clock: Arc<dyn Clock>,
}

/// What somebody has spent in this calendar month of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpentThisMonth {
    pub cost: MicroDollars,
    /// When the next month begins.
    pub resets_at: Timestamp,
}

impl std::fmt::Debug for Spending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spending").finish_non_exhaustive()
    }
}

impl Spending {
    pub fn new(record: Arc<dyn SpendRecord>, clock: Arc<dyn Clock>) -> Self {
        Self { record, clock }
    }

    pub async fn this_month(&self, tenant: &TenantId, owner: &str) -> Result<SpentThisMonth, ReadError> {
        let now = self.clock.now();
        let payer = Payer::User { tenant: tenant.clone(), owner: owner.to_owned() };
        let spent = self.record.spent_in_month(&now.month(), &payer).await?;
        Ok(SpentThisMonth { cost: spent.cost, resets_at: now.next_month() })
    }
}

/// A user's own budget, or the one that everybody has; a key's own budget. Whoever may not run tasks may
/// spend nothing, whatever their agents are still doing.
#[derive(Debug)]
pub struct StoredBudgets {
    pub repository: Repository,
    /// For users that have none of their own.
    pub of_each_user: Option<MicroDollars>,
}

#[async_trait]
impl BudgetLimits for StoredBudgets {
    async fn monthly_limit(&self, payer: &Payer) -> Result<Option<MicroDollars>, BudgetError> {
        match payer {
            Payer::User { owner, .. } => {
                // The local user has no account.
                let Ok(username) = Username::try_from(owner.clone()) else { return Ok(self.of_each_user) };
                let account = self.repository.load::<Account>(Account::stream(&username)).await?;
                let Some(account) = account else { return Ok(self.of_each_user) };
                if let Some(revoked) = account.state.revoked() {
                    return Err(BudgetError::Revoked(revoked));
                }
                let own = account.state.profile().and_then(|profile| profile.monthly_budget);
                Ok(own.or(self.of_each_user))
            }
            Payer::Key(key) => {
                let key = self.repository.load::<ApiKey>(StreamId(*key)).await?;
                Ok(key.and_then(|key| key.state.stored()?.monthly_budget_micros))
            }
        }
    }
}

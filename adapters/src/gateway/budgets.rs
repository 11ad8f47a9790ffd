//! Budgets of users for a month: what the log says was spent, and what is not in it yet.
//!
//! The log is read when a user asks for the first time. From then on every call is counted here as soon as
//! it is known what it costs, which is before it is stored. Nobody else writes to the log meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use runner_core::aggregate::TenantId;
use runner_core::model_access::{BudgetError, BudgetKind, BudgetSpent, Budgets, ModelScope, SpendRecord};
use runner_core::money::MicroDollars;
use runner_core::ports::Clock;
use uuid::Uuid;

/// The same budget for each user.
pub struct MonthlyBudgets {
    /// Without it nothing is counted.
    limit: Option<MicroDollars>,
    record: Arc<dyn SpendRecord>,
    clock: Arc<dyn Clock>,
    counted: Mutex<Counted>,
}

/// Of one month only.
#[derive(Default)]
struct Counted {
    month: String,
    users: HashMap<(TenantId, String), MicroDollars>,
}

impl MonthlyBudgets {
    pub fn new(limit: Option<MicroDollars>, record: Arc<dyn SpendRecord>, clock: Arc<dyn Clock>) -> Self {
        Self { limit, record, clock, counted: Mutex::default() }
    }

    async fn spent_by(&self, month: &str, scope: &ModelScope) -> Result<MicroDollars, BudgetError> {
        let user = (scope.tenant.clone(), scope.owner.clone());
        if let Some(spent) = self.of_month(month).users.get(&user) {
            return Ok(*spent);
        }
        let stored = self.record.spent_in_month(month, &scope.tenant, &scope.owner).await?;
        // Another call may have come first; then what was counted since counts.
        Ok(*self.of_month(month).users.entry(user).or_insert(stored))
    }

    fn of_month(&self, month: &str) -> MutexGuard<'_, Counted> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.month != month {
            *counted = Counted { month: month.to_owned(), users: HashMap::new() };
        }
        counted
    }
}

#[async_trait]
impl Budgets for MonthlyBudgets {
    async fn check(&self, scope: &ModelScope, _: Option<Uuid>) -> Result<(), BudgetError> {
        let Some(limit) = self.limit else { return Ok(()) };
        let now = self.clock.now();
        let spent = self.spent_by(&now.month(), scope).await?;
        if spent < limit {
            return Ok(());
        }
        Err(BudgetError::Spent(BudgetSpent {
            budget: BudgetKind::Month,
            spent_micros: spent,
            limit_micros: limit,
            resets_at_micros: Some(now.next_month().as_micros()),
        }))
    }

    fn spent(&self, scope: &ModelScope, _: Option<Uuid>, cost: MicroDollars) {
        if self.limit.is_some() {
            let month = self.clock.now().month();
            let user = (scope.tenant.clone(), scope.owner.clone());
            // Who has not been counted yet is read from the log, which will have this.
            if let Some(spent) = self.of_month(&month).users.get_mut(&user) {
                *spent += cost;
            }
        }
    }
}

impl std::fmt::Debug for MonthlyBudgets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MonthlyBudgets").field("limit", &self.limit).finish_non_exhaustive()
    }
}

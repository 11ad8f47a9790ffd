//! Budgets of users and keys for a month: what the log says was spent, and what is not in it yet.
//!
//! The log is read when a payer is asked about for the first time. From then on every call is counted here
//! as soon as it is known what it costs, which is before it is stored. Nobody else writes to the log
//! meanwhile. Limits are looked up for each call, so that a change holds from the next one on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use runner_core::model_access::{
    BudgetError, BudgetKind, BudgetLimits, BudgetSpent, Budgets, ModelScope, Payer, SpendRecord,
};
use runner_core::money::MicroDollars;
use runner_core::ports::Clock;
use uuid::Uuid;

/// Counts what is spent against what may be.
pub struct MonthlyBudgets {
    limits: Arc<dyn BudgetLimits>,
    record: Arc<dyn SpendRecord>,
    clock: Arc<dyn Clock>,
    counted: Mutex<Counted>,
}

/// Of one month only; of those who have a limit.
#[derive(Default)]
struct Counted {
    month: String,
    spent: HashMap<Payer, MicroDollars>,
}

impl MonthlyBudgets {
    pub fn new(limits: Arc<dyn BudgetLimits>, record: Arc<dyn SpendRecord>, clock: Arc<dyn Clock>) -> Self {
        Self { limits, record, clock, counted: Mutex::default() }
    }

    async fn check_payer(&self, payer: Payer, budget: BudgetKind) -> Result<(), BudgetError> {
        let Some(limit) = self.limits.monthly_limit(&payer).await? else { return Ok(()) };
        let now = self.clock.now();
        let spent = self.spent_by(&now.month(), payer).await?;
        if spent < limit {
            return Ok(());
        }
        Err(BudgetError::Spent(BudgetSpent {
            budget,
            spent_micros: spent,
            limit_micros: limit,
            resets_at_micros: Some(now.next_month().as_micros()),
        }))
    }

    async fn spent_by(&self, month: &str, payer: Payer) -> Result<MicroDollars, BudgetError> {
        if let Some(spent) = self.of_month(month).spent.get(&payer) {
            return Ok(*spent);
        }
        let stored = self.record.spent_in_month(month, &payer).await?.cost;
        // Another call may have come first; then what was counted since counts.
        Ok(*self.of_month(month).spent.entry(payer).or_insert(stored))
    }

    fn of_month(&self, month: &str) -> MutexGuard<'_, Counted> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.month != month {
            *counted = Counted { month: month.to_owned(), spent: HashMap::new() };
        }
        counted
    }
}

#[async_trait]
impl Budgets for MonthlyBudgets {
    async fn check(&self, scope: &ModelScope, key: Option<Uuid>) -> Result<(), BudgetError> {
        self.check_payer(user(scope), BudgetKind::Month).await?;
        match key {
            Some(key) => self.check_payer(Payer::Key(key), BudgetKind::Key).await,
            None => Ok(()),
        }
    }

    fn spent(&self, scope: &ModelScope, key: Option<Uuid>, cost: MicroDollars) {
        let month = self.clock.now().month();
        let mut counted = self.of_month(&month);
        for payer in [user(scope)].into_iter().chain(key.map(Payer::Key)) {
            // Who has not been counted yet is read from the log, which will have this.
            if let Some(spent) = counted.spent.get_mut(&payer) {
                *spent += cost;
            }
        }
    }
}

fn user(scope: &ModelScope) -> Payer {
    Payer::User { tenant: scope.tenant.clone(), owner: scope.owner.clone() }
}

impl std::fmt::Debug for MonthlyBudgets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MonthlyBudgets").finish_non_exhaustive()
    }
}

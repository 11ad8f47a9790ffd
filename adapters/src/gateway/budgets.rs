//! Monthly budgets of users and keys: the spending that the log has, and the calls that it does not have yet.
//!
//! The log is read when a payer makes a first call. From then on every call is counted here as soon as its
//! cost is known, which is before it is stored, whether there is a limit or not: a limit may be set while
//! calls are under way. Nobody else writes to the log meanwhile. Limits are looked up for each call, so that
//! a change holds from the next call on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use runner_core::money::MicroDollars;
use runner_core::ports::Clock;
use runner_core::ports::model::{BudgetError, BudgetLimits, Budgets, ModelScope, SpendRecord};
use runner_core::spend::{BudgetKind, BudgetSpent, Payer, Payment};
use runner_core::time::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

use super::tally::{Room, UnderWay};

/// A call waits so long for others that may cost the rest of a budget. The agent then asks again.
pub(super) const UNTIL_SETTLED: Duration = Duration::from_secs(300);

/// Counts spending against the limits of users and keys.
pub struct MonthlyBudgets {
    limits: Arc<dyn BudgetLimits>,
    record: Arc<dyn SpendRecord>,
    clock: Arc<dyn Clock>,
    counted: Mutex<Counted>,
    /// Notified when a call has cost less than was set aside for it, or more.
    settled: Notify,
}

/// The counts of one month.
#[derive(Default)]
struct Counted {
    month: String,
    payers: HashMap<Payer, Count>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    /// Absent until the log has been read.
    spent: Option<MicroDollars>,
    under_way: UnderWay,
}

/// The payer of a call, and their limit.
struct Limited {
    payer: Payer,
    budget: BudgetKind,
    limit: Option<MicroDollars>,
}

/// The result of an attempt to set money aside.
enum Attempt {
    Reserved,
    /// A payer has not been counted in this month yet.
    Uncounted,
    Wait,
}

impl MonthlyBudgets {
    pub fn new(limits: Arc<dyn BudgetLimits>, record: Arc<dyn SpendRecord>, clock: Arc<dyn Clock>) -> Self {
        Self { limits, record, clock, counted: Mutex::default(), settled: Notify::new() }
    }

    async fn when_reserved(&self, payers: &[Payer], estimate: MicroDollars) -> Result<(), BudgetError> {
        loop {
            let settled = self.settled.notified();
            let now = self.clock.now();
            let limited = self.limited(payers).await?;
            match self.try_reserve(&limited, estimate, now)? {
                Attempt::Reserved => return Ok(()),
                Attempt::Uncounted => self.count(payers, now).await?,
                Attempt::Wait => settled.await,
            }
        }
    }

    async fn limited(&self, payers: &[Payer]) -> Result<Vec<Limited>, BudgetError> {
        let mut limited = vec![];
        for payer in payers {
            let budget = match payer {
                Payer::User { .. } => BudgetKind::Month,
                Payer::Key(_) => BudgetKind::Key,
            };
            let limit = self.limits.monthly_limit(payer).await?;
            limited.push(Limited { payer: payer.clone(), budget, limit });
        }
        Ok(limited)
    }

    /// Sets money aside for all payers, or for none.
    fn try_reserve(
        &self,
        payers: &[Limited],
        estimate: MicroDollars,
        now: Timestamp,
    ) -> Result<Attempt, BudgetError> {
        let mut counted = self.of_month(&now.month());
        let mut waits = false;
        for Limited { payer, budget, limit } in payers {
            let Some(Count { spent: Some(spent), under_way }) = counted.payers.get(payer).copied() else {
                return Ok(Attempt::Uncounted);
            };
            match under_way.room(spent, *limit) {
                Room::Enough => {}
                Room::Perhaps => waits = true,
                Room::Nothing => {
                    return Err(BudgetError::Spent(BudgetSpent {
                        budget: *budget,
                        spent_micros: spent,
                        limit_micros: limit.unwrap_or_default(),
                        resets_at_micros: Some(now.next_month().as_micros()),
                    }));
                }
            }
        }
        if waits {
            return Ok(Attempt::Wait);
        }
        for Limited { payer, .. } in payers {
            counted.payers.entry(payer.clone()).or_default().under_way.begin(estimate);
        }
        Ok(Attempt::Reserved)
    }

    async fn count(&self, payers: &[Payer], now: Timestamp) -> Result<(), BudgetError> {
        // A later month than the clock's, if the clock was set back.
        let month = self.of_month(&now.month()).month.clone();
        for payer in payers {
            let stored = self.record.spent_in_month(&month, payer).await?.cost;
            let mut counted = self.of_month(&month);
            if counted.month == month {
                // Another call may have come first; its count includes all since.
                counted.payers.entry(payer.clone()).or_default().spent.get_or_insert(stored);
            }
        }
        Ok(())
    }

    /// Forgets the spending of an older month, which is read anew, but not the calls under way.
    fn of_month(&self, month: &str) -> MutexGuard<'_, Counted> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.month.as_str() < month {
            month.clone_into(&mut counted.month);
            counted.payers.retain(|_, count| {
                count.spent = None;
                count.under_way.is_any()
            });
        }
        counted
    }
}

#[async_trait]
impl Budgets for MonthlyBudgets {
    async fn admit(&self, scope: &ModelScope) -> Result<(), BudgetError> {
        for payer in payers(scope, None) {
            self.limits.monthly_limit(&payer).await?;
        }
        Ok(())
    }

    async fn reserve(
        &self,
        scope: &ModelScope,
        key: Option<Uuid>,
        estimate: MicroDollars,
    ) -> Result<(), BudgetError> {
        let payers = payers(scope, key);
        let reserved = tokio::time::timeout(UNTIL_SETTLED, self.when_reserved(&payers, estimate)).await;
        reserved.unwrap_or(Err(BudgetError::Reserved))
    }

    fn spent(&self, scope: &ModelScope, key: Option<Uuid>, payment: Payment) {
        let mut counted = self.of_month(&self.clock.now().month());
        for payer in payers(scope, key) {
            let Some(count) = counted.payers.get_mut(&payer) else { continue };
            count.under_way.pay(payment);
            // A payer who has not been counted yet is read from the log, which will have this call.
            if let Some(spent) = &mut count.spent {
                *spent += payment.cost;
            }
        }
        drop(counted);
        self.settled.notify_waiters();
    }

    fn ended(&self, scope: &ModelScope, key: Option<Uuid>, released: MicroDollars) {
        let mut counted = self.of_month(&self.clock.now().month());
        for payer in payers(scope, key) {
            if let Some(count) = counted.payers.get_mut(&payer) {
                count.under_way.end(released);
            }
        }
        drop(counted);
        self.settled.notify_waiters();
    }
}

fn payers(scope: &ModelScope, key: Option<Uuid>) -> Vec<Payer> {
    let user = Payer::User { tenant: scope.tenant.clone(), owner: scope.owner.clone() };
    [user].into_iter().chain(key.map(Payer::Key)).collect()
}

impl std::fmt::Debug for MonthlyBudgets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MonthlyBudgets").finish_non_exhaustive()
    }
}

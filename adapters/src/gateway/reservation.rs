//! The money that is set aside for one call, in the budgets of its turn, session, owner and key. However the
//! call ends, dropping the reservation gives back the unspent rest.

use std::sync::Arc;

use runner_core::money::MicroDollars;
use runner_core::ports::model::BudgetError;
use runner_core::spend::Payment;
use uuid::Uuid;

use super::passes::Grant;

/// The right to make one call with one key.
pub(super) struct Reservation {
    grant: Arc<Grant>,
    key: Option<Uuid>,
    /// The rest that the call may still cost.
    left: MicroDollars,
    covers: Covers,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Covers {
    /// The budgets of turn and session; owner and key have not been asked yet.
    Process,
    Everything,
}

impl Reservation {
    /// Makes a reservation; waits while other calls may cost the rest of a budget.
    pub(super) async fn make(
        grant: &Arc<Grant>,
        key: Option<Uuid>,
        estimate: MicroDollars,
    ) -> Result<Self, BudgetError> {
        grant.begin_call(estimate).await?;
        let grant = Arc::clone(grant);
        // From here on, dropping the reservation gives back its money, also when the caller goes away.
        let mut reservation = Self { grant, key, left: estimate, covers: Covers::Process };
        reservation.grant.budgets.reserve(&reservation.grant.scope, key, estimate).await?;
        reservation.covers = Covers::Everything;
        Ok(reservation)
    }

    /// Counts a cost of the call, as far as it is known.
    pub(super) fn pay(&mut self, cost: MicroDollars) {
        let payment = Payment { cost, released: cost.min(self.left) };
        self.left = self.left.saturating_sub(cost);
        self.grant.pay(payment);
        self.grant.budgets.spent(&self.grant.scope, self.key, payment);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.grant.end_call(self.left);
        if self.covers == Covers::Everything {
            self.grant.budgets.ended(&self.grant.scope, self.key, self.left);
        }
    }
}

//! Passes: the right of one process to use the gateway, for one session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use runner_core::agent::AgentOutput;
use runner_core::ids::TenantId;
use runner_core::money::MicroDollars;
use runner_core::ports::model::{BudgetError, Budgets, ModelScope};
use runner_core::spend::{BudgetKind, BudgetSpent, Payment};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

use super::admission::{Admission, Caller};
use super::body_memory::{MAX_UNITS_OF_OWNER, MAX_UNITS_OF_PROCESS};
use super::budgets::UNTIL_SETTLED;
use super::journal::{CallJournal, Notes};
use super::tally::{Room, UnderWay};
use crate::session_tokens::PREFIX;

const TOKEN_BYTES: usize = 32;

/// The most calls of one process at a time. An agent with many subagents has about a dozen.
const MAX_CALLS: u32 = 32;

/// Calls that are broken off may take so long to be reported.
const UNTIL_REPORTED: Duration = Duration::from_secs(2);

pub(super) type TokenHash = [u8; 32];

/// All passes that are valid now. The tokens themselves are not kept: a hash is looked up, so the time that
/// takes tells nothing about them.
pub(super) struct Passes {
    grants: Mutex<HashMap<TokenHash, Arc<Grant>>>,
    /// The share of memory of each person who has processes.
    bodies: Mutex<HashMap<(TenantId, String), Weak<Semaphore>>>,
    budgets: Arc<dyn Budgets>,
    session_budget: Option<MicroDollars>,
    pub(super) journal: CallJournal,
}

/// The session, the limits and the state behind one pass.
pub(super) struct Grant {
    pub(super) notes: Notes,
    pub(super) scope: ModelScope,
    pub(super) caller: Arc<dyn Caller>,
    pub(super) budgets: Arc<dyn Budgets>,
    /// The limits of the turn and of the session, with the spending before this process.
    limits: [Limit; 2],
    spending: Mutex<Spending>,
    /// Notified when a call has cost less than was set aside for it, or more.
    settled: Notify,
    pub(super) calls: Arc<Semaphore>,
    /// The shares of memory for requests: this process's, and its owner's.
    pub(super) bodies: [Arc<Semaphore>; 2],
    revoked: watch::Sender<bool>,
    /// The queue of the process's outputs; absent after the last report. The outputs end when the process has
    /// ended and this sender is gone.
    outputs: Mutex<Option<mpsc::Sender<AgentOutput>>>,
}

/// The spending of one process.
#[derive(Clone, Copy, Debug, Default)]
struct Spending {
    spent: MicroDollars,
    under_way: UnderWay,
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    budget: BudgetKind,
    limit: Option<MicroDollars>,
    before: MicroDollars,
}

/// The right of one process to ask the model. When a pass is dropped, its token is no longer valid, and calls
/// that are under way end. `Debug` does not show the token.
pub struct Pass {
    token: String,
    hash: TokenHash,
    passes: Arc<Passes>,
}

impl Passes {
    pub(super) fn new(
        budgets: Arc<dyn Budgets>,
        session_budget: Option<MicroDollars>,
        journal: CallJournal,
    ) -> Self {
        Self { grants: Mutex::default(), bodies: Mutex::default(), budgets, session_budget, journal }
    }

    pub(super) fn issue(
        passes: &Arc<Self>,
        admission: Admission,
        outputs: mpsc::Sender<AgentOutput>,
    ) -> Result<Pass, getrandom::Error> {
        let mut random = [0; TOKEN_BYTES];
        getrandom::fill(&mut random)?;
        let hexadecimal: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = format!("{PREFIX}{hexadecimal}");
        let hash = hash(&token);
        let Admission { scope, caller, spent, turn_budget } = admission;
        let (session_budget, budgets) = (passes.session_budget, Arc::clone(&passes.budgets));
        let of_owner = passes.bodies_of((scope.tenant.clone(), scope.owner.clone()));
        let grant = Grant {
            notes: passes.journal.notes(scope.session),
            scope,
            caller,
            budgets,
            limits: [
                Limit { budget: BudgetKind::Turn, limit: turn_budget, before: spent.turn },
                Limit { budget: BudgetKind::Session, limit: session_budget, before: spent.session },
            ],
            spending: Mutex::default(),
            settled: Notify::new(),
            calls: Arc::new(Semaphore::new(MAX_CALLS as usize)),
            bodies: [Arc::new(Semaphore::new(MAX_UNITS_OF_PROCESS)), of_owner],
            revoked: watch::Sender::new(false),
            outputs: Mutex::new(Some(outputs)),
        };
        passes.lock().insert(hash, Arc::new(grant));
        Ok(Pass { token, hash, passes: Arc::clone(passes) })
    }

    fn bodies_of(&self, owner: (TenantId, String)) -> Arc<Semaphore> {
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = bodies.get(&owner).and_then(Weak::upgrade) {
            return shared;
        }
        bodies.retain(|_, shared| shared.strong_count() > 0);
        let shared = Arc::new(Semaphore::new(MAX_UNITS_OF_OWNER));
        bodies.insert(owner, Arc::downgrade(&shared));
        shared
    }

    /// The grant behind a token, with the token's hash.
    pub(super) fn find(&self, token: &str) -> Option<(TokenHash, Arc<Grant>)> {
        let hash = hash(token);
        Some((hash, self.lock().get(&hash).cloned()?))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TokenHash, Arc<Grant>>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Grant {
    /// Waits until the pass is no longer valid.
    pub(super) async fn revoked(&self) {
        // `self` holds the sender, so this cannot fail.
        self.revoked.subscribe().wait_for(|revoked| *revoked).await.ok();
    }

    /// Sets money aside for one more call. Waits for calls under way if they may cost the rest of a limit.
    pub(super) async fn begin_call(&self, estimate: MicroDollars) -> Result<(), BudgetError> {
        let reserve = async {
            loop {
                let settled = self.settled.notified();
                if self.try_begin(estimate)? {
                    return Ok(());
                }
                settled.await;
            }
        };
        let reserved = tokio::time::timeout(UNTIL_SETTLED, reserve).await;
        reserved.unwrap_or(Err(BudgetError::Reserved))
    }

    fn try_begin(&self, estimate: MicroDollars) -> Result<bool, BudgetError> {
        let mut spending = self.spending();
        let mut fits = true;
        for Limit { budget, limit, before } in self.limits {
            let spent = before + spending.spent;
            match spending.under_way.room(spent, limit) {
                Room::Enough => {}
                Room::Perhaps => fits = false,
                Room::Nothing => {
                    return Err(BudgetError::Spent(BudgetSpent {
                        budget,
                        spent_micros: spent,
                        limit_micros: limit.unwrap_or_default(),
                        resets_at_micros: None,
                    }));
                }
            }
        }
        if fits {
            spending.under_way.begin(estimate);
        }
        Ok(fits)
    }

    pub(super) fn pay(&self, payment: Payment) {
        let mut spending = self.spending();
        spending.spent += payment.cost;
        spending.under_way.pay(payment);
        drop(spending);
        self.settled.notify_waiters();
    }

    pub(super) fn end_call(&self, released: MicroDollars) {
        self.spending().under_way.end(released);
        self.settled.notify_waiters();
    }

    fn spending(&self) -> std::sync::MutexGuard<'_, Spending> {
        self.spending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports an output of the process. A slow disk slows this down, like the agent's own outputs.
    pub(super) async fn report(&self, output: AgentOutput) {
        if let Some(reporting) = self.report_later(output) {
            reporting.await.ok();
        }
    }

    /// Reports an output for callers that cannot wait, or may be dropped while they wait: the report is made
    /// all the same. The returned task, if any, ends with it.
    pub(super) fn report_later(&self, output: AgentOutput) -> Option<JoinHandle<()>> {
        let outputs = self.outputs()?;
        let Err(mpsc::error::TrySendError::Full(output)) = outputs.try_send(output) else { return None };
        let runtime = Handle::try_current().ok()?;
        Some(runtime.spawn(async move {
            // Nobody listens any more where the session has ended.
            outputs.send(output).await.ok();
        }))
    }

    fn outputs(&self) -> Option<mpsc::Sender<AgentOutput>> {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Breaks off the calls that are under way, and drops the outputs when all of them are reported.
    async fn end(self: Arc<Self>) {
        self.revoked.send_replace(true);
        tokio::time::timeout(UNTIL_REPORTED, self.calls.acquire_many(MAX_CALLS)).await.ok();
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Pass {
    /// The value of the agent's `ANTHROPIC_API_KEY`.
    pub fn token(&self) -> &str {
        &self.token
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(grant) = self.passes.lock().remove(&self.hash)
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(grant.end());
        }
    }
}

impl std::fmt::Debug for Passes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passes").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass").finish_non_exhaustive()
    }
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

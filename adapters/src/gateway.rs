//! The way to the model: a Messages API on loopback that stands in front of the real one.
//!
//! An agent runs commands that a model writes, in folders that nobody checked; anything that it can read is
//! as good as published. So it never holds the key. The agent is given the address of this gateway and a pass
//! (`passes.rs`): a random token that is good here only, from one process, until that process ends. The
//! gateway lets the Messages API through and nothing else (`routes.rs`), removes the agent's own credentials,
//! and adds the real key (`upstream.rs`). Answers go back byte for byte, as they come.
//!
//! On their way the gateway reads their usage (`meter.rs`) and reports each call among the outputs of the
//! agent's process (`call.rs`), with its price (`prices.rs`). When a budget is spent, the next call is
//! refused (`passes.rs`, `budgets.rs`) with an answer that makes the agent say so and stop. While a call is
//! under way, its possible cost is set aside (`reservation.rs`, `tally.rs`): calls at the same time wait for
//! one another where they could spend the same money.
//!
//! The port `runner_core::ports::model::ModelKeys` knows which keys there are; [`OperatorKey`] is the
//! operator's own. The offline model stands behind the gateway like the real API. A Claude Code login does
//! not: the agent renews it by itself.

mod admission;
mod body_memory;
mod budgets;
mod call;
mod clients;
mod journal;
mod key_probe;
mod meter;
mod passes;
mod prices;
mod refusal;
mod reservation;
mod routes;
mod tally;
#[cfg(test)]
pub(crate) mod tests;
mod upstream;

pub(crate) use prices::{Counts, list_price};

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use runner_core::agent::AgentOutput;
use runner_core::ids::SessionId;
use runner_core::money::MicroDollars;
use runner_core::ports::ReadError;
use runner_core::ports::model::{Budgets, ModelKey, ModelKeys, ModelScope};
use runner_core::spend::{BudgetSpent, ModelCall};
use thiserror::Error;
use tokio::sync::mpsc;

pub use admission::{Admission, Anybody, Caller};
pub use budgets::MonthlyBudgets;
pub use journal::CallJournal;
pub use key_probe::KeyProbe;
pub use passes::Pass;
use passes::Passes;
use routes::Routes;
use upstream::Upstream;

use crate::loopback::LoopbackServer;

/// The keys, the budgets and the network of a gateway.
pub struct GatewaySettings {
    pub keys: Arc<dyn ModelKeys>,
    pub budgets: Arc<dyn Budgets>,
    /// The limit of each session as a whole.
    pub session_budget: Option<MicroDollars>,
    /// The notes of calls under way.
    pub journal: CallJournal,
    /// Names of the proxies through which the server itself goes out.
    pub proxies: Vec<String>,
}

/// The gateway cannot be started.
#[derive(Debug, Error)]
pub enum GatewayError {
    #[error("the gateway cannot listen")]
    Listen(#[from] io::Error),
    #[error("the gateway cannot call out")]
    Client(#[source] reqwest::Error),
    /// The system gives no random numbers; without them a token could be guessed.
    #[error("there are no random numbers: {0}")]
    NoRandomness(getrandom::Error),
}

impl std::fmt::Debug for GatewaySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewaySettings")
            .field("session_budget", &self.session_budget)
            .finish_non_exhaustive()
    }
}

/// The running gateway. Clones share it; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Gateway {
    passes: Arc<Passes>,
    server: Arc<LoopbackServer>,
}

impl Gateway {
    /// Listens on a free port of the loopback interface.
    pub async fn start(settings: GatewaySettings) -> Result<Self, GatewayError> {
        let GatewaySettings { keys, budgets, session_budget, journal, proxies } = settings;
        let passes = Arc::new(Passes::new(budgets, session_budget, journal));
        let upstream = Upstream::new(keys, proxies).map_err(GatewayError::Client)?;
        let routes = Arc::new(Routes::new(Arc::clone(&passes), upstream));
        let server = LoopbackServer::start(move |request| Arc::clone(&routes).respond(request)).await?;
        tracing::debug!("the gateway listens on {}", server.base_url());
        Ok(Self { passes, server: Arc::new(server) })
    }

    /// The value of an agent's `ANTHROPIC_BASE_URL`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// Lets one process in, until the pass is dropped. Its calls are reported through `outputs`.
    pub fn admit(
        &self,
        admission: Admission,
        outputs: mpsc::Sender<AgentOutput>,
    ) -> Result<Pass, GatewayError> {
        Passes::issue(&self.passes, admission, outputs).map_err(GatewayError::NoRandomness)
    }
}

impl Gateway {
    /// The calls that earlier runs of the server had sent and may not have reported.
    pub fn left_calls(&self) -> Vec<(SessionId, Vec<ModelCall>)> {
        self.passes.journal.left()
    }

    /// Forgets these calls: the log has them now.
    pub fn forget_left_calls(&self) {
        self.passes.journal.forget();
    }
}

/// The one key of the operator, for everybody: from the environment, or the offline model's.
#[derive(Debug)]
pub struct OperatorKey(pub ModelKey);

#[async_trait]
impl ModelKeys for OperatorKey {
    async fn keys(&self, _: &ModelScope) -> Result<Vec<ModelKey>, ReadError> {
        Ok(vec![self.0.clone()])
    }

    async fn refused(&self, scope: &ModelScope, _: &ModelKey, status: u16) {
        tracing::warn!(session.id = %scope.session, status, "the model's API does not accept the operator's key");
    }

    /// The operator's key has no budget of its own.
    async fn exhausted(&self, _: &ModelScope, _: &ModelKey, _: &BudgetSpent) {}
}

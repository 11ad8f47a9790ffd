//! The gateway in front of an upstream that tells which requests reached it.

mod budgets;
mod keys;
mod metering;
mod passing;
mod refusals;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Method, RequestBuilder};
use runner_core::agent::AgentOutput;
use runner_core::ids::{SessionId, TenantId};
use runner_core::money::MicroDollars;
use runner_core::ports::model::{BudgetError, Budgets, ModelKey, ModelKeys, ModelScope};
use runner_core::spend::{ModelCall, Payment, SpentBefore};
use tokio::sync::mpsc;
use uuid::Uuid;

use self::upstream::Upstream;
use super::{Admission, Anybody, CallJournal, Gateway, GatewaySettings, OperatorKey, Pass};

const KEY: &str = "sk-ant-the-real-one";

/// A gateway before an upstream, and a pass.
struct Set {
    upstream: Upstream,
    gateway: Gateway,
    pass: Pass,
    outputs: mpsc::Receiver<AgentOutput>,
}

impl Set {
    /// A gateway in front of an upstream that answers everything with the bytes given.
    async fn answering(answer: &'static str) -> Self {
        Self::before(Upstream::answering(answer).await).await
    }

    async fn before(upstream: Upstream) -> Self {
        let key = ModelKey::new(None, Some(upstream.base_url()), KEY);
        let gateway = Gateway::start(unlimited(Arc::new(OperatorKey(key)))).await.unwrap();
        let (told, outputs) = mpsc::channel(8);
        let pass = gateway.admit(admission(1), told).unwrap();
        Self { upstream, gateway, pass, outputs }
    }

    /// A call as the agent makes it.
    fn call(&self) -> RequestBuilder {
        self.request(Method::POST, "/v1/messages?beta=true").header("x-api-key", self.pass.token()).body("{}")
    }

    /// The next call that is reported.
    async fn told(&mut self) -> ModelCall {
        match tokio::time::timeout(Duration::from_secs(5), self.outputs.recv()).await {
            Ok(Some(AgentOutput::ModelCalled(call))) => call,
            other => panic!("no call is told of: {other:?}"),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        client().request(method, format!("{}{path}", self.gateway.base_url()))
    }
}

/// A pass of which nobody listens to what is told.
fn pass(gateway: &Gateway, session: u128) -> Pass {
    gateway.admit(admission(session), mpsc::channel(1).0).unwrap()
}

/// Settings without any budget.
pub(crate) fn unlimited(keys: Arc<dyn ModelKeys>) -> GatewaySettings {
    let journal = CallJournal::new(std::env::temp_dir().join(format!("calls-{}", Uuid::now_v7())));
    GatewaySettings { keys, budgets: Arc::new(NoBudgets), session_budget: None, journal, proxies: vec![] }
}

struct NoBudgets;

#[async_trait]
impl Budgets for NoBudgets {
    async fn admit(&self, _: &ModelScope) -> Result<(), BudgetError> {
        Ok(())
    }

    async fn reserve(&self, _: &ModelScope, _: Option<Uuid>, _: MicroDollars) -> Result<(), BudgetError> {
        Ok(())
    }

    fn spent(&self, _: &ModelScope, _: Option<Uuid>, _: Payment) {}

    fn ended(&self, _: &ModelScope, _: Option<Uuid>, _: MicroDollars) {}
}

fn admission(session: u128) -> Admission {
    Admission {
        scope: scope(session),
        caller: Arc::new(Anybody),
        spent: SpentBefore::default(),
        turn_budget: None,
    }
}

fn client() -> Client {
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn scope(session: u128) -> ModelScope {
    ModelScope {
        session: SessionId(Uuid::from_u128(session)),
        tenant: TenantId("t".into()),
        owner: "ada".into(),
    }
}

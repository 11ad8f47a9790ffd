//! What the gateway lets through, in front of an upstream that tells what reached it.

mod keys;
mod passing;
mod refusals;
mod upstream;

use std::sync::Arc;

use reqwest::{Client, Method, RequestBuilder};
use runner_core::ids::SessionId;
use runner_core::model_access::{ModelKey, ModelScope};
use uuid::Uuid;

use self::upstream::Upstream;
use super::{Gateway, OperatorKey, Pass};

const KEY: &str = "sk-ant-the-real-one";

/// A gateway before an upstream, and a pass.
struct Set {
    upstream: Upstream,
    gateway: Gateway,
    pass: Pass,
}

impl Set {
    /// In front of an upstream that answers everything with the bytes given.
    async fn answering(answer: &'static str) -> Self {
        Self::before(Upstream::answering(answer).await).await
    }

    async fn before(upstream: Upstream) -> Self {
        let key = ModelKey::new(None, Some(upstream.base_url()), KEY);
        let gateway = Gateway::start(Arc::new(OperatorKey(key))).await.unwrap();
        let pass = gateway.admit(scope(1)).unwrap();
        Self { upstream, gateway, pass }
    }

    /// A call as the agent makes it.
    fn call(&self) -> RequestBuilder {
        self.request(Method::POST, "/v1/messages?beta=true").header("x-api-key", self.pass.token()).body("{}")
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        client().request(method, format!("{}{path}", self.gateway.base_url()))
    }
}

fn client() -> Client {
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn scope(session: u128) -> ModelScope {
    ModelScope { session: SessionId(Uuid::from_u128(session)), tenant: "t".into(), owner: "ada".into() }
}

//! The requests that the gateway takes from an agent: the Messages API, with a valid token, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::body_memory::{MAX_UNITS, UNIT_BYTES};
use super::call::Call;
use super::passes::{Grant, Passes};
use super::refusal::Refusal;
use super::upstream::{Question, Upstream};
use crate::loopback::{Connection, ResponseBody};

/// The limit of Anthropic's own API.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;
/// Enough for an agent on this machine.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A request waits so long for a place in memory; the agent then asks again.
const UNTIL_THERE_IS_MEMORY: Duration = Duration::from_secs(10);

/// An agent needs nothing of the API beside `/v1/messages`.
const MESSAGES: &str = "/v1/messages";
const COUNT_TOKENS: &str = "/v1/messages/count_tokens";

/// The state that all connections share.
pub(super) struct Routes {
    passes: Arc<Passes>,
    upstream: Upstream,
    bodies: Arc<Semaphore>,
}

/// The treatment of a request.
enum Route {
    /// The agent looks whether a server answers.
    Probe,
    PassOn(Endpoint),
}

enum Endpoint {
    Messages,
    /// Counting costs nothing.
    CountTokens,
}

impl Routes {
    pub(super) fn new(passes: Arc<Passes>, upstream: Upstream) -> Self {
        Self { passes, upstream, bodies: Arc::new(Semaphore::new(MAX_UNITS)) }
    }

    /// Answers one request. A failure becomes an answer too.
    pub(super) async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Response<ResponseBody> {
        let (parts, body) = request.into_parts();
        let answered = match route(&parts) {
            Ok(Route::Probe) => {
                Ok(Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync()))
            }
            Ok(Route::PassOn(endpoint)) => self.pass_on(endpoint, parts, body).await,
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(Refusal::into_response)
    }

    async fn pass_on(
        &self,
        endpoint: Endpoint,
        parts: Parts,
        body: Incoming,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let grant = self.grant(&parts).await?;
        let place = Arc::clone(&grant.calls).try_acquire_owned().map_err(|_| Refusal::too_many_calls())?;
        let (body, memory) = tokio::select! {
            read = self.read(&grant, &parts.headers, body) => read?,
            () = grant.revoked() => return Err(Refusal::unknown_token()),
        };
        let path = parts.uri.path_and_query().map_or(MESSAGES, |path| path.as_str()).to_owned();
        let call = Call::begin(Arc::clone(&grant), &parts.headers, &body, place);
        let call = match endpoint {
            Endpoint::Messages => call,
            Endpoint::CountTokens => call.free(),
        };
        let question = Question { path, headers: parts.headers, body };
        let answered = tokio::select! {
            answered = self.upstream.ask(question, call) => answered,
            () = grant.revoked() => Err(Refusal::unknown_token()),
        };
        drop(memory);
        answered
    }

    /// The grant behind a request's token, if the request comes from the process that the token was made for.
    async fn grant(&self, parts: &Parts) -> Result<Arc<Grant>, Refusal> {
        let token = parts.headers.get("x-api-key").and_then(|token| token.to_str().ok());
        let (token, grant) =
            token.and_then(|token| self.passes.find(token)).ok_or_else(Refusal::unknown_token)?;
        let connection = parts.extensions.get::<Connection>().ok_or_else(Refusal::unknown_caller)?;
        if connection.is_known_for(token) {
            return Ok(grant);
        }
        let (caller, peer, port) = (Arc::clone(&grant.caller), connection.peer, connection.port);
        let looked = tokio::task::spawn_blocking(move || caller.is_at(peer, port)).await;
        if !looked.unwrap_or(false) {
            tracing::warn!(session.id = %grant.scope.session, "another process came with the token of an agent");
            return Err(Refusal::unknown_caller());
        }
        connection.know_for(token);
        Ok(grant)
    }

    /// Reads the whole body, for another key may have to be tried with it.
    async fn read(
        &self,
        grant: &Grant,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<(Bytes, Memory), Refusal> {
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let length: usize = announced.unwrap_or(MAX_BODY_BYTES);
        if length > MAX_BODY_BYTES {
            return Err(Refusal::too_large(MAX_BODY_BYTES));
        }
        let units = u32::try_from(length / UNIT_BYTES + 1).unwrap_or(u32::MAX);
        // The smallest share first: a request that waits for its own holds nothing that others wait for.
        let [own, owners] = &grant.bodies;
        let memory = async {
            let mut memory = vec![];
            for share in [own, owners, &self.bodies] {
                memory.push(Arc::clone(share).acquire_many_owned(units).await?);
            }
            Ok::<_, AcquireError>(memory)
        };
        let memory = match tokio::time::timeout(UNTIL_THERE_IS_MEMORY, memory).await {
            Ok(memory) => memory.map_err(|_| Refusal::internal("the gateway is closed"))?,
            Err(_) => return Err(Refusal::no_memory()),
        };
        match tokio::time::timeout(BODY_TIMEOUT, read_whole(body)).await {
            Ok(body) => Ok((body?, memory)),
            Err(_) => Err(Refusal::invalid("the request did not arrive in time")),
        }
    }
}

/// Units of memory that one body holds.
type Memory = Vec<OwnedSemaphorePermit>;

async fn read_whole(mut body: Incoming) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(STALL_TIMEOUT, body.frame()).await;
        let frame = match frame.map_err(|_| Refusal::invalid("the request did not go on in time"))? {
            Some(Ok(frame)) => frame,
            Some(Err(_)) => return Err(Refusal::invalid("the request ended early")),
            None => return Ok(whole.freeze()),
        };
        if let Some(data) = frame.data_ref() {
            if whole.len() + data.len() > MAX_BODY_BYTES {
                return Err(Refusal::too_large(MAX_BODY_BYTES));
            }
            whole.extend_from_slice(data);
        }
    }
}

fn route(parts: &Parts) -> Result<Route, Refusal> {
    // Requests to a proxy name a whole address, or connect. This is no proxy.
    if parts.method == Method::CONNECT || parts.uri.authority().is_some() {
        return Err(Refusal::invalid("this is not a proxy"));
    }
    if !is_for_loopback(&parts.headers) {
        return Err(Refusal::invalid("this server is known as 127.0.0.1 only"));
    }
    let path = parts.uri.path();
    let endpoint = match (path, parts.uri.query()) {
        ("/", _) if [Method::GET, Method::HEAD].contains(&parts.method) => return Ok(Route::Probe),
        (MESSAGES, None | Some("beta=true")) => Endpoint::Messages,
        (COUNT_TOKENS, None | Some("beta=true")) => Endpoint::CountTokens,
        _ => return Err(Refusal::not_found(format!("the gateway has no {path}"))),
    };
    match parts.method {
        Method::POST => Ok(Route::PassOn(endpoint)),
        _ => Err(Refusal::method_not_allowed(format!("{} is not allowed here", parts.method))),
    }
}

/// Whether a request names this machine: a web page can make a browser ask this address under a name of its
/// own.
fn is_for_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["127.0.0.1", "localhost"].contains(&name)
}

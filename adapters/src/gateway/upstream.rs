//! The model's API, asked with a real key.
//!
//! The agent gets nothing of an answer before the API has accepted the key, so that another key can be tried.
//! From then on every byte goes on as it comes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName,
    HeaderValue, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use hyper::{HeaderMap, Response, StatusCode};
use runner_core::ports::model::{BudgetError, ModelKey, ModelKeys};
use runner_core::spend::BudgetKind;

use super::call::Call;
use super::clients::{API_KEY, Clients, secret};
use super::refusal::Refusal;
use crate::loopback::ResponseBody;

/// Pauses between attempts to connect, while nobody is there.
const CONNECT_PAUSES: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_millis(1000)];

/// The largest answer that is not streamed.
const MAX_WHOLE_ANSWER_BYTES: usize = 32 * 1024 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-client-request-id");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_AUTHORIZATION: HeaderName = HeaderName::from_static("proxy-authorization");
const PROXY_AUTHENTICATE: HeaderName = HeaderName::from_static("proxy-authenticate");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Headers that belong to one connection.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The headers of an agent that are passed on: those of Claude Code's own requests. A program that a model
/// wrote may send more, for a proxy on the way or in front of the API, which would obey them.
const PASSED_ON: [HeaderName; 5] =
    [CONTENT_TYPE, ACCEPT, USER_AGENT, HeaderName::from_static("x-app"), CLIENT_REQUEST_ID];
const PASSED_ON_PREFIXES: [&str; 3] = ["anthropic-", "x-stainless-", "x-claude-code-"];

/// A request of an agent that may be passed on.
pub(super) struct Question {
    /// The path with its query.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The clients and keys with which the model's API is asked.
pub(super) struct Upstream {
    keys: Arc<dyn ModelKeys>,
    clients: Clients,
}

impl Upstream {
    pub(super) fn new(keys: Arc<dyn ModelKeys>, proxies: Vec<String>) -> reqwest::Result<Self> {
        Ok(Self { keys, clients: Clients::new(proxies)? })
    }

    /// Asks with one key after the other; returns the answer to the first accepted key, or else to the last
    /// one.
    pub(super) async fn ask(
        &self,
        question: Question,
        mut call: Call,
    ) -> Result<Response<ResponseBody>, Refusal> {
        match self.try_keys(question, &mut call).await {
            Ok(answer) => Ok(answer.into_response(call).await),
            Err(refusal) => {
                call.refused(&refusal).await;
                Err(refusal)
            }
        }
    }

    async fn try_keys(&self, question: Question, call: &mut Call) -> Result<Answer, Refusal> {
        let scope = call.grant.scope.clone();
        let keys = self.keys.keys(&scope).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "the keys cannot be read");
            Refusal::internal("the server cannot read its keys")
        })?;
        for (index, key) in keys.iter().enumerate() {
            let is_last = index + 1 == keys.len();
            match call.try_with(key.id).await {
                Ok(()) => {}
                Err(BudgetError::Spent(spent)) => {
                    if spent.budget == BudgetKind::Key {
                        self.keys.exhausted(&scope, key, &spent).await;
                    }
                    if is_last {
                        return Err(call.unaffordable(spent).await);
                    }
                    continue;
                }
                Err(BudgetError::Reserved) => return Err(Refusal::budget_reserved()),
                Err(BudgetError::Revoked(revoked)) => return Err(Refusal::revoked(revoked)),
                Err(BudgetError::Unknown(error)) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "what was spent cannot be read"
                    );
                    return Err(Refusal::internal("the server cannot read what was spent"));
                }
            }
            call.sent();
            let answer = self.send(key, &question).await?;
            let api_request_id = answer.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
            call.answered(answer.status().as_u16(), api_request_id.map(str::to_owned));
            let (answer, verdict) = Answer::read(answer).await?;
            if verdict == Verdict::Refused {
                self.keys.refused(&scope, key, answer.status.as_u16()).await;
            }
            if verdict == Verdict::Accepted || is_last {
                return Ok(answer);
            }
        }
        Err(Refusal::no_key())
    }

    async fn send(&self, key: &ModelKey, question: &Question) -> Result<reqwest::Response, Refusal> {
        let (client, url) = self.clients.of(key, &question.path)?;
        let mut headers = passed_on(&question.headers);
        headers.insert(API_KEY, secret(key)?);
        let mut pauses = CONNECT_PAUSES.into_iter();
        loop {
            let request = client.post(url.clone()).headers(headers.clone()).body(question.body.clone());
            let error = match request.send().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error.without_url(),
            };
            // Nothing was sent, and the next moment may be a better one.
            let pause = (error.is_connect() && !error.is_timeout()).then(|| pauses.next()).flatten();
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None if error.is_connect() => return Err(out_of_reach(error)),
                None => return Err(unreachable(error)),
            }
        }
    }
}

/// An answer before any of it is passed on.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

enum Body {
    Whole(Bytes),
    Streamed(reqwest::Response),
}

impl Answer {
    /// Reads an answer, and its verdict about the key.
    async fn read(answer: reqwest::Response) -> Result<(Self, Verdict), Refusal> {
        let status = answer.status();
        let mut headers = answer.headers().clone();
        if status.is_redirection() {
            return Err(Refusal::unreachable("the model's API is somewhere else: its address is set wrong"));
        }
        if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(Refusal::unreachable("the model's API answered in an encoding nobody asked for"));
        }
        drop_hop_by_hop(&mut headers);
        headers.remove(SET_COOKIE);
        if status.is_success() && is_event_stream(&headers) {
            return Ok((Self { status, headers, body: Body::Streamed(answer) }, Verdict::Accepted));
        }
        headers.remove(CONTENT_LENGTH);
        let body = collect(answer).await?;
        let verdict = verdict(status, &body);
        Ok((Self { status, headers, body: Body::Whole(body) }, verdict))
    }

    async fn into_response(self, mut call: Call) -> Response<ResponseBody> {
        let body = match self.body {
            Body::Whole(bytes) => {
                call.end(&bytes).await;
                Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
            }
            Body::Streamed(answer) => streamed(answer, call),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Passes pieces on as they come. When the agent leaves, this stream is dropped, and the call upstream with
/// it.
fn streamed(answer: reqwest::Response, call: Call) -> ResponseBody {
    let frames = stream::unfold(Some((answer, call)), async |state| {
        let (mut answer, mut call) = state?;
        let chunk = tokio::select! {
            chunk = answer.chunk() => chunk,
            () = call.grant.revoked() => return Some((Err(std::io::ErrorKind::ConnectionAborted.into()), None)),
        };
        match chunk {
            Ok(Some(bytes)) => {
                call.passing(&bytes).await;
                Some((Ok(Frame::data(bytes)), Some((answer, call))))
            }
            Ok(None) => {
                call.stream_ended().await;
                None
            }
            Err(error) => {
                call.stream_ended().await;
                Some((Err(std::io::Error::other(error.without_url())), None))
            }
        }
    });
    StreamBody::new(frames.boxed()).boxed_unsync()
}

async fn collect(mut answer: reqwest::Response) -> Result<Bytes, Refusal> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(error.without_url()))? {
        if body.len() + chunk.len() > MAX_WHOLE_ANSWER_BYTES {
            return Err(Refusal::unreachable("the answer of the model's API is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    drop_hop_by_hop(&mut headers);
    let goes_on = |name: &HeaderName| {
        PASSED_ON.contains(name) || PASSED_ON_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
    };
    let mut passed_on = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| goes_on(name)) {
        passed_on.append(name, value.clone());
    }
    // The meter must be able to read the answer.
    passed_on.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    passed_on
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.into_iter().chain(HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.starts_with("text/event-stream")
}

/// The verdict of an answer about its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    /// The key may not be used for this question, but another key may. It stays good for everything else.
    NotForThis,
    Refused,
}

/// A 403 may also be about the question; then another key would not help.
pub(super) fn verdict(status: StatusCode, body: &[u8]) -> Verdict {
    let kind = || {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        body["error"]["type"].as_str().unwrap_or_default().to_owned()
    };
    match status {
        StatusCode::UNAUTHORIZED => Verdict::Refused,
        StatusCode::FORBIDDEN => match &*kind() {
            "authentication_error" => Verdict::Refused,
            "permission_error" => Verdict::NotForThis,
            _ => Verdict::Accepted,
        },
        _ => Verdict::Accepted,
    }
}

fn out_of_reach(error: reqwest::Error) -> Refusal {
    Refusal::out_of_reach(unreachable(error).message)
}

/// Does not tell the agent the address of the model's API.
fn unreachable(error: reqwest::Error) -> Refusal {
    tracing::warn!(error = &error as &dyn std::error::Error, "the model's API cannot be reached");
    let how = match (error.is_connect(), error.is_timeout()) {
        (_, true) => "did not answer in time",
        (true, false) => "cannot be reached",
        (false, false) => "broke off its answer",
    };
    Refusal::unreachable(format!("the model's API {how}"))
}

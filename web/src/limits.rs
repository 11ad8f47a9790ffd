//! How many requests somebody may make: a bucket of tokens for each person, each service token and each
//! address that nobody is known from. Turns cost more than reading, so they have buckets of their own.
//!
//! A program with a service token uses up the token's bucket, not its owner's: a pipeline that runs wild
//! does not lock people out. Requests of people who are known do not use up their address, so a
//! neighbour behind the same one does not lock them out either. [`count`] stands behind `admit`, where
//! it is known who asks; [`mark`] stands before it and counts those who did not get that far.

pub(crate) mod bucket;
pub(crate) mod streams;

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, web};
use governor::clock::{Clock, DefaultClock};
use runner_core::ids::TenantId;
use runner_core::people::client_network::network_of;
use runner_core::people::principal::{Means, Principal};
use uuid::Uuid;

use self::bucket::{Buckets, Level};
use crate::http::access::Caller;
use crate::http::authentication::client_address;
use crate::http::error::{ApiError, Problem};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The local user may do so many times more: their own scripts are the only other load.
const LOCAL_FACTOR: u32 = 100;

/// The owner of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Person(TenantId, String),
    ServiceToken(Uuid),
    Address(IpAddr),
    /// Addresses that are not known, or too many to tell apart.
    Elsewhere,
}

/// The limits of a server. Zero in the settings means that there is none.
#[derive(Debug)]
pub(crate) struct Limits<C: Clock = DefaultClock> {
    requests: Limit<C>,
    turns: Limit<C>,
}

#[derive(Debug)]
struct Limit<C: Clock> {
    ordinary: Option<Buckets<C>>,
    local: Option<Buckets<C>>,
}

impl<C: Clock + Clone> Limit<C> {
    fn new(name: &'static str, per_minute: u32, clock: &C) -> Self {
        let buckets = |per_minute| Buckets::new(name, per_minute, clock.clone());
        Self { ordinary: buckets(per_minute), local: buckets(per_minute.saturating_mul(LOCAL_FACTOR)) }
    }

    fn take(&self, caller: Option<&Principal>, key: &Key) -> Option<Level> {
        let is_local = caller.is_some_and(|caller| caller.means == Means::Local);
        let buckets = if is_local { &self.local } else { &self.ordinary };
        buckets.as_ref().map(|buckets| buckets.take(key))
    }
}

impl Limits {
    pub(crate) fn new(requests_per_minute: u32, turns_per_minute: u32) -> Self {
        Self::with_clock(requests_per_minute, turns_per_minute, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limits<C> {
    fn with_clock(requests_per_minute: u32, turns_per_minute: u32, clock: &C) -> Self {
        let requests = Limit::new("default", requests_per_minute, clock);
        Self { requests, turns: Limit::new("turns", turns_per_minute, clock) }
    }

    /// Takes what a request costs. A request that is refused costs no turn.
    fn take(&self, caller: Option<&Principal>, key: &Key, cost: Cost) -> Standing {
        let mut levels: Vec<Level> = self.requests.take(caller, key).into_iter().collect();
        let is_refused = levels.iter().any(|level| level.wait_seconds.is_some());
        if cost == Cost::Turn && !is_refused {
            levels.extend(self.turns.take(caller, key));
        }
        Standing { levels }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cost {
    Request,
    Turn,
}

/// The cost of a request: those that may start a turn cost one.
fn cost(method: &Method, path: &str) -> Cost {
    let parts: Vec<_> = path.split('/').skip(1).collect();
    match (method, parts.as_slice()) {
        (&Method::POST, ["api", "task"] | ["api", "task", "stream"]) => Cost::Turn,
        (&Method::POST, ["api", "sessions", _, "prompts" | "fork"]) => Cost::Turn,
        (&Method::POST, ["api", "schedules", _, "run"]) => Cost::Turn,
        _ => Cost::Request,
    }
}

/// How full the buckets are that a request was taken from.
#[derive(Clone, Debug)]
struct Standing {
    levels: Vec<Level>,
}

impl Standing {
    fn refusal(&self) -> Option<Problem> {
        let level = self.levels.iter().find(|level| level.wait_seconds.is_some())?;
        let (quota, name) = (level.quota, level.name);
        let detail = format!("more than {quota} requests in a minute (limit `{name}`)");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
        Some(Problem { retry_after_s: level.wait_seconds, ..problem })
    }

    fn mark<B>(&self, response: &mut ServiceResponse<B>) {
        let list = |part: fn(&Level) -> String| self.levels.iter().map(part).collect::<Vec<_>>().join(", ");
        let policies =
            list(|level| format!("\"{}\";q={};w={}", level.name, level.quota, bucket::WINDOW_SECONDS));
        let levels = list(|level| format!("\"{}\";r={};t={}", level.name, level.rest, level.full_seconds));
        for (name, value) in [(RATE_LIMIT_POLICY, policies), (RATE_LIMIT, levels)] {
            if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(&value)) {
                response.headers_mut().insert(name, value);
            }
        }
    }
}

/// Takes an admitted request from its bucket, or refuses it.
pub(crate) async fn count(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match take(request.request()).and_then(|standing| standing.refusal()) {
        None => Ok(next.call(request).await?.map_into_left_body()),
        Some(problem) => Ok(request.error_response(ApiError::from(problem)).map_into_right_body()),
    }
}

/// Says in each answer how much is left. What was refused before it was counted is counted here.
pub(crate) async fn mark(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let response = next.call(request).await?;
    let counted = response.request().extensions().get::<Standing>().cloned();
    let (standing, is_counted) = match counted {
        Some(standing) => (Some(standing), true),
        None => (take(response.request()), false),
    };
    let Some(standing) = standing else { return Ok(response.map_into_left_body()) };
    match standing.refusal() {
        Some(problem) if !is_counted => {
            let request = response.into_parts().0;
            let mut refused =
                ServiceResponse::from_err(ApiError::from(problem), request).map_into_right_body();
            standing.mark(&mut refused);
            Ok(refused)
        }
        Some(_) | None => {
            let mut response = response.map_into_left_body();
            standing.mark(&mut response);
            Ok(response)
        }
    }
}

/// Only the API has limits: pages and health are the same for everybody and cost little.
fn take(request: &HttpRequest) -> Option<Standing> {
    if !request.path().starts_with("/api/") {
        return None;
    }
    let limits = request.app_data::<web::Data<Limits>>()?;
    let caller = request.extensions().get::<Caller>().map(|Caller(caller)| caller.clone());
    let key = match &caller {
        Some(caller) => key_of(caller),
        None => key_of_address(client_address(request).and_then(|address| address.parse().ok())),
    };
    let standing = limits.take(caller.as_ref(), &key, cost(request.method(), request.path()));
    request.extensions_mut().insert(standing.clone());
    Some(standing)
}

fn key_of(caller: &Principal) -> Key {
    match &caller.means {
        Means::ServiceToken { token, .. } => Key::ServiceToken(*token),
        Means::Local | Means::Login(_) => Key::Person(caller.tenant.clone(), caller.name.clone()),
    }
}

fn key_of_address(address: Option<IpAddr>) -> Key {
    address.map_or(Key::Elsewhere, |address| Key::Address(network_of(address)))
}

#[cfg(test)]
mod tests;

//! Requests that change something, once for each `Idempotency-Key`.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use futures_util::future::LocalBoxFuture;
use runner_core::ids::CommandId;
use runner_core::log::{Appended, Digest, Provenance};
use runner_core::people::principal::Principal;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::query::NoQuery;
use super::reply::Retry;
use super::{body, query, raw_body};
use crate::context::Context;
use crate::http::access::Caller;
use crate::http::authentication::client_address;
use crate::http::error::{ApiError, Problem, internal};
use crate::http::request_id::RequestId;

/// A write: its body and query were read, and a first request under its key was looked for. The same key for
/// another request was refused.
pub(crate) struct Write<Body, Query = NoQuery> {
    pub(crate) body: Body,
    pub(crate) query: Query,
    pub(crate) caller: Principal,
    pub(crate) provenance: Provenance,
    /// The place of the events that the first request under this key stored; absent if this is the first.
    pub(crate) first: Option<Appended>,
}

impl<Body, Query> FromRequest for Write<Body, Query>
where
    Body: DeserializeOwned + 'static,
    Query: DeserializeOwned + 'static,
{
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let key = idempotency_key(request.headers())?;
            let bytes = body::collect(payload).await?;
            let caller = Caller::of(&request)?;
            let query = query::read(&request)?;
            let body = match raw_body::fields(&request, &bytes)? {
                Some(fields) => body::parse(fields)?,
                None => body::read(&bytes)?,
            };
            let provenance = provenance(&request, &caller, key.map(|key| OnceKey { key, body: &bytes }));
            let write = Self { body, query, caller, provenance, first: None };
            let context = request.app_data::<web::Data<Context>>().ok_or_else(internal)?;
            let first = write.find_first(context).await?;
            if first.is_some() {
                request.extensions_mut().insert(Retry);
            }
            Ok(Self { first, ..write })
        })
    }
}

impl<Body, Query> Write<Body, Query> {
    /// Looks for the first request under the same key: again where one may have come at the same time.
    pub(crate) async fn find_first(&self, context: &Context) -> Result<Option<Appended>, ApiError> {
        match self.provenance.request_hash {
            Some(request_hash) => {
                Ok(context.sessions.find_command(self.provenance.command, request_hash).await?)
            }
            None => Ok(None),
        }
    }
}

/// A write whose answer holds a secret that is kept nowhere: a retry is refused.
pub(crate) struct ShownOnce<Body>(pub(crate) Write<Body>);

impl<Body: DeserializeOwned + 'static> FromRequest for ShownOnce<Body> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let write = Write::from_request(request, payload);
        Box::pin(async move {
            let write = write.await?;
            if write.first.is_none() {
                return Ok(Self(write));
            }
            let detail = "this was done under the same Idempotency-Key, and what was answered is shown only once; \
                 take back what was made, or use another key";
            Err(Problem::new(StatusCode::CONFLICT, "shown_once", detail).into())
        })
    }
}

/// A key and the body that it is good for.
struct OnceKey<'a> {
    key: String,
    body: &'a [u8],
}

fn provenance(request: &HttpRequest, caller: &Principal, once: Option<OnceKey<'_>>) -> Provenance {
    let (command, request_hash) = match once {
        Some(OnceKey { key, body }) => (keyed_command(caller, &key), Some(request_hash(request, body))),
        None => (CommandId(Uuid::now_v7()), None),
    };
    Provenance {
        actor: caller.actor(),
        http_request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
        address: client_address(request),
        command,
        request_hash,
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(key.to_owned()));
    }
    let detail = "Idempotency-Key must be 1 to 255 visible ASCII characters";
    Err(Problem::new(StatusCode::BAD_REQUEST, "idempotency_key_invalid", detail))
}

/// A person's key means one command, whichever route it is sent to.
fn keyed_command(caller: &Principal, key: &str) -> CommandId {
    command_of(&format!("{}\n{key}", caller.name))
}

/// The same request as a command of its own, for the time when it is done anew.
pub(crate) fn retry_of(provenance: &Provenance, retry: u32) -> Provenance {
    let command = command_of(&format!("{}\n{retry}", provenance.command));
    Provenance { command, ..provenance.clone() }
}

fn command_of(text: &str) -> CommandId {
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    CommandId(Uuid::new_v8(id))
}

fn request_hash(request: &HttpRequest, body: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(format!("{} {}\n", request.method(), request.uri()));
    hasher.update(body);
    Digest(hasher.finalize().into())
}

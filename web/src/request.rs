//! Reading a request: who asks, under which key, and the body with every mistake named.

pub(crate) mod arrival;
pub(crate) mod field;
mod json;
pub(crate) mod options;
pub(crate) mod paging;
pub(crate) mod retry;
pub(crate) mod task;

use std::ops::RangeInclusive;
use std::pin::pin;

use actix_web::http::{StatusCode, header::HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use runner_core::ids::{CommandId, SessionId};
use runner_core::log::{Digest, Provenance};
use runner_core::people::principal::Principal;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::http::access::Caller;
use crate::http::authentication::client_address;
use crate::http::error::{ApiError, Problem, not_found};
use crate::http::request_id::RequestId;

/// The most bytes a body may have, with pictures and without.
const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_BODY_BYTES_WITH_IMAGES: usize = 20 * 1024 * 1024;

/// The deepest nesting of a body. What is stored has a few levels more and must be readable again.
const MAX_DEPTH: usize = 64;

/// A body as it came, and what identifies the request to a retry of it.
pub(crate) struct Write {
    body: Bytes,
    pub(crate) caller: Principal,
    pub(crate) provenance: Provenance,
}

impl FromRequest for Write {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let key = idempotency_key(request.headers())?;
            let body = collect(payload).await?;
            let Caller(caller) = Caller::extract(&request).await?;
            let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
            let (command, request_hash) = match key {
                Some(key) => (keyed_command(&caller, &key), Some(request_hash(&request, &body))),
                None => (CommandId(Uuid::now_v7()), None),
            };
            let (actor, address) = (caller.actor(), client_address(&request));
            let provenance = Provenance { actor, request_id, address, command, request_hash };
            Ok(Self { body, caller, provenance })
        })
    }
}

impl Write {
    /// The body's fields; an absent body has none.
    pub(crate) fn fields(&self) -> Result<Map<String, Value>, Problem> {
        read_fields(&self.body)
    }

    /// Nothing may be said where nothing can be chosen.
    pub(crate) fn no_fields(&self) -> Result<(), Problem> {
        match self.fields()?.keys().next() {
            Some(name) => Err(unknown_field(name)),
            None => Ok(()),
        }
    }
}

fn read_fields(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let invalid = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "json_invalid", detail);
    match serde_json::from_slice(body).map(|json::Unambiguous(value)| value) {
        Ok(Value::Object(fields)) => {
            if fields.values().any(|value| is_deeper_than(value, MAX_DEPTH)) {
                let detail = format!("the body is nested deeper than {MAX_DEPTH} levels");
                return Err(Problem::new(StatusCode::BAD_REQUEST, "json_too_deep", detail));
            }
            check_size(body.len(), fields.contains_key("attachments"))?;
            Ok(fields)
        }
        Ok(_) => Err(invalid("the body is not a JSON object".to_owned())),
        Err(error) => Err(invalid(format!("the body cannot be read as JSON: {error}"))),
    }
}

fn is_deeper_than(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(_) | Value::Object(_) if depth == 0 => true,
        Value::Array(items) => items.iter().any(|item| is_deeper_than(item, depth - 1)),
        Value::Object(fields) => fields.values().any(|field| is_deeper_than(field, depth - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

async fn collect(payload: dev::Payload) -> Result<Bytes, Problem> {
    let mut payload = pin!(payload);
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| {
            Problem::new(StatusCode::BAD_REQUEST, "body_incomplete", "the body broke off or is malformed")
        })?;
        body.extend_from_slice(&chunk);
        check_size(body.len(), true)?;
    }
    Ok(body.freeze())
}

fn check_size(bytes: usize, with_images: bool) -> Result<(), Problem> {
    let limit = if with_images { MAX_BODY_BYTES_WITH_IMAGES } else { MAX_BODY_BYTES };
    if bytes <= limit {
        return Ok(());
    }
    let detail = format!("the body has more than {limit} bytes");
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail))
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

/// One key of one person means one command, whatever route it is sent to.
fn keyed_command(caller: &Principal, key: &str) -> CommandId {
    let digest: [u8; 32] = Sha256::digest(format!("{}\n{key}", caller.name)).into();
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

/// Reads fields into a type; the problem names the field that does not fit.
pub(crate) fn parse<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let detail = error.inner().to_string();
        let pointer = match error.path().to_string().as_str() {
            "." => String::new(),
            path => format!("/{}", path.replace(['.', '['], "/").replace(']', "")),
        };
        if let Some(name) = quoted_after(&detail, "unknown field ") {
            let within = pointer.strip_suffix(&format!("/{name}")).unwrap_or(&pointer);
            return unknown_field_in(within, name);
        }
        if let Some(name) = quoted_after(&detail, "missing field ") {
            let pointer = format!("{pointer}/{name}");
            return Problem::field("field_missing", &pointer, format!("`{name}` is required"));
        }
        Problem::field("field_invalid", &pointer, detail)
    })
}

pub(crate) fn unknown_field(name: &str) -> Problem {
    unknown_field_in("", name)
}

fn unknown_field_in(pointer: &str, name: &str) -> Problem {
    Problem::field("field_unknown", &format!("{pointer}/{name}"), format!("there is no field `{name}`"))
}

fn quoted_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.strip_prefix('`')?.split('`').next()
}

/// A session's id in a path; what is no id names no session.
pub(crate) fn session_id(text: &str) -> Result<SessionId, Problem> {
    text.parse().map_err(|_| not_found())
}

/// Query parameters; the problem names the one that does not fit.
pub(crate) fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    let given = form_urlencoded::parse(request.query_string().as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(given)).map_err(|error| {
        let detail = error.inner().to_string();
        let name = match error.path().to_string() {
            path if path == "." => detail.split('`').nth(1).unwrap_or_default().to_owned(),
            path => path,
        };
        Problem::field("query_invalid", &format!("?{name}"), detail)
    })
}

/// Refuses every query parameter, where there are none.
pub(crate) fn no_query(request: &HttpRequest) -> Result<(), Problem> {
    match request.query_string().split(['=', '&']).next() {
        None | Some("") => Ok(()),
        Some(name) => Err(Problem::field(
            "query_invalid",
            &format!("?{name}"),
            format!("there is no parameter `{name}`"),
        )),
    }
}

/// A version of a session, where one is given; `pointer` says where.
pub(crate) fn version(
    given: Option<u64>,
    pointer: &str,
    versions: RangeInclusive<u64>,
) -> Result<Option<u64>, Problem> {
    if given.is_none_or(|version| versions.contains(&version)) {
        return Ok(given);
    }
    let code = if pointer.starts_with('?') { "query_invalid" } else { "field_invalid" };
    let detail = format!("must be a version from {} to {}", versions.start(), versions.end());
    Err(Problem::field(code, pointer, detail))
}

/// Names from the query, separated by commas.
pub(crate) fn types(list: Option<&str>) -> Vec<String> {
    let names = list.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// A number within limits, from the query.
pub(crate) fn limit(given: Option<u32>) -> Result<u32, Problem> {
    match given.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit),
        _ => Err(Problem::field("query_invalid", "?limit", "limit must be between 1 and 200")),
    }
}

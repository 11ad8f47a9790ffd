//! Bodies: collected within limits, read as JSON, and parsed with every mistake named by its JSON pointer.

use std::pin::pin;

use actix_web::dev;
use actix_web::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::json;
use crate::http::error::Problem;

/// The most bytes a body may have, with pictures and archives and without.
const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_BODY_BYTES_WITH_IMAGES: usize = 20 * 1024 * 1024;

/// The fields that hold such.
const LARGE_FIELDS: &[&str] = &["attachments", "archive"];

/// The deepest nesting of a body. What is stored has a few levels more and must be readable again.
const MAX_DEPTH: usize = 64;

/// The fields of a body that a route reads in parts.
pub(crate) type Fields = Map<String, Value>;

/// The body where nothing can be chosen: absent, or without fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Reads a body of JSON; an absent one has no fields.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    parse(read_fields(body)?)
}

fn read_fields(body: &[u8]) -> Result<Fields, Problem> {
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
            check_size(body.len(), LARGE_FIELDS.iter().any(|name| fields.contains_key(*name)))?;
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

pub(super) async fn collect(payload: dev::Payload) -> Result<Bytes, Problem> {
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

/// Reads fields into a type; the problem names the field that does not fit.
pub(super) fn parse<T: DeserializeOwned>(fields: Fields) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let detail = error.inner().to_string();
        let pointer = match error.path().to_string().as_str() {
            "." => String::new(),
            path => format!("/{}", path.replace(['.', '['], "/").replace(']', "")),
        };
        if let Some(name) = quoted_after(&detail, "unknown field ") {
            let within = pointer.strip_suffix(&format!("/{name}")).unwrap_or(&pointer);
            let detail = format!("there is no field `{name}`");
            return Problem::field("field_unknown", &format!("{within}/{name}"), detail);
        }
        if let Some(name) = quoted_after(&detail, "missing field ") {
            let pointer = format!("{pointer}/{name}");
            return Problem::field("field_missing", &pointer, format!("`{name}` is required"));
        }
        Problem::field("field_invalid", &pointer, in_words_of_json(&detail))
    })
}

/// Serde's message about a value, without the names of Rust's types.
fn in_words_of_json(detail: &str) -> String {
    let Some((found, expected)) = detail.rsplit_once(", expected ") else { return detail.to_owned() };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "an array",
        "a map" => "an object",
        expected if expected.starts_with("struct ") => "an object",
        expected => expected,
    };
    format!("{found}, expected {expected}")
}

/// The name that stands in backticks behind a text of serde's.
pub(super) fn quoted_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.strip_prefix('`')?.split('`').next()
}

//! Query strings and what they are made of.

use std::ops::RangeInclusive;

use actix_web::HttpRequest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::body::quoted_after;
use crate::http::error::Problem;

const MAX_SEARCH_CHARS: usize = 200;

/// The query of a route that has no parameters: any is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoQuery {}

/// Query parameters; the problem names the one that does not fit.
pub(super) fn read<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    let given = form_urlencoded::parse(request.query_string().as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(given)).map_err(|error| {
        let detail = error.inner().to_string();
        if let Some(name) = quoted_after(&detail, "unknown field ") {
            let detail = format!("there is no parameter `{name}`");
            return Problem::field("query_invalid", &format!("?{name}"), detail);
        }
        let name = match error.path().to_string() {
            path if path == "." => detail.split('`').nth(1).unwrap_or_default().to_owned(),
            path => path,
        };
        Problem::field("query_invalid", &format!("?{name}"), detail)
    })
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

/// Names separated by commas.
pub(crate) fn types(list: Option<&str>) -> Vec<String> {
    let names = list.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The number of entries of a page.
pub(crate) fn limit(given: Option<u32>) -> Result<u32, Problem> {
    match given.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit),
        _ => Err(Problem::field("query_invalid", "?limit", "limit must be between 1 and 200")),
    }
}

/// Text to look for.
pub(crate) fn search_text(text: String, pointer: &str) -> Result<String, Problem> {
    let fits = (1..=MAX_SEARCH_CHARS).contains(&text.chars().count());
    // The store ends a pattern at a NUL, and nothing but spaces would find whatever has two words.
    if fits && !text.contains('\0') && !text.trim().is_empty() {
        return Ok(text);
    }
    let detail = format!("must have 1 to {MAX_SEARCH_CHARS} characters, not only spaces, and no NUL");
    Err(Problem::field("query_invalid", pointer, detail))
}

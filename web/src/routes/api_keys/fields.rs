//! The checks on what is said about a key.

use actix_web::http::StatusCode;
use runner_core::people::confusable_names::is_legible;
use runner_core::people::principal::{Permission, Principal};
use runner_core::setup::api_key::Network;
use secrecy::SecretString;

use crate::http::error::Problem;

const MAX_NAME_CHARS: usize = 100;
const MAX_KEY_BYTES: usize = 1024;
/// The last four characters of a shorter key would say too much.
const MIN_KEY_BYTES: usize = 10;
const MAX_URL_BYTES: usize = 2048;
const MAX_PRIORITY: u32 = 1_000_000;

pub(super) fn name(text: String) -> Result<String, Problem> {
    let is_plain = is_legible(&text) && text.trim() == text;
    if is_plain && (1..=MAX_NAME_CHARS).contains(&text.chars().count()) {
        return Ok(text);
    }
    let detail = format!(
        "must have 1 to {MAX_NAME_CHARS} visible characters, no outer spaces, and each word in one script"
    );
    Err(Problem::field("field_invalid", "/name", detail))
}

pub(super) fn last_four(value: &SecretString) -> Result<String, Problem> {
    use secrecy::ExposeSecret as _;
    let text = value.expose_secret();
    if (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Ok(text[text.len() - 4..].to_owned());
    }
    // The value is not repeated: it may be a key with a slip of the finger.
    let detail = format!("must have {MIN_KEY_BYTES} to {MAX_KEY_BYTES} visible ASCII characters");
    Err(Problem::field("field_invalid", "/key", detail))
}

pub(super) fn priority(number: u32) -> Result<u32, Problem> {
    match number {
        0..=MAX_PRIORITY => Ok(number),
        _ => Err(Problem::field("field_invalid", "/priority", format!("must be at most {MAX_PRIORITY}"))),
    }
}

/// The server asks this address by itself, so only admins may send it into its own network.
pub(super) fn base_url(text: String, caller: &Principal) -> Result<String, Problem> {
    let invalid = |detail: &str| Problem::field("field_invalid", "/base_url", detail);
    let url = url::Url::parse(&text).map_err(|_| invalid("is not an address"))?;
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    if !matches!(url.scheme(), "http" | "https") || has_more || text.len() > MAX_URL_BYTES {
        return Err(invalid("must be an http or https address without user, query and fragment"));
    }
    if is_public(&url) || network(caller) == Network::Any {
        return Ok(text);
    }
    let detail = "only admins may store a key for an address that is not public, https and on its usual port";
    Err(Problem::field("base_url_not_allowed", "/base_url", detail).with_status(StatusCode::FORBIDDEN))
}

/// The network into which a person's keys may lead. A member's address is resolved and checked again at
/// each call.
pub(super) fn network(caller: &Principal) -> Network {
    if caller.may(Permission::Administer) { Network::Any } else { Network::Public }
}

/// Whether an address is public, as far as its text tells.
fn is_public(url: &url::Url) -> bool {
    const PRIVATE: [&str; 6] = ["localhost", "local", "internal", "localdomain", "lan", "home.arpa"];
    let Some(url::Host::Domain(name)) = url.host() else { return false };
    let is_private = PRIVATE
        .iter()
        .any(|ending| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    let is_whole = name.contains('.') && !name.ends_with('.');
    url.scheme() == "https" && url.port_or_known_default() == Some(443) && is_whole && !is_private
}

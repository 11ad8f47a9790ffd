//! Addresses that people name and that the server, or an agent, asks then.

use actix_web::http::StatusCode;
use runner_core::people::principal::{Permission, Principal};
use runner_core::setup::api_key::Network;

use crate::http::error::Problem;

const MAX_URL_BYTES: usize = 2048;

/// Refuses what is no address, and from everybody but admins what is not public. What a name leads to is
/// looked at again when the address is asked.
pub(crate) fn check_url(text: &str, pointer: &str, caller: &Principal) -> Result<(), Problem> {
    let invalid = |detail: &str| Problem::field("field_invalid", pointer, detail);
    let url = url::Url::parse(text).map_err(|_| invalid("is not an address"))?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    let has_more = has_user || url.query().is_some() || url.fragment().is_some();
    if !matches!(url.scheme(), "http" | "https") || has_more || text.len() > MAX_URL_BYTES {
        return Err(invalid("must be an http or https address without user, query and fragment"));
    }
    if is_public(&url) || network(caller) == Network::Any {
        return Ok(());
    }
    let detail = "only admins may name an address that is not public, https and on its usual port";
    Err(Problem::field("base_url_not_allowed", pointer, detail).with_status(StatusCode::FORBIDDEN))
}

/// The network into which somebody may lead the server. A member's address is resolved and checked again
/// whenever it is asked.
pub(crate) fn network(caller: &Principal) -> Network {
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

//! The checks on what is said about a key.

use runner_core::people::principal::Principal;
use secrecy::SecretString;

use crate::http::error::Problem;
use crate::request::public_address::check_url;

const MAX_KEY_BYTES: usize = 1024;
/// The last four characters of a shorter key would say too much.
const MIN_KEY_BYTES: usize = 10;
const MAX_PRIORITY: u32 = 1_000_000;

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
    check_url(&text, "/base_url", caller)?;
    Ok(text)
}

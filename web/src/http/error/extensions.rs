//! Problems with what extends agents.

use actix_web::http::StatusCode;
use runner_actors::ExtensionError;

use super::{Problem, internal, key_reused, store_unavailable};

pub(super) fn problem(error: &ExtensionError) -> Problem {
    let new = |status, code| Problem::new(status, code, error.to_string());
    match error {
        ExtensionError::NotFound => new(StatusCode::NOT_FOUND, "extension_not_found"),
        ExtensionError::NameTaken => new(StatusCode::CONFLICT, "extension_name_taken"),
        ExtensionError::TooMany => new(StatusCode::CONFLICT, "too_many_extensions"),
        ExtensionError::ForAdmins => {
            let detail =
                "programs that run unasked, and what is active in the sessions of others, are for admins";
            Problem::new(StatusCode::FORBIDDEN, "extension_not_allowed", detail)
        }
        ExtensionError::BypassNotAllowed => {
            let detail = "a hook that may allow more than reading needs the right `sessions:bypass`; without it, let \
                          a condition on `tool_name` name tools that only read";
            Problem::field("bypass_not_allowed", "/action", detail).with_status(StatusCode::FORBIDDEN)
        }
        ExtensionError::Mismatch(mismatch) => {
            Problem::field("field_invalid", &mismatch.pointer, mismatch.detail.as_str())
        }
        ExtensionError::NoSuchVersion => new(StatusCode::NOT_FOUND, "extension_version_not_found"),
        ExtensionError::SecretsMissing(_) => new(StatusCode::CONFLICT, "secrets_missing"),
        ExtensionError::CommandReused => key_reused(),
        ExtensionError::Overloaded => new(StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        ExtensionError::LogUnavailable(_) => store_unavailable(),
        ExtensionError::FilesMissing | ExtensionError::Vault(_) | ExtensionError::Unexpected(_) => internal(),
    }
}

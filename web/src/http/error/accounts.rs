//! Problems with accounts. None of them says whether there is an account that one has no business with.

use actix_web::http::StatusCode;
use runner_actors::{AccountError, ApiKeyError};
use runner_core::people::account::password::PasswordError;
use runner_core::people::account::refusal::AccountRefusal;
use runner_core::people::invite::InviteRefusal;
use runner_core::people::tenant::TenantRefusal;

use super::{Problem, internal, key_reused, store_unavailable};

pub(super) fn problem(error: &AccountError) -> Problem {
    let detail = error.to_string();
    let new = |status, code| Problem::new(status, code, detail.as_str());
    match error {
        AccountError::Username(username) => {
            Problem::field("username_invalid", "/username", username.to_string())
        }
        AccountError::Password(password) => password_problem(*password, "/password"),
        AccountError::Refused(refusal) => refused(refusal),
        AccountError::CredentialsWrong => new(StatusCode::UNAUTHORIZED, "credentials_wrong"),
        AccountError::PasswordWrong => new(StatusCode::FORBIDDEN, "password_wrong"),
        AccountError::TokenInvalid => new(StatusCode::UNAUTHORIZED, "token_invalid"),
        AccountError::RegistrationClosed => new(StatusCode::FORBIDDEN, "registration_closed"),
        AccountError::CodeRequired => new(StatusCode::FORBIDDEN, "code_required"),
        AccountError::CodeInvalid => new(StatusCode::FORBIDDEN, "code_invalid"),
        AccountError::Invite(refusal) => match refusal {
            InviteRefusal::Lifetime => Problem::field("field_invalid", "/expires_in_ms", detail.as_str()),
            InviteRefusal::Unknown => new(StatusCode::NOT_FOUND, "invite_not_found"),
            InviteRefusal::Closed | InviteRefusal::ForAnotherName => {
                new(StatusCode::CONFLICT, "invite_closed")
            }
        },
        AccountError::Tenant(refusal) => tenant_problem(refusal),
        AccountError::ShownOnce => new(StatusCode::CONFLICT, "shown_once"),
        AccountError::LastAdmin => new(StatusCode::CONFLICT, "last_admin"),
        AccountError::OwnAccount => new(StatusCode::CONFLICT, "own_account"),
        AccountError::UserUnknown => new(StatusCode::NOT_FOUND, "user_not_found"),
        AccountError::NoAccount => new(StatusCode::CONFLICT, "no_account"),
        AccountError::Throttled { retry_after_ms } => {
            let retry_after_s = Some(retry_after_ms.div_ceil(1000));
            let detail = "too many attempts; try again later";
            Problem {
                retry_after_s,
                ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail)
            }
        }
        AccountError::CommandReused => key_reused(),
        AccountError::Overloaded => new(StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        AccountError::LogUnavailable(_) => store_unavailable(),
        AccountError::Unexpected(_) => internal(),
    }
}

fn tenant_problem(refusal: &TenantRefusal) -> Problem {
    let new = |status, code| Problem::new(status, code, refusal.to_string());
    match refusal {
        TenantRefusal::Unknown => new(StatusCode::NOT_FOUND, "tenant_not_found"),
        TenantRefusal::NameTaken => new(StatusCode::CONFLICT, "tenant_name_taken"),
        TenantRefusal::FolderTaken(_) | TenantRefusal::FolderOfOperators => {
            new(StatusCode::CONFLICT, "working_dir_taken")
        }
    }
}

/// Why a key was not stored or changed. The key itself is in none of it.
pub(super) fn key_problem(error: &ApiKeyError) -> Problem {
    let new = |status, code| Problem::new(status, code, error.to_string());
    match error {
        ApiKeyError::NotFound => new(StatusCode::NOT_FOUND, "api_key_not_found"),
        ApiKeyError::NameTaken => new(StatusCode::CONFLICT, "key_name_taken"),
        ApiKeyError::TooMany => new(StatusCode::CONFLICT, "too_many_keys"),
        ApiKeyError::KeyRefused { .. } => Problem::field("key_refused", "/key", error.to_string()),
        ApiKeyError::CommandReused => key_reused(),
        ApiKeyError::Overloaded => new(StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        ApiKeyError::LogUnavailable(_) => store_unavailable(),
        ApiKeyError::Vault(_) | ApiKeyError::Unexpected(_) => internal(),
    }
}

/// The problem with a password that a person wants to have.
pub(crate) fn password_problem(error: PasswordError, pointer: &str) -> Problem {
    let code = match error {
        PasswordError::TooShort => "password_too_short",
        PasswordError::TooLong => "password_too_long",
        PasswordError::IsUsername => "password_is_username",
        PasswordError::TooCommon => "password_too_common",
    };
    Problem::field(code, pointer, format!("the password {error}"))
}

fn refused(refusal: &AccountRefusal) -> Problem {
    let detail = refusal.to_string();
    let new = |status, code| Problem::new(status, code, detail.as_str());
    match refusal {
        AccountRefusal::NotRegistered => new(StatusCode::NOT_FOUND, "user_not_found"),
        AccountRefusal::UsernameTaken => new(StatusCode::CONFLICT, "username_taken"),
        AccountRefusal::Disabled => new(StatusCode::FORBIDDEN, "account_disabled"),
        AccountRefusal::CredentialsOutdated => new(StatusCode::UNAUTHORIZED, "credentials_wrong"),
        AccountRefusal::ResetCodeInvalid => new(StatusCode::FORBIDDEN, "code_invalid"),
        AccountRefusal::LoginEnded => new(StatusCode::UNAUTHORIZED, "token_invalid"),
        AccountRefusal::LoginUnknown => new(StatusCode::NOT_FOUND, "login_not_found"),
        AccountRefusal::TokenUnknown => new(StatusCode::NOT_FOUND, "token_not_found"),
        AccountRefusal::TokenNameTaken => new(StatusCode::CONFLICT, "token_name_taken"),
        AccountRefusal::TooManyTokens { .. } => new(StatusCode::CONFLICT, "too_many_tokens"),
        AccountRefusal::TokenNameMalformed => Problem::field("field_invalid", "/name", detail.as_str()),
        AccountRefusal::NoScope => Problem::field("field_invalid", "/scopes", detail.as_str()),
        AccountRefusal::ScopeBeyondRole(_) => new(StatusCode::FORBIDDEN, "scope_not_allowed"),
        AccountRefusal::TokenLifetime => Problem::field("field_invalid", "/expires_in_ms", detail.as_str()),
    }
}

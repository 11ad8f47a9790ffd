//! Coming in and going out: registering, logging in, refreshing, logging out.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, post, web};
use runner_actors::{Admission, Registration};
use runner_core::people::account::password::Password;
use runner_core::people::account::username::Username;
use runner_core::people::account::view::UserView;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::http::authentication::{Authentication, Shown, check_same_site};
use crate::http::error::{ApiError, Problem};
use crate::http::hosts::is_from_here;
use crate::http::{cookies, refusals};
use crate::request::arrival::Arrival;

/// A person who wants an account.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterBody {
    /// 1 to 64 letters, digits and any of `._@-`; case does not matter.
    #[schema(min_length = 1, max_length = 64)]
    username: String,
    /// 8 to 128 characters.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128)]
    password: Password,
    /// An invitation; or, for the first user of a server that is not `AUTH=local`, the code in the file
    /// `setup-code` of its data folder.
    code: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    username: String,
    #[schema(value_type = String, format = Password)]
    password: Password,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// Absent where the browser has it as a cookie.
    refresh_token: Option<String>,
}

/// How the tokens are shown from now on.
#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum TokenType {
    Bearer,
    Cookie,
}

/// The answer to a person who has come in.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AdmissionBody {
    user: UserView,
    /// Absent where it is a cookie, as the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// Good for one exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    token_type: TokenType,
    /// Seconds until the access token expires.
    expires_in: u64,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CookieQuery {
    /// Whether the tokens are set as cookies instead of being in the answer.
    #[serde(default)]
    pub(super) cookie: bool,
}

/// Makes an account and logs its owner in. The first one is an admin.
#[utoipa::path(
    tag = "accounts",
    params(CookieQuery),
    request_body = RegisterBody,
    responses(
        (status = 201, body = AdmissionBody),
        (status = 403, description = "`registration_closed`, `agent_not_admitted`, `code_required`, `code_invalid`", body = Problem),
        (status = 409, description = "`username_taken`", body = Problem),
        (status = 429, description = "`too_many_attempts`", body = Problem),
    )
)]
#[post("/api/auth/register")]
pub(crate) async fn register(
    request: HttpRequest,
    arrival: Arrival<RegisterBody, CookieQuery>,
    context: web::Data<Context>,
    authentication: web::Data<Authentication>,
) -> Result<HttpResponse, ApiError> {
    let CookieQuery { cookie } = arrival.query;
    let RegisterBody { username, password, code } = arrival.body;
    let username = Username::try_from(username).map_err(runner_actors::AccountError::from)?;
    if context.accounts.admits_local_user().await? {
        if !is_from_here(request.headers()) {
            let detail =
                "the first user registers on the machine itself; with AUTH=required others can, with a code";
            return Err(Problem::new(StatusCode::FORBIDDEN, "registration_closed", detail).into());
        }
        authentication.refuse_agents(&request).await?;
    }
    let registration = Registration { username, password, code };
    let admission = context.accounts.register(registration, arrival.client).await?;
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, "/api/auth/me"));
    Ok(admitted(response, &admission, cookie.then(|| authentication.transport(&request))))
}

/// Lets somebody in by name and password.
#[utoipa::path(
    tag = "accounts",
    params(CookieQuery),
    request_body = LoginBody,
    responses(
        (status = 200, body = AdmissionBody),
        (status = 401, description = "`credentials_wrong`: the name or the password", body = Problem),
        (status = 429, description = "`too_many_attempts`", body = Problem),
    )
)]
#[post("/api/auth/login")]
pub(crate) async fn log_in(
    request: HttpRequest,
    arrival: Arrival<LoginBody, CookieQuery>,
    context: web::Data<Context>,
    authentication: web::Data<Authentication>,
) -> Result<HttpResponse, ApiError> {
    let CookieQuery { cookie } = arrival.query;
    let LoginBody { username, password } = arrival.body;
    refusals::about_account(&request, &username);
    let admission = match context.accounts.log_in(username.clone(), password, arrival.client).await {
        Ok(admission) => admission,
        Err(error) => {
            refusals::in_team(&request, context.accounts.tenant_of(&username).await?);
            return Err(error.into());
        }
    };
    let transport = cookie.then(|| authentication.transport(&request));
    Ok(admitted(HttpResponse::Ok(), &admission, transport))
}

/// Exchanges a refresh token for new tokens. One that comes a second time ends its login.
#[utoipa::path(
    tag = "accounts",
    params(CookieQuery),
    request_body = RefreshBody,
    responses(
        (status = 200, body = AdmissionBody),
        (status = 401, description = "`token_invalid`", body = Problem),
    )
)]
#[post("/api/auth/refresh")]
pub(crate) async fn refresh_login(
    request: HttpRequest,
    arrival: Arrival<RefreshBody, CookieQuery>,
    context: web::Data<Context>,
    authentication: web::Data<Authentication>,
) -> Result<HttpResponse, ApiError> {
    let CookieQuery { cookie } = arrival.query;
    let RefreshBody { refresh_token } = arrival.body;
    let transport = authentication.transport(&request);
    let (token, cookie) = match refresh_token {
        Some(token) => (token, cookie),
        None => (kept_refresh_token(&request, transport)?, true),
    };
    let admission = context.accounts.refresh(&token, arrival.client).await?;
    Ok(admitted(HttpResponse::Ok(), &admission, cookie.then_some(transport)))
}

fn kept_refresh_token(request: &HttpRequest, transport: cookies::Transport) -> Result<String, Problem> {
    check_same_site(request)?;
    cookies::refresh(request, transport).ok_or_else(|| {
        let detail = "there is neither a refresh token in the body nor a cookie";
        Problem::new(StatusCode::UNAUTHORIZED, "token_invalid", detail)
    })
}

/// Ends the login that the request comes with, shown by any of its tokens; without one nothing happens.
#[utoipa::path(
    tag = "accounts",
    request_body = RefreshBody,
    responses((status = 204, description = "The login has ended"))
)]
#[post("/api/auth/logout")]
pub(crate) async fn log_out(
    request: HttpRequest,
    arrival: Arrival<RefreshBody>,
    context: web::Data<Context>,
    authentication: web::Data<Authentication>,
) -> Result<HttpResponse, ApiError> {
    let RefreshBody { refresh_token } = arrival.body;
    let transport = authentication.transport(&request);
    let access = match authentication.shown(&request)? {
        Shown::Nothing => None,
        Shown::Header(token) => Some(token),
        Shown::Cookie(token) => {
            check_same_site(&request)?;
            Some(token)
        }
    };
    let kept = cookies::refresh(&request, transport);
    if kept.is_some() {
        check_same_site(&request)?;
    }
    let refresh = refresh_token.or(kept);
    context.accounts.log_out(access.as_deref(), refresh.as_deref(), arrival.client).await?;
    let mut response = HttpResponse::NoContent().finish();
    cookies::remove(&mut response, transport);
    Ok(response)
}

/// The answer to a successful login; `cookies` says over which transport, if the client wants them.
pub(super) fn admitted(
    mut response: actix_web::HttpResponseBuilder,
    admission: &Admission,
    cookies: Option<cookies::Transport>,
) -> HttpResponse {
    let shown = |token: &String| cookies.is_none().then(|| token.clone());
    let mut response = response.json(AdmissionBody {
        user: admission.user.clone(),
        access_token: shown(&admission.access_token),
        refresh_token: shown(&admission.refresh_token),
        token_type: if cookies.is_some() { TokenType::Cookie } else { TokenType::Bearer },
        expires_in: admission.access_lifetime_ms / 1000,
    });
    if let Some(transport) = cookies {
        cookies::set(&mut response, admission, transport);
    }
    response
}

//! Who a request comes from, and whether he may make it: decided once, before any route sees it.
//!
//! [`need`] is the whole table of what is asked for which path. What it does not name is for
//! administrators, so that a route that somebody forgot is closed, not open. Whose data a route then
//! shows is up to [`Principal::reach`].

use std::future::{Ready, ready};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use runner_core::principal::{Means, Permission, Principal};

use crate::authentication::Authentication;
use crate::error::{ApiError, Problem};

/// What a request needs before its route sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Anybody who reaches the server.
    Nothing,
    /// Anybody who is known.
    Principal,
    Permission(Permission),
}

/// What a method on a path needs.
pub(crate) fn need(method: &Method, path: &str) -> Need {
    let mut parts = path.split('/').skip(1);
    if parts.next() != Some("api") {
        return Need::Nothing; // Pages, documents, health: the same for everybody.
    }
    let is_read = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    match (parts.next().unwrap_or_default(), parts.next()) {
        ("auth", Some("register" | "login" | "refresh")) => Need::Nothing,
        ("auth" | "status" | "tools", _) => Need::Principal,
        ("sessions" | "requests", _) if is_read => Need::Permission(Permission::ReadSessions),
        ("sessions" | "requests", _) => Need::Permission(Permission::WriteSessions),
        ("task", _) => Need::Permission(Permission::RunTasks),
        ("api-keys", _) => Need::Permission(Permission::ManageKeys),
        _ => Need::Permission(Permission::Administer),
    }
}

/// The principal of a request, for the routes behind [`admit`].
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Principal);

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = request.extensions().get::<Self>().cloned();
        ready(found.ok_or_else(|| unauthenticated().into()))
    }
}

/// Lets through who may, with his name for the routes; everybody else is told no.
pub(crate) async fn admit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match check(&request).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(request.error_response(ApiError::from(problem)).map_into_right_body()),
    }
}

async fn check(request: &ServiceRequest) -> Result<Option<Caller>, Problem> {
    let need = need(request.method(), request.path());
    if need == Need::Nothing {
        return Ok(None);
    }
    let authentication = request.app_data::<web::Data<Authentication>>().ok_or_else(unauthenticated)?;
    let principal = authentication.identify(request).await?.ok_or_else(unauthenticated)?;
    match need {
        Need::Nothing | Need::Principal => {}
        Need::Permission(permission) if principal.may(permission) => {}
        Need::Permission(permission) => return Err(forbidden(&principal, permission)),
    }
    Ok(Some(Caller(principal)))
}

fn unauthenticated() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "a valid access token is required")
}

fn forbidden(principal: &Principal, permission: Permission) -> Problem {
    let who = match &principal.means {
        Means::ServiceToken { .. } => "the token's scopes do".to_owned(),
        Means::Local | Means::Login(_) => format!("the role {} does", principal.role),
    };
    let detail = format!("{who} not include `{}`", permission.as_str());
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use runner_core::principal::Permission;

    use super::{Need, need};

    #[test]
    fn what_the_table_does_not_name_is_for_administrators() {
        for path in ["/api", "/api/", "/api/nothing", "/api/sessionsx", "/api/users", "/api/auth2/login"] {
            assert_eq!(need(&Method::GET, path), Need::Permission(Permission::Administer), "{path}");
        }
    }

    #[test]
    fn reading_and_changing_sessions_are_different_permissions() {
        assert_eq!(need(&Method::GET, "/api/sessions/x"), Need::Permission(Permission::ReadSessions));
        assert_eq!(need(&Method::PATCH, "/api/sessions/x"), Need::Permission(Permission::WriteSessions));
    }
}

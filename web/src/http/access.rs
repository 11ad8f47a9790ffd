//! Authorization: whom a request comes from and whether they may make it, decided before any route sees it.
//!
//! [`need`] is the whole table of what is asked for which path. What it does not name is for
//! administrators, so that a route that somebody forgot is closed, not open. Whose data a route then
//! shows is up to [`Principal::reach`].

use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use runner_core::people::principal::{Means, Permission, Principal};

use super::authentication::Authentication;
use super::error::{ApiError, Problem};

/// The condition under which a route sees a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// No condition: everybody who reaches the server.
    Nothing,
    /// A known caller.
    Principal,
    /// A person, not a program with one of their tokens.
    Person,
    Permission(Permission),
    /// An admin of the first team, whose people run the server.
    Operator,
}

/// The condition of a method on a path.
pub(crate) fn need(method: &Method, path: &str) -> Need {
    let mut parts = path.split('/').skip(1);
    if parts.next() != Some("api") {
        return Need::Nothing; // Pages, documents, health: the same for everybody.
    }
    let is_read = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let (collection, item, action) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    match (collection, item) {
        ("sessions", _) if action == Some("handover") => Need::Permission(Permission::Administer),
        ("auth", Some("register" | "login" | "refresh" | "logout" | "password-reset")) => Need::Nothing,
        ("auth", Some("me")) | ("status" | "tools", _) => Need::Principal,
        ("auth" | "tokens", _) => Need::Person,
        ("stats" | "stream", _) if is_read => Need::Permission(Permission::ReadSessions),
        ("sessions" | "requests" | "mcp" | "skills" | "plugins" | "agents" | "schedules", _) if is_read => {
            Need::Permission(Permission::ReadSessions)
        }
        ("sessions" | "requests" | "mcp" | "skills" | "plugins" | "agents" | "schedules", _) => {
            Need::Permission(Permission::WriteSessions)
        }
        ("claude", Some("hooks")) if is_read => Need::Permission(Permission::ReadSessions),
        ("claude", Some("hooks")) => Need::Permission(Permission::WriteSessions),
        ("task", _) => Need::Permission(Permission::RunTasks),
        ("api-keys", _) => Need::Permission(Permission::ManageKeys),
        ("tenants", _) => Need::Operator,
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
        ready(Self::of(request).map(Self).map_err(ApiError::from))
    }
}

impl Caller {
    pub(crate) fn of(request: &HttpRequest) -> Result<Principal, Problem> {
        let found = request.extensions().get::<Self>().map(|Self(principal)| principal.clone());
        found.ok_or_else(unauthenticated)
    }
}

/// Lets a permitted request through, with its caller for the routes; all others are refused. A stream ends
/// when the rights of its reader change.
pub(crate) async fn admit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let caller = match check(&request).await {
        Ok(caller) => caller,
        Err(error) => return Ok(request.error_response(error)),
    };
    let authentication = request.app_data::<web::Data<Authentication>>().cloned();
    let response = next.call(request).await?.map_into_boxed_body();
    match (caller, authentication) {
        (Some(Caller(principal)), Some(authentication)) if is_stream(&response) => {
            let accounts = authentication.accounts.clone();
            let changed = async move { accounts.until_changed(&principal).await };
            Ok(response.map_body(|_, body| BoxBody::new(Guarded { body, changed: Some(Box::pin(changed)) })))
        }
        (Some(_) | None, Some(_) | None) => Ok(response),
    }
}

fn is_stream(response: &ServiceResponse<BoxBody>) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE);
    content_type.is_some_and(|content_type| content_type.as_bytes().starts_with(b"text/event-stream"))
}

/// A body that ends when something has changed.
struct Guarded {
    body: BoxBody,
    /// Absent once it has.
    changed: Option<LocalBoxFuture<'static, ()>>,
}

impl MessageBody for Guarded {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Some(changed) = &mut self.changed else { return Poll::Ready(None) };
        if changed.as_mut().poll(context).is_ready() {
            self.changed = None;
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_next(context)
    }
}

async fn check(request: &ServiceRequest) -> Result<Option<Caller>, ApiError> {
    let need = need(request.method(), request.path());
    if need == Need::Nothing {
        return Ok(None);
    }
    let authentication = request.app_data::<web::Data<Authentication>>().ok_or_else(unauthenticated)?;
    let principal = authentication.identify(request).await?.ok_or_else(unauthenticated)?;
    let caller = Caller(principal.clone());
    // Also where the request is refused: the audit trail names the caller.
    request.extensions_mut().insert(caller.clone());
    match need {
        Need::Nothing | Need::Principal => {}
        Need::Person if !matches!(principal.means, Means::ServiceToken { .. }) => {}
        Need::Person => return Err(not_a_person().into()),
        Need::Permission(permission) if principal.may(permission) => {}
        Need::Permission(permission) => return Err(forbidden(&principal, permission).into()),
        Need::Operator if principal.is_operator() => {}
        Need::Operator => return Err(not_an_operator().into()),
    }
    Ok(Some(caller))
}

fn unauthenticated() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "a valid access token is required")
}

fn not_a_person() -> Problem {
    let detail = "this needs a login; a service token does not do";
    Problem::new(StatusCode::FORBIDDEN, "login_required", detail)
}

fn not_an_operator() -> Problem {
    let detail = "only admins of the team that runs this server may do this";
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
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
    use runner_core::people::principal::Permission;

    use super::{Need, need};

    #[test]
    fn what_the_table_does_not_name_is_for_administrators() {
        for path in ["/api", "/api/", "/api/nothing", "/api/sessionsx", "/api/users", "/api/auth2/login"] {
            assert_eq!(need(&Method::GET, path), Need::Permission(Permission::Administer), "{path}");
        }
    }

    #[test]
    fn teams_are_for_operators() {
        for (method, path) in [(Method::GET, "/api/tenants"), (Method::POST, "/api/tenants/x/invites")] {
            assert_eq!(need(&method, path), Need::Operator, "{path}");
        }
    }

    #[test]
    fn reading_and_changing_sessions_are_different_permissions() {
        assert_eq!(need(&Method::GET, "/api/sessions/x"), Need::Permission(Permission::ReadSessions));
        assert_eq!(need(&Method::PATCH, "/api/sessions/x"), Need::Permission(Permission::WriteSessions));
    }
}

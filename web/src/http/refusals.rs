//! Telling the audit trail what was refused: seen once, on the way out, whoever refused it.
//!
//! A session that is absent and one that belongs to somebody else are noted alike, or the trail of one
//! team would tell what another one has.

use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, web};
use runner_actors::Audit;
use runner_core::ids::TenantId;
use runner_core::people::account::username::Username;
use runner_core::people::audit::ANONYMOUS;
use runner_core::people::audit::ledger::Denial;
use uuid::Uuid;

use super::access::Caller;
use super::authentication::client_address;
use super::error::{ApiError, Problem};
use super::request_id::RequestId;

/// The account that a request claims to come from.
struct Claimed(Username);

/// Whose trail a refusal belongs into, where nobody is known yet.
struct InTeam(TenantId);

/// Says which account a request is about, in case that it is refused.
pub(crate) fn about_account(request: &HttpRequest, username: &str) {
    if let Ok(username) = Username::try_from(username.to_owned()) {
        request.extensions_mut().insert(Claimed(username));
    }
}

/// Says whose business it is that somebody who is not known was refused.
pub(crate) fn in_team(request: &HttpRequest, tenant: TenantId) {
    request.extensions_mut().insert(InTeam(tenant));
}

/// Notes an answer that refuses; all others are no business of the trail.
pub(crate) fn observe<B>(response: &ServiceResponse<B>) {
    let request = response.request();
    let error = response.response().error().and_then(|error| error.as_error::<ApiError>());
    let (Some(error), Some(audit)) = (error, request.app_data::<web::Data<Audit>>()) else { return };
    let problem = error.problem();
    let template = request.match_pattern();
    let object = template.as_deref().and_then(|template| object_in(request.path(), template));
    if is_refusal(&problem, object.as_deref()) {
        let claimed = request.extensions().get::<Claimed>().map(|Claimed(username)| username.clone());
        audit.denied(denial(request, template, object, problem.code), claimed);
    }
}

fn denial(request: &HttpRequest, template: Option<String>, object: Option<String>, reason: String) -> Denial {
    let extensions = request.extensions();
    let caller = extensions.get::<Caller>().map(|Caller(principal)| principal);
    let team = extensions.get::<InTeam>().map(|InTeam(tenant)| tenant);
    Denial {
        tenant: caller.map(|caller| &caller.tenant).or(team).cloned().unwrap_or_default(),
        actor: caller.map_or_else(|| ANONYMOUS.to_owned(), |caller| caller.actor()),
        address: client_address(request),
        http_request_id: extensions.get::<RequestId>().map(|id| id.0.clone()),
        operation: format!("{} {}", method(request.method()), template.as_deref().unwrap_or("(no route)")),
        object,
        reason,
    }
}

/// Clients may invent methods of any length; only known ones are repeated.
fn method(method: &Method) -> &str {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if known.contains(method) { method.as_str() } else { "(other)" }
}

fn is_refusal(problem: &Problem, object: Option<&str>) -> bool {
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
    let is_by_id = object.is_some() && problem.code == "session_not_found";
    is_by_id || refused.iter().any(|status| problem.status == status.as_u16())
}

/// The first id in a path, as `session:<id>`. What is no UUID may be anything and is not repeated.
fn object_in(path: &str, template: &str) -> Option<String> {
    let mut parts = template.split('/').zip(path.split('/'));
    let mut collection = "";
    parts.find_map(|(name, given)| {
        if name.starts_with('{') {
            let id = Uuid::try_parse(given).ok()?;
            return Some(format!("{}:{id}", collection.trim_end_matches('s')));
        }
        collection = name;
        None
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;

    use super::{method, object_in};

    const ID: &str = "019aab5f-0000-7000-8000-000000000001";

    #[test]
    fn object_is_the_first_id_of_the_path() {
        let told = |path: &str, template| object_in(&path.replace("ID", ID), template);

        assert_eq!(
            told("/api/sessions/ID/events", "/api/sessions/{id}/events"),
            Some(format!("session:{ID}"))
        );
        assert_eq!(told("/api/tokens/ID", "/api/tokens/{id}"), Some(format!("token:{ID}")));
        assert_eq!(told("/api/status", "/api/status"), None);
    }

    #[test]
    fn a_method_that_somebody_made_up_is_not_repeated() {
        let long = Method::from_bytes("M".repeat(100_000).as_bytes()).unwrap();

        assert_eq!((method(&long), method(&Method::PATCH)), ("(other)", "PATCH"));
    }

    #[test]
    fn what_is_no_id_is_not_repeated() {
        assert_eq!(object_in("/api/sessions/sk-ant-secret", "/api/sessions/{id}"), None);
    }
}

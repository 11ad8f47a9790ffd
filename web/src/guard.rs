//! What every request passes before a route sees it, and every response on its way out.
//!
//! A page that a browser was lured to can reach a server on loopback by DNS rebinding, and then sends no
//! `Origin`; so the `Host` header must be one of ours, on every route. Writes must say that they are JSON,
//! which a form cannot, and where a browser names the page it comes from that must be ours too.

use std::net::IpAddr;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};
use tracing::Instrument;
use uuid::Uuid;

use crate::audit;
use crate::error::{ApiError, Problem};
use crate::request::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What pages may load: only what this server brings itself. ReDoc sets inline styles.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

tokio::task_local! {
    /// The id of the request that this task answers.
    static REQUEST: String;
}

/// Names the request that is being answered, for a problem that it leads to.
pub(crate) fn current_request_id() -> Option<String> {
    REQUEST.try_with(|id| format!("urn:request:{id}")).ok()
}

/// The names under which this server may be addressed, without ports and in lower case.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    pub(crate) fn new(own: impl IntoIterator<Item = String>) -> Self {
        let always = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        Self(always.into_iter().chain(own).map(|name| name.to_ascii_lowercase()).collect())
    }

    fn allows(&self, authority: &str) -> bool {
        let name = without_port(authority).to_ascii_lowercase();
        self.0.contains(&name)
    }
}

pub(crate) async fn guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let request_id = request_id(&request);
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let path = request.path().to_owned();
    // A GET tells the same without its body.
    if *request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let span = tracing::info_span!("request", id = %request_id);
    let answered = async {
        match check(&request) {
            Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
            Err(problem) => Ok(request.error_response(ApiError::from(problem)).map_into_right_body()),
        }
    };
    let answered = REQUEST.scope(request_id.clone(), answered.instrument(span));
    let mut response: ServiceResponse<_> = answered.await.map_err(|error: actix_web::Error| error)?;
    audit::observe(&response);
    secure(&mut response, &path);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}

fn check(request: &ServiceRequest) -> Result<(), Problem> {
    check_path(request.path())?;
    let hosts = request.app_data::<web::Data<AllowedHosts>>();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !hosts.is_some_and(|hosts| hosts.allows(host)) {
        let detail = "the Host header names none of this server's names; see ALLOWED_HOSTS";
        return Err(Problem::new(StatusCode::FORBIDDEN, "host_not_allowed", detail));
    }
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    check_origin(request, host)?;
    check_content_type(request)
}

fn check_origin(request: &ServiceRequest, host: &str) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
    match authority {
        Some(authority) if authority.eq_ignore_ascii_case(host) => Ok(()),
        Some(_) | None => {
            let detail = "the request comes from a page of another site";
            Err(Problem::new(StatusCode::FORBIDDEN, "origin_not_allowed", detail))
        }
    }
}

fn check_content_type(request: &ServiceRequest) -> Result<(), Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let Some(content_type) = content_type else {
        let length = request.headers().get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
        let is_empty = length.is_none_or(|length| length == b"0")
            && !request.headers().contains_key(header::TRANSFER_ENCODING);
        return if is_empty { Ok(()) } else { Err(not_json()) };
    };
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    if essence.trim().eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(not_json()) }
}

fn not_json() -> Problem {
    let detail = "the body must be JSON and say so: Content-Type: application/json";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type_not_json", detail)
}

/// The caller's own id where it is harmless, else a new one.
fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let harmless =
        |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    given.filter(harmless).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

fn secure(response: &mut ServiceResponse<impl MessageBody>, path: &str) {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if path.starts_with("/api/") && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Whether a name or address means this machine itself.
pub(crate) fn is_loopback(name: &str) -> bool {
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether a request comes from this machine, by all that it shows: it names a loopback address, and no
/// proxy says that it passed it on.
pub(crate) fn is_from_here(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_forwarded = |name: &HeaderName| {
        let name = name.as_str();
        name.starts_with("x-forwarded-") || ["forwarded", "via", "x-real-ip"].contains(&name)
    };
    is_loopback(without_port(host)) && !headers.keys().any(is_forwarded)
}

/// A path has one spelling. Routes are found by the decoded path, rights by the path as it is sent, and
/// both must mean the same.
fn check_path(path: &str) -> Result<(), Problem> {
    let mut rest = path.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let escape = rest.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = escape.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if byte.is_none_or(|byte| byte.is_ascii_alphanumeric() || b"-._~/%\\".contains(&byte)) {
            let detail = "the path escapes what needs no escape, or what it must not have";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "path_invalid", detail));
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    Ok(())
}

pub(crate) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => authority,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{check_path, is_from_here};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn what_names_loopback_and_was_not_passed_on_is_from_here() {
        for host in ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "127.0.0.2"] {
            assert!(is_from_here(&headers(&[("host", host)])), "{host}");
        }
        for host in ["runner.example", "10.0.0.1:8000", "localhost.example", ""] {
            assert!(!is_from_here(&headers(&[("host", host)])), "{host}");
        }
        for passed_on in ["x-forwarded-for", "x-forwarded-proto", "forwarded", "via", "x-real-ip"] {
            assert!(!is_from_here(&headers(&[("host", "127.0.0.1"), (passed_on, "x")])), "{passed_on}");
        }
    }

    #[test]
    fn a_path_has_one_spelling() {
        for path in ["/api/status", "/api/users/%E5%BC%A0", "/api/users/a%20b", "/"] {
            assert!(check_path(path).is_ok(), "{path}");
        }
        for path in [
            "/%61pi/status",
            "/api%2Fstatus",
            "/api/%2e%2e",
            "/api/%",
            "/api/%4",
            "/api/%zz",
            "/a%5Cb",
            "/%2561pi",
        ] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }
}

//! The first check of every request, and the last hand on every response.
//!
//! A page that a browser was lured to can reach a server on loopback by DNS rebinding, and then sends no
//! `Origin`; so the `Host` header must be one of ours, on every route but `/health` and `/ready`. Writes must
//! say that they are JSON, or a file that a route takes as it is, which a form cannot, and where a browser
//! names the page it comes from that must be ours too.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};
use tracing::Instrument;

use super::authentication::Authentication;
use super::error::{ApiError, Problem};
use super::hosts::AllowedHosts;
use super::refusals;
use super::request_id::{REQUEST, REQUEST_ID, RequestId, request_id};
use crate::request::raw_body;

/// Pages load only what this server brings itself, and no text becomes markup or a script; the one policy for
/// trusted types that they may make is for the names of their workers.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types worker";

/// Swagger UI writes markup.
const CONTENT_SECURITY_POLICY_OF_DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// ReDoc writes inline styles and searches in a worker.
const CONTENT_SECURITY_POLICY_OF_REDOC: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) async fn guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let request_id = request_id(&request);
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let path = request.path().to_owned();
    if let (Some(known), Some(peer)) = (request.app_data::<web::Data<Authentication>>(), request.peer_addr())
    {
        known.proxies.observe(peer.ip().to_canonical(), request.headers());
    }
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
    refusals::observe(&response);
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
    if !is_probe(request) && !hosts.is_some_and(|hosts| hosts.allows(host)) {
        let detail = "the Host header names none of this server's names; see ALLOWED_HOSTS";
        return Err(Problem::new(StatusCode::FORBIDDEN, "host_not_allowed", detail));
    }
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    check_origin(request, host)?;
    check_content_type(request)
}

/// Whoever looks whether the server is well knows it by whatever address; the answer is the same for
/// everybody.
fn is_probe(request: &ServiceRequest) -> bool {
    *request.method() == Method::GET && ["/health", "/ready"].contains(&request.path())
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
    let is_taken = essence.trim().eq_ignore_ascii_case("application/json")
        || raw_body::field(request.path(), essence).is_some();
    if is_taken { Ok(()) } else { Err(not_json()) }
}

fn not_json() -> Problem {
    let detail = "the body must be JSON and say so: Content-Type: application/json";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type_not_json", detail)
}

fn secure(response: &mut ServiceResponse<impl MessageBody>, path: &str) {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    let policy = match path {
        "/docs" => CONTENT_SECURITY_POLICY_OF_DOCS,
        "/redoc" => CONTENT_SECURITY_POLICY_OF_REDOC,
        _ => CONTENT_SECURITY_POLICY,
    };
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    // Said to the compression further in, for which it is no encoding; clients of streams trip over it.
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "identity") {
        headers.remove(header::CONTENT_ENCODING);
    }
    if path.starts_with("/api/") && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
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

#[cfg(test)]
mod tests {
    use super::check_path;

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

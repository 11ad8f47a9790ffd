//! Tokens as cookies, for browsers: no script reads them, no other site sends them, no address shows them.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpResponse, cookie};
use runner_actors::Admission;

/// Whether a request came over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tls,
    Plain,
}

const ACCESS: &str = "ccr_access";
const REFRESH: &str = "ccr_refresh";

/// The access token of a request.
pub(crate) fn access(request: &HttpRequest, transport: Transport) -> Option<String> {
    find(request, ACCESS, transport)
}

pub(crate) fn refresh(request: &HttpRequest, transport: Transport) -> Option<String> {
    find(request, REFRESH, transport)
}

/// Hands both tokens to a browser.
pub(crate) fn set(response: &mut HttpResponse, admission: &Admission, transport: Transport) {
    let tokens = [
        (ACCESS, admission.access_token.clone(), admission.access_lifetime_ms),
        (REFRESH, admission.refresh_token.clone(), admission.refresh_lifetime_ms),
    ];
    for (name, token, lifetime_ms) in tokens {
        let seconds = i64::try_from(lifetime_ms / 1000).unwrap_or(i64::MAX);
        add(response, make(name, token, transport), Duration::seconds(seconds));
    }
}

/// Takes both tokens from a browser.
pub(crate) fn remove(response: &mut HttpResponse, transport: Transport) {
    for name in [ACCESS, REFRESH] {
        add(response, make(name, String::new(), transport), Duration::ZERO);
    }
}

/// Over TLS only a name counts that no other page, and no page of a subdomain, can have set.
fn full_name(name: &str, transport: Transport) -> String {
    match transport {
        Transport::Tls => format!("__Host-{name}"),
        Transport::Plain => name.to_owned(),
    }
}

fn find(request: &HttpRequest, name: &str, transport: Transport) -> Option<String> {
    let cookie = request.cookie(&full_name(name, transport))?;
    Some(cookie.value().to_owned()).filter(|value| !value.is_empty())
}

fn make(name: &str, value: String, transport: Transport) -> cookie::CookieBuilder<'static> {
    Cookie::build(full_name(name, transport), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(transport == Transport::Tls)
}

fn add(response: &mut HttpResponse, cookie: cookie::CookieBuilder<'static>, lifetime: Duration) {
    if let Err(error) = response.add_cookie(&cookie.max_age(lifetime).finish()) {
        tracing::error!(error = &error as &dyn std::error::Error, "a cookie cannot be written");
    }
}

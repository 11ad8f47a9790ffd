//! The names and addresses by which a request reaches this server.

use std::net::IpAddr;

use actix_web::http::header::{self, HeaderMap, HeaderName};

/// The names under which this server may be addressed, without ports and in lower case.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    pub(crate) fn new(own: impl IntoIterator<Item = String>) -> Self {
        let always = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        Self(always.into_iter().chain(own).map(|name| name.to_ascii_lowercase()).collect())
    }

    pub(super) fn allows(&self, authority: &str) -> bool {
        let name = without_port(authority).to_ascii_lowercase();
        self.0.contains(&name)
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

pub(crate) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => authority,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::is_from_here;

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
}

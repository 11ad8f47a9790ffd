//! The names and addresses by which a request reaches this server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::http::header::{self, HeaderMap, HeaderName};

/// The names under which this server may be addressed.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts {
    /// Without ports and in lower case.
    names: Vec<String>,
    addresses: Addresses,
}

/// The addresses under which the server may be addressed, beside those among the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// It listens on every address of its machine, and cannot know those that lead there from elsewhere. A
    /// page that somebody was lured to can give its own name another address, but no address another one.
    All,
    Named,
}

impl AllowedHosts {
    pub(crate) fn new(own: impl IntoIterator<Item = String>, addresses: Addresses) -> Self {
        let always = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        let names = always.into_iter().chain(own).map(|name| name.to_ascii_lowercase()).collect();
        Self { names, addresses }
    }

    pub(super) fn allows(&self, authority: &str) -> bool {
        let name = without_port(authority).to_ascii_lowercase();
        self.names.contains(&name) || (self.addresses == Addresses::All && is_address(&name))
    }
}

fn is_address(name: &str) -> bool {
    let v6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    match v6 {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None => name.parse::<Ipv4Addr>().is_ok(),
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

    use super::{Addresses, AllowedHosts, is_from_here};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn server_on_all_addresses_answers_to_each_but_to_no_other_name() {
        let own = || ["runner.example".to_owned()];
        let (all, named) =
            (AllowedHosts::new(own(), Addresses::All), AllowedHosts::new(own(), Addresses::Named));

        for host in ["10.0.0.5:8000", "10.0.0.5", "[2001:db8::1]:8000", "[2001:db8::1]"] {
            assert_eq!((all.allows(host), named.allows(host)), (true, false), "{host}");
        }
        for host in ["evil.test", "10.0.0.5.evil.test", "2001:db8::1", "10.0.0", "[10.0.0.5]", ""] {
            assert!(!all.allows(host), "{host}");
        }
        assert!(all.allows("runner.example:80") && named.allows("localhost:8000"));
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

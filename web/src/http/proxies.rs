//! What proxies in front say of a request, and whether that can be believed.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use actix_web::http::header::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use super::cookies::Transport;
use super::hosts::is_from_here;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Proxies that are believed about the address and the transport of a request.
#[derive(Clone, Debug)]
pub(crate) struct Proxies {
    trusted: Vec<IpNet>,
    /// What the first proxy did that lets its clients choose.
    careless: Arc<OnceLock<(IpAddr, &'static str)>>,
}

impl Proxies {
    pub(crate) fn new(trusted: Vec<IpNet>) -> Self {
        Self { trusted, careless: Arc::default() }
    }

    /// Why clients can choose the address that they seem to come from, if that was seen since the server
    /// started.
    pub(crate) fn problem(&self) -> Option<String> {
        self.careless.get().map(|(proxy, what)| {
            format!(
                "the proxy at {proxy} handed on a request {what}, so clients can choose the address that they seem to \
                 come from: have it set X-Forwarded-For to the address that it sees, as docs/operations.md shows"
            )
        })
    }

    /// Notices a proxy that leaves `X-Forwarded-For` to its clients. Those who do not write one are told by
    /// its absence, those who do by what such proxies often write beside it.
    pub(super) fn observe(&self, peer: IpAddr, headers: &HeaderMap) {
        if !self.is_trusted(peer) || (peer.is_loopback() && is_from_here(headers)) {
            return;
        }
        let last = headers.get_all(FORWARDED_FOR).last().map(HeaderValue::as_bytes);
        let last = last.map(|value| value.rsplit(|byte| *byte == b',').next().and_then(hop_address));
        let real = headers.get("x-real-ip").and_then(|value| hop_address(value.as_bytes()));
        let what = match (last, real) {
            (None, _) => "without X-Forwarded-For",
            (Some(Some(last)), Some(real)) if last != real => "with another X-Forwarded-For than X-Real-IP",
            (Some(_), _) => return,
        };
        if self.careless.set((peer, what)).is_ok() {
            tracing::warn!("{}", self.problem().unwrap_or_default());
        }
    }

    /// The address of a request that comes from `peer`.
    pub(super) fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        forwarded_for(peer, headers, &self.trusted)
    }

    pub(super) fn transport(&self, peer: IpAddr, headers: &HeaderMap) -> Transport {
        if self.is_trusted(peer) { forwarded_proto(headers) } else { Transport::Plain }
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// The transport that the last proxy names; a value before it may be the client's own.
fn forwarded_proto(headers: &HeaderMap) -> Transport {
    let last = headers.get_all("x-forwarded-proto").last();
    let proto = last.and_then(|value| value.as_bytes().rsplit(|byte| *byte == b',').next());
    let is_tls = proto.is_some_and(|proto| proto.trim_ascii().eq_ignore_ascii_case(b"https"));
    if is_tls { Transport::Tls } else { Transport::Plain }
}

/// The last address that no trusted proxy has: what came before it in the list, anybody may have written,
/// and in whatever bytes.
fn forwarded_for(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let values: Vec<_> = headers.get_all(FORWARDED_FOR).map(HeaderValue::as_bytes).collect();
    let hops = values.into_iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    let mut address = peer;
    for hop in hops {
        if !proxies.iter().any(|network| network.contains(&address)) {
            break;
        }
        match hop_address(hop) {
            Some(before) => address = before.to_canonical(),
            None => break,
        }
    }
    address
}

/// An address as proxies write it: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
fn hop_address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop.trim_ascii()).ok()?;
    if let Ok(socket) = hop.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(hop).parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{Proxies, Transport, forwarded_for, forwarded_proto};

    fn forwarded(peer: &str, values: &[&str], proxies: &[&str]) -> String {
        let values: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
        forwarded_bytes(peer, &values, proxies)
    }

    fn forwarded_bytes(peer: &str, values: &[&[u8]], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers
                .append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_bytes(value).unwrap());
        }
        let proxies: Vec<_> = proxies.iter().map(|network| network.parse().unwrap()).collect();
        forwarded_for(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_he_is_trusted() {
        assert_eq!(forwarded("192.0.2.1", &["10.9.9.9"], &[]), "192.0.2.1");
        assert_eq!(forwarded("192.0.2.1", &["10.9.9.9"], &["10.0.0.0/8"]), "192.0.2.1");
    }

    #[test]
    fn last_address_that_is_no_proxy_counts() {
        let proxies = ["10.0.0.0/8", "127.0.0.0/8"];
        assert_eq!(forwarded("127.0.0.1", &["203.0.113.7"], &proxies), "203.0.113.7");
        assert_eq!(forwarded("127.0.0.1", &["1.1.1.1, 203.0.113.7, 10.1.1.1"], &proxies), "203.0.113.7");
        assert_eq!(forwarded("127.0.0.1", &["1.1.1.1", "203.0.113.7"], &proxies), "203.0.113.7");
        assert_eq!(forwarded("127.0.0.1", &["2001:db8::1"], &proxies), "2001:db8::1");
    }

    #[test]
    fn addresses_with_ports_are_understood() {
        let proxies = ["10.0.0.0/8", "127.0.0.0/8"];
        for (value, address) in [
            ("203.0.113.7:51234", "203.0.113.7"),
            ("[2001:db8::1]:443, 10.1.1.1:80", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[::ffff:203.0.113.7]:1", "203.0.113.7"),
        ] {
            assert_eq!(forwarded("127.0.0.1", &[value], &proxies), address, "{value}");
        }
    }

    #[test]
    fn bytes_that_the_client_wrote_hide_nothing_that_a_proxy_wrote() {
        let proxies = ["10.0.0.0/8", "127.0.0.0/8"];
        for line in [&b"\xff, 203.0.113.7"[..], b"\xc3\xa9,1.1.1.1,203.0.113.7,10.1.1.1"] {
            assert_eq!(forwarded_bytes("127.0.0.1", &[line], &proxies), "203.0.113.7");
        }
        let lines = [&b"\xff"[..], b"203.0.113.7"];
        assert_eq!(forwarded_bytes("127.0.0.1", &lines, &proxies), "203.0.113.7");
    }

    #[test]
    fn last_proxy_says_whether_it_was_tls() {
        let said = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let name = HeaderName::from_static("x-forwarded-proto");
                headers.append(name, HeaderValue::from_static(value));
            }
            forwarded_proto(&headers)
        };

        for tls in [&["https"][..], &["https,https"], &["http, HTTPS "], &["http", "https"]] {
            assert_eq!(said(tls), Transport::Tls, "{tls:?}");
        }
        for plain in [&[][..], &["http"], &["https,http"], &["https", "http"], &["https,"]] {
            assert_eq!(said(plain), Transport::Plain, "{plain:?}");
        }
    }

    #[test]
    fn list_that_makes_no_sense_ends_at_the_last_proxy_that_is_known() {
        let proxies = ["10.0.0.0/8", "127.0.0.0/8"];
        assert_eq!(forwarded("127.0.0.1", &[], &proxies), "127.0.0.1");
        assert_eq!(forwarded("127.0.0.1", &["unknown"], &proxies), "127.0.0.1");
        assert_eq!(forwarded("127.0.0.1", &["203.0.113.7, unknown, 10.1.1.1"], &proxies), "10.1.1.1");
        assert_eq!(forwarded_bytes("127.0.0.1", &[b"203.0.113.7, \xff, 10.1.1.1"], &proxies), "10.1.1.1");
    }

    #[test]
    fn proxy_that_does_not_say_whom_it_speaks_for_is_noticed() {
        let problem = |peer: &str, headers: &[(&'static str, &'static str)]| {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            let proxies = Proxies::new(vec![
                "127.0.0.1".parse::<IpAddr>().unwrap().into(),
                "10.0.0.0/8".parse().unwrap(),
            ]);
            proxies.observe(peer.parse().unwrap(), &headers);
            proxies.problem()
        };
        let (here, name) = (("host", "localhost:8000"), ("host", "runner.example"));
        for (peer, headers) in [
            ("127.0.0.1", &[here, ("x-real-ip", "203.0.113.7")][..]),
            ("127.0.0.1", &[name]),
            ("10.1.1.1", &[here]),
            ("10.1.1.1", &[name, ("x-forwarded-for", "203.0.113.9, 1.1.1.1"), ("x-real-ip", "203.0.113.7")]),
        ] {
            let problem = problem(peer, headers).unwrap();
            assert!(problem.contains(peer) && problem.contains("X-Forwarded-For"), "{problem}");
        }
        for (peer, headers) in [
            ("127.0.0.1", &[here][..]),
            ("127.0.0.1", &[name, ("x-forwarded-for", "203.0.113.7")]),
            ("10.1.1.1", &[name, ("x-forwarded-for", "1.1.1.1, 203.0.113.7"), ("x-real-ip", "203.0.113.7")]),
            ("192.0.2.1", &[name, ("x-real-ip", "203.0.113.7")]),
        ] {
            assert_eq!(problem(peer, headers), None, "{peer} {headers:?}");
        }
    }
}

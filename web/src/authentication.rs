//! Telling who a request comes from: by the token in its header, or by a cookie, and from which address.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, ORIGIN, USER_AGENT};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, web};
use ipnet::IpNet;
use runner_actors::{Accounts, Client};
use runner_core::event_log::Provenance;
use runner_core::ids::CommandId;
use runner_core::principal::Principal;
use uuid::Uuid;

use crate::cookies::{self, Transport};
use crate::error::{ApiError, Problem};
use crate::guard::is_from_here;
use crate::request::RequestId;

/// How requests show whom they come from.
#[derive(Clone, Debug)]
pub(crate) struct Authentication {
    pub(crate) accounts: Accounts,
    /// Who is believed about the address and the transport of a request.
    pub(crate) proxies: Vec<IpNet>,
    /// How people reach the server, where no proxy says.
    pub(crate) transport: Transport,
}

/// What a request shows.
pub(crate) enum Shown {
    Nothing,
    Header(String),
    Cookie(String),
}

impl Authentication {
    /// `None` where the request does not say.
    pub(crate) async fn identify(&self, request: &ServiceRequest) -> Result<Option<Principal>, ApiError> {
        let request = request.request();
        let address = self.client_address(request);
        match self.shown(request)? {
            Shown::Nothing if !is_from_here(request.headers()) => Ok(None),
            Shown::Nothing => Ok(self.accounts.identify(None, address).await?),
            Shown::Header(token) => Ok(self.accounts.identify(Some(&token), address).await?),
            Shown::Cookie(token) => {
                check_same_site(request)?;
                Ok(self.accounts.identify(Some(&token), address).await?)
            }
        }
    }

    /// The access token of a request. A header that says something else is an error, not silence.
    pub(crate) fn shown(&self, request: &HttpRequest) -> Result<Shown, Problem> {
        if let Some(header) = request.headers().get(AUTHORIZATION) {
            let token = header.to_str().ok().and_then(|text| text.split_once(' '));
            return match token {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                    Ok(Shown::Header(token.trim().to_owned()))
                }
                Some(_) | None => {
                    let detail = "the Authorization header must be `Bearer` and a token";
                    Err(Problem::new(StatusCode::UNAUTHORIZED, "token_invalid", detail))
                }
            };
        }
        let cookie = cookies::access(request, self.transport(request));
        Ok(cookie.map_or(Shown::Nothing, Shown::Cookie))
    }

    /// The address of the socket, or what a proxy in front says that it was.
    pub(crate) fn client_address(&self, request: &HttpRequest) -> IpAddr {
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        forwarded_for(peer.to_canonical(), request.headers(), &self.proxies)
    }

    /// How the request came to the outermost proxy.
    pub(crate) fn transport(&self, request: &HttpRequest) -> Transport {
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        let proto = request.headers().get("x-forwarded-proto").and_then(|proto| proto.to_str().ok());
        match (peer, proto) {
            (Some(peer), Some(proto)) if is_trusted(peer, &self.proxies) => {
                if proto.eq_ignore_ascii_case("https") { Transport::Tls } else { Transport::Plain }
            }
            (Some(_) | None, Some(_) | None) => self.transport,
        }
    }

    /// Somebody who is not known yet.
    pub(crate) fn client(&self, request: &HttpRequest) -> Client {
        let address = self.client_address(request);
        let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let provenance = Provenance {
            actor: "anonymous".to_owned(),
            request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
            address: Some(address.to_string()),
            command: CommandId(Uuid::now_v7()),
            request_hash: None,
        };
        Client { address, agent: agent.unwrap_or_default().to_owned(), provenance }
    }
}

/// The address that a request comes from; every part of the program asks here.
pub(crate) fn client_address(request: &HttpRequest) -> Option<String> {
    let authentication = request.app_data::<web::Data<Authentication>>()?;
    Some(authentication.client_address(request).to_string())
}

/// A browser sends cookies along with whatever a page makes it send, so what changes something must come
/// from a page of this server. That an `Origin` is its own has been checked; here it must be there.
pub(crate) fn check_same_site(request: &HttpRequest) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let fetch_site = request.headers().get(HeaderName::from_static("sec-fetch-site"));
    let is_own_page = fetch_site.is_some_and(|site| site == "same-origin");
    if is_own_page || request.headers().contains_key(ORIGIN) {
        return Ok(());
    }
    let detail = "a change that is made with a cookie needs an Origin header";
    Err(Problem::new(StatusCode::FORBIDDEN, "origin_required", detail))
}

fn is_trusted(address: IpAddr, proxies: &[IpNet]) -> bool {
    proxies.iter().any(|network| network.contains(&address))
}

/// The last address that no trusted proxy has: what came before it in the list, anybody may have written.
fn forwarded_for(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let mut address = peer;
    let values: Vec<_> = headers.get_all("x-forwarded-for").filter_map(|value| value.to_str().ok()).collect();
    for hop in values.join(",").rsplit(',') {
        if !is_trusted(address, proxies) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(before) => address = before.to_canonical(),
            Err(_) => break,
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::forwarded_for;

    fn forwarded(peer: &str, values: &[&'static str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(value));
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
    fn list_that_makes_no_sense_ends_at_the_last_proxy_that_is_known() {
        let proxies = ["10.0.0.0/8", "127.0.0.0/8"];
        assert_eq!(forwarded("127.0.0.1", &[], &proxies), "127.0.0.1");
        assert_eq!(forwarded("127.0.0.1", &["unknown"], &proxies), "127.0.0.1");
        assert_eq!(forwarded("127.0.0.1", &["203.0.113.7, unknown, 10.1.1.1"], &proxies), "10.1.1.1");
    }
}

//! Telling who a request comes from: by the token in its header, or by a cookie, and from which address.

use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::dev::{Extensions, ServiceRequest};
use actix_web::http::header::{AUTHORIZATION, HeaderName, ORIGIN, USER_AGENT};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpRequest, web};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::TcpUserTimeout;
use runner_actors::{Accounts, Client};
use runner_core::ids::CommandId;
use runner_core::log::Provenance;
use runner_core::people::principal::Principal;
use runner_core::ports::AgentRuntime;
use tokio::net::TcpStream;
use uuid::Uuid;

use super::cookies::{self, Transport};
use super::error::{ApiError, Problem};
use super::hosts::is_from_here;
use super::proxies::Proxies;
use super::request_id::RequestId;

/// How requests show whom they come from.
#[derive(Clone, Debug)]
pub(crate) struct Authentication {
    pub(crate) accounts: Accounts,
    pub(crate) proxies: Proxies,
    /// How people reach the server; where that is not said to be over TLS, a proxy may say so.
    pub(crate) transport: Transport,
    pub(crate) agents: Agents,
}

/// The runtime, which tells agents from other programs on this machine.
#[derive(Clone)]
pub(crate) struct Agents(pub(crate) Arc<dyn AgentRuntime>);

impl std::fmt::Debug for Agents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agents").finish_non_exhaustive()
    }
}

/// The process behind a connection. It stays the same as long as the connection is open: looked up once.
#[derive(Debug)]
struct FarEnd {
    is_no_agent: AtomicBool,
    /// The near end, which an address that the server listens on does not tell where that is any.
    here: Option<SocketAddr>,
}

/// How long what was written to a connection may make no way before it ends, in milliseconds.
const UNTIL_CUT_OFF_MS: u32 = 30_000;

/// Gives every connection a place for what is known of its far end, and has the kernel end it when the far
/// end takes nothing of what it is sent; for `HttpServer::on_connect`.
pub fn connected(connection: &dyn Any, known: &mut Extensions) {
    let stream = connection.downcast_ref::<TcpStream>();
    let here = stream.and_then(|stream| stream.local_addr().ok());
    known.insert(FarEnd { is_no_agent: AtomicBool::new(false), here });
    if let Some(stream) = stream
        && let Err(error) = setsockopt(stream, TcpUserTimeout, &UNTIL_CUT_OFF_MS)
    {
        tracing::warn!(%error, "a connection whose far end takes nothing will stay open");
    }
}

impl FarEnd {
    fn is_no_agent(&self) -> bool {
        self.is_no_agent.load(Ordering::Relaxed)
    }

    fn note_no_agent(&self) {
        self.is_no_agent.store(true, Ordering::Relaxed);
    }
}

/// The credentials that a request shows.
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
            Shown::Nothing => {
                let local = self.accounts.identify(None, address).await?;
                if local.is_some() {
                    self.refuse_agents(request).await?;
                }
                Ok(local)
            }
            Shown::Header(token) => Ok(self.accounts.identify(Some(&token), address).await?),
            Shown::Cookie(token) => {
                check_same_site(request)?;
                Ok(self.accounts.identify(Some(&token), address).await?)
            }
        }
    }

    /// Agents share the network with everybody on this machine, and are not the local user: otherwise an
    /// agent could allow itself everything.
    pub(crate) async fn refuse_agents(&self, request: &HttpRequest) -> Result<(), Problem> {
        // Without a socket there is nobody beside this program; Lambda calls it.
        let Some(peer) = request.peer_addr() else { return Ok(()) };
        let known = request.conn_data::<FarEnd>();
        if known.is_some_and(FarEnd::is_no_agent) {
            return Ok(());
        }
        let here = known.and_then(|known| known.here).unwrap_or(request.app_config().local_addr());
        if self.agents.0.may_have_connected(peer, here).await {
            let detail = "this comes from an agent, or it cannot be told that it does not; a token is needed";
            return Err(Problem::new(StatusCode::FORBIDDEN, "agent_not_admitted", detail));
        }
        if let Some(known) = known {
            known.note_no_agent();
        }
        Ok(())
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
        self.proxies.client_address(peer.to_canonical(), request.headers())
    }

    /// How the request came to the outermost proxy. What people are told to use counts more than what a
    /// header says.
    pub(crate) fn transport(&self, request: &HttpRequest) -> Transport {
        match (self.transport, request.peer_addr()) {
            (Transport::Plain, Some(peer)) => {
                self.proxies.transport(peer.ip().to_canonical(), request.headers())
            }
            (transport, _) => transport,
        }
    }

    /// The client of a request before its person is known.
    pub(crate) fn client(&self, request: &HttpRequest) -> Client {
        let address = self.client_address(request);
        let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let provenance = Provenance {
            http_request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
            address: Some(address.to_string()),
            ..Provenance::of("anonymous", CommandId(Uuid::now_v7()))
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

//! The ways out to the APIs of models, by whose key is sent and where that is valid.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};
use runner_core::ports::model::ModelKey;
use runner_core::setup::api_key::Network;

use super::refusal::Refusal;
use crate::public_only::{PublicOnly, may_be_public};

pub(super) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

const PUBLIC_API: &str = "https://api.anthropic.com";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest silence. A stream says something every few seconds; one whole answer may take ten minutes.
const READ_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The clients with which APIs are asked.
pub(super) struct Clients {
    /// The client for other addresses; it goes through the server's own proxy, if there is one.
    outside: Client,
    /// Like `outside`, for keys that must not lead into the server's own network.
    public: Client,
    /// The client for addresses on this machine.
    here: Client,
}

impl Clients {
    pub(super) fn new(proxies: Vec<String>) -> reqwest::Result<Self> {
        let client = || {
            Client::builder()
                // A redirect would take the key to another address.
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(READ_TIMEOUT)
        };
        let public = client().dns_resolver(Arc::new(PublicOnly { proxies })).build()?;
        Ok(Self { outside: client().build()?, public, here: client().no_proxy().build()? })
    }

    /// The client for a key, and the address of a path where that key is valid.
    pub(super) fn of(&self, key: &ModelKey, path: &str) -> Result<(&Client, Url), Refusal> {
        let base_url = key.base_url.as_deref().unwrap_or(PUBLIC_API).trim_end_matches('/');
        let url = Url::parse(&format!("{base_url}{path}"))
            .map_err(|_| Refusal::internal("the address of the model's API is none"))?;
        let client = match key.network {
            Network::Public if may_be_public(&url) => &self.public,
            Network::Public => return Err(Refusal::unreachable("the address of the key is not public")),
            Network::Any if is_here(&url) => &self.here,
            Network::Any => &self.outside,
        };
        Ok((client, url))
    }
}

/// A key as it is sent.
pub(super) fn secret(key: &ModelKey) -> Result<HeaderValue, Refusal> {
    let mut secret = HeaderValue::from_str(key.expose())
        .map_err(|_| Refusal::internal("the key has characters that no key has"))?;
    secret.set_sensitive(true);
    Ok(secret)
}

fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

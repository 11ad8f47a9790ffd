//! A Messages API on loopback that plays scripted replies, so that the real `claude` program works with no
//! network: at the first start without a key, in the demonstration, and in every end-to-end test.
//!
//! Only the model is faked, not the program. Everything above it (the process, its tools, permissions,
//! retries, the gateway) is real, and a test sees the behaviour of production.
//!
//! A prompt may carry its own script in a fenced block. `docs/offline-model.md` has the format; a test holds
//! it against what is read.
//!
//! Prompts without a block get the script given at the start, or else a small demonstration (`demo.rs`).

mod conversation;
mod demo;
mod playback;
mod reply;
mod request;
mod routes;
mod script;
mod side_call;
mod stream;

use std::{io, sync::Arc};

use self::{playback::Playback, routes::Routes};
use crate::loopback::LoopbackServer;

pub use self::script::{Script, ScriptError};

/// The running server. Dropping it closes the socket and every connection.
#[derive(Debug)]
pub struct OfflineModel {
    server: LoopbackServer,
    routes: Arc<Routes>,
}

impl OfflineModel {
    /// Listens on a free port of the loopback interface. `script` plays for every prompt without its own.
    pub async fn start(script: Option<Script>) -> io::Result<Self> {
        Self::start_with(Routes::new(Playback::new(script))).await
    }

    /// Listens like `start`, but only for those who know the key, as the real API does.
    pub async fn start_with_key(script: Option<Script>, key: &str) -> io::Result<Self> {
        let routes = Routes::new(Playback::new(script));
        routes.admit_only(key);
        Self::start_with(routes).await
    }

    /// From now on it is for those who know this key, as after a rotation at the real API.
    pub fn change_key(&self, key: &str) {
        self.routes.admit_only(key);
    }

    async fn start_with(routes: Routes) -> io::Result<Self> {
        let routes = Arc::new(routes);
        let answering = Arc::clone(&routes);
        let server = LoopbackServer::start(move |request| Arc::clone(&answering).respond(request)).await?;
        tracing::debug!("the offline model listens on {}", server.base_url());
        Ok(Self { server, routes })
    }

    /// The value of `ANTHROPIC_BASE_URL`.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }
}

#[cfg(test)]
mod tests;

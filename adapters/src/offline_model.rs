//! A Messages API on loopback that plays scripted replies, so that the real `claude` program works with no
//! network: at the first start without a key, in the demonstration, and in every end-to-end test.
//!
//! It is the model that is faked, not the program. Everything above it (the process, its tools, permissions,
//! retries, the gateway) is the real thing, and what a test sees is what happens in production.
//!
//! A prompt may carry its own script in a fenced block, opened by a line "```offline" and closed by "```":
//!
//! ```text
//! [{"text": "I write a file.", "delay_ms": 50},
//!  {"tool_use": {"name": "Write", "input": {"file_path": "{{cwd}}/a.txt", "content": "hi"}}},
//!  {"error": {"status": 529, "times": 2}},
//!  {"text": "done", "chunk_delay_ms": 10}]
//! ```
//!
//! Reply n answers the n-th model call of the turn; calls after the last reply get a closing text. A reply is
//! one of `text`, `thinking`, `tool_use: {name, input}`, `blocks: [..]` (several of these in one message) or
//! `error: {status, type, message, retry_after_s, times}`. Options: `delay_ms` before the first byte,
//! `chunk_delay_ms` between events, `hang` (the stream never ends), `cut` (the connection breaks inside the
//! message; asked without streaming, the message comes whole), `usage: {input_tokens, output_tokens,
//! cache_creation_input_tokens, cache_read_input_tokens}`, `stop_reason`. An error is answered `times` times,
//! for ever without it. `{{cwd}}` in any string is the working folder. What is misspelt is told in the
//! model's answer.
//!
//! Prompts without a block get the script given at the start, or else a small demonstration.

mod conversation;
mod demo;
mod playback;
mod reply;
mod request;
mod routes;
mod script;
mod side_call;
mod stream;

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use self::{playback::Playback, routes::Routes};

pub use self::script::{Script, ScriptError};

const MAX_CONNECTIONS: usize = 512;
const HEADER_TIMEOUT: Duration = Duration::from_secs(120);
/// Pause after a failed accept: it usually means that file descriptors have run out.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The running server. Dropping it closes the socket and every connection.
#[derive(Debug)]
pub struct OfflineModel {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl OfflineModel {
    /// Listens on a free port of the loopback interface. `script` plays for every prompt without its own.
    pub async fn start(script: Option<Script>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let routes = Arc::new(Routes::new(Playback::new(script)));
        let server = tokio::spawn(serve(listener, routes));
        tracing::debug!(%address, "offline model listens on {address}");
        Ok(Self { address, server })
    }

    /// What `ANTHROPIC_BASE_URL` is to be.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for OfflineModel {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Accepts for ever. The connections live in this future's set, so they end with it.
async fn serve(listener: TcpListener, routes: Arc<Routes>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, Arc::clone(&routes)));
                }
                Err(error) => {
                    tracing::warn!(%error, "offline model cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
        }
    }
}

async fn serve_connection(stream: TcpStream, routes: Arc<Routes>) {
    let service = service_fn(move |request| {
        let routes = Arc::clone(&routes);
        async move { Ok::<_, Infallible>(routes.respond(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // A client that leaves and a scripted cut end here too: neither is worth more than a trace.
    if let Err(error) = connection.await {
        tracing::trace!(%error, "a connection to the offline model ended early");
    }
}

#[cfg(test)]
mod tests;

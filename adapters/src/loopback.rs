//! A small HTTP server on a free port of the loopback interface, for programs on this machine only.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

const MAX_CONNECTIONS: usize = 512;
const HEADER_TIMEOUT: Duration = Duration::from_secs(120);
/// Pause after a failed accept: it usually means that file descriptors have run out.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, io::Error>;

/// The running server. Dropping it closes the socket and every connection.
#[derive(Debug)]
pub(crate) struct LoopbackServer {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl LoopbackServer {
    /// Listens, and answers each request with what `respond` makes of it. When a client leaves, the answer
    /// that it waited for is dropped.
    pub(crate) async fn start<R, F>(respond: R) -> io::Result<Self>
    where
        R: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<ResponseBody>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(serve(listener, respond));
        Ok(Self { address, server })
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for LoopbackServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Accepts for ever. The connections live in this future's set, so they end with it.
async fn serve<R, F>(listener: TcpListener, respond: R)
where
    R: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<ResponseBody>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, respond.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection on loopback cannot be accepted");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
        }
    }
}

async fn serve_connection<R, F>(stream: TcpStream, respond: R)
where
    R: Fn(Request<Incoming>) -> F + Send,
    F: Future<Output = Response<ResponseBody>> + Send,
{
    // What is streamed in small pieces shall not wait for more of them.
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| {
        let response = respond(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // A client that leaves and an answer that is cut off end here too: neither is worth more than a trace.
    if let Err(error) = connection.await {
        tracing::trace!(%error, "a connection on loopback ended early");
    }
}

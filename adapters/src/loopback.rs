//! A small HTTP server on a free port of the loopback interface, for programs on this machine only.
//!
//! Any of them may connect, also one that wants to keep the others out. So it never stops accepting: when too
//! many connections are open, the one goes that has been idle the longest. Who is being answered stays.

mod connections;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use connections::{Activity, Connections};

const MAX_CONNECTIONS: usize = 512;
/// From the connection, or the last answer, to the end of a request's head. Clients connect anew after that.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept: it usually means that file descriptors have run out.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

pub(crate) type ResponseBody = UnsyncBoxBody<Bytes, io::Error>;

/// Where a request came from; an extension of each. Clones are of the same connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    /// The port of this server.
    pub(crate) port: u16,
    /// The hash of the token that the far end was found to hold rightly.
    known_for: Arc<Mutex<Option<[u8; 32]>>>,
}

impl Connection {
    fn new(stream: &TcpStream, peer: SocketAddr) -> io::Result<Self> {
        Ok(Self { peer, port: stream.local_addr()?.port(), known_for: Arc::default() })
    }

    pub(crate) fn is_known_for(&self, token: [u8; 32]) -> bool {
        *self.known() == Some(token)
    }

    pub(crate) fn know_for(&self, token: [u8; 32]) {
        *self.known() = Some(token);
    }

    fn known(&self) -> MutexGuard<'_, Option<[u8; 32]>> {
        self.known_for.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
        Self::start_with(MAX_CONNECTIONS, respond).await
    }

    async fn start_with<R, F>(max_connections: usize, respond: R) -> io::Result<Self>
    where
        R: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<ResponseBody>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(serve(listener, Connections::at_most(max_connections), respond));
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
async fn serve<R, F>(listener: TcpListener, mut connections: Connections, respond: R)
where
    R: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<ResponseBody>> + Send + 'static,
{
    loop {
        tokio::select! {
            () = connections.next_end() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let respond = respond.clone();
                    connections.open(|activity| serve_connection((stream, peer), activity, respond));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection on loopback cannot be accepted");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            },
        }
    }
}

async fn serve_connection<R, F>((stream, peer): (TcpStream, SocketAddr), activity: Activity, respond: R)
where
    R: Fn(Request<Incoming>) -> F + Send,
    F: Future<Output = Response<ResponseBody>> + Send,
{
    // If it is closed already, nobody waits for an answer.
    let Ok(connection) = Connection::new(&stream, peer) else { return };
    // What is streamed in small pieces shall not wait for more of them.
    stream.set_nodelay(true).ok();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        let busy = activity.begin();
        let response = respond(request);
        async move { Ok::<_, Infallible>(response.await.map(|body| busy.until_sent(body).boxed_unsync())) }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::{BodyExt as _, Full};
    use hyper::Response;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::LoopbackServer;

    #[tokio::test]
    async fn those_who_connect_and_say_nothing_keep_nobody_out() {
        let server = LoopbackServer::start_with(4, |_| async {
            Response::new(Full::new("here".into()).map_err(|never| match never {}).boxed_unsync())
        });
        let server = server.await.unwrap();
        let mut idle = vec![];
        for _ in 0..20 {
            idle.push(TcpStream::connect(server.address).await.unwrap());
        }

        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        let read = tokio::time::timeout(Duration::from_secs(5), client.read_to_string(&mut answer)).await;

        read.expect("it does not wait").unwrap();
        assert!(answer.ends_with("here"), "{answer}");
    }
}

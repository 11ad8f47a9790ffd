//! A model's API of plain sockets: it says byte for byte what a test wants, and keeps what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Answers every request on its connection with what the request's key makes it say.
pub(super) struct Upstream {
    base_url: String,
    asked: Arc<Mutex<Vec<String>>>,
    left: Arc<Notify>,
    server: JoinHandle<()>,
}

/// The pieces that are written, with a pause in between; then the connection closes.
type Script = Arc<dyn Fn(&str) -> Vec<&'static str> + Send + Sync>;

const PAUSE: Duration = Duration::from_millis(150);

impl Upstream {
    pub(super) async fn answering(answer: &'static str) -> Self {
        Self::playing(move |_| vec![answer]).await
    }

    /// `script` gives the pieces for a request's text. After a last piece `…` it goes on saying nothing.
    pub(super) async fn playing(script: impl Fn(&str) -> Vec<&'static str> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, left) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Notify::new()));
        let script: Script = Arc::new(script);
        let (keeps, tells) = (Arc::clone(&asked), Arc::clone(&left));
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, Arc::clone(&script), Arc::clone(&keeps), Arc::clone(&tells)));
            }
        });
        Self { base_url, asked, left, server }
    }

    pub(super) fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// All requests that arrived, head and body.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until so many requests have arrived.
    pub(super) async fn until_asked(&self, count: usize) {
        let arrived = async {
            while self.asked().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), arrived).await.expect("requests are missing");
    }

    /// Waits until somebody left in the middle of an answer.
    pub(super) async fn until_left(&self) {
        tokio::time::timeout(Duration::from_secs(20), self.left.notified()).await.expect("the call goes on");
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    mut connection: TcpStream,
    script: Script,
    asked: Arc<Mutex<Vec<String>>>,
    left: Arc<Notify>,
) {
    let Some(request) = read_request(&mut connection).await else { return };
    asked.lock().unwrap().push(request.clone());
    for (index, piece) in script(&request).into_iter().enumerate() {
        if index > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        if piece == "…" {
            let mut nothing = [0; 1];
            assert!(!matches!(connection.read(&mut nothing).await, Ok(1..)), "nothing more is asked");
            left.notify_one();
            return;
        }
        connection.write_all(piece.as_bytes()).await.unwrap();
    }
}

async fn read_request(connection: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut chunk = [0; 64 * 1024];
    loop {
        let length = connection.read(&mut chunk).await.ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Some(text);
        }
    }
}

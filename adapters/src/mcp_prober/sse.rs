//! The transport of MCP servers of before 2025-03-26: an event stream, which names the address to which
//! messages are posted.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Url;
use reqwest::header::{ACCEPT, HeaderMap};
use rmcp::service::{RoleClient, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use runner_core::ports::McpUnusable;
use sse_stream::SseStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const UNTIL_ENDPOINT: Duration = Duration::from_secs(15);
const MAX_WAITING_MESSAGES: usize = 64;

/// Both directions of a connection.
pub(super) struct SseTransport {
    client: reqwest::Client,
    headers: HeaderMap,
    endpoint: Url,
    messages: mpsc::Receiver<RxJsonRpcMessage<RoleClient>>,
    reader: JoinHandle<()>,
}

impl SseTransport {
    /// Opens the stream and waits for the address to post to, which must be of the same origin.
    pub(super) async fn connect(
        client: reqwest::Client,
        url: &str,
        headers: HeaderMap,
    ) -> Result<Self, McpUnusable> {
        let url = Url::parse(url).map_err(|error| McpUnusable(format!("its address is none: {error}")))?;
        let asked = client.get(url.clone()).headers(headers.clone()).header(ACCEPT, "text/event-stream");
        let unreachable = |error: reqwest::Error| McpUnusable(format!("it cannot be reached: {error}"));
        let answer = asked.send().await.and_then(reqwest::Response::error_for_status).map_err(unreachable)?;
        let mut events = SseStream::from_bytes_stream(answer.bytes_stream());
        let first = tokio::time::timeout(UNTIL_ENDPOINT, events.next()).await;
        let endpoint = match first {
            Ok(Some(Ok(event))) if event.event.as_deref() == Some("endpoint") => event.data,
            Ok(_) | Err(_) => None,
        };
        let endpoint = endpoint.and_then(|path| url.join(path.trim()).ok());
        let endpoint = endpoint
            .filter(|endpoint| endpoint.origin() == url.origin())
            .ok_or_else(|| McpUnusable("it named no address of its own to post to".to_owned()))?;
        let (heard, messages) = mpsc::channel(MAX_WAITING_MESSAGES);
        let reader = tokio::spawn(async move {
            while let Some(Ok(event)) = events.next().await {
                let message = event.data.and_then(|data| serde_json::from_str(&data).ok());
                if let Some(message) = message
                    && heard.send(message).await.is_err()
                {
                    return;
                }
            }
        });
        Ok(Self { client, headers, endpoint, messages, reader })
    }
}

impl Transport<RoleClient> for SseTransport {
    type Error = reqwest::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let posted = self.client.post(self.endpoint.clone()).headers(self.headers.clone()).json(&message);
        async move { posted.send().await?.error_for_status().map(drop) }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.messages.recv().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.reader.abort();
        Ok(())
    }
}

impl Drop for SseTransport {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

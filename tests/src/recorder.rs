//! What the agents ask the model: a wire between them and an offline model that keeps all that goes up.

use std::sync::{Arc, Mutex, PoisonError};

use runner_adapters::offline_model::OfflineModel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// An offline model that remembers what it was asked.
pub struct Recorder {
    base_url: String,
    heard: Arc<Mutex<Vec<u8>>>,
    accepting: JoinHandle<()>,
    _model: OfflineModel,
}

impl Recorder {
    pub async fn start() -> Self {
        let model = OfflineModel::start(None).await.unwrap();
        let upstream = model.base_url().trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::default();
        let accepting = tokio::spawn(accept(listener, upstream, Arc::clone(&heard)));
        Self { base_url, heard, accepting, _model: model }
    }

    /// The settings with which a server's agents use it.
    pub fn settings(&self) -> [(&str, &str); 3] {
        [("OFFLINE", "false"), ("ANTHROPIC_API_KEY", "sk-ant-test"), ("ANTHROPIC_BASE_URL", &self.base_url)]
    }

    /// Everything that was asked since the last time.
    pub fn take(&self) -> String {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&heard).into_owned()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, upstream: String, heard: Arc<Mutex<Vec<u8>>>) {
    while let Ok((agent, _)) = listener.accept().await {
        tokio::spawn(pass_on(agent, upstream.clone(), Arc::clone(&heard)));
    }
}

async fn pass_on(agent: TcpStream, upstream: String, heard: Arc<Mutex<Vec<u8>>>) {
    let Ok(model) = TcpStream::connect(upstream).await else { return };
    let (mut from_agent, mut to_agent) = agent.into_split();
    let (mut from_model, mut to_model) = model.into_split();
    let asking = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_agent.read(&mut buffer).await {
            heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..length]);
            if to_model.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
        to_model.shutdown().await.ok();
    };
    let answering = async {
        tokio::io::copy(&mut from_model, &mut to_agent).await.ok();
        to_agent.shutdown().await.ok();
    };
    tokio::join!(asking, answering);
}

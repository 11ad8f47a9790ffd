//! The Runtime API and the Extensions API, as far as a function with the official Rust runtime calls them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, Result, anyhow, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{LambdaResponse, function_url::read_prelude, process::Process};

/// How many chunks of a body may wait for the test; then the function waits.
const MAX_WAITING_CHUNKS: usize = 64;

#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) event: Value,
    pub(super) deadline: Instant,
    pub(super) deadline_ms: u128,
    pub(super) answer: oneshot::Sender<Result<LambdaResponse>>,
}

#[derive(Debug)]
pub(super) enum Init {
    Running,
    Done,
    Failed(String),
}

/// The two APIs that the function calls, and what they remember.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) init: watch::Sender<Init>,
    pub(super) has_extension: AtomicBool,
    waiting: Mutex<mpsc::Receiver<Invocation>>,
    running: Mutex<Option<Invocation>>,
    process: Process,
}

type Reply = Response<Full<Bytes>>;

pub(super) async fn serve(listener: TcpListener, api: Arc<Api>) {
    // Aborting this task drops the set, and with it all connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let api = Arc::clone(&api);
        let service = service_fn(move |request| {
            let api = Arc::clone(&api);
            async move { api.handle(request).await }
        });
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Api {
    pub(super) fn new(waiting: mpsc::Receiver<Invocation>, process: Process) -> Self {
        Self {
            init: watch::Sender::new(Init::Running),
            has_extension: AtomicBool::new(false),
            waiting: Mutex::new(waiting),
            running: Mutex::new(None),
            process,
        }
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Reply> {
        let (parts, body) = request.into_parts();
        let path: Vec<&str> = parts.uri.path().split('/').skip(1).collect();
        match (parts.method.as_str(), path.as_slice()) {
            ("GET", ["2018-06-01", "runtime", "invocation", "next"]) => self.next_invocation().await,
            ("POST", ["2018-06-01", "runtime", "invocation", request_id, "response"]) => {
                self.take_response(request_id, &parts, body).await
            }
            ("POST", ["2018-06-01", "runtime", "invocation", request_id, "error"]) => {
                self.take_error(request_id, body).await
            }
            ("POST", ["2018-06-01", "runtime", "init", "error"]) => {
                self.init.send_replace(Init::Failed(describe_error(body).await?));
                accepted()
            }
            ("POST", ["2020-01-01", "extension", "register"]) => self.register_extension(),
            // No extension of ours subscribes to an event, so none ever comes.
            ("GET", ["2020-01-01", "extension", "event", "next"]) => std::future::pending().await,
            _ => Ok(Response::builder().status(StatusCode::NOT_FOUND).body(Full::default())?),
        }
    }

    fn register_extension(&self) -> Result<Reply> {
        self.has_extension.store(true, Ordering::Relaxed);
        let body =
            json!({ "functionName": "emulated", "functionVersion": "$LATEST", "handler": "bootstrap" });
        let reply = Response::builder().header("Lambda-Extension-Identifier", "emulated-extension");
        Ok(reply.body(body.to_string().into())?)
    }

    async fn next_invocation(&self) -> Result<Reply> {
        self.init.send_replace(Init::Done);
        // Whoever still waits for an answer to the last event learns that none comes.
        self.running.lock().await.take();
        let invocation = self.waiting.lock().await.recv().await.context("the emulator has stopped")?;
        let reply = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &invocation.request_id)
            .header("Lambda-Runtime-Deadline-Ms", invocation.deadline_ms.to_string())
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:eu-central-1:000000000000:function:emulated",
            )
            .body(invocation.event.to_string().into())?;
        *self.running.lock().await = Some(invocation);
        Ok(reply)
    }

    async fn take_running(&self, request_id: &str) -> Result<Invocation> {
        let invocation = self.running.lock().await.take_if(|running| running.request_id == request_id);
        invocation.with_context(|| format!("{request_id} is not running"))
    }

    async fn take_error(&self, request_id: &str, body: Incoming) -> Result<Reply> {
        let invocation = self.take_running(request_id).await?;
        let error = describe_error(body).await?;
        // The test may have stopped waiting; Lambda accepts the report all the same.
        invocation.answer.send(Err(anyhow!("the function reported an error: {error}"))).ok();
        accepted()
    }

    async fn take_response(&self, request_id: &str, parts: &Parts, mut body: Incoming) -> Result<Reply> {
        let Invocation { answer, deadline, .. } = self.take_running(request_id).await?;
        let (chunks, receiver) = mpsc::channel(MAX_WAITING_CHUNKS);
        match read_prelude(&parts.headers, &mut body).await {
            Ok((status, headers, start_of_body)) => {
                answer.send(Ok(LambdaResponse { status, headers, body: receiver })).ok();
                if let Err(error) = self.relay(start_of_body, body, &chunks, deadline).await {
                    chunks.send(Err(error)).await.ok();
                }
            }
            Err(error) => {
                answer.send(Err(error)).ok();
            }
        }
        accepted()
    }

    async fn relay(
        &self,
        start: Bytes,
        mut body: Incoming,
        chunks: &mpsc::Sender<Result<Bytes>>,
        deadline: Instant,
    ) -> Result<()> {
        let relay = async {
            let mut chunk = start;
            loop {
                if !chunk.is_empty() {
                    // Where the test has dropped the response the function goes on: it is never told.
                    chunks.send(Ok(chunk)).await.ok();
                }
                let Some(frame) = body.frame().await else { return Ok(()) };
                let frame = frame.context("the function broke off its response")?;
                chunk = match frame.into_data() {
                    Ok(data) => data,
                    Err(trailers) => bail!("the function ended its response with an error: {trailers:?}"),
                };
            }
        };
        match timeout_at(deadline, relay).await {
            Ok(result) => result,
            Err(_) => {
                self.process.kill();
                bail!("the function timed out in its response")
            }
        }
    }
}

fn accepted() -> Result<Reply> {
    Ok(Response::builder().status(StatusCode::ACCEPTED).body(Full::default())?)
}

async fn describe_error(body: Incoming) -> Result<String> {
    let error: Value = serde_json::from_slice(&body.collect().await?.to_bytes())?;
    let text = |name| error[name].as_str().unwrap_or("unknown");
    Ok(format!("{}: {}", text("errorType"), text("errorMessage")))
}

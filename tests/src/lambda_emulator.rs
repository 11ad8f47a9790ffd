//! An AWS Lambda sandbox for tests: the Runtime API and the Extensions API on loopback, and the function's
//! process.
//!
//! A test gives an HTTP request and gets an HTTP response, as through a Function URL with response streaming;
//! the function sees the event, the environment, the deadline and the signals that Lambda documents. Like one
//! sandbox, it serves one invocation at a time. Not emulated: limits on size and rate, freezing between
//! invocations, a second sandbox, buffered responses.
//!
//! Begin with [`LambdaEmulator::start`].

mod function_url;
mod process;
mod runtime_api;

use std::{
    net::Ipv4Addr,
    path::Path,
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail};
use hyper::{HeaderMap, Request, StatusCode, body::Bytes};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

use self::{
    process::Process,
    runtime_api::{Api, Init, Invocation, serve},
};

/// The host that requests are for, unless they name another.
pub const DOMAIN: &str = "emulated.lambda-url.eu-central-1.on.aws";

/// What a function has before it must ask for its first event. Lambda gives 10 s, which an unoptimised one on
/// a busy machine may need alone for its start.
const INIT_TIMEOUT: Duration = Duration::from_secs(30);
/// What Lambda gives a function with an external extension between SIGTERM and SIGKILL.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// One sandbox with one process of the function. Dropping it kills the process and its process group.
#[derive(Debug)]
pub struct LambdaEmulator {
    /// How long an invocation may take, to the end of its body; then the sandbox is killed.
    pub invocation_timeout: Duration,
    process: Process,
    api: Arc<Api>,
    server: JoinHandle<()>,
    invocations: mpsc::Sender<Invocation>,
    count: AtomicU64,
}

/// What the function answers; the body is still arriving.
#[derive(Debug)]
pub struct LambdaResponse {
    /// The status of the response, as its prelude tells it.
    pub status: StatusCode,
    /// The headers of the response, its cookies among them as `set-cookie`.
    pub headers: HeaderMap,
    body: mpsc::Receiver<Result<Bytes>>,
}

impl LambdaEmulator {
    /// Starts `binary` and waits until it asks for its first event.
    ///
    /// The process sees `environment`, `PATH` and what Lambda sets, and nothing else of the test's
    /// environment.
    pub async fn start(binary: &Path, environment: &[(String, String)]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let process = Process::spawn(binary, listener.local_addr()?, environment)?;
        let (invocations, waiting) = mpsc::channel(1);
        let api = Arc::new(Api::new(waiting, process.clone()));
        let server = tokio::spawn(serve(listener, Arc::clone(&api)));
        let emulator = Self {
            invocation_timeout: Duration::from_secs(30),
            process,
            api,
            server,
            invocations,
            count: AtomicU64::new(1),
        };
        emulator.initialized().await?;
        Ok(emulator)
    }

    async fn initialized(&self) -> Result<()> {
        let mut init = self.api.init.subscribe();
        tokio::select! {
            biased;
            init = init.wait_for(|init| !matches!(init, Init::Running)) => match &*init? {
                Init::Failed(reason) => bail!("the function reported an error in its init: {reason}"),
                Init::Running | Init::Done => Ok(()),
            },
            status = self.process.exited() => bail!("the function exited in its init: {}", status?),
            () = sleep(INIT_TIMEOUT) => bail!("the function did not ask for an event in {INIT_TIMEOUT:?}"),
        }
    }

    /// Delivers one request and returns when the head of the response is there. An error that the function
    /// reports, its exit and its time-out are an `Err`, here or with the next chunk.
    pub async fn invoke(&self, request: Request<impl Into<Bytes>>) -> Result<LambdaResponse> {
        let request_id =
            format!("00000000-0000-0000-0000-{:012}", self.count.fetch_add(1, Ordering::Relaxed));
        let event = function_url::event(request.map(Into::into), &request_id)?;
        let deadline = Instant::now() + self.invocation_timeout;
        let deadline_ms = now().as_millis() + self.invocation_timeout.as_millis();
        let (answer, response) = oneshot::channel();
        let invocation = Invocation { request_id, event, deadline, deadline_ms, answer };
        tokio::select! {
            biased;
            response = self.deliver(invocation, response) => response,
            status = self.process.exited() => bail!("the function exited in an invocation: {}", status?),
            () = sleep_until(deadline) => {
                self.process.kill();
                bail!("the function timed out after {:?}", self.invocation_timeout)
            }
        }
    }

    async fn deliver(
        &self,
        invocation: Invocation,
        response: oneshot::Receiver<Result<LambdaResponse>>,
    ) -> Result<LambdaResponse> {
        self.invocations.send(invocation).await.ok().context("the emulator has stopped")?;
        response.await.context("the function asked for the next event without an answer to this one")?
    }

    /// Takes the sandbox away as Lambda does: SIGTERM, 500 ms, SIGKILL; without an extension SIGKILL at once.
    pub async fn shutdown(self) -> Result<ExitStatus> {
        if self.api.has_extension.load(Ordering::Relaxed) {
            self.process.terminate();
            if let Ok(status) = timeout(SHUTDOWN_GRACE, self.process.exited()).await {
                return status;
            }
        }
        self.process.kill();
        self.process.exited().await
    }
}

impl Drop for LambdaEmulator {
    fn drop(&mut self) {
        self.process.kill();
        self.server.abort();
    }
}

impl LambdaResponse {
    /// The next piece of the body as soon as it arrives; `None` when the function has ended the body.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        self.body.recv().await.transpose()
    }

    /// The rest of the body.
    pub async fn bytes(mut self) -> Result<Bytes> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next_chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body.into())
    }

    /// The rest of the body, as JSON.
    pub async fn json(self) -> Result<Value> {
        serde_json::from_slice(&self.bytes().await?).context("the body is not JSON")
    }
}

/// Since the epoch: Lambda tells deadlines by the wall clock.
#[expect(clippy::disallowed_methods, reason = "the emulator is where the function's time comes from")]
fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

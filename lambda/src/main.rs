//! Claude Code Runner on AWS Lambda: the routes of `runner_web`, without a socket.
//!
//! An event of a Function URL, API Gateway or a load balancer becomes a request to the very service that the
//! server runs, and the body of the answer is streamed back as it arises. Routes, wire types and rules are
//! `runner_web`'s; nothing here may know one. Begin with [`bridge`].
//!
//! One process serves one invocation at a time and is frozen in between, so what must last is stored before
//! the last byte of an answer. Behind a REST API set `AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH=true`, or the name
//! of the stage is part of each path.

mod bridge;

use anyhow::Context as _;
use runner_web::{app::Application, config::Config};
use tokio::sync::oneshot;

use crate::bridge::Bridge;

fn main() -> anyhow::Result<()> {
    runner_web::telemetry_init();
    actix_rt::System::new().block_on(run())
}

async fn run() -> anyhow::Result<()> {
    // Between two invocations the process is frozen, and an agent that waits is of no use.
    let config = Config { spare_agents: 0, ..Config::from_env()? };
    let application = Application::build(&config).await.context("failed to build the application")?;
    let bridge = Bridge::start(application.routes()).await?;
    shut_down_on_signal(application.clone()).await;

    let served =
        lambda_http::run_with_streaming_response(lambda_http::service_fn(|request| bridge.call(request)));
    let result = served.await;
    application.shutdown().await;
    result.map_err(anyhow::Error::from_boxed).context("lost the Lambda runtime API")
}

/// Lets the application finish when Lambda takes the machine away; the process then exits with 0.
///
/// Lambda sends SIGTERM only to functions with an extension, so this registers one that does nothing.
async fn shut_down_on_signal(application: Application) {
    let (signal_sender, signal_receiver) = oneshot::channel::<oneshot::Sender<()>>();
    // The hook must be `Send` and the application need not be, so the hook asks and this task does.
    actix_rt::spawn(async move {
        if let Ok(finished) = signal_receiver.await {
            application.shutdown().await;
            drop(finished);
        }
    });
    lambda_runtime::spawn_graceful_shutdown_handler(|| async move {
        let (finished_sender, finished_receiver) = oneshot::channel();
        if signal_sender.send(finished_sender).is_ok() {
            // Nothing is ever sent: the channel closes when the application has shut down.
            finished_receiver.await.ok();
        }
    })
    .await;
}

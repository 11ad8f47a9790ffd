//! The `claude-runner` program.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use actix_web::HttpServer;
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use nix::sys::resource::{Resource, setrlimit};
use runner_adapters::event_store::EventStore;
use runner_web::app::doctor::AgentExamination;
use runner_web::app::{Application, prepare_data_dir, reachable};
use runner_web::config::Config;
use tokio::signal::unix::{SignalKind, signal};

/// Runs Claude Code as a service: REST, server-sent events, and a log of every session.
///
/// Settings come from the environment or from .env in the current folder; see docs/settings.md.
#[derive(Parser)]
#[command(version, name = "claude-runner")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and the pages (the default).
    Serve,
    /// Take in conversations that Claude Code held without this server.
    Import {
        /// A configuration folder of Claude Code (`~/.claude`), or one with its projects.
        folder: PathBuf,
    },
    /// Work on the read models.
    Projections {
        #[command(subcommand)]
        command: ProjectionsCommand,
    },
    /// Work on the key that stored API keys are sealed with.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Help people who have an account on this server.
    Users {
        #[command(subcommand)]
        command: UsersCommand,
    },
    /// Find out what works on this machine.
    Doctor {
        /// Try the agent's program out: whether it keeps what sessions rely on. Takes less than a minute.
        #[arg(long, required = true)]
        agent: bool,
    },
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Make a new secret key and seal everything with it. Everybody has to log in again.
    Rotate,
}

#[derive(Subcommand)]
enum UsersCommand {
    /// Make a code with which somebody sets a new password, and print it once. The server must be stopped.
    ResetPassword {
        /// The username.
        name: String,
    },
}

#[derive(Subcommand)]
enum ProjectionsCommand {
    /// Write all read models anew from the log; exit with 1 if they were not right.
    Rebuild,
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let system = actix_rt::System::new();
    let done = system.block_on(async {
        keep_memory_private()?;
        match arguments.command.unwrap_or(Command::Serve) {
            Command::Serve => serve().await,
            Command::Import { folder } => import(&folder).await,
            Command::Projections { command: ProjectionsCommand::Rebuild } => rebuild_projections().await,
            Command::Keys { command: KeysCommand::Rotate } => rotate_keys().await,
            Command::Users { command: UsersCommand::ResetPassword { name } } => reset_password(&name).await,
            Command::Doctor { agent: _ } => examine_agent().await,
            Command::Openapi => print(&runner_web::openapi().to_pretty_json()?),
        }
    });
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("claude-runner: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn serve() -> anyhow::Result<()> {
    runner_web::telemetry_init();
    let config = Config::from_env()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let application = Application::build(&config).await?;
    let routes = application.clone();
    let server = HttpServer::new(move || routes.routes())
        .workers(2)
        .on_connect(runner_web::connected)
        // With half-closed connections a quiet stream outlives its client by minutes.
        .h1_allow_half_closed(false)
        .shutdown_timeout(5)
        .disable_signals()
        .bind((config.host, config.port))
        .with_context(|| format!("{}:{} cannot be bound", config.host, config.port))?;
    for address in server.addrs() {
        tracing::info!(%address, "listening on http://{address}");
    }
    reachable::announce(&server.addrs());
    application.run_schedules();
    application.take_imports();
    let server = server.run();
    let handle = server.handle();
    let serving = actix_rt::spawn(server);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    application.drain().await;
    handle.stop(true).await;
    serving.await??;
    application.close().await;
    Ok(())
}

/// Keys are in memory while they are used. No core dump has them, nor may another program of the same user
/// look.
fn keep_memory_private() -> anyhow::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("core dumps cannot be switched off")?;
    nix::sys::prctl::set_dumpable(false).context("the server's memory cannot be kept private")?;
    Ok(())
}

async fn import(folder: &Path) -> anyhow::Result<()> {
    runner_web::telemetry_init();
    let report = runner_web::import::import(&Config::from_env()?, folder).await?;
    eprintln!("{report}");
    anyhow::ensure!(report.failed == 0, "{} transcripts could not be read", report.failed);
    Ok(())
}

async fn rotate_keys() -> anyhow::Result<()> {
    runner_web::telemetry_init();
    let rotated = runner_web::app::keys::rotate(&Config::from_env()?).await?;
    eprintln!("{} stored API keys are sealed with the new secret key", rotated.sealed);
    if rotated.is_set_by_operator {
        eprintln!("set SECRET_KEY to what NEW_SECRET_KEY is before the server starts");
    }
    Ok(())
}

async fn reset_password(name: &str) -> anyhow::Result<()> {
    runner_web::telemetry_init();
    let reset = runner_web::app::users::reset_password(&Config::from_env()?, name).await?;
    eprintln!(
        "{} sets a new password with this code until {}: POST /api/auth/password-reset {{\"code\": …, \"password\": …}}",
        reset.username, reset.expires_at
    );
    print(&reset.code.0)
}

async fn rebuild_projections() -> anyhow::Result<()> {
    runner_web::telemetry_init();
    let config = Config::from_env()?;
    let _lock = prepare_data_dir(&config.data_dir)?;
    let rebuilt = EventStore::rebuild_projections(&config.database).await?;
    eprintln!("{} events of {} sessions were read", rebuilt.events, rebuilt.sessions);
    eprintln!("before: {}", rebuilt.digest_before);
    eprintln!("after:  {}", rebuilt.digest_after);
    let were_right = rebuilt.digest_before == rebuilt.digest_after;
    anyhow::ensure!(were_right, "the read models were wrong and are right now");
    eprintln!("the read models were right");
    Ok(())
}

async fn examine_agent() -> anyhow::Result<()> {
    let examination = AgentExamination::carry_out(&Config::from_env()?).await;
    print(&examination.to_string())?;
    let broken = examination.broken();
    anyhow::ensure!(broken == 0, "{broken} promises do not hold: sessions that rely on them are refused");
    Ok(())
}

/// A reader that closes the pipe has read enough.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the answer cannot be written"),
    }
}

//! What the server holds in memory: idle, with many stored sessions, with many quiet streams.

use std::sync::Arc;
use std::time::{Duration, Instant};

use runner_adapters::clock::SystemClock;
use runner_adapters::event_store::EventStore;
use runner_core::ids::{CommandId, SessionId, TenantId};
use runner_core::log::{Append, LogStream, Provenance};
use runner_core::ports::EventLog;
use runner_core::session::Session;
use runner_tests::server::Server;
use uuid::Uuid;

use crate::reading::opened;

const SESSIONS: usize = 10_000;
const STREAMS: usize = 1_000;

pub(crate) async fn measure() {
    println!("\n# Memory of the server");
    let empty = Server::start().await;
    settle().await;
    println!("idle: {:.1} MiB RSS (goal: under 40)", rss_kib(&empty) / 1024.0);

    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("runner.db");
    store_sessions(&database).await;
    let url = format!("sqlite://{}", database.display());
    let full = Server::start_with(&[("DATABASE_URL", &url), ("MAX_STREAMS_PER_USER", "0")]).await;
    settle().await;
    let stored = full.get("/api/status").await.body["sessions"]["stored"].clone();
    let per_session = (rss_kib(&full) - rss_kib(&empty)) / SESSIONS as f64;
    println!("per idle stored session: {per_session:.3} KiB RSS ({stored} sessions; goal: KiB, not MiB)");

    streams(&full).await;
}

/// A server says where it listens before all of its threads are ready.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

async fn streams(server: &Server) {
    let session = server.get("/api/sessions?limit=1").await.body["sessions"][0]["id"].clone();
    let session = session.as_str().unwrap();
    // What the first streams need once is not counted for each.
    drop(futures_util::future::join_all((0..50).map(|_| server.stream_events(session, 1))).await);
    let before = (rss_kib(server), sockets(server));
    let mut open = vec![];
    for _ in 0..STREAMS / 50 {
        open.extend(futures_util::future::join_all((0..50).map(|_| server.stream_events(session, 1))).await);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let per_stream = (rss_kib(server) - before.0) / STREAMS as f64;
    println!("per quiet SSE client: {per_stream:.1} KiB RSS ({STREAMS} clients; goal: under 32)");

    drop(open);
    let begun = Instant::now();
    while sockets(server) > before.1 + 5 {
        assert!(begun.elapsed() < Duration::from_secs(30), "streams are not let go");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("all {STREAMS} left: noticed after {} ms (goal: within a second)", begun.elapsed().as_millis());
}

async fn store_sessions(database: &std::path::Path) {
    let store = EventStore::open(database, Arc::new(SystemClock::default())).await.unwrap();
    let appends = (0..SESSIONS).map(|_| {
        let session = SessionId(Uuid::now_v7());
        let stream = LogStream::of::<Session>(session, TenantId::first());
        let provenance = Provenance::of("user:local", CommandId(Uuid::now_v7()));
        store.append(Append::to(stream, 0, &[opened(session)], provenance).unwrap())
    });
    for appended in futures_util::future::join_all(appends).await {
        appended.unwrap();
    }
    store.close().await;
}

fn rss_kib(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

fn sockets(server: &Server) -> usize {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().flatten();
    let targets = descriptors.filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

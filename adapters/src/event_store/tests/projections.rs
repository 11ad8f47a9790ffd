//! Read models: the live ones are what the log adds up to.

use futures_util::future::join_all;
use runner_core::ids::TenantId;
use runner_core::money::MicroDollars;
use runner_core::people::principal::Reach;
use runner_core::ports::{EventLog, SessionCounts, SessionDirectory};
use runner_core::session::index::SessionStatus;
use runner_core::spend::Usage;
use sqlx::{Connection, SqliteConnection};

use super::samples::{
    Folder, append, completed, everybody, handed_over, opened, prompted, put, requested, said, session,
    started, tagged, whole_session,
};
use crate::event_store::{EventStore, Rebuilt};

#[tokio::test]
async fn summary_follows_every_append() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut seen = Vec::new();

    for event in [opened(session(1)), prompted(1, "fix it"), started(1), completed(1, "done", 30)] {
        put(&store, session(1), vec![event]).await;
        let summary = store.find(&everybody(), session(1)).await.unwrap().unwrap();
        seen.push((summary.head.version, summary.head.status, summary.turns, summary.head.cost_usd));
    }

    use SessionStatus::{Idle, Running};
    let nothing = Some(MicroDollars(0));
    assert_eq!(
        seen,
        [
            (1, Idle, 0, nothing),
            (2, Running, 1, nothing),
            (3, Running, 1, nothing),
            (4, Idle, 1, Some(MicroDollars(30))),
        ]
    );
    let usage = Usage { input_tokens: 90, output_tokens: 30, ..Usage::default() };
    assert_eq!(store.find(&everybody(), session(1)).await.unwrap().unwrap().head.usage, usage);
    assert_eq!(store.find(&everybody(), session(2)).await.unwrap(), None);
    for (tenant, owner) in [("others", None), ("default", Some("mallory"))] {
        let reach = Reach { tenant: TenantId(tenant.into()), owner: owner.map(str::to_owned) };
        assert_eq!(store.find(&reach, session(1)).await.unwrap(), None, "{reach:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn summary_of_a_running_turn_says_how_far_its_log_is() {
    let folder = Folder::new();
    let store = folder.open().await;
    let events = vec![opened(session(1)), prompted(1, "runs"), started(1)];
    put(&store, session(1), events).await;
    let written = rows(&folder).await;
    for number in 4..=6 {
        put(&store, session(1), vec![said(1)]).await;
        let summary = store.find(&everybody(), session(1)).await.unwrap().unwrap();
        let last = store.read(session(1).into(), number - 1, 1).await.unwrap().remove(0);
        let expected = (number, last.recorded_at.to_millis(), SessionStatus::Running);
        assert_eq!((summary.head.version, summary.head.updated_at, summary.head.status), expected);
    }
    assert_eq!(rows(&folder).await, written, "the index was written without need");

    store.close().await;
    let store = folder.open().await;
    put(&store, session(1), vec![said(1), completed(1, "done", 30), said(1)]).await;

    let summary = store.find(&everybody(), session(1)).await.unwrap().unwrap();
    assert_eq!((summary.head.version, summary.head.status), (9, SessionStatus::Idle));
    store.close().await;
    let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();
    assert_eq!(rebuilt.digest_after, rebuilt.digest_before);
}

#[tokio::test]
async fn unfinished_sessions_are_those_that_run_or_wait_for_their_turn() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), whole_session(session(1), "over", 1)).await;
    put(&store, session(2), vec![opened(session(2)), prompted(1, "queued")]).await;
    put(&store, session(3), vec![opened(session(3)), prompted(1, "runs"), started(1)]).await;
    put(&store, session(4), vec![opened(session(4))]).await;

    let unfinished = store.list_unfinished().await.unwrap();

    assert_eq!(unfinished, [session(2), session(3)]);
    let counted = SessionCounts { stored: 4, running: 2, waiting: 0 };
    assert_eq!(store.count(None).await.unwrap(), counted);
    assert_eq!(store.count(Some(&TenantId::first())).await.unwrap(), counted);
    let others = store.count(Some(&TenantId("others".into()))).await.unwrap();
    assert_eq!(others, SessionCounts::default());
    store.close().await;
}

#[tokio::test]
async fn rebuild_gives_the_same_rows() {
    let folder = filled().await;
    let before = rows(&folder).await;

    let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();

    assert_eq!(rebuilt.digest_after, rebuilt.digest_before);
    assert_eq!((rebuilt.events, rebuilt.sessions), (1246, 304));
    assert_eq!(rows(&folder).await, before);
}

#[tokio::test]
async fn rebuild_of_an_empty_log_is_empty() {
    let folder = Folder::new();
    folder.open().await.close().await;

    let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();

    let Rebuilt { digest_before, digest_after, .. } = rebuilt;
    assert_eq!(rebuilt, Rebuilt { events: 0, sessions: 0, digest_before, digest_after });
    assert_eq!(digest_after, digest_before);
}

#[tokio::test]
async fn rebuild_reports_and_repairs_what_was_wrong() {
    for wrong in [
        "UPDATE session_index SET cost_micros = cost_micros + 1 WHERE status = 'idle'",
        "UPDATE session_index SET state = replace(state, '\"turns\":1', '\"turns\":2')",
        "DELETE FROM session_index WHERE status = 'running'",
        "INSERT INTO session_index SELECT zeroblob(16), tenant, owner, working_dir, status, created_at,
            updated_at, cost_micros, state FROM session_index LIMIT 1",
        "UPDATE session_index SET tenant = 'other'",
        "UPDATE stats_by_day SET tenant = 'other'",
        "UPDATE pending_requests SET tenant = 'other'",
        "INSERT INTO aggregates VALUES (zeroblob(16), 'account', 'default', 1, '{}')",
        "UPDATE session_text SET text = 'other' WHERE text = 'fix 7'",
        "DELETE FROM session_tags WHERE tag = 'red'",
        "UPDATE pending_requests SET owner = 'ada' WHERE owner = 'grace'",
        "DELETE FROM session_text WHERE text = 'fix 7'",
        "UPDATE stats_by_day SET turns_succeeded = turns_succeeded + 1 WHERE dimension = 'model'",
        "DELETE FROM stats_by_day",
        "UPDATE stats_times_by_day SET millis = millis || '1 '",
        "DELETE FROM stats_times_by_day",
        "DELETE FROM pending_requests WHERE request_id = 'r1'",
        "UPDATE pending_requests SET view = '{}'",
        "INSERT INTO pending_requests SELECT position + 1000, session, tenant, owner, 'r9', view
            FROM pending_requests
            LIMIT 1",
    ] {
        let folder = filled().await;
        let before = rows(&folder).await;
        let mut raw = folder.raw().await;
        sqlx::query(wrong).execute(&mut raw).await.unwrap();
        raw.close().await.unwrap();
        assert_ne!(rows(&folder).await, before, "nothing was changed by: {wrong}");

        let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();

        assert_ne!(rebuilt.digest_after, rebuilt.digest_before, "{wrong}");
        assert_eq!(rows(&folder).await, before, "{wrong}");
    }
}

#[tokio::test]
async fn store_goes_on_after_a_rebuild() {
    let folder = filled().await;
    EventStore::rebuild_projections(&folder.database()).await.unwrap();

    let store = folder.open().await;
    put(&store, session(1), vec![prompted(9, "go on")]).await;

    let summary = store.find(&everybody(), session(1)).await.unwrap().unwrap();
    assert_eq!((summary.head.version, summary.head.status), (5, SessionStatus::Running));
    store.close().await;
    let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();
    assert_eq!(rebuilt.digest_after, rebuilt.digest_before);
}

/// Sessions that are over, one that runs, one that waits for people, one with a large prompt; written in
/// several batches and by two runs of the program.
async fn filled() -> Folder {
    let folder = Folder::new();
    let store = folder.open().await;
    join_all((1..=300).map(|number| {
        let events = whole_session(session(number), &format!("fix {number}"), number as u64);
        store.append(append(session(number), 0, events))
    }))
    .await;
    put(&store, session(301), vec![opened(session(301)), prompted(1, "runs"), started(1), said(1)]).await;
    store.close().await;
    let store = folder.open().await;
    put(&store, session(301), vec![said(1)]).await;
    put(&store, session(302), vec![opened(session(302)), prompted(1, &"large ".repeat(20_000))]).await;
    let asking = vec![started(1), requested("r1"), requested("r2")];
    put(&store, session(304), [vec![opened(session(304)), prompted(1, "asks")], asking].concat()).await;
    put(&store, session(304), vec![handed_over("grace")]).await;
    put(&store, session(303), vec![opened(session(303)), tagged(&["red", "blue"]), tagged(&["red"])]).await;
    for number in 1..=10 {
        let turn = vec![prompted(number, "again"), started(number), completed(number, "done", 5)];
        put(&store, session(303), turn).await;
    }
    store.close().await;
    folder
}

/// All rows of all read models.
async fn rows(folder: &Folder) -> Vec<String> {
    let mut raw: SqliteConnection = folder.raw().await;
    let rows =
        "SELECT json_array(hex(session), tenant, owner, working_dir, status, created_at, updated_at, cost_micros,
        state) AS line FROM session_index
        UNION ALL SELECT json_array(hex(session), text) FROM session_text
        UNION ALL SELECT json_array(hex(session), tenant, tag) FROM session_tags
        UNION ALL SELECT json_array(tenant, dimension, owner, day, name, turns_succeeded, cost_micros, input_tokens,
        output_tokens, requests_asked) FROM stats_by_day
        UNION ALL SELECT json_array(tenant, dimension, owner, day, name, measure, millis) FROM stats_times_by_day
        UNION ALL SELECT json_array(position, hex(session), tenant, owner, request_id, view) FROM pending_requests
        UNION ALL SELECT json_array(hex(stream), kind, tenant, version, state) FROM aggregates
        ORDER BY line";
    let rows = sqlx::query_scalar(rows).fetch_all(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    rows
}

#[tokio::test]
async fn rebuild_gives_the_same_rows_after_a_restart_with_a_clock_of_microseconds() {
    struct MicrosecondClock(std::sync::atomic::AtomicI64);
    impl runner_core::ports::Clock for MicrosecondClock {
        fn now(&self) -> runner_core::time::Timestamp {
            let looks = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            runner_core::time::Timestamp::from_micros(1_795_343_053_083_999 + looks * 1001)
        }
    }
    let clock = || std::sync::Arc::new(MicrosecondClock(0.into()));
    let folder = Folder::new();
    let store = EventStore::open(&folder.database(), clock()).await.unwrap();
    put(&store, session(1), vec![opened(session(1))]).await;
    store.close().await;
    let store = EventStore::open(&folder.database(), clock()).await.unwrap();
    put(&store, session(1), vec![prompted(1, "x")]).await;
    store.close().await;

    let rebuilt = EventStore::rebuild_projections(&folder.database()).await.unwrap();

    assert_eq!(rebuilt.digest_after, rebuilt.digest_before);
}

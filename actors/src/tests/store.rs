//! Aggregates of both sorts: those that the log keeps a row of, and sessions, which are folded.

use std::sync::Arc;

use runner_core::ids::TenantId;
use runner_core::log::{Aggregate as _, LogStream};
use runner_core::ports::EventLog;
use runner_core::session::Session;
use runner_core::session::command::{SessionChange, SessionCommand};
use runner_core::session::error::SessionError;
use runner_core::setup::trust::{Granted, TrustCommand, TrustedFolder};
use runner_core::time::Timestamp;

use super::memory_log::MemoryLog;
use super::samples::{opening, provenance, session};
use crate::store::{ChangeError, Folded, Repository, fold, replay};

#[tokio::test]
async fn session_is_changed_without_an_actor_like_any_other_aggregate() {
    let (log, repository) = repository();
    let open = SessionCommand::Open(Box::new(opening(session(1))));

    let opened = repository.execute::<Session>(stream(), open.clone(), provenance()).await.unwrap();
    let again = repository.execute::<Session>(stream(), open, provenance()).await;
    repository.execute::<Session>(stream(), renaming("b"), provenance()).await.unwrap();

    assert_eq!((opened.aggregate.version, opened.events.len()), (1, 1));
    assert!(matches!(again, Err(ChangeError::Refused(SessionError::AlreadyOpened))), "{again:?}");
    let Folded { state, version } = fold::<Session>(&*log, session(1).into()).await.unwrap();
    assert_eq!((state.opened(), version), (Some(&opening(session(1))), 2));
    let kept = log.load_aggregate(Session::KIND, session(1).into()).await.unwrap();
    assert_eq!(kept, None, "a session has read models instead of a row");
}

#[tokio::test]
async fn of_many_who_change_a_session_at_once_all_get_through() {
    let (log, repository) = repository();
    let open = SessionCommand::Open(Box::new(opening(session(1))));
    repository.execute::<Session>(stream(), open, provenance()).await.unwrap();

    let changes = (0..8).map(|number| {
        let repository = repository.clone();
        async move {
            let rename = renaming(&number.to_string());
            repository.execute::<Session>(stream(), rename, provenance()).await.unwrap()
        }
    });
    futures_util::future::join_all(changes).await;

    assert_eq!(log.events(session(1)).len(), 9);
}

#[tokio::test]
async fn what_is_decided_on_nothing_appends_nothing() {
    let (log, repository) = repository();
    let folder = LogStream::of::<TrustedFolder>(session(7), TenantId::first());
    let by = Granted { by: "ada".into(), at: Timestamp::from_micros(0) };
    let trust = TrustCommand::Trust { working_dir: "/srv".into(), by };

    let first =
        repository.execute::<TrustedFolder>(folder.clone(), trust.clone(), provenance()).await.unwrap();
    let second = repository.execute::<TrustedFolder>(folder, trust, provenance()).await.unwrap();

    assert!(first.appended.is_some() && second.appended.is_none() && second.events.is_empty());
    assert_eq!((second.aggregate.state, log.appends()), (first.aggregate.state, 1));
}

#[tokio::test]
async fn replay_visits_the_versions_that_are_asked_for() {
    let (log, repository) = repository();
    let open = SessionCommand::Open(Box::new(opening(session(1))));
    repository.execute::<Session>(stream(), open, provenance()).await.unwrap();
    for title in ["a", "b", "c"] {
        repository.execute::<Session>(stream(), renaming(title), provenance()).await.unwrap();
    }

    for (versions, expected) in [(1..=u64::MAX, vec![1, 2, 3, 4]), (2..=3, vec![2, 3]), (5..=9, vec![])] {
        let mut visited = vec![];
        let note = |recorded: runner_core::log::RecordedEvent| {
            visited.push(recorded.version);
            Ok(())
        };
        replay(&*log, session(1).into(), versions, note).await.unwrap();
        assert_eq!(visited, expected);
    }
}

fn repository() -> (Arc<MemoryLog>, Repository) {
    let log = Arc::new(MemoryLog::default());
    (Arc::clone(&log), Repository::new(log))
}

fn stream() -> LogStream {
    LogStream::of::<Session>(session(1), TenantId::first())
}

fn renaming(title: &str) -> SessionCommand {
    SessionCommand::Change { change: SessionChange::Title(title.into()), by: "ada".into() }
}

//! Appending: order, versions, and what happens to those that come too late or twice. The other files
//! beside this one, in `tests/`, hold retried commands, tampering, read models and lists.

mod aggregates;
mod audit;
mod commands;
mod decisions;
mod files;
mod listing;
mod outdated;
mod payloads;
mod projections;
mod protection;
mod requests;
mod samples;
mod spend;
mod statistics;
mod subagents;
mod tampering;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use runner_core::ids::SessionId;
use runner_core::log::{Appended, RecordedEvent};
use runner_core::ports::{AppendError, EventLog};
use sqlx::Connection;

use super::EventStore;
use samples::{Folder, append, opened, outcome, prompted, put, read, read_events, session};

const APPENDERS: u128 = 32;

#[tokio::test]
async fn events_come_back_as_they_were_appended() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut first = append(session(1), 0, vec![opened(session(1)), prompted(1, "hi")]);
    first.provenance.http_request_id = Some("request-7".into());

    let appended = store.append(first).await.unwrap();

    let expected = Appended { stream: session(1).into(), first_version: 1, last_version: 2, replayed: false };
    assert_eq!(appended, expected);
    assert_eq!(read_events(&store, session(1)).await, [opened(session(1)), prompted(1, "hi")]);
    let recorded = &read(&store, session(1)).await[1];
    assert_eq!((recorded.position, recorded.version, recorded.schema), (2, 2, 1));
    assert_eq!((&recorded.actor[..], recorded.http_request_id.as_deref()), ("user:ada", Some("request-7")));
    store.close().await;
}

#[tokio::test]
async fn reading_begins_after_a_version_and_ends_at_the_limit() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), (1..=9).map(|number| prompted(number, "x")).collect()).await;

    let page = store.read(session(1).into(), 3, 4).await.unwrap();

    assert_eq!(versions(&page), [4, 5, 6, 7]);
    assert!(store.read(session(1).into(), 9, 4).await.unwrap().is_empty());
    assert!(store.read(session(2).into(), 0, 4).await.unwrap().is_empty());
    store.close().await;
}

#[tokio::test]
async fn concurrent_appends_to_many_sessions_leave_no_gap_and_no_double() {
    let folder = Folder::new();
    let store = folder.open().await;

    let shared = &store;
    let appenders = (1..=APPENDERS).map(|number| async move {
        for version in 0..10 {
            let event = prompted(u128::from(version), "x");
            shared.append(append(session(number), version, vec![event])).await.unwrap();
        }
    });
    join_all(appenders).await;

    let mut positions = Vec::new();
    for number in 1..=APPENDERS {
        let recorded = read(&store, session(number)).await;
        assert_eq!(versions(&recorded), (1..=10).collect::<Vec<_>>());
        positions.extend(recorded.iter().map(|event| event.position));
    }
    positions.sort_unstable();
    assert_eq!(positions, (1..=320).collect::<Vec<_>>());
    store.close().await;
}

#[tokio::test]
async fn concurrent_appends_to_one_session_take_turns() {
    let folder = Folder::new();
    let store = folder.open().await;

    join_all((1..=APPENDERS).map(|number| insist(&store, number))).await;

    let recorded = read(&store, session(1)).await;
    let positions: Vec<u64> = recorded.iter().map(|event| event.position).collect();
    assert_eq!(versions(&recorded), (1..=2 * 32).collect::<Vec<_>>());
    assert_eq!(positions, (1..=2 * 32).collect::<Vec<_>>());
    let events = read_events(&store, session(1)).await;
    let mut pairs: Vec<_> =
        (1..=APPENDERS).map(|number| [prompted(number, "a"), prompted(number, "b")]).collect();
    for pair in events.chunks(2) {
        let before = pairs.len();
        pairs.retain(|expected| expected != pair);
        assert_eq!(pairs.len(), before - 1, "{pair:?} was torn or stored twice");
    }
    assert!(store.verify(session(1).into()).await.unwrap().valid);
    store.close().await;
}

#[tokio::test]
async fn wrong_expected_version_fails_alone_in_its_batch() {
    let folder = Folder::new();
    let store = folder.open().await;

    let outcomes = join_all([
        store.append(append(session(1), 0, vec![opened(session(1))])),
        store.append(append(session(1), 0, vec![prompted(1, "too late")])),
        store.append(append(session(1), 7, vec![prompted(2, "too early")])),
        store.append(append(session(1), 1, vec![prompted(3, "in time")])),
        store.append(append(session(2), 0, vec![opened(session(2))])),
    ])
    .await;

    let outcomes: Vec<_> = outcomes.into_iter().map(outcome).collect();
    let conflict = |expected: u64| Err(AppendError::Conflict { expected, actual: 1 }.to_string());
    assert_eq!(
        outcomes,
        [Ok(appended(1, 1)), conflict(0), conflict(7), Ok(appended(1, 2)), Ok(appended(2, 1)),]
    );
    assert_eq!(read_events(&store, session(1)).await, [opened(session(1)), prompted(3, "in time")]);
    assert_eq!(times(&store, &[session(1), session(2)]).await.len(), 1, "it was not one batch");
    store.close().await;
}

#[tokio::test]
async fn many_appends_share_a_transaction() {
    let folder = Folder::new();
    let store = folder.open().await;
    let sessions: Vec<SessionId> = (1..=256).map(session).collect();

    join_all(sessions.iter().map(|session| store.append(append(*session, 0, vec![opened(*session)])))).await;

    // The clock is looked at once for each transaction.
    let transactions = times(&store, &sessions).await.len();
    assert!(transactions <= 8, "{transactions} transactions for 256 appends");
    store.close().await;
}

#[tokio::test]
async fn append_of_more_events_than_fit_in_a_statement_is_whole() {
    let folder = Folder::new();
    let store = folder.open().await;
    let events: Vec<_> = (1..=600).map(|number| prompted(number, "x")).collect();

    put(&store, session(1), events.clone()).await;

    assert_eq!(read_events(&store, session(1)).await, events);
    assert!(store.verify(session(1).into()).await.unwrap().valid);
    store.close().await;
}

#[tokio::test]
async fn more_sessions_than_are_remembered_go_on_where_they_stood() {
    let folder = Folder::new();
    let store = folder.open().await;
    let sessions: Vec<SessionId> = (1..=600).map(session).collect();
    join_all(sessions.iter().map(|session| store.append(append(*session, 0, vec![opened(*session)])))).await;

    let outcomes =
        join_all(sessions.iter().map(|session| store.append(append(*session, 1, vec![prompted(1, "x")]))))
            .await;

    assert!(outcomes.iter().all(Result::is_ok));
    for session in [session(1), session(600)] {
        let verification = store.verify(session.into()).await.unwrap();
        assert_eq!((verification.valid, verification.events), (true, 2));
    }
    store.close().await;
}

#[tokio::test]
async fn batch_that_cannot_be_written_leaves_nothing_behind() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;
    refuse_the_spoiler(&folder).await;
    let mut spoiled = append(session(2), 0, vec![opened(session(2))]);
    spoiled.provenance.actor = "spoiler".into();

    let beside = append(session(1), 1, vec![prompted(1, "beside")]);
    let outcomes = join_all([store.append(spoiled), store.append(beside)]).await;

    let is_unavailable = |outcome: &Result<_, _>| matches!(outcome, Err(AppendError::Unavailable(_)));
    assert!(outcomes.iter().all(is_unavailable), "{outcomes:?}");
    put(&store, session(1), vec![prompted(2, "after")]).await;
    assert_eq!(read_events(&store, session(1)).await, [opened(session(1)), prompted(2, "after")]);
    assert_eq!(read(&store, session(1)).await[1].position, 2);
    assert!(store.verify(session(1).into()).await.unwrap().valid);
    store.close().await;
}

#[tokio::test]
async fn answer_says_what_is_stored_also_for_what_came_behind_a_batch_that_failed() {
    let folder = Folder::new();
    let store = folder.open().await;
    refuse_the_spoiler(&folder).await;
    // More than one transaction takes, so that some are gathered while the first is being written.
    let sessions: Vec<SessionId> = (1..=1500).map(session).collect();

    let outcomes = join_all(sessions.iter().map(|session| {
        let mut opening = append(*session, 0, vec![opened(*session)]);
        if session.0.as_u128() == 7 {
            opening.provenance.actor = "spoiler".into();
        }
        store.append(opening)
    }))
    .await;

    let mut stored = 0;
    for (session, outcome) in sessions.iter().zip(&outcomes) {
        let events = read(&store, *session).await;
        assert_eq!(events.len(), usize::from(outcome.is_ok()), "{session}: {outcome:?}");
        stored += events.len() as u64;
    }
    assert!(outcomes[6].is_err());
    put(&store, session(7), vec![opened(session(7))]).await;
    assert_eq!(read(&store, session(7)).await[0].position, stored + 1);
    store.close().await;
}

#[tokio::test]
async fn log_goes_on_where_it_stood_when_it_is_opened_again() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;
    store.close().await;

    let store = folder.open().await;
    let appended = store.append(append(session(1), 1, vec![prompted(1, "x")])).await.unwrap();

    assert_eq!((appended.first_version, appended.last_version), (2, 2));
    let recorded = read(&store, session(1)).await;
    assert_eq!(recorded.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 2]);
    assert!(store.verify(session(1).into()).await.unwrap().valid);
    store.close().await;
}

#[tokio::test]
async fn closing_finishes_what_was_begun_and_refuses_the_rest() {
    let folder = Folder::new();
    let store = folder.open().await;
    let begun = store.append(append(session(1), 0, vec![opened(session(1))]));

    let (begun, ()) = tokio::join!(begun, store.close());
    let late = store.append(append(session(1), 1, vec![prompted(1, "late")])).await;

    assert_eq!(outcome(begun), Ok(appended(1, 1)));
    assert!(matches!(late, Err(AppendError::Unavailable(_))), "{late:?}");
    let store = folder.open().await;
    assert_eq!(read_events(&store, session(1)).await, [opened(session(1))]);
    store.close().await;
}

#[tokio::test]
async fn command_that_was_not_written_is_not_answered_as_if_it_had_been() {
    let folder = Folder::new();
    let store = folder.open().await;
    refuse_the_spoiler(&folder).await;
    let open = || {
        let mut open =
            samples::retriable(append(session(1), 0, vec![opened(session(1))]), samples::command(1), 1);
        open.provenance.actor = "spoiler".into();
        open
    };

    let outcomes = join_all([store.append(open()), store.append(open())]).await;

    assert!(read(&store, session(1)).await.is_empty());
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    store.close().await;
}

/// Lets every transaction fail that holds an event by this actor.
async fn refuse_the_spoiler(folder: &Folder) {
    let mut raw = folder.raw().await;
    let refuse = "CREATE TRIGGER full BEFORE INSERT ON events WHEN NEW.actor = 'spoiler'
        BEGIN SELECT raise(ABORT, 'disk full'); END";
    sqlx::query(refuse).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
}

/// Appends two events, however often somebody else is first.
async fn insist(store: &EventStore, number: u128) {
    let mut version = 0;
    loop {
        let events = vec![prompted(number, "a"), prompted(number, "b")];
        match store.append(append(session(1), version, events)).await {
            Ok(_) => return,
            Err(AppendError::Conflict { actual, .. }) => version = actual,
            Err(
                error @ (AppendError::CommandReused | AppendError::Overloaded | AppendError::Unavailable(_)),
            ) => {
                panic!("{error}")
            }
        }
    }
}

fn appended(number: u128, version: u64) -> Appended {
    Appended {
        stream: session(number).into(),
        first_version: version,
        last_version: version,
        replayed: false,
    }
}

fn versions(recorded: &[RecordedEvent]) -> Vec<u64> {
    recorded.iter().map(|event| event.version).collect()
}

/// The different times at which events of these sessions were recorded.
async fn times(store: &EventStore, sessions: &[SessionId]) -> BTreeSet<i64> {
    let mut times = BTreeSet::new();
    for session in sessions {
        times.extend(read(store, *session).await.iter().map(|event| event.recorded_at.as_micros()));
    }
    times
}

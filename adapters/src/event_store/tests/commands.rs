//! Commands that a client sends again: the first answer counts.

use futures_util::future::join_all;
use runner_core::log::{Append, Appended, Digest};
use runner_core::ports::{AppendError, EventLog};

use super::samples::{
    Folder, append, command, opened, outcome, prompted, put, read_events, retriable, session,
};

#[tokio::test]
async fn command_sent_again_gets_the_first_answer() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;
    store.append(prompt(1)).await.unwrap();
    put(&store, session(1), vec![prompted(9, "something else")]).await;

    let again = store.append(prompt(1)).await;

    assert_eq!(outcome(again), Ok(answer(true)));
    let events = [opened(session(1)), prompted(1, "x"), prompted(9, "something else")];
    assert_eq!(read_events(&store, session(1)).await, events);
    store.close().await;
}

#[tokio::test]
async fn command_sent_again_gets_the_first_answer_whatever_version_it_expects() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;
    store.append(prompt(1)).await.unwrap();

    let again = store.append(Append { expected_version: Some(77), ..prompt(1) }).await;

    assert_eq!(outcome(again), Ok(answer(true)));
    store.close().await;
}

#[tokio::test]
async fn command_id_of_another_request_is_refused() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;
    store.append(prompt(1)).await.unwrap();

    let other = store.append(Append { expected_version: Some(2), ..prompt(2) }).await;

    assert!(matches!(other, Err(AppendError::CommandReused)), "{other:?}");
    assert_eq!(read_events(&store, session(1)).await, [opened(session(1)), prompted(1, "x")]);
    store.close().await;
}

#[tokio::test]
async fn command_sent_twice_at_once_is_carried_out_once() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;

    let outcomes =
        join_all([store.append(prompt(1)), store.append(prompt(1)), store.append(prompt(2))]).await;

    let outcomes: Vec<_> = outcomes.into_iter().map(outcome).collect();
    assert_eq!(outcomes, [Ok(answer(false)), Ok(answer(true)), Err(AppendError::CommandReused.to_string())]);
    assert_eq!(read_events(&store, session(1)).await, [opened(session(1)), prompted(1, "x")]);
    store.close().await;
}

#[tokio::test]
async fn command_is_known_after_the_log_was_opened_again() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;
    store.append(prompt(1)).await.unwrap();
    store.close().await;

    let store = folder.open().await;
    let (same, other) = (store.append(prompt(1)).await, store.append(prompt(2)).await);

    assert_eq!(outcome(same), Ok(answer(true)));
    assert!(matches!(other, Err(AppendError::CommandReused)), "{other:?}");
    store.close().await;
}

#[tokio::test]
async fn command_that_opened_a_session_is_known_to_a_request_for_another_one() {
    let folder = Folder::new();
    let store = folder.open().await;
    let open = |number| retriable(append(session(number), 0, vec![opened(session(number))]), command(1), 1);
    store.append(open(1)).await.unwrap();

    let again = store.append(open(2)).await;

    let first = Appended { stream: session(1).into(), first_version: 1, last_version: 1, replayed: true };
    assert_eq!(outcome(again), Ok(first));
    assert_eq!(read_events(&store, session(2)).await, []);
    store.close().await;
}

#[tokio::test]
async fn command_that_came_too_late_may_be_sent_again() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;
    let too_early = store.append(Append { expected_version: Some(5), ..prompt(1) }).await;

    let again = store.append(prompt(1)).await;

    assert!(matches!(too_early, Err(AppendError::Conflict { expected: 5, actual: 1 })), "{too_early:?}");
    assert_eq!(outcome(again), Ok(answer(false)));
    store.close().await;
}

#[tokio::test]
async fn command_that_nobody_may_repeat_is_not_remembered() {
    let folder = Folder::new();
    let store = folder.open().await;
    let mut once = append(session(1), 0, vec![opened(session(1))]);
    once.provenance.command = command(1);
    store.append(once).await.unwrap();

    let found = store.find_command(command(1), Digest([1; 32])).await.unwrap();

    assert_eq!(found, None);
    store.close().await;
}

#[tokio::test]
async fn command_is_found_by_its_id_and_what_it_asked_for() {
    let folder = Folder::new();
    let store = folder.open().await;
    put(&store, session(1), vec![opened(session(1))]).await;
    store.append(prompt(1)).await.unwrap();

    let same = store.find_command(command(1), Digest([1; 32])).await.unwrap();
    let other = store.find_command(command(1), Digest([2; 32])).await;
    let unknown = store.find_command(command(2), Digest([1; 32])).await.unwrap();

    assert_eq!((same, unknown), (Some(answer(true)), None));
    assert!(matches!(other, Err(AppendError::CommandReused)), "{other:?}");
    store.close().await;
}

/// A prompt under the command id 1 that asks for what the number says.
fn prompt(request_hash: u8) -> Append {
    retriable(append(session(1), 1, vec![prompted(1, "x")]), command(1), request_hash)
}

fn answer(replayed: bool) -> Appended {
    Appended { stream: session(1).into(), first_version: 2, last_version: 2, replayed }
}

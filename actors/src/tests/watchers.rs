//! Those who watch a session or wait for a turn.

use std::time::Duration;

use runner_core::agent::{AgentOutput, Delta, DeltaKind};
use runner_core::session::event::LifecycleEvent;
use runner_core::session::view::TurnStatus;

use super::samples::{Server, done, opening, reach, run, said, session, settings, turn};
use crate::{RunnerError, Settings, Subscription, Waited, Wake};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn watcher_is_woken_for_what_is_stored() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        let mut watcher = server.sessions.subscribe(session(1), false);

        agent.says([said("hello")]).await;

        assert!(matches!(watcher.wake().await, Wake::Stored));
        assert_eq!(server.sessions.events(session(1), 3, 10).await.unwrap()[0].type_name, "assistant_text");
    });
}

#[test]
fn watcher_of_another_session_is_not_woken() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        let mut other = server.sessions.subscribe(session(2), true);

        agent.says([delta("he"), said("hello")]).await;
        server.log.when_there_are(4, session(1)).await;

        assert!(tokio::time::timeout(Duration::ZERO, other.wake()).await.is_err());
    });
}

#[test]
fn pieces_of_a_block_are_shown_and_not_stored() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        let mut watcher = server.sessions.subscribe(session(1), true);

        agent.says([delta("he"), delta("llo")]).await;

        for piece in ["he", "llo"] {
            let Wake::Delta(live) = watcher.wake().await else { panic!("no delta") };
            assert_eq!((live.turn, &live.delta.text[..]), (Some(turn(1)), piece));
        }
        agent.says([said("hello")]).await;
        assert!(matches!(watcher.wake().await, Wake::Stored));
        assert_eq!(server.log.events(session(1)).len(), 4);
    });
}

#[test]
fn watcher_that_wants_no_pieces_gets_none() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        let mut plain = server.sessions.subscribe(session(1), false);
        let mut eager = server.sessions.subscribe(session(1), true);

        agent.says([delta("he")]).await;
        assert!(matches!(eager.wake().await, Wake::Delta(_)));
        agent.says([said("hello")]).await;

        assert!(matches!(plain.wake().await, Wake::Stored));
    });
}

#[test]
fn watcher_that_does_not_listen_holds_nobody_up_and_loses_nothing_that_is_stored() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        let mut slow = server.sessions.subscribe(session(1), true);

        for _ in 0..100 {
            agent.says([delta("x"), delta("x"), delta("x")]).await;
        }
        agent.says([said("hello"), done()]).await;
        server.log.when_there_are(5, session(1)).await;

        assert!(matches!(slow.wake().await, Wake::Stored));
        assert!(matches!(slow.wake().await, Wake::Delta(_)));
    });
}

#[test]
fn watchers_are_told_when_the_server_stops() {
    run(async {
        let server = Server::start();
        let _agent = server.open_and_run(session(1)).await;
        let mut early = server.sessions.subscribe(session(1), true);

        server.sessions.shut_down(Duration::ZERO).await;

        // What was stored while it stopped comes first.
        assert!(matches!(early.wake().await, Wake::Stored));
        then_closed(early).await;
        then_closed(server.sessions.subscribe(session(1), true)).await;
    });
}

#[test]
fn turn_is_waited_for_until_it_is_over() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        let waiting = actix::spawn({
            let sessions = server.sessions.clone();
            async move { sessions.wait(session(1), turn(1), LONG).await }
        });

        agent.says([said("hello"), done()]).await;

        let Waited::Over(over) = waiting.await.unwrap().unwrap() else { panic!("it is over") };
        assert_eq!((over.status, over.result.as_deref()), (TurnStatus::Completed, Some("done")));
    });
}

#[test]
fn waiting_ends_with_the_time_or_the_server_but_not_the_turn() {
    run(async {
        let server = Server::start();
        let _agent = server.open_and_run(session(1)).await;

        let timed_out = server.sessions.wait(session(1), turn(1), Duration::ZERO).await.unwrap();

        let Waited::Unfinished(view) = timed_out else { panic!("it is not over") };
        assert_eq!(view.turn(turn(1)).unwrap().status, TurnStatus::Running);
    });
}

#[test]
fn waiting_for_a_turn_that_never_comes_ends_with_the_server() {
    run(async {
        let server = Server::start();
        let _agent = server.open(session(1)).await;
        let waiting = actix::spawn({
            let sessions = server.sessions.clone();
            async move { sessions.wait(session(1), turn(9), LONG).await }
        });
        tokio::task::yield_now().await;

        server.sessions.shut_down(Duration::ZERO).await;

        assert!(matches!(waiting.await.unwrap().unwrap(), Waited::Unfinished(_)));
    });
}

#[test]
fn session_can_be_seen_as_it_was() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        agent.says([done()]).await;
        server.log.when_there_are(4, session(1)).await;

        let then = server.sessions.view_at(session(1), 3).await.unwrap();
        let now = server.sessions.view(session(1)).await.unwrap();

        let status = |view: &runner_core::session::view::SessionView| view.turn(turn(1)).unwrap().status;
        assert_eq!((then.head.version, status(&then)), (3, TurnStatus::Running));
        assert_eq!((now.head.version, status(&now)), (4, TurnStatus::Completed));
    });
}

#[test]
fn views_of_more_sessions_than_are_kept_are_right() {
    run(async {
        let server = Server::start_with(Settings { max_sessions: 100, ..settings() });
        for number in 1..=40 {
            let opened = LifecycleEvent::Opened(opening(session(number)));
            server.store(session(number), vec![opened.into()]).await;
        }

        for number in (1..=40).chain(1..=40) {
            let view = server.sessions.view(session(number)).await.unwrap();
            assert_eq!((view.head.id, view.head.version), (session(number), 1));
        }
    });
}

#[test]
fn session_of_somebody_else_does_not_exist() {
    run(async {
        let server = Server::start();
        let _agent = server.open(session(1)).await;

        let own = server.sessions.find(&reach("ada"), session(1)).await;
        let foreign = server.sessions.find(&reach("grace"), session(1)).await;
        let missing = server.sessions.view(session(2)).await;

        assert_eq!(own.unwrap().head.id, session(1));
        assert!(matches!(foreign, Err(RunnerError::NotFound)), "{foreign:?}");
        assert!(matches!(missing, Err(RunnerError::NotFound)), "{missing:?}");
    });
}

async fn then_closed(mut watcher: Subscription) {
    assert!(matches!(watcher.wake().await, Wake::Closed));
}

fn delta(text: &str) -> AgentOutput {
    AgentOutput::Delta(Delta { kind: DeltaKind::Text, message_id: "m1".into(), index: 0, text: text.into() })
}

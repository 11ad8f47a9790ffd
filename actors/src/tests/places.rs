//! How many turns run at once, and who comes next.

use std::time::Duration;

use runner_core::ids::SessionId;
use runner_core::request::Decision;
use runner_core::session::command::{SessionChange, WhileRunning};
use runner_core::session::event::SessionOpened;

use super::replay::{Agent, Heard};
use super::samples::{
    Server, allowed, done, opened, opening, prompt_of, prompted, provenance, requested, run, session,
    settings, started, submission, told,
};
use crate::{RunnerError, Settings, TurnCounts};

/// For a test that waits until a session is parked.
const SOON: Duration = Duration::from_millis(20);

/// Opens a session of somebody with the prompt 1.
async fn submit(server: &Server, session: SessionId, owner: &str) {
    let opened = SessionOpened { owner: owner.into(), ..opening(session) };
    let submission = submission(1, WhileRunning::Queue);
    server.sessions.open_with_prompt(opened, submission, provenance()).await.unwrap();
}

/// The next agent, at work on its prompt.
async fn working(server: &Server) -> Agent {
    let mut agent = server.runner.agent().await;
    assert_eq!(agent.hears().await, prompt_of(1));
    agent
}

fn counts(server: &Server) -> (usize, usize) {
    let TurnCounts { running, queued, .. } = server.sessions.turn_counts(None);
    (running, queued)
}

#[test]
fn turn_without_a_place_is_queued_and_begins_by_itself() {
    run(async {
        let server = Server::start_with(Settings { max_turns: 1, ..settings() });
        submit(&server, session(1), "ada").await;
        let first = working(&server).await;

        submit(&server, session(2), "ada").await;
        let queued = told(&server.log.events(session(2)));
        let while_queued = counts(&server);
        first.says([done()]).await;
        let second = working(&server).await;

        assert_eq!(queued, ["session_opened", "prompt_submitted 1"]);
        assert_eq!(while_queued, (1, 1));
        assert_eq!(second.launch.seat.session, session(2));
        second.says([done()]).await;
        server.log.when_there_are(4, session(2)).await;
        server.sessions.shut_down(Duration::ZERO).await;
        assert_eq!(counts(&server), (0, 0));
    });
}

#[test]
fn places_go_round_among_the_owners() {
    run(async {
        let server = Server::start_with(Settings { max_turns: 1, ..settings() });
        submit(&server, session(1), "ada").await;
        let mut agent = working(&server).await;
        for number in 2..=20 {
            submit(&server, session(number), "ada").await;
        }
        submit(&server, session(50), "bob").await;

        let mut order = vec![];
        for _ in 0..3 {
            agent.says([done()]).await;
            agent = working(&server).await;
            order.push(agent.launch.seat.session.0.as_u128());
        }

        assert_eq!(order, [2, 50, 3]);
    });
}

#[test]
fn prompts_of_one_session_do_not_keep_its_place() {
    run(async {
        let server = Server::start_with(Settings { max_turns: 1, ..settings() });
        let agent = server.open_with_prompt(session(1)).await;
        server.prompt(session(1), 2).await.unwrap();
        submit(&server, session(2), "bob").await;

        agent.says([done()]).await;

        assert_eq!(working(&server).await.launch.seat.session, session(2));
        assert_eq!(told(&server.log.events(session(1))[3..]), ["prompt_submitted 2", "turn_completed 1"]);
    });
}

#[test]
fn session_that_waits_for_a_place_needs_no_actor() {
    run(async {
        let limits = Settings { max_sessions: 1, max_turns: 1, idle_timeout: SOON, ..settings() };
        let server = Server::start_with(limits);
        submit(&server, session(1), "ada").await;
        let first = working(&server).await;

        // More than could be live at once.
        for number in 2..=30 {
            submit(&server, session(number), "ada").await;
        }
        submit(&server, session(50), "bob").await;
        first.says([done()]).await;
        let second = working(&server).await;
        second.says([done()]).await;
        let third = working(&server).await;

        assert_eq!((second.launch.seat.session, third.launch.seat.session), (session(2), session(50)));
    });
}

#[test]
fn people_decide_and_change_while_every_place_is_taken() {
    run(async {
        let server = Server::start_with(Settings { max_sessions: 1, ..settings() });
        let waiting = vec![opened(2), prompted(1), started(1), requested("r1", "tool-1")];
        server.store(session(2), waiting).await;
        server.store(session(3), vec![opened(3)]).await;
        submit(&server, session(1), "ada").await;
        let busy = working(&server).await;

        server.settle(session(2), "r1", Decision::Allow).await.unwrap();
        let title = vec![SessionChange::Title("new".into())];
        server.sessions.change(session(3), title, "ada", provenance()).await.unwrap();
        let before = told(&server.log.events(session(2))[4..]);
        busy.says([done()]).await;
        let resumed = server.runner.agent().await;

        assert_eq!(before, ["turn_parked 1 ServerCrashed", "permission_decided r1"]);
        assert_eq!(
            (resumed.launch.seat.session, resumed.launch.seat.resume_at.as_deref()),
            (session(2), Some("tool-1"))
        );
    });
}

#[test]
fn decision_that_waits_for_a_place_survives_a_crash() {
    run(async {
        let server = Server::start_with(Settings { max_turns: 1, ..settings() });
        let decided = vec![opened(2), prompted(1), started(1), requested("r1", "tool-1"), allowed("r1")];
        server.store(session(2), decided).await;
        submit(&server, session(1), "ada").await;
        let busy = working(&server).await;

        server.sessions.recover().await.unwrap();
        server.log.when_there_are(6, session(2)).await;
        busy.says([done()]).await;

        assert_eq!(server.runner.agent().await.launch.seat.session, session(2));
    });
}

#[test]
fn turn_that_waits_for_people_holds_no_place() {
    run(async {
        let server = Server::start_with(Settings { max_turns: 1, ..settings() });
        submit(&server, session(1), "ada").await;
        let mut asking = working(&server).await;
        asking.says([super::samples::asks("r1", "tool-1")]).await;
        server.log.when_there_are(4, session(1)).await;

        submit(&server, session(2), "bob").await;
        let other = working(&server).await;
        server.settle(session(1), "r1", Decision::Allow).await.unwrap();

        assert!(matches!(asking.hears().await, Heard::Answer(..)), "its agent is there and goes on");
        assert_eq!(counts(&server).0, 2);
        other.says([done()]).await;
    });
}

#[test]
fn withdrawn_prompt_gives_its_place_to_the_next() {
    run(async {
        let server = Server::start_with(Settings { max_turns: 1, ..settings() });
        submit(&server, session(1), "ada").await;
        let first = working(&server).await;
        submit(&server, session(2), "ada").await;
        submit(&server, session(3), "ada").await;

        let turn = super::samples::turn(1);
        server.sessions.withdraw_prompt(session(2), turn, "ada", provenance()).await.unwrap();
        first.says([done()]).await;

        assert_eq!(working(&server).await.launch.seat.session, session(3));
    });
}

#[test]
fn server_that_stops_begins_no_queued_turn() {
    run(async {
        let server = Server::start_with(Settings { max_turns: 1, ..settings() });
        submit(&server, session(1), "ada").await;
        let _first = working(&server).await;
        submit(&server, session(2), "ada").await;

        server.sessions.shut_down(SOON).await;

        assert!(matches!(server.prompt(session(2), 2).await, Err(RunnerError::ShuttingDown)));
        assert_eq!(told(&server.log.events(session(2))), ["session_opened", "prompt_submitted 1"]);
    });
}

//! How sessions come and go: parked when idle, making room, ended with the server, taken up after a crash.

use std::time::Duration;

use runner_core::session::command::{SessionChange, SessionCommand};

use super::replay::Heard;
use super::samples::{
    Server, done, opened, opening, prompt_of, prompted, provenance, run, said, session, settings, started,
    told,
};
use crate::session_actor::Execute;
use crate::{RunnerError, Settings};

/// For a test that waits until a session is parked.
const SOON: Duration = Duration::from_millis(20);

#[test]
fn idle_session_is_parked_and_comes_back_on_demand() {
    run(async {
        let server = Server::start_with(Settings { idle_timeout: SOON, ..settings() });
        let mut agent = server.open_with_prompt(session(1)).await;

        agent.says([done()]).await;
        assert_eq!(agent.hears().await, Heard::Stop);
        server.prompt(session(1), 2).await.unwrap();

        let mut next = server.runner.agent().await;
        assert_eq!(next.hears().await, prompt_of(2));
        assert_ne!(next.launch.seat.process, agent.launch.seat.process);
        let events = server.log.when_there_are(6, session(1)).await;
        assert_eq!(told(&events[3..]), ["turn_completed 1", "prompt_submitted 2", "turn_started 2"]);
    });
}

#[test]
fn session_with_a_running_turn_is_not_parked() {
    run(async {
        let server = Server::start_with(Settings { idle_timeout: SOON, ..settings() });
        let busy = server.open_with_prompt(session(1)).await;
        let mut idle = server.open(session(2)).await;

        // The idle one came later: its end tells that the time is up for both.
        assert_eq!(idle.hears().await, Heard::Stop);

        assert!(busy.has_heard_all());
        busy.says([done()]).await;
        server.log.when_there_are(4, session(1)).await;
    });
}

#[test]
fn idle_session_makes_room_for_another_one() {
    run(async {
        let server = Server::start_with(Settings { max_sessions: 2, ..settings() });
        let mut idle_longest = server.open(session(1)).await;
        let idle = server.open(session(2)).await;

        let _third = server.open_and_run(session(3)).await;

        assert_eq!(idle_longest.hears().await, Heard::Stop);
        assert!(idle.has_heard_all(), "one was enough");
        assert_eq!(server.runner.running(), 2);
    });
}

#[test]
fn session_that_was_used_last_stays() {
    run(async {
        let server = Server::start_with(Settings { max_sessions: 2, ..settings() });
        let mut used = server.open(session(1)).await;
        let mut idle = server.open(session(2)).await;
        server.prompt(session(1), 1).await.unwrap();
        assert_eq!(used.hears().await, prompt_of(1));
        used.says([done()]).await;
        server.log.when_there_are(4, session(1)).await;

        let _third = server.open(session(3)).await;

        assert_eq!(idle.hears().await, Heard::Stop);
        assert!(used.has_heard_all());
    });
}

#[test]
fn busy_sessions_are_not_stopped_for_another_one_which_gets_no_agent() {
    run(async {
        let server = Server::start_with(Settings { max_sessions: 2, ..settings() });
        let first = server.open_and_run(session(1)).await;
        let second = server.open_and_run(session(2)).await;

        server.sessions.open(opening(session(3)), provenance()).await.unwrap();
        server.prompt(session(3), 1).await.unwrap();

        assert!(first.has_heard_all() && second.has_heard_all());
        assert_eq!(server.runner.running(), 2);
        assert_eq!(told(&server.log.events(session(3))), ["session_opened", "prompt_submitted 1"]);
    });
}

#[test]
fn turn_that_outlasts_the_grace_period_is_interrupted_and_nothing_runs_afterwards() {
    run(async {
        let server = Server::start();
        let mut running = server.open_and_run(session(1)).await;
        let mut idle = server.open(session(2)).await;
        server.prompt(session(1), 2).await.unwrap();

        server.sessions.shut_down(SOON).await;

        assert_eq!((running.hears().await, idle.hears().await), (Heard::Stop, Heard::Stop));
        assert_eq!(server.runner.running(), 0);
        let events = server.log.events(session(1));
        assert_eq!(told(&events[3..]), ["prompt_submitted 2", "turn_interrupted 1 server_stopped"]);
    });
}

#[test]
fn turn_that_ends_in_the_grace_period_is_completed_and_the_next_one_is_left_for_later() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        server.prompt(session(1), 2).await.unwrap();

        let stopping = actix::spawn({
            let sessions = server.sessions.clone();
            async move { sessions.shut_down(Duration::from_secs(3600)).await }
        });
        while !matches!(server.prompt(session(1), 3).await, Err(RunnerError::ShuttingDown)) {}
        agent.says([said("nearly"), done()]).await;
        stopping.await.unwrap();

        let events = server.log.events(session(1));
        assert_eq!(told(&events[3..]), ["prompt_submitted 2", "assistant_text", "turn_completed 1"]);
        assert_eq!(server.runner.running(), 0);
    });
}

#[test]
fn server_that_has_stopped_takes_nothing_more() {
    run(async {
        let server = Server::start();
        let _agent = server.open(session(1)).await;
        server.sessions.shut_down(Duration::ZERO).await;

        let prompt = server.prompt(session(1), 1).await;
        let open = server.sessions.open(opening(session(2)), provenance()).await;

        assert!(matches!(prompt, Err(RunnerError::ShuttingDown)), "{prompt:?}");
        assert!(matches!(open, Err(RunnerError::ShuttingDown)), "{open:?}");
        assert_eq!(server.log.events(session(1)).len(), 1);
        assert_eq!(server.runner.running(), 0);
    });
}

#[test]
fn turn_that_a_crash_cut_off_is_closed_once_and_the_queue_goes_on() {
    run(async {
        let server = Server::start();
        server.store(session(1), vec![opened(1), prompted(1), started(1), prompted(2)]).await;

        server.sessions.recover().await.unwrap();

        let mut agent = server.runner.agent().await;
        assert_eq!(agent.hears().await, prompt_of(2));
        agent.says([done()]).await;
        let events = server.log.when_there_are(7, session(1)).await;
        let expected = ["turn_interrupted 1 server_crashed", "turn_started 2", "turn_completed 2"];
        assert_eq!(told(&events[4..]), expected);
        assert_eq!(server.runner.sweeps(), 1);
    });
}

#[test]
fn recovery_starts_no_agent_where_nothing_is_left_to_do() {
    run(async {
        let server = Server::start();
        server.store(session(1), vec![opened(1), prompted(1), started(1)]).await;
        server.store(session(2), vec![opened(2)]).await;

        server.sessions.recover().await.unwrap();

        let events = server.log.when_there_are(4, session(1)).await;
        assert_eq!(told(&events[3..]), ["turn_interrupted 1 server_crashed"]);
        server.prompt(session(2), 1).await.unwrap();
        assert_eq!(server.runner.agent().await.launch.seat.session, session(2));
        assert_eq!(server.runner.running(), 1);
    });
}

#[test]
fn recovery_takes_up_more_sessions_than_there_is_room_for() {
    run(async {
        let server = Server::start_with(Settings { max_sessions: 1, ..settings() });
        for number in 1..=3 {
            server.store(session(number), vec![opened(number), prompted(1), started(1)]).await;
        }

        server.sessions.recover().await.unwrap();

        for number in 1..=3 {
            let events = server.log.when_there_are(4, session(number)).await;
            assert_eq!(told(&events[3..]), ["turn_interrupted 1 server_crashed"]);
        }
    });
}

#[test]
fn timer_that_is_due_together_with_a_message_does_not_end_the_session() {
    run(async {
        let idle_timeout = Duration::from_millis(2);
        let server = Server::start_with(Settings { idle_timeout, ..settings() });
        let _agent = server.open_and_run(session(1)).await;
        let address = server.sessions.address(session(1)).await;

        for number in 0..200 {
            let change = SessionChange::Title(format!("title {number}"));
            let commands = vec![SessionCommand::Change { change, by: "ada".into() }];
            let answer = address.send(Execute { commands, provenance: provenance() }).await;
            answer.expect("the actor lives").expect("the session takes it");
            tokio::time::sleep(idle_timeout).await;
        }
    });
}

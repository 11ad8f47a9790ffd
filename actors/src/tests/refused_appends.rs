//! A command that could not be stored while a turn runs: the turn is not forgotten.

use std::time::Duration;

use super::replay::Heard;
use super::samples::*;
use crate::Settings;

#[test]
fn agent_that_dies_after_a_prompt_could_not_be_stored_still_ends_its_turn() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        server.log.fail_next("prompt_submitted");
        server.prompt(session(1), 2).await.unwrap_err();

        drop(agent);

        let events = server.log.when_there_are(4, session(1)).await;
        assert_eq!(told(&events[3..]), ["turn_failed 1 agent_died"]);
    });
}

#[test]
fn turn_is_interrupted_by_the_end_of_the_server_after_a_prompt_could_not_be_stored() {
    run(async {
        let server = Server::start();
        let _agent = server.open_and_run(session(1)).await;
        server.log.fail_next("prompt_submitted");
        server.prompt(session(1), 2).await.unwrap_err();

        server.sessions.shut_down(Duration::ZERO).await;

        assert_eq!(told(&server.log.events(session(1))[3..]), ["turn_interrupted 1 server_stopped"]);
    });
}

#[test]
fn session_with_a_running_turn_is_not_parked_after_a_prompt_could_not_be_stored() {
    run(async {
        let server = Server::start_with(Settings { idle_timeout: Duration::from_millis(20), ..settings() });
        let busy = server.open_with_prompt(session(1)).await;
        server.log.fail_next("prompt_submitted");
        server.prompt(session(1), 2).await.unwrap_err();
        let mut idle = server.open(session(2)).await;

        assert_eq!(idle.hears().await, Heard::Stop);

        assert!(busy.has_heard_all());
    });
}

#[test]
fn busy_session_makes_no_room_after_a_prompt_could_not_be_stored() {
    run(async {
        let server = Server::start_with(Settings { max_sessions: 1, ..settings() });
        let busy = server.open_with_prompt(session(1)).await;
        server.log.fail_next("prompt_submitted");
        server.prompt(session(1), 2).await.unwrap_err();

        server.sessions.open(opening(session(2)), provenance()).await.unwrap();

        assert!(busy.has_heard_all());
    });
}

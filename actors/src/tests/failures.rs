//! A log that cannot be written, and agents that die or do not start.

use runner_core::ids::ProcessId;
use runner_core::ports::AgentError;
use runner_core::session::event::{SessionEvent, TurnEvent};

use super::replay::Heard;
use super::samples::{Server, done, opened, prompt_of, prompted, run, said, session, started, told};
use crate::RunnerError;

#[test]
fn session_goes_on_after_a_prompt_that_could_not_be_stored() {
    run(async {
        let server = Server::start();
        let mut agent = server.open(session(1)).await;
        server.log.fail_next("prompt_submitted");

        let failed = server.prompt(session(1), 1).await;
        let stored = server.prompt(session(1), 2).await;

        assert!(matches!(failed, Err(RunnerError::LogUnavailable(_))), "{failed:?}");
        assert_eq!(stored.unwrap().version, 2);
        assert_eq!(agent.hears().await, prompt_of(2));
        agent.says([done()]).await;
        let events = server.log.when_there_are(4, session(1)).await;
        let expected = ["session_opened", "prompt_submitted 2", "turn_started 2", "turn_completed 2"];
        assert_eq!(told(&events), expected);
    });
}

#[test]
fn running_turn_goes_on_after_a_prompt_that_could_not_be_stored() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        server.log.fail_next("prompt_submitted");

        let failed = server.prompt(session(1), 2).await;
        agent.says([said("still here"), done()]).await;

        assert!(matches!(failed, Err(RunnerError::LogUnavailable(_))), "{failed:?}");
        let events = server.log.when_there_are(5, session(1)).await;
        assert_eq!(told(&events[3..]), ["assistant_text", "turn_completed 1"]);
        server.prompt(session(1), 3).await.unwrap();
        assert_eq!(agent.hears().await, prompt_of(3));
    });
}

#[test]
fn session_that_cannot_be_read_at_first_works_as_soon_as_it_can() {
    run(async {
        let server = Server::start();
        server.store(session(1), vec![opened(1)]).await;
        server.log.fail_next_read();

        let prompted = server.prompt(session(1), 1).await;

        assert_eq!(prompted.unwrap().version, 2);
        assert_eq!(server.runner.agent().await.hears().await, prompt_of(1));
    });
}

#[test]
fn agent_whose_words_cannot_be_stored_is_ended() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        server.log.fail_next("assistant_text");

        agent.says([said("lost")]).await;

        assert_eq!(agent.hears().await, Heard::Stop);
        server.prompt(session(1), 2).await.unwrap();
        let mut next = server.runner.agent().await;
        assert_eq!(next.hears().await, prompt_of(2));
        let events = server.log.when_there_are(6, session(1)).await;
        let expected = ["turn_interrupted 1 store_unavailable", "prompt_submitted 2", "turn_started 2"];
        assert_eq!(told(&events[3..]), expected);
        assert_eq!(server.runner.running(), 1);
    });
}

#[test]
fn turn_whose_words_could_not_be_stored_is_closed_although_nobody_asks() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        server.log.fail_next("assistant_text");

        agent.says([said("lost")]).await;

        assert_eq!(agent.hears().await, Heard::Stop);
        let events = server.log.when_there_are(4, session(1)).await;
        assert_eq!(told(&events[3..]), ["turn_interrupted 1 store_unavailable"]);
    });
}

#[test]
fn turn_that_was_cut_off_is_closed_although_the_log_could_not_be_read_at_first() {
    run(async {
        let server = Server::start();
        server.store(session(1), vec![opened(1), prompted(1), started(1)]).await;
        server.log.fail_next_read();

        server.prompt(session(1), 2).await.unwrap();

        assert_eq!(server.runner.agent().await.hears().await, prompt_of(2));
        let events = server.log.when_there_are(6, session(1)).await;
        let expected = ["turn_interrupted 1 server_crashed", "prompt_submitted 2", "turn_started 2"];
        assert_eq!(told(&events[3..]), expected);
    });
}

#[test]
fn agent_that_dies_fails_its_turn_and_the_next_one_runs_in_a_new_process() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;

        drop(agent);

        let events = server.log.when_there_are(4, session(1)).await;
        assert_eq!(told(&events[3..]), ["turn_failed 1 agent_died"]);
        let SessionEvent::Turn(TurnEvent::Failed { detail, .. }) = &events[3] else {
            panic!("{:?}", events[3])
        };
        assert_eq!(detail, "signal: 9");
        server.prompt(session(1), 2).await.unwrap();
        let mut next = server.runner.agent().await;
        assert_eq!(next.hears().await, prompt_of(2));
        next.says([done()]).await;
        let events = server.log.when_there_are(7, session(1)).await;
        assert_eq!(told(&events[6..]), ["turn_completed 2"]);
        let processes: Vec<ProcessId> = events.iter().filter_map(process).collect();
        assert_eq!(processes[1], next.launch.seat.process);
        assert_ne!(processes[0], processes[1]);
    });
}

#[test]
fn prompt_that_waits_runs_in_a_new_process_when_the_agent_dies() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        server.prompt(session(1), 2).await.unwrap();

        drop(agent);

        let mut next = server.runner.agent().await;
        assert_eq!(next.hears().await, prompt_of(2));
        let events = server.log.when_there_are(6, session(1)).await;
        assert_eq!(told(&events[4..]), ["turn_failed 1 agent_died", "turn_started 2"]);
    });
}

#[test]
fn agent_that_dies_between_turns_fails_none() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        agent.says([done()]).await;
        server.log.when_there_are(4, session(1)).await;

        drop(agent);
        server.runner.when_none_runs().await;
        server.prompt(session(1), 2).await.unwrap();

        assert_eq!(server.runner.agent().await.hears().await, prompt_of(2));
        let events = server.log.when_there_are(6, session(1)).await;
        assert_eq!(told(&events[3..]), ["turn_completed 1", "prompt_submitted 2", "turn_started 2"]);
    });
}

#[test]
fn turns_whose_agent_does_not_start_fail_one_after_the_other() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        server.prompt(session(1), 2).await.unwrap();
        server.prompt(session(1), 3).await.unwrap();
        server.runner.break_down(AgentError::NotStarted("no memory".into()));

        drop(agent);

        let events = server.log.when_there_are(10, session(1)).await;
        assert_eq!(
            told(&events[5..]),
            [
                "turn_failed 1 agent_died",
                "turn_started 2",
                "turn_failed 2 agent_unavailable",
                "turn_started 3",
                "turn_failed 3 agent_unavailable",
            ]
        );
        let SessionEvent::Turn(TurnEvent::Failed { detail, .. }) = &events[9] else {
            panic!("{:?}", events[9])
        };
        assert_eq!(detail, "the agent could not be started: no memory");
    });
}

fn process(event: &SessionEvent) -> Option<ProcessId> {
    if let SessionEvent::Turn(TurnEvent::Started { process, .. }) = event { Some(*process) } else { None }
}

//! Turns that wait for people without a process, and the processes that take them up.

use std::time::Duration;

use runner_core::agent::PermissionMode;
use runner_core::ports::{AgentError, AgentFile};
use runner_core::request::{Decision, ToolEffect};
use runner_core::session::command::SessionChange;
use runner_core::session::event::{RequestEvent, SessionEvent};

use super::replay::{Agent, Heard};
use super::samples::{
    Server, allowed, asks, done, gate, opened, opening, prompt_of, prompted, provenance, requested, run,
    said, session, settings, started, told,
};
use crate::{RunnerError, Settings};

/// For a test that waits until a session is parked.
const SOON: Duration = Duration::from_millis(20);

#[test]
fn turn_that_waits_gives_up_its_process_after_a_while() {
    run(async {
        let server = Server::start_with(Settings { idle_timeout: SOON, ..settings() });
        let mut agent = asking(&server).await;

        assert_eq!(agent.hears().await, Heard::Kill);

        server.runner.when_none_runs().await;
        assert_eq!(
            told(&server.log.events(session(1))[3..]),
            ["permission_requested r1", "turn_parked 1 Idle"]
        );
    });
}

#[test]
fn session_that_waits_makes_room_for_another_one() {
    run(async {
        let server = Server::start_with(Settings { max_sessions: 1, ..settings() });
        let mut waiting = asking(&server).await;

        server.sessions.open(opening(session(2)), provenance()).await.unwrap();

        assert_eq!(waiting.hears().await, Heard::Kill);
        assert_eq!(told(&server.log.events(session(1))[4..]), ["turn_parked 1 Idle"]);
    });
}

#[test]
fn decision_about_a_parked_turn_starts_an_agent_where_it_was_waited_for() {
    run(async {
        let server = Server::start_with(Settings { idle_timeout: SOON, ..settings() });
        let mut first = asking(&server).await;
        assert_eq!(first.hears().await, Heard::Kill);

        server.settle(session(1), "r1", Decision::Allow).await.unwrap();

        let second = server.runner.agent().await;
        let transcript = AgentFile { path: "transcript".into(), bytes: "tool-1".into() };
        assert_eq!(second.launch.seat.resume_at.as_deref(), Some("tool-1"));
        assert_eq!(second.launch.seat.files, [transcript]);
        assert_ne!(second.launch.seat.process, first.launch.seat.process);
        let events = server.log.events(session(1));
        assert_eq!(told(&events[5..]), ["permission_decided r1", "turn_resumed 1 r1"]);
    });
}

#[test]
fn agent_that_takes_a_turn_up_gets_the_sessions_mode_after_the_decision() {
    run(async {
        let server = Server::start_with(Settings { idle_timeout: SOON, ..settings() });
        let mut first = asking(&server).await;
        assert_eq!(first.hears().await, Heard::Kill);
        let mode = PermissionMode::AcceptEdits;
        let change = vec![SessionChange::PermissionMode(mode)];
        server.sessions.change(session(1), change, "ada", provenance()).await.unwrap();

        server.settle(session(1), "r1", Decision::Deny).await.unwrap();

        // In its own mode the tool might be used before anything was asked.
        let mut second = server.runner.agent().await;
        assert_eq!(second.launch.setup.permission_mode, PermissionMode::Default);
        second.says([gate("tool-1", ToolEffect::WritesFiles)]).await;
        assert_eq!(second.hears().await, Heard::Ask("g1".into()));
        second.says([asks("r9", "tool-1")]).await;
        assert_eq!(second.hears().await, Heard::Answer("r9".into(), Decision::Deny));
        assert_eq!(second.hears().await, Heard::Mode(mode));
    });
}

#[test]
fn agent_that_was_taken_up_has_the_decision_at_its_gate() {
    run(async {
        let server = Server::start();
        let mut agent = resumed(&server).await;

        agent.says([gate("tool-1", ToolEffect::RunsCommands)]).await;
        assert_eq!(agent.hears().await, Heard::Settled("g1".into(), Decision::Allow));
        agent.says([done()]).await;

        let events = server.log.when_there_are(9, session(1)).await;
        assert_eq!(told(&events[7..]), ["request_released r1", "turn_completed 1"]);
    });
}

#[test]
fn agent_that_asks_again_after_its_gate_is_told_the_same() {
    run(async {
        let server = Server::start();
        let mut agent = resumed(&server).await;

        agent.says([gate("tool-1", ToolEffect::RunsCommands), asks("r9", "tool-1")]).await;

        assert_eq!(agent.hears().await, Heard::Settled("g1".into(), Decision::Allow));
        assert_eq!(agent.hears().await, Heard::Answer("r9".into(), Decision::Allow));
        assert_eq!(told(&server.log.events(session(1))[7..]), ["request_released r1"]);
    });
}

#[test]
fn files_are_kept_before_a_request_is_known_to_wait() {
    run(async {
        let server = Server::start();
        let _agent = asking(&server).await;

        let saved = server.log.saved(session(1)).unwrap();

        let transcript = AgentFile { path: "transcript".into(), bytes: "tool-1".into() };
        assert_eq!((saved.files, saved.version), (vec![transcript], 3));
    });
}

#[test]
fn files_are_kept_after_a_turn_up_to_what_was_told_last() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        agent.says([said("hello"), done()]).await;
        server.log.when_there_are(5, session(1)).await;

        // A server that stops in order has kept everything.
        server.sessions.shut_down(Duration::ZERO).await;

        let transcript = AgentFile { path: "transcript".into(), bytes: "m1".into() };
        assert_eq!(server.log.saved(session(1)).unwrap().files, [transcript]);
    });
}

#[test]
fn turn_that_waits_is_parked_and_not_interrupted_when_the_server_stops() {
    run(async {
        let server = Server::start();
        let mut agent = asking(&server).await;

        server.sessions.shut_down(Duration::from_secs(3600)).await;

        assert_eq!(agent.hears().await, Heard::Kill);
        assert_eq!(server.runner.running(), 0);
        assert_eq!(told(&server.log.events(session(1))[4..]), ["turn_parked 1 ServerStopped"]);
    });
}

#[test]
fn decision_is_refused_while_the_server_stops() {
    run(async {
        let server = Server::start();
        let _agent = asking(&server).await;
        server.sessions.shut_down(Duration::ZERO).await;

        let refused = server.settle(session(1), "r1", Decision::Allow).await;

        assert!(matches!(refused, Err(RunnerError::ShuttingDown)), "{refused:?}");
    });
}

#[test]
fn turn_that_waited_when_the_server_crashed_waits_on() {
    run(async {
        let server = Server::start();
        let events = vec![opened(1), prompted(1), started(1), requested("r1", "tool-1")];
        server.store(session(1), events).await;

        server.sessions.recover().await.unwrap();

        let events = server.log.when_there_are(5, session(1)).await;
        assert_eq!(told(&events[4..]), ["turn_parked 1 ServerCrashed"]);
        assert_eq!(server.runner.untaken().await, 0);
        assert_eq!(server.sessions.view(session(1)).await.unwrap().pending.len(), 1);
    });
}

#[test]
fn decision_that_no_agent_had_when_the_server_crashed_is_taken_to_one() {
    run(async {
        let server = Server::start();
        let asked = vec![opened(1), prompted(1), started(1), requested("r1", "tool-1"), allowed("r1")];
        server.store(session(1), asked).await;

        server.sessions.recover().await.unwrap();

        let agent = server.runner.agent().await;
        assert_eq!(agent.launch.seat.resume_at.as_deref(), Some("tool-1"));
        let events = server.log.events(session(1));
        assert_eq!(told(&events[5..]), ["turn_parked 1 ServerCrashed", "turn_resumed 1 r1"]);
    });
}

#[test]
fn decision_that_the_agent_had_when_the_server_crashed_is_not_taken_to_another() {
    run(async {
        let server = Server::start();
        let released = SessionEvent::Request(RequestEvent::Released {
            turn: super::samples::turn(1),
            request_id: "r1".into(),
            process: runner_core::ids::ProcessId(uuid::Uuid::from_u128(77)),
        });
        let asked =
            vec![opened(1), prompted(1), started(1), requested("r1", "tool-1"), allowed("r1"), released];
        server.store(session(1), asked).await;

        server.sessions.recover().await.unwrap();

        let events = server.log.when_there_are(7, session(1)).await;
        assert_eq!(told(&events[6..]), ["turn_interrupted 1 server_crashed"]);
        assert_eq!(server.runner.untaken().await, 0);
    });
}

#[test]
fn turn_whose_agent_dies_while_it_waits_is_parked() {
    run(async {
        let server = Server::start();
        let agent = asking(&server).await;

        drop(agent);

        let events = server.log.when_there_are(5, session(1)).await;
        assert_eq!(told(&events[4..]), ["turn_parked 1 AgentDied"]);
    });
}

#[test]
fn turn_whose_second_agent_dies_before_its_gate_fails() {
    run(async {
        let server = Server::start();
        let agent = resumed(&server).await;

        drop(agent);

        let events = server.log.when_there_are(8, session(1)).await;
        assert_eq!(told(&events[7..]), ["turn_failed 1 agent_died"]);
        assert_eq!(server.runner.untaken().await, 0, "it is not tried for ever");
    });
}

#[test]
fn turn_whose_second_agent_does_not_start_fails() {
    run(async {
        let server = Server::start();
        drop(asking(&server).await);
        server.log.when_there_are(5, session(1)).await;
        server.runner.break_down(AgentError::NotStarted("no memory".into()));

        server.settle(session(1), "r1", Decision::Allow).await.unwrap();

        let events = server.log.when_there_are(8, session(1)).await;
        assert_eq!(told(&events[6..]), ["turn_resumed 1 r1", "turn_failed 1 agent_unavailable"]);
    });
}

#[test]
fn server_that_stops_before_the_second_agent_has_the_decision_leaves_it_for_later() {
    run(async {
        let server = Server::start();
        let mut agent = resumed(&server).await;

        server.sessions.shut_down(Duration::ZERO).await;

        assert_eq!(agent.hears().await, Heard::Kill);
        assert_eq!(told(&server.log.events(session(1))[7..]), ["turn_parked 1 ServerStopped"]);
    });
}

#[test]
fn interrupt_ends_a_parked_turn_and_the_next_prompt_runs() {
    run(async {
        let server = Server::start();
        drop(asking(&server).await);
        server.prompt(session(1), 2).await.unwrap();
        server.log.when_there_are(6, session(1)).await;

        server.interrupt(session(1)).await.unwrap();

        assert_eq!(server.runner.agent().await.hears().await, prompt_of(2));
        let events = server.log.events(session(1));
        let expected = ["interrupt_requested 1", "turn_interrupted 1 user", "turn_started 2"];
        assert_eq!(told(&events[6..]), expected);
    });
}

#[test]
fn turn_that_was_asked_to_stop_is_not_parked_when_its_agent_dies() {
    run(async {
        let server = Server::start();
        let mut agent = asking(&server).await;
        server.interrupt(session(1)).await.unwrap();
        assert_eq!(agent.hears().await, Heard::Interrupt);

        drop(agent);

        let events = server.log.when_there_are(6, session(1)).await;
        assert_eq!(told(&events[4..]), ["interrupt_requested 1", "turn_interrupted 1 user"]);
    });
}

#[test]
fn other_requests_of_a_parked_turn_are_dropped_by_the_first_decision() {
    run(async {
        let server = Server::start();
        let agent = asking(&server).await;
        agent.says([asks("r2", "tool-2")]).await;
        server.log.when_there_are(5, session(1)).await;
        drop(agent);
        server.log.when_there_are(6, session(1)).await;

        server.settle(session(1), "r2", Decision::Allow).await.unwrap();

        assert_eq!(server.runner.agent().await.launch.seat.resume_at.as_deref(), Some("tool-2"));
        let events = server.log.events(session(1));
        let expected = ["permission_decided r2", "turn_resumed 1 r2", "request_withdrawn r1"];
        assert_eq!(told(&events[6..9]), expected);
        let closed = server.settle(session(1), "r1", Decision::Allow).await;
        assert!(matches!(closed, Err(RunnerError::RequestClosed(_))), "{closed:?}");
    });
}

/// An agent whose first turn waits for a decision about `r1`.
async fn asking(server: &Server) -> Agent {
    let agent = server.open_with_prompt(session(1)).await;
    agent.says([asks("r1", "tool-1")]).await;
    server.log.when_there_are(4, session(1)).await;
    agent
}

/// The second agent of a turn, started with the decision about `r1`.
async fn resumed(server: &Server) -> Agent {
    drop(asking(server).await);
    server.log.when_there_are(5, session(1)).await;
    server.settle(session(1), "r1", Decision::Allow).await.unwrap();
    server.runner.agent().await
}

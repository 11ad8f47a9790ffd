//! Who runs when: the order of prompts, interrupts and what agents say. The other files beside this
//! one, in `tests/`, hold failures, the life of a server, and those who watch.

mod adoption;
mod api_keys;
mod failures;
mod lifetimes;
mod limits;
mod memory_directory;
pub(crate) mod memory_log;
mod parking;
mod places;
mod refused_appends;
mod replay;
mod requests;
mod rights;
mod samples;
mod schedules;
mod spares;
mod store;
mod subagents;
mod trust;
mod watchers;
mod workspaces;

use futures_util::future::join_all;
use runner_core::agent::AgentOutcome;
use runner_core::session::command::WhileRunning;
use runner_core::session::error::SessionError;
use runner_core::session::event::{InterruptCause, TurnEvent};

use crate::RunnerError;
use replay::Heard;
use samples::{
    Server, done, ended, introduced, opening, prompt_of, provenance, retriable, run, said, session,
    submission, told,
};

#[test]
fn prompts_run_one_at_a_time_in_the_order_in_which_they_came() {
    run(async {
        let server = Server::start();
        let mut agent = server.open(session(1)).await;
        for number in 1..=3 {
            server.prompt(session(1), number).await.unwrap();
        }

        for number in 1..=3 {
            assert_eq!(agent.hears().await, prompt_of(number));
            assert!(agent.has_heard_all(), "a prompt came before the turn {number} was over");
            agent.says([said("hello"), done()]).await;
        }

        let events = server.log.when_there_are(13, session(1)).await;
        assert_eq!(
            told(&events),
            [
                "session_opened",
                "prompt_submitted 1",
                "turn_started 1",
                "prompt_submitted 2",
                "prompt_submitted 3",
                "assistant_text",
                "turn_completed 1",
                "turn_started 2",
                "assistant_text",
                "turn_completed 2",
                "turn_started 3",
                "assistant_text",
                "turn_completed 3",
            ]
        );
        assert_eq!(server.runner.untaken().await, 0, "one agent is enough");
    });
}

#[test]
fn opening_with_a_prompt_is_one_step() {
    run(async {
        let server = Server::start();

        let prompted = server
            .sessions
            .open_with_prompt(opening(session(1)), submission(1, WhileRunning::Queue), provenance())
            .await
            .unwrap();

        assert_eq!((prompted.session, prompted.version, prompted.replayed), (session(1), 2, false));
        let mut agent = server.runner.agent().await;
        assert_eq!(agent.hears().await, prompt_of(1));
        assert_eq!(
            (agent.launch.seat.session, &*agent.launch.setup.working_dir),
            (session(1), "/work".as_ref())
        );
    });
}

#[test]
fn prompt_that_may_not_wait_is_refused_while_a_turn_runs() {
    run(async {
        let server = Server::start();
        let _agent = server.open_and_run(session(1)).await;

        let refused =
            server.sessions.prompt(session(1), submission(2, WhileRunning::Refuse), provenance()).await;

        assert!(matches!(refused, Err(RunnerError::Refused(SessionError::TurnInProgress))), "{refused:?}");
    });
}

#[test]
fn one_of_many_prompts_at_once_wins_if_none_may_wait() {
    run(async {
        let server = Server::start();
        let mut agent = server.open(session(1)).await;

        let outcomes = join_all((1..=50).map(|number| {
            server.sessions.prompt(session(1), submission(number, WhileRunning::Refuse), provenance())
        }))
        .await;

        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        let busy = |outcome| matches!(outcome, Err(RunnerError::Refused(SessionError::TurnInProgress)));
        assert_eq!(won.len(), 1);
        assert!(lost.into_iter().all(busy));
        assert!(
            matches!(agent.hears().await, Heard::Prompt(turn, _) if turn == won[0].as_ref().unwrap().turn)
        );
        assert_eq!(server.log.events(session(1)).len(), 3);
    });
}

#[test]
fn prompt_that_was_sent_twice_at_once_is_stored_once() {
    run(async {
        let server = Server::start();
        let mut agent = server.open(session(1)).await;

        let outcomes = join_all((1..=2).map(|number| {
            server.sessions.prompt(session(1), submission(number, WhileRunning::Queue), retriable(7, 1))
        }))
        .await;

        let mut answers: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
        answers.sort_by_key(|answer| answer.replayed);
        assert_eq!(answers.iter().map(|answer| answer.replayed).collect::<Vec<_>>(), [false, true]);
        assert_eq!((answers[0].turn, answers[0].version), (answers[1].turn, answers[1].version));
        assert!(matches!(agent.hears().await, Heard::Prompt(turn, _) if turn == answers[0].turn));
        assert_eq!(server.log.events(session(1)).len(), 3);
    });
}

#[test]
fn command_id_of_another_request_is_refused() {
    run(async {
        let server = Server::start();
        let _agent = server.open(session(1)).await;
        let send = |hash| {
            let submission = submission(1, WhileRunning::Queue);
            server.sessions.prompt(session(1), submission, retriable(7, hash))
        };
        send(1).await.unwrap();

        let other = send(2).await;

        assert!(matches!(other, Err(RunnerError::CommandReused)), "{other:?}");
    });
}

#[test]
fn session_that_was_opened_twice_at_once_is_one_session() {
    run(async {
        let server = Server::start();

        let answers = join_all([1, 2].map(|number| {
            let submission = submission(number, WhileRunning::Queue);
            server.sessions.open_with_prompt(opening(session(number)), submission, retriable(7, 1))
        }))
        .await;

        let [first, second] = &answers[..] else { panic!("two answers") };
        let (first, second) = (first.as_ref().unwrap(), second.as_ref().unwrap());
        assert_eq!((first.session, first.turn), (second.session, second.turn));
        assert_ne!(first.replayed, second.replayed);
        let stored = [1, 2].map(|number| server.log.events(session(number)).len());
        assert_eq!(stored.iter().filter(|count| **count == 0).count(), 1, "{stored:?}");
    });
}

#[test]
fn interrupt_gets_in_while_a_turn_runs() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;

        server.interrupt(session(1)).await.unwrap();
        assert_eq!(agent.hears().await, Heard::Interrupt);
        agent.says([ended(AgentOutcome::Aborted)]).await;

        let events = server.log.when_there_are(5, session(1)).await;
        assert_eq!(told(&events[3..]), ["interrupt_requested 1", "turn_interrupted 1 user"]);
    });
}

#[test]
fn prompt_that_waits_runs_after_an_interrupt() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        server.prompt(session(1), 2).await.unwrap();

        server.interrupt(session(1)).await.unwrap();
        assert_eq!(agent.hears().await, Heard::Interrupt);
        agent.says([ended(AgentOutcome::Aborted)]).await;

        assert_eq!(agent.hears().await, prompt_of(2));
    });
}

#[test]
fn interrupt_of_an_idle_session_is_refused() {
    run(async {
        let server = Server::start();
        let _agent = server.open(session(1)).await;

        let refused = server.interrupt(session(1)).await;

        assert!(matches!(refused, Err(RunnerError::Refused(SessionError::NothingRunning))), "{refused:?}");
    });
}

#[test]
fn agent_that_does_not_stop_is_asked_again_and_then_ended() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;

        server.interrupt(session(1)).await.unwrap();

        for _ in 0..5 {
            assert_eq!(agent.hears().await, Heard::Interrupt);
        }
        assert_eq!(agent.hears().await, Heard::Stop);
        let events = server.log.when_there_are(5, session(1)).await;
        assert_eq!(told(&events[3..]), ["interrupt_requested 1", "turn_interrupted 1 user"]);
    });
}

#[test]
fn agent_that_is_ended_as_it_stops_gets_no_further_prompt() {
    run(async {
        let server = Server::start();
        let agent = server.open_and_run(session(1)).await;
        server.prompt(session(1), 2).await.unwrap();
        server.runner.says_when_ended(ended(AgentOutcome::Aborted));

        server.interrupt(session(1)).await.unwrap();

        let mut next = server.runner.agent().await;
        assert_ne!(next.launch.seat.process, agent.launch.seat.process);
        assert_eq!(next.hears().await, prompt_of(2));
        next.says([done()]).await;
        let events = server.log.when_there_are(8, session(1)).await;
        let expected =
            ["interrupt_requested 1", "turn_interrupted 1 user", "turn_started 2", "turn_completed 2"];
        assert_eq!(told(&events[4..]), expected);
    });
}

#[test]
fn agent_that_speaks_up_by_itself_has_a_turn_of_its_own() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        agent.says([introduced(), done()]).await;
        server.log.when_there_are(5, session(1)).await;

        agent.says([introduced(), said("it is ready")]).await;
        server.prompt(session(1), 2).await.unwrap();
        server.log.when_there_are(8, session(1)).await;
        assert!(agent.has_heard_all(), "the prompt has to wait for the agent's own turn");
        agent.says([done()]).await;

        assert_eq!(agent.hears().await, prompt_of(2));
        let types: Vec<_> =
            server.log.events(session(1))[5..].iter().map(|event| event.type_name()).collect();
        let expected =
            ["turn_started", "assistant_text", "prompt_submitted", "turn_completed", "turn_started"];
        assert_eq!(types, expected);
    });
}

#[test]
fn sessions_do_not_wait_for_each_other() {
    run(async {
        let server = Server::start();
        let _busy = server.open_and_run(session(1)).await;

        let other = server.open_and_run(session(2)).await;
        other.says([done()]).await;

        let events = server.log.when_there_are(4, session(2)).await;
        assert_eq!(told(&events[3..]), ["turn_completed 1"]);
        assert_eq!(server.log.events(session(1)).len(), 3);
    });
}

#[test]
fn session_that_another_server_has_changed_is_read_again() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        let elsewhere = TurnEvent::InterruptRequested {
            turn: samples::turn(1),
            by: "grace".into(),
            cause: InterruptCause::User,
        };
        server.store(session(1), vec![elsewhere.into()]).await;

        let prompted = server.prompt(session(1), 2).await.unwrap();
        agent.says([ended(AgentOutcome::Aborted)]).await;

        assert_eq!(prompted.version, 5);
        assert_eq!(agent.hears().await, prompt_of(2));
        let events = server.log.when_there_are(7, session(1)).await;
        assert_eq!(told(&events[5..]), ["turn_interrupted 1 user", "turn_started 2"]);
    });
}

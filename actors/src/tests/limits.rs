//! How long a turn may work, what it may spend, and when the model's API answers again.

use runner_core::agent::{AgentOptions, AgentOutcome, AgentOutput};
use runner_core::money::MicroDollars;
use runner_core::session::command::WhileRunning;
use runner_core::session::event::{SessionEvent, SessionOpened, TurnEvent};
use runner_core::time::Timestamp;
use serde_json::json;

use super::replay::{Agent, Heard};
use super::samples::{Server, asks, done, ended, opening, prompt_of, provenance, run, session, submission};

#[test]
fn turn_that_works_too_long_is_asked_to_stop() {
    run(async {
        let server = Server::start();
        let mut agent = run_with(&server, AgentOptions { max_duration_ms: Some(20), ..options() }).await;

        assert_eq!(agent.hears().await, Heard::Interrupt);
        agent.says([ended(AgentOutcome::Aborted)]).await;

        let last = server.log.when_there_are(5, session(1)).await.pop().unwrap();
        let SessionEvent::Turn(TurnEvent::Interrupted { cause, .. }) = last else { panic!("{last:?}") };
        assert_eq!(cause.as_str(), "deadline");
    });
}

#[test]
fn clock_of_a_turn_does_not_run_while_it_waits_for_people() {
    run(async {
        let server = Server::start();
        let agent = run_with(&server, AgentOptions { max_duration_ms: Some(40), ..options() }).await;
        agent.says([asks("r1", "tool-1")]).await;
        server.log.when_there_are(4, session(1)).await;

        tokio::time::sleep(std::time::Duration::from_millis(80)).await;

        assert!(agent.has_heard_all(), "it was asked to stop");
    });
}

#[test]
fn agent_whose_budget_is_counted_per_process_works_on_one_turn() {
    run(async {
        let server = Server::start();
        let options = AgentOptions { max_budget_micros: Some(MicroDollars(1)), ..options() };
        let mut first = run_with(&server, options).await;

        first.says([done()]).await;
        assert_eq!(first.hears().await, Heard::Stop);
        server.prompt(session(1), 2).await.unwrap();

        let mut second = server.runner.agent().await;
        assert_eq!(second.hears().await, prompt_of(2));
    });
}

#[test]
fn queued_prompt_waits_until_the_limit_resets() {
    run(async {
        let server = Server::start();
        let mut agent = run_with(&server, options()).await;
        server.prompt(session(1), 2).await.unwrap();

        // The tests' clock goes on by a millisecond whenever it is looked at.
        agent.says([limited(Timestamp::from_micros(40_000)), ended(failed())]).await;

        assert_eq!(agent.hears().await, prompt_of(2));
        let looks = server.sessions.now().as_micros();
        assert!(looks >= 40_000, "it began {looks} after the clock's zero");
    });
}

#[test]
fn nothing_begins_while_the_limit_holds() {
    run(async {
        let server = Server::start();
        let agent = run_with(&server, options()).await;
        server.prompt(session(1), 2).await.unwrap();

        agent.says([limited(Timestamp::from_micros(i64::MAX)), ended(failed())]).await;
        server.prompt(session(1), 3).await.unwrap();

        assert!(agent.has_heard_all());
        let started = |event: &&SessionEvent| matches!(event, SessionEvent::Turn(TurnEvent::Started { .. }));
        assert_eq!(server.log.events(session(1)).iter().filter(started).count(), 1);
    });
}

fn options() -> AgentOptions {
    AgentOptions::default()
}

fn failed() -> AgentOutcome {
    AgentOutcome::ApiError { status: Some(429) }
}

fn limited(resets_at: Timestamp) -> AgentOutput {
    AgentOutput::RateLimited { info: json!({ "status": "rejected" }), resets_at: Some(resets_at) }
}

/// The agent of session 1, which was opened with these options and has been given prompt 1.
async fn run_with(server: &Server, options: AgentOptions) -> Agent {
    let opening = SessionOpened { options, ..opening(session(1)) };
    let prompt = submission(1, WhileRunning::Queue);
    server.sessions.open_with_prompt(opening, prompt, provenance()).await.unwrap();
    let mut agent = server.runner.agent().await;
    assert_eq!(agent.hears().await, prompt_of(1));
    agent
}

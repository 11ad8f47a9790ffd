//! Subagents that wait for people: they cannot be taken up in the middle and begin again.

use runner_core::agent::{AgentOutput, BackgroundWork};
use runner_core::request::{AgentRequest, Decision, RequestKind};
use serde_json::json;

use super::replay::{Agent, Heard};
use super::samples::{Server, asks, request, run, session};

#[test]
fn subagent_is_taken_up_where_it_was_started() {
    run(async {
        let server = Server::start();
        let agent = of_subagent(&server).await;
        assert_eq!(server.log.saved(session(1)).unwrap().files[0].bytes, b"tool-0");
        drop(agent);
        server.log.when_there_are(7, session(1)).await;

        server.settle(session(1), "r1", Decision::Allow).await.unwrap();

        assert_eq!(server.runner.agent().await.launch.seat.resume_at.as_deref(), Some("tool-0"));
    });
}

#[test]
fn files_are_kept_for_a_subagent_that_asks_in_the_same_breath() {
    run(async {
        let server = Server::start();
        let agent = server.open_with_prompt(session(1)).await;

        agent.says([launches()]).await;
        agent.says(subagent_asks()).await;
        server.log.when_there_are(6, session(1)).await;

        let saved = server.log.saved(session(1)).unwrap();
        assert_eq!((&saved.files[0].bytes[..], saved.version), (&b"tool-0"[..], 4));
    });
}

#[test]
fn subagent_that_began_again_asks_for_something_else_and_is_answered() {
    run(async {
        let server = Server::start();
        drop(of_subagent(&server).await);
        server.log.when_there_are(7, session(1)).await;
        server.settle(session(1), "r1", Decision::Allow).await.unwrap();
        let mut agent = server.runner.agent().await;
        agent.says([asks("r2", "tool-7")]).await;
        server.log.when_there_are(10, session(1)).await;

        server.settle(session(1), "r2", Decision::Deny).await.unwrap();

        assert_eq!(agent.hears().await, Heard::Answer("r2".into(), Decision::Deny));
    });
}

#[test]
fn subagent_that_began_again_and_asks_the_same_has_the_decision() {
    run(async {
        let server = Server::start();
        drop(of_subagent(&server).await);
        server.log.when_there_are(7, session(1)).await;
        server.settle(session(1), "r1", Decision::Allow).await.unwrap();
        let mut agent = server.runner.agent().await;

        let same = AgentRequest { tool_use_id: "tool-9".into(), ..request("r9", "tool-1") };
        agent.says([AgentOutput::Asked { kind: RequestKind::Permission, request: same }]).await;

        assert_eq!(agent.hears().await, Heard::Answer("r9".into(), Decision::Allow));
    });
}

/// An agent whose subagent, started by `tool-0`, waits for a decision about `r1`.
async fn of_subagent(server: &Server) -> Agent {
    let agent = server.open_with_prompt(session(1)).await;
    let [started, asks] = subagent_asks();
    agent.says([launches(), started]).await;
    agent.says([asks]).await;
    server.log.when_there_are(6, session(1)).await;
    agent
}

fn launches() -> AgentOutput {
    AgentOutput::ToolUsed {
        tool_use_id: "tool-0".into(),
        name: "Agent".into(),
        input: json!({ "prompt": "Look around" }),
        parent_tool_use_id: None,
    }
}

fn subagent_asks() -> [AgentOutput; 2] {
    let task = BackgroundWork {
        task_id: "task-1".into(),
        tool_use_id: Some("tool-0".into()),
        kind: "local_agent".into(),
        description: "Look around".into(),
        subagent_type: None,
    };
    let request = AgentRequest { subagent: Some("task-1".into()), ..request("r1", "tool-1") };
    [AgentOutput::TaskStarted(task), AgentOutput::Asked { kind: RequestKind::Permission, request }]
}

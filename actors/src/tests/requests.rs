//! What a live agent asks, what people decide, and what else they tell it while it works.

use futures_util::future::join_all;
use runner_core::agent::{AgentOutput, PermissionMode};
use runner_core::request::{Answer, Decision, RequestKind, ToolEffect};
use runner_core::session::command::SessionChange;
use runner_core::session::error::SessionError;
use runner_core::session::event::SessionOpened;

use super::replay::{Agent, Heard};
use super::samples::{
    Server, answer, asks, done, gate, opening, provenance, reach, request, retriable, run, session, told,
    turn,
};
use crate::{RunnerError, Waited};

#[test]
fn request_waits_and_the_agent_is_told_nothing() {
    run(async {
        let server = Server::start();
        let agent = asking(&server).await;

        let events = server.log.events(session(1));
        assert_eq!(told(&events[3..]), ["permission_requested r1"]);
        assert!(agent.has_heard_all());
    });
}

#[test]
fn decision_reaches_the_agent_once() {
    for decision in [Decision::Allow, Decision::Deny] {
        run(async {
            let server = Server::start();
            let mut agent = asking(&server).await;

            let settled = server.settle(session(1), "r1", decision).await.unwrap();

            assert_eq!(agent.hears().await, Heard::Answer("r1".into(), decision));
            assert!(agent.has_heard_all());
            assert_eq!(settled.request.decided.unwrap().decision, decision);
            let events = server.log.events(session(1));
            assert_eq!(told(&events[4..]), ["permission_decided r1", "request_released r1"]);
        });
    }
}

#[test]
fn one_of_many_decisions_at_once_wins_and_the_others_are_told_which() {
    run(async {
        let server = Server::start();
        let mut agent = asking(&server).await;

        let outcomes = join_all((0..50).map(|number| {
            let decision = if number % 2 == 0 { Decision::Allow } else { Decision::Deny };
            server.settle(session(1), "r1", decision)
        }))
        .await;

        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        let winner = won.into_iter().map(|settled| settled.unwrap().request).collect::<Vec<_>>();
        assert_eq!(winner.len(), 1);
        for outcome in lost {
            let Err(RunnerError::RequestClosed(closed)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(*closed, winner[0]);
        }
        let decision = winner[0].decided.as_ref().unwrap().decision;
        assert_eq!(agent.hears().await, Heard::Answer("r1".into(), decision));
        assert!(agent.has_heard_all());
    });
}

#[test]
fn decision_that_was_sent_twice_is_made_once() {
    run(async {
        let server = Server::start();
        let mut agent = asking(&server).await;
        let send = || server.settle_as(session(1), "r1", answer(Decision::Allow), retriable(7, 1));

        let (first, second) = (send().await.unwrap(), send().await.unwrap());

        assert_eq!((first.replayed, second.replayed), (false, true));
        assert_eq!(first.request, second.request);
        assert_eq!(agent.hears().await, Heard::Answer("r1".into(), Decision::Allow));
        assert!(agent.has_heard_all());
    });
}

#[test]
fn decision_that_cannot_be_stored_is_not_taken_to_the_agent() {
    run(async {
        let server = Server::start();
        let mut agent = asking(&server).await;
        server.log.fail_next("permission_decided");

        let refused = server.settle(session(1), "r1", Decision::Allow).await;

        assert!(matches!(refused, Err(RunnerError::LogUnavailable(_))), "{refused:?}");
        assert!(agent.has_heard_all());
        server.settle(session(1), "r1", Decision::Deny).await.unwrap();
        assert_eq!(agent.hears().await, Heard::Answer("r1".into(), Decision::Deny));
    });
}

#[test]
fn decision_of_what_was_never_asked_is_refused() {
    run(async {
        let server = Server::start();
        let _agent = asking(&server).await;

        let refused = server.settle(session(1), "r2", Decision::Allow).await;

        assert!(matches!(refused, Err(RunnerError::RequestNotFound)), "{refused:?}");
    });
}

#[test]
fn requests_beside_each_other_are_decided_in_any_order() {
    run(async {
        let server = Server::start();
        let mut agent = asking(&server).await;
        agent.says([asks("r2", "tool-2")]).await;
        server.log.when_there_are(5, session(1)).await;

        server.settle(session(1), "r2", Decision::Deny).await.unwrap();
        server.settle(session(1), "r1", Decision::Allow).await.unwrap();

        assert_eq!(agent.hears().await, Heard::Answer("r2".into(), Decision::Deny));
        assert_eq!(agent.hears().await, Heard::Answer("r1".into(), Decision::Allow));
    });
}

#[test]
fn decision_that_is_remembered_answers_the_next_request_at_once() {
    run(async {
        let server = Server::start();
        let mut agent = asking(&server).await;
        let remembered = Answer { remember: true, ..answer(Decision::Allow) };
        server.settle_as(session(1), "r1", remembered, provenance()).await.unwrap();
        assert_eq!(agent.hears().await, Heard::Answer("r1".into(), Decision::Allow));

        let same =
            runner_core::request::AgentRequest { target: Some("tool-1".into()), ..request("r2", "tool-2") };
        agent.says([AgentOutput::Asked { kind: RequestKind::Permission, request: same }]).await;

        assert_eq!(agent.hears().await, Heard::Answer("r2".into(), Decision::Allow));
        let events = server.log.events(session(1));
        let expected = ["permission_requested r2", "permission_decided r2", "request_released r2"];
        assert_eq!(told(&events[6..]), expected);
    });
}

#[test]
fn tool_use_passes_the_gate_where_nothing_is_against_it() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;

        agent.says([gate("tool-1", ToolEffect::WritesFiles)]).await;

        assert_eq!(agent.hears().await, Heard::Pass("g1".into()));
        assert_eq!(server.log.events(session(1)).len(), 3);
    });
}

#[test]
fn people_are_asked_about_a_tool_that_nobody_knows() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_with_prompt(session(1)).await;

        agent.says([gate("tool-1", ToolEffect::Other)]).await;

        assert_eq!(agent.hears().await, Heard::Ask("g1".into()));
    });
}

#[test]
fn plan_mode_refuses_at_the_gate() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        change(&server, SessionChange::PermissionMode(PermissionMode::Plan)).await;
        assert_eq!(agent.hears().await, Heard::Mode(PermissionMode::Plan));

        agent.says([gate("tool-1", ToolEffect::WritesFiles)]).await;

        let Heard::Refusal(gate_id, message) = agent.hears().await else { panic!("no refusal") };
        assert_eq!(gate_id, "g1");
        assert!(message.starts_with("Plan mode is on"), "{message}");
        assert_eq!(told(&server.log.events(session(1))[4..]), ["policy_applied"]);
    });
}

#[test]
fn plan_mode_answers_a_request_with_a_refusal() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        change(&server, SessionChange::PermissionMode(PermissionMode::Plan)).await;
        assert_eq!(agent.hears().await, Heard::Mode(PermissionMode::Plan));

        agent.says([asks("r1", "tool-1")]).await;

        assert_eq!(agent.hears().await, Heard::Answer("r1".into(), Decision::Deny));
    });
}

#[test]
fn approved_plan_goes_back_to_the_mode_before() {
    run(async {
        let server = Server::start();
        let opened = SessionOpened { permission_mode: PermissionMode::AcceptEdits, ..opening(session(1)) };
        server.sessions.open(opened, provenance()).await.unwrap();
        let mut agent = server.runner.agent().await;
        server.prompt(session(1), 1).await.unwrap();
        agent.hears().await;
        agent.says([AgentOutput::ModeChanged { mode: PermissionMode::Plan }]).await;
        agent.says([AgentOutput::Asked { kind: RequestKind::Plan, request: request("r1", "tool-1") }]).await;
        server.log.when_there_are(5, session(1)).await;

        server.settle(session(1), "r1", Decision::Allow).await.unwrap();

        assert_eq!(agent.hears().await, Heard::Answer("r1".into(), Decision::Allow));
        assert_eq!(agent.hears().await, Heard::Mode(PermissionMode::AcceptEdits));
    });
}

#[test]
fn change_of_mode_or_model_is_told_to_the_live_agent() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;

        change(&server, SessionChange::PermissionMode(PermissionMode::AcceptEdits)).await;
        change(&server, SessionChange::Model(Some("haiku".into()))).await;
        change(&server, SessionChange::Model(None)).await;

        assert_eq!(agent.hears().await, Heard::Mode(PermissionMode::AcceptEdits));
        assert_eq!(agent.hears().await, Heard::Model(Some("haiku".into())));
        assert_eq!(agent.hears().await, Heard::Model(None));
    });
}

#[test]
fn agent_is_started_in_the_mode_and_with_the_model_that_were_chosen_last() {
    run(async {
        let server = Server::start();
        let agent = server.open(session(1)).await;
        drop(agent);
        server.runner.when_none_runs().await;
        change(&server, SessionChange::PermissionMode(PermissionMode::Plan)).await;
        change(&server, SessionChange::Model(Some("haiku".into()))).await;

        server.prompt(session(1), 1).await.unwrap();

        let launch = server.runner.agent().await.launch;
        assert_eq!(
            (launch.setup.permission_mode, launch.setup.options.model.as_deref()),
            (PermissionMode::Plan, Some("haiku"))
        );
    });
}

#[test]
fn prompt_that_comes_while_files_are_put_back_is_taken_and_begins_afterwards() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        agent.says([done()]).await;
        server.log.when_there_are(4, session(1)).await;
        server.runner.answer_no_more();
        let rewinding = server.sessions.rewind(session(1), turn(1), "ada", provenance());
        let prompting = async {
            assert_eq!(agent.hears().await, Heard::Rewind(turn(1)));
            server.prompt(session(1), 2).await.unwrap();
            let begun = server.log.events(session(1)).len() > 5;
            drop(agent);
            begun
        };

        let (rewound, begun) = futures_util::future::join(rewinding, prompting).await;

        assert!(matches!(rewound, Err(RunnerError::AgentUnavailable(_))), "{rewound:?}");
        assert!(!begun, "a turn began while files were put back");
        assert_eq!(server.runner.agent().await.hears().await, super::samples::prompt_of(2));
    });
}

#[test]
fn prompt_for_the_running_turn_reaches_the_agent_under_its_own_id() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        let message = (turn(50), "the other one".to_owned().try_into().unwrap(), vec![]);

        let appended = server.sessions.steer(session(1), message, "ada".into(), provenance()).await.unwrap();

        assert_eq!(agent.hears().await, Heard::Prompt(turn(50), "the other one".into()));
        assert_eq!(server.sessions.steered_turn(appended).await.unwrap(), turn(1));
    });
}

#[test]
fn prompt_that_was_taken_back_is_not_run() {
    run(async {
        let server = Server::start();
        let mut agent = server.open_and_run(session(1)).await;
        server.prompt(session(1), 2).await.unwrap();
        server.prompt(session(1), 3).await.unwrap();

        server.sessions.withdraw_prompt(session(1), turn(2), "ada", provenance()).await.unwrap();
        agent.says([done()]).await;

        assert_eq!(agent.hears().await, super::samples::prompt_of(3));
    });
}

#[test]
fn changes_are_made_all_or_none() {
    run(async {
        let server = Server::start();
        let _agent = server.open_and_run(session(1)).await;

        let changes = vec![SessionChange::Title("New".into()), SessionChange::Archived(true)];
        let refused = server.sessions.change(session(1), changes, "ada", provenance()).await;

        assert!(matches!(refused, Err(RunnerError::Refused(SessionError::TurnInProgress))), "{refused:?}");
        assert_eq!(server.log.events(session(1)).len(), 3);
    });
}

#[test]
fn waiting_for_a_turn_ends_when_it_needs_a_person() {
    run(async {
        let server = Server::start();
        let _agent = asking(&server).await;

        let waited = server.sessions.wait(session(1), turn(1), std::time::Duration::from_secs(3600)).await;

        let Ok(Waited::Unfinished(view)) = waited else { panic!("{waited:?}") };
        assert_eq!(view.pending[0].request.request_id, "r1");
    });
}

#[test]
fn what_waits_is_listed_for_its_owner_the_oldest_first() {
    run(async {
        let server = Server::start();
        let first = asking(&server).await;
        let second = server.open_and_run(session(2)).await;
        second.says([asks("r2", "tool-1")]).await;
        server.log.when_there_are(4, session(2)).await;
        first.says([asks("r3", "tool-3")]).await;
        server.log.when_there_are(5, session(1)).await;

        let waiting = server.sessions.waiting_requests(&reach("ada"), 0, 10).await.unwrap();
        let of_grace = server.sessions.waiting_requests(&reach("grace"), 0, 10).await.unwrap();

        let ids: Vec<_> = waiting.iter().map(|request| request.view["request_id"].clone()).collect();
        assert_eq!(ids, ["r1", "r2", "r3"]);
        assert_eq!(of_grace, []);
    });
}

/// An agent whose first turn waits for a decision about `r1`.
async fn asking(server: &Server) -> Agent {
    let agent = server.open_and_run(session(1)).await;
    agent.says([asks("r1", "tool-1")]).await;
    server.log.when_there_are(4, session(1)).await;
    agent
}

async fn change(server: &Server, change: SessionChange) {
    server.sessions.change(session(1), vec![change], "ada", provenance()).await.unwrap();
}

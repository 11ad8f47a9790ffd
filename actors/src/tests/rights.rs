//! What runs in the name of somebody who may no longer have anything run.

use std::path::Path;
use std::time::Duration;

use runner_core::ids::TenantId;
use runner_core::log::LogStream;
use runner_core::people::account::Account;
use runner_core::people::account::event::{AccountEvent, Via};
use runner_core::people::account::username::Username;
use runner_core::people::principal::Role;
use runner_core::request::Decision;
use runner_core::session::command::{Handover, SessionChange};
use runner_core::session::error::SessionError;
use runner_core::session::revoked::Revoked;
use runner_core::setup::trust::Granted;
use runner_core::time::Timestamp;

use super::replay::{Agent, Heard};
use super::samples::{
    Server, asks, done, introduced, opening, prompt_of, provenance, run, session, settings, told, turn,
};
use crate::{RunnerError, Settings};

/// For a test that waits until a session is parked.
const SOON: Duration = Duration::from_millis(20);

/// Whose sessions those of the tests are.
async fn owner(server: &Server, event: AccountEvent) {
    let username = Username::try_from(opening(session(1)).owner).unwrap();
    let decide = |_: &_| Ok(vec![event.clone()].into());
    let stream = LogStream::of::<Account>(Account::stream(&username), TenantId::first());
    server.repository.change::<Account>(stream, provenance(), decide).await.unwrap();
}

fn registered() -> AccountEvent {
    AccountEvent::UserRegistered {
        username: opening(session(1)).owner,
        tenant: TenantId::first().0,
        role: Role::Member,
        via: Via::First,
        at: Timestamp::from_micros(1),
    }
}

fn disabled() -> AccountEvent {
    AccountEvent::UserDisabled { by: "eve".into() }
}

fn removed() -> AccountEvent {
    AccountEvent::UserRemoved { by: "eve".into() }
}

fn enabled() -> AccountEvent {
    AccountEvent::UserEnabled { by: "eve".into() }
}

fn role(role: Role) -> AccountEvent {
    AccountEvent::RoleChanged { role, by: "eve".into() }
}

/// A session whose agent waits for a decision.
async fn asking(server: &Server) -> Agent {
    let agent = server.open_with_prompt(session(1)).await;
    agent.says([asks("r1", "tool-1")]).await;
    server.log.when_there_are(4, session(1)).await;
    agent
}

async fn archive(server: &Server, archived: bool) -> Result<(), RunnerError> {
    let change = vec![SessionChange::Archived(archived)];
    server.sessions.change(session(1), change, "ada", provenance()).await.map(drop)
}

#[test]
fn turn_ends_at_once_when_its_owner_is_disabled_or_removed_or_may_no_longer_run_tasks() {
    for (event, revoked) in [
        (disabled(), Revoked::OwnerDisabled),
        (removed(), Revoked::OwnerDisabled),
        (role(Role::Viewer), Revoked::OwnerNotPermitted),
    ] {
        run(async {
            let server = Server::start();
            owner(&server, registered()).await;
            let mut agent = server.open_and_run(session(1)).await;
            server.prompt(session(1), 2).await.unwrap();

            owner(&server, event).await;

            assert_eq!(agent.hears().await, Heard::Kill);
            let events = server.log.when_there_are(6, session(1)).await;
            let interrupted = format!("turn_interrupted 1 {}", revoked.interrupt().as_str());
            assert_eq!(told(&events[4..]), ["prompt_withdrawn".to_owned(), interrupted]);
            let refused = server.prompt(session(1), 3).await;
            assert!(matches!(refused, Err(RunnerError::Revoked(why)) if why == revoked), "{refused:?}");
            assert_eq!(server.runner.untaken().await, 0, "no other agent was started");
        });
    }
}

#[test]
fn role_that_allows_as_much_ends_nothing() {
    run(async {
        let server = Server::start();
        owner(&server, registered()).await;
        let mut agent = server.open_and_run(session(1)).await;

        owner(&server, role(Role::Admin)).await;
        server.prompt(session(1), 2).await.unwrap();
        agent.says([done()]).await;

        assert_eq!(agent.hears().await, prompt_of(2));
    });
}

#[test]
fn what_waits_stays_while_its_owner_is_disabled_and_is_decided_afterwards() {
    run(async {
        let server = Server::start();
        owner(&server, registered()).await;
        let mut agent = asking(&server).await;

        owner(&server, disabled()).await;
        assert_eq!(agent.hears().await, Heard::Kill);
        let events = server.log.when_there_are(5, session(1)).await;
        assert_eq!(told(&events[4..]), ["turn_parked 1 OwnerDisabled"]);
        let refused = server.settle(session(1), "r1", Decision::Allow).await;
        assert!(matches!(refused, Err(RunnerError::Revoked(Revoked::OwnerDisabled))), "{refused:?}");

        owner(&server, enabled()).await;
        server.settle(session(1), "r1", Decision::Allow).await.unwrap();
        assert_eq!(server.runner.agent().await.launch.seat.resume_at.as_deref(), Some("tool-1"));
    });
}

#[test]
fn what_waits_when_a_session_is_handed_over_goes_on_with_an_agent_of_the_new_owner() {
    run(async {
        let server = Server::start();
        let mut agent = asking(&server).await;
        let (to, by) = ("bob".to_owned(), "root".to_owned());

        let handover = Handover { to, by, offline: false, may_bypass: false };
        server.sessions.hand_over(session(1), handover, provenance()).await.unwrap();

        assert_eq!(agent.hears().await, Heard::Kill);
        server.settle(session(1), "r1", Decision::Allow).await.unwrap();
        let launch = server.runner.agent().await.launch;
        assert_eq!((&*launch.setup.owner, launch.seat.resume_at.as_deref()), ("bob", Some("tool-1")));
    });
}

#[test]
fn agent_of_a_disabled_owner_begins_no_turn_by_itself() {
    run(async {
        let server = Server::start();
        owner(&server, registered()).await;
        let mut agent = server.open_and_run(session(1)).await;
        agent.says([done()]).await;
        server.log.when_there_are(4, session(1)).await;

        owner(&server, disabled()).await;
        agent.says([introduced()]).await;

        assert_eq!(agent.hears().await, Heard::Kill);
        server.runner.when_none_runs().await;
        assert_eq!(server.log.events(session(1)).len(), 4);
    });
}

#[test]
fn prompt_whose_owner_is_disabled_while_it_waits_for_its_place_never_runs() {
    run(async {
        let server = Server::start_with(Settings { max_turns: 1, ..settings() });
        owner(&server, registered()).await;
        let mut running = server.open_and_run(session(1)).await;
        server.sessions.open(opening(session(2)), provenance()).await.unwrap();
        server.prompt(session(2), 1).await.unwrap();

        owner(&server, disabled()).await;

        assert_eq!(running.hears().await, Heard::Kill);
        let events = server.log.when_there_are(3, session(2)).await;
        assert_eq!(told(&events[2..]), ["prompt_withdrawn"]);
    });
}

#[test]
fn archiving_a_session_that_waits_ends_its_agent_and_keeps_what_waits() {
    run(async {
        let server = Server::start();
        let mut agent = asking(&server).await;

        archive(&server, true).await.unwrap();
        assert_eq!(agent.hears().await, Heard::Kill);
        server.runner.when_none_runs().await;
        let refused = server.settle(session(1), "r1", Decision::Allow).await;
        assert!(matches!(refused, Err(RunnerError::Refused(SessionError::Archived))), "{refused:?}");

        archive(&server, false).await.unwrap();
        server.settle(session(1), "r1", Decision::Allow).await.unwrap();
        assert_eq!(server.runner.agent().await.launch.seat.resume_at.as_deref(), Some("tool-1"));
    });
}

#[test]
fn decision_that_comes_while_the_agent_is_being_killed_is_taken_to_the_next_one() {
    run(async {
        let server = Server::start();
        let mut agent = asking(&server).await;
        let alive = server.runner.delay_death().await;
        archive(&server, true).await.unwrap();
        assert_eq!(agent.hears().await, Heard::Kill);
        archive(&server, false).await.unwrap();

        server.settle(session(1), "r1", Decision::Allow).await.unwrap();
        drop(alive);

        assert_eq!(server.runner.agent().await.launch.seat.resume_at.as_deref(), Some("tool-1"));
        let events = server.log.when_there_are(9, session(1)).await;
        let expected = ["permission_decided r1", "turn_parked 1 SessionArchived", "turn_resumed 1 r1"];
        assert_eq!(told(&events[6..]), expected);
    });
}

#[test]
fn turn_that_loads_its_folder_ends_when_that_is_no_longer_trusted_and_the_next_one_goes_on() {
    run(async {
        let server = Server::start();
        let working_dir = opening(session(1)).working_dir;
        let by = || Granted { by: "ada".into(), at: Timestamp::from_micros(1) };
        let folder = (&TenantId::first(), &*working_dir);
        server.trust.trust(folder, by(), provenance()).await.unwrap();
        let mut agent = server.open_and_run(session(1)).await;
        server.prompt(session(1), 2).await.unwrap();

        server.trust.revoke(folder, by(), provenance()).await.unwrap();

        assert_eq!(agent.hears().await, Heard::Kill);
        let mut next = server.runner.agent().await;
        assert_eq!(next.hears().await, prompt_of(2));
        let folders = [Path::new(&working_dir)];
        assert_eq!(next.launch.setup.trust, server.trust.of_all(&TenantId::first(), &folders).await.unwrap());
        let events = server.log.when_there_are(6, session(1)).await;
        assert_eq!(told(&events[4..]), ["turn_interrupted 1 trust_revoked", "turn_started 2"]);
    });
}

#[test]
fn agent_that_is_killed_gets_no_further_prompt_though_trust_is_back() {
    run(async {
        let server = Server::start();
        let working_dir = opening(session(1)).working_dir;
        let by = || Granted { by: "ada".into(), at: Timestamp::from_micros(1) };
        let folder = (&TenantId::first(), &*working_dir);
        server.trust.trust(folder, by(), provenance()).await.unwrap();
        let mut agent = server.open_and_run(session(1)).await;
        server.prompt(session(1), 2).await.unwrap();
        server.runner.says_when_ended(done());
        let alive = server.runner.delay_death().await;

        server.trust.revoke(folder, by(), provenance()).await.unwrap();
        assert_eq!(agent.hears().await, Heard::Kill);
        server.trust.trust(folder, by(), provenance()).await.unwrap();
        drop(alive);

        assert_eq!(server.runner.agent().await.hears().await, prompt_of(2));
        let events = server.log.when_there_are(6, session(1)).await;
        assert_eq!(told(&events[4..]), ["turn_completed 1", "turn_started 2"]);
    });
}

#[test]
fn agent_that_does_not_answer_is_ended_all_the_same() {
    run(async {
        let server = Server::start();
        owner(&server, registered()).await;
        let mut agent = server.open_and_run(session(1)).await;
        agent.says([done()]).await;
        server.log.when_there_are(4, session(1)).await;
        server.runner.answer_no_more();
        let rewinding = server.sessions.rewind(session(1), turn(1), "ada", provenance());
        let ending = async {
            assert_eq!(agent.hears().await, Heard::Rewind(turn(1)));
            owner(&server, disabled()).await;
            assert_eq!(agent.hears().await, Heard::Kill);
        };

        let (rewound, ()) = futures_util::future::join(rewinding, ending).await;

        assert!(matches!(rewound, Err(RunnerError::AgentUnavailable(_))), "{rewound:?}");
        assert_eq!(server.log.events(session(1)).len(), 4);
    });
}

#[test]
fn turn_with_a_decision_that_waits_for_its_place_ends_with_the_right_of_its_owner() {
    run(async {
        let server = Server::start_with(Settings { max_turns: 1, idle_timeout: SOON, ..settings() });
        owner(&server, registered()).await;
        let mut agent = asking(&server).await;
        assert_eq!(agent.hears().await, Heard::Kill);
        let other = server.open_and_run(session(2)).await;
        server.settle(session(1), "r1", Decision::Allow).await.unwrap();

        owner(&server, disabled()).await;

        let events = server.log.when_there_are(7, session(1)).await;
        assert_eq!(told(&events[5..]), ["permission_decided r1", "turn_interrupted 1 owner_disabled"]);
        drop(other);
    });
}

#[test]
fn cause_of_one_agents_end_is_not_that_of_the_next() {
    run(async {
        let server = Server::start();
        let working_dir = opening(session(1)).working_dir;
        let by = || Granted { by: "ada".into(), at: Timestamp::from_micros(1) };
        let folder = (&TenantId::first(), &*working_dir);
        server.trust.trust(folder, by(), provenance()).await.unwrap();
        let mut first = server.open(session(1)).await;
        server.trust.revoke(folder, by(), provenance()).await.unwrap();
        assert_eq!(first.hears().await, Heard::Kill);
        server.prompt(session(1), 1).await.unwrap();
        let second = server.runner.agent().await;

        drop(second);

        let events = server.log.when_there_are(4, session(1)).await;
        assert_eq!(told(&events[3..]), ["turn_failed 1 agent_died"]);
    });
}

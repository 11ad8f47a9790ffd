//! Agents that are started before their sessions are opened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::ids::{ExtensionId, ProcessId, SessionId, TenantId};
use runner_core::money::MicroDollars;
use runner_core::ports::{AgentFile, AgentLaunch, AgentSeat, AgentSetup, RunningAgent};
use runner_core::session::command::WhileRunning;
use runner_core::session::event::SessionOpened;
use runner_core::setup::extension::active::{ActiveExtension, ActiveExtensions};
use runner_core::setup::extension::definition::Definition;
use runner_core::setup::extension::mcp_server::McpServer;
use runner_core::setup::extension::secrets::SecretValues;
use runner_core::setup::trust::{Granted, Trust};
use runner_core::spend::SpentBefore;
use runner_core::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::replay::{Agent, Heard};
use super::samples::{
    Server, done, opening, prompt_of, provenance, retriable, run, session, settings, submission,
};
use crate::Settings;
use crate::spares::Spares;

fn with_spares() -> Settings {
    Settings { spare_agents: 1, ..settings() }
}

/// A server with one session and an agent that waits for the next one.
async fn prepared(settings: Settings) -> (Server, Agent, Agent) {
    let server = Server::start_with(settings);
    let first = server.open(session(1)).await;
    let spare = server.runner.agent().await;
    when_there_are(&server, 1).await;
    (server, first, spare)
}

async fn when_there_are(server: &Server, count: usize) {
    while server.sessions.spare_agents() != count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn open(server: &Server, opened: SessionOpened) -> SessionId {
    server.sessions.open(opened, provenance()).await.unwrap().session()
}

#[test]
fn next_session_has_the_id_and_the_agent_that_wait_for_it_and_only_one_has_them() {
    run(async {
        let (server, first, mut spare) = prepared(with_spares()).await;
        assert_ne!(spare.launch.seat.session, first.launch.seat.session);

        let submitted = submission(1, WhileRunning::Queue);
        let opened = server.sessions.open_with_prompt(opening(session(2)), submitted, provenance()).await;

        let opened = opened.unwrap().session;
        assert_eq!(opened, spare.launch.seat.session);
        assert_eq!(spare.hears().await, prompt_of(1));
        assert_eq!(open(&server, opening(session(3))).await, session(3));
        assert_eq!(server.runner.agent().await.launch.seat.session, session(3));
        spare.says([done()]).await;
        server.log.when_there_are(4, opened).await;
        assert_eq!(server.runner.discarded(), []);
    });
}

#[test]
fn session_that_is_opened_without_a_prompt_gets_it_too() {
    run(async {
        let (server, _first, mut spare) = prepared(with_spares()).await;

        let opened = open(&server, opening(session(2))).await;
        server.prompt(opened, 1).await.unwrap();

        assert_eq!((opened, spare.hears().await), (spare.launch.seat.session, prompt_of(1)));
        assert_eq!(server.runner.untaken().await, 0);
    });
}

#[test]
fn session_that_differs_in_anything_gets_an_agent_of_its_own() {
    run(async {
        let (server, _first, spare) = prepared(with_spares()).await;
        let same = opening(session(2));
        let model = AgentOptions { model: Some("other".into()), ..AgentOptions::default() };
        let folders = AgentOptions { add_dirs: vec!["/more".into()], ..AgentOptions::default() };
        let env = BTreeMap::from([("TOKEN".to_owned(), "secret".to_owned())]);
        let env = AgentOptions { env, ..AgentOptions::default() };
        let others = [
            SessionOpened { owner: "bob".into(), ..same.clone() },
            SessionOpened { working_dir: "/work/deeper".into(), ..same.clone() },
            SessionOpened { permission_mode: PermissionMode::Plan, ..same.clone() },
            SessionOpened { options: model, ..same.clone() },
            SessionOpened { options: folders, ..same.clone() },
            SessionOpened { options: env, ..same.clone() },
        ];

        for (number, other) in (10..).zip(others) {
            let opened = SessionOpened { session: session(number), ..other };
            assert_eq!(open(&server, opened).await, session(number));
            assert_eq!(server.runner.agent().await.launch.seat.session, session(number));
        }
        // Of a team that nobody made, for which no agent starts at all.
        let other_team = SessionOpened { session: session(20), tenant: TenantId("others".into()), ..same };
        assert_eq!(open(&server, other_team).await, session(20));

        assert!(spare.has_heard_all());
        assert_eq!(server.sessions.spare_agents(), 1);
    });
}

#[test]
fn claimed_agent_serves_the_launch_that_it_was_started_for_and_none_that_differs_in_a_single_field() {
    run(async {
        let (taken, _spare) = take_claimed(|launch| launch).await;
        assert!(taken.is_some());

        let fields =
            launches_that_differ(&like_opened(session(1))).into_iter().map(|(field, other)| async move {
                let with_own_ids = |launch: AgentLaunch| {
                    let AgentSeat { session, process, .. } = launch.seat;
                    AgentLaunch { setup: other.setup, seat: AgentSeat { session, process, ..other.seat } }
                };
                let (taken, mut spare) = take_claimed(with_own_ids).await;
                assert!(taken.is_none(), "{field}");
                assert_eq!(spare.hears().await, Heard::Kill, "{field}");
            });
        join_all(fields).await;
    });
}

/// Has a spare agent claimed for a session, and asks for it with the session's launch, changed like this.
async fn take_claimed(change: impl FnOnce(AgentLaunch) -> AgentLaunch) -> (Option<RunningAgent>, Agent) {
    let server = Server::start_with(with_spares());
    let spares = Arc::new(Spares::new(Arc::new(server.services.clone())));
    spares.request_spare(like_opened(session(1)));
    let spare = server.runner.agent().await;
    while spares.count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let opened = spares.claim_for(opening(session(2))).await;
    assert_eq!(opened.session, spare.launch.seat.session);

    (spares.take_claimed(&change(like_opened(opened.session))).await, spare)
}

/// The launch that a session opened by [`opening`] makes.
fn like_opened(session: SessionId) -> AgentLaunch {
    let SessionOpened { tenant, owner, working_dir, permission_mode, options, .. } = opening(session);
    let (working_dir, within, trust) = (working_dir.into(), None, Trust::Untrusted);
    let extensions = Arc::default();
    let setup =
        AgentSetup { tenant, owner, working_dir, within, permission_mode, options, trust, extensions };
    AgentLaunch { setup, seat: AgentSeat::of_new_session(session, ProcessId(Uuid::now_v7())) }
}

/// Values that are like `$one` but for one field, which is that of `$other`. The pattern leaves no field out:
/// one that is added to the type does not compile here until it is listed, and so tested.
macro_rules! one_field_of_another {
    ($type:ident { $($field:ident),* $(,)? }, $one:expr, $other:expr) => {{
        let $type { $($field),* } = $other;
        [$((stringify!($field), $type { $field, ..$one.clone() })),*]
    }};
}

/// A launch for each field of the setup, of its options and of the seat, that differs in this field alone.
fn launches_that_differ(launch: &AgentLaunch) -> Vec<(&'static str, AgentLaunch)> {
    let AgentLaunch { setup, seat } = launch;
    let seats = one_field_of_another!(
        AgentSeat { session, conversation, process, spent, files, is_moved, resume_at },
        seat,
        other_seat()
    );
    // The ids of a spare agent are its own.
    let seats =
        seats.into_iter().filter(|(field, _)| !["session", "conversation", "process"].contains(field));
    let setups = one_field_of_another!(
        AgentSetup { tenant, owner, working_dir, within, permission_mode, options, trust, extensions },
        setup,
        other_setup()
    );
    let options = one_field_of_another!(
        AgentOptions {
            model,
            fallback_model,
            effort,
            tools,
            max_turns,
            max_budget_micros,
            max_duration_ms,
            append_system_prompt,
            output_schema,
            add_dirs,
            env,
        },
        setup.options,
        other_setup().options
    );
    let with_options = options.map(|(field, options)| (field, AgentSetup { options, ..setup.clone() }));
    let with_setup = |setup| AgentLaunch { setup, seat: seat.clone() };
    let with_seat = |seat| AgentLaunch { setup: setup.clone(), seat };
    let setups = setups.into_iter().chain(with_options).map(|(field, setup)| (field, with_setup(setup)));
    setups.chain(seats.map(|(field, seat)| (field, with_seat(seat)))).collect()
}

/// Every field differs from that of [`like_opened`].
fn other_setup() -> AgentSetup {
    AgentSetup {
        tenant: TenantId("others".into()),
        owner: "bob".into(),
        working_dir: "/work/deeper".into(),
        within: Some("/work".into()),
        permission_mode: PermissionMode::Plan,
        options: AgentOptions {
            model: Some("other".into()),
            fallback_model: Some("other".into()),
            effort: Some("high".into()),
            tools: Some(vec![]),
            max_turns: Some(1),
            max_budget_micros: Some(MicroDollars(1)),
            max_duration_ms: Some(1),
            append_system_prompt: Some("be brief".into()),
            output_schema: Some(json!({ "type": "object" })),
            add_dirs: vec!["/more".into()],
            env: BTreeMap::from([("TOKEN".into(), "secret".into())]),
        },
        trust: Trust::Trusted,
        extensions: Arc::new(ActiveExtensions::new(vec![ActiveExtension {
            id: ExtensionId(Uuid::from_u128(1)),
            name: "other".into(),
            version: 1,
            definition: Definition::McpServer(McpServer::Http {
                url: "https://a.example".into(),
                headers: vec![],
            }),
            secrets: SecretValues::default(),
        }])),
    }
}

fn other_seat() -> AgentSeat {
    AgentSeat {
        session: session(9),
        conversation: Uuid::from_u128(9),
        process: ProcessId(Uuid::from_u128(9)),
        spent: SpentBefore { session: MicroDollars(1), turn: MicroDollars(0) },
        files: vec![AgentFile { path: "transcript".into(), bytes: vec![] }],
        is_moved: true,
        resume_at: Some("tool-1".into()),
    }
}

#[test]
fn spare_agent_is_never_like_one_that_was_given_variables() {
    run(async {
        let server = Server::start_with(with_spares());
        let _plain = server.open(session(1)).await;
        let env = BTreeMap::from([("TOKEN".to_owned(), "secret".to_owned())]);
        let options = AgentOptions { env, ..AgentOptions::default() };
        open(&server, SessionOpened { options, ..opening(session(2)) }).await;
        let _with_variables = server.runner.agent().await;

        let spare = server.runner.agent().await;

        assert_eq!(spare.launch.setup.options, AgentOptions::default());
    });
}

#[test]
fn agent_that_has_died_is_not_used_and_its_folder_goes() {
    run(async {
        let (server, _first, spare) = prepared(with_spares()).await;
        let died = spare.launch.seat.session;
        drop(spare);
        when_there_are(&server, 0).await;

        assert_eq!(open(&server, opening(session(2))).await, session(2));

        assert_eq!(server.runner.agent().await.launch.seat.session, session(2));
        assert_eq!(server.runner.discarded(), [died]);
    });
}

#[test]
fn agent_that_started_under_other_circumstances_is_not_used() {
    run(async {
        let (server, _first, mut spare) = prepared(with_spares()).await;
        server.runner.change_place();

        assert_eq!(open(&server, opening(session(2))).await, session(2));

        assert_eq!(spare.hears().await, Heard::Kill);
    });
}

#[test]
fn agent_that_started_before_its_folder_was_trusted_is_not_used() {
    run(async {
        let (server, _first, mut spare) = prepared(with_spares()).await;
        let ada = Granted { by: "ada".into(), at: Timestamp::from_micros(1) };
        let folder = opening(session(1)).working_dir;
        server.trust.trust((&TenantId::first(), &folder), ada, provenance()).await.unwrap();

        assert_eq!(open(&server, opening(session(2))).await, session(2));

        assert_eq!(spare.hears().await, Heard::Kill);
    });
}

#[test]
fn request_that_was_carried_out_before_opens_nothing_and_keeps_no_agent() {
    run(async {
        let server = Server::start_with(with_spares());
        let first = server.sessions.open(opening(session(1)), retriable(7, 7)).await.unwrap();
        let _first = server.runner.agent().await;
        let mut spare = server.runner.agent().await;
        when_there_are(&server, 1).await;

        let again = server.sessions.open(opening(session(2)), retriable(7, 7)).await.unwrap();

        assert_eq!((again.session(), again.replayed), (first.session(), true));
        assert_eq!(spare.hears().await, Heard::Kill);
        assert_eq!(server.runner.discarded(), [spare.launch.seat.session]);
    });
}

#[test]
fn spare_agent_makes_room_for_a_session() {
    run(async {
        let (server, _first, mut spare) = prepared(Settings { max_sessions: 2, ..with_spares() }).await;

        open(&server, SessionOpened { owner: "bob".into(), ..opening(session(2)) }).await;

        assert_eq!(spare.hears().await, Heard::Kill);
        assert_eq!(server.sessions.spare_agents(), 0);
    });
}

#[test]
fn spare_agent_ends_when_nobody_wants_it() {
    run(async {
        let idle_timeout = Duration::from_millis(50);
        let server = Server::start_with(Settings { idle_timeout, ..with_spares() });
        let _first = server.open(session(1)).await;
        let mut spare = server.runner.agent().await;

        assert_eq!(spare.hears().await, Heard::Kill);
        server.runner.when_none_runs().await;
    });
}

#[test]
fn spare_agent_ends_with_the_server() {
    run(async {
        let (server, _first, spare) = prepared(with_spares()).await;

        server.sessions.shut_down(Duration::ZERO).await;

        assert_eq!(server.runner.running(), 0);
        assert_eq!(server.runner.discarded(), [spare.launch.seat.session]);
    });
}

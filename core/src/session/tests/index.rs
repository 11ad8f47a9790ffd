//! The session as a list shows it.

use serde_json::json;

use super::every_event::every_event;
use super::samples::{
    at, began_by_itself, completed, decided, interrupt_requested, model_call, opened, opening, parked,
    permission_requested, profile, prompted, prompted_with, resumed, session, settlement, spend, spend_of,
    started, turn, unreported, usage,
};
use crate::agent::{FileChange, FileChangeKind, PermissionMode};
use crate::ids::TenantId;
use crate::money::MicroDollars;
use crate::request::{DecidedBy, Decision};
use crate::session::event::{
    AgentEvent, FilesEvent, InterruptCause, LifecycleEvent, Origin, PromptEvent, RequestEvent, SessionEvent,
    SessionOpened, SettingEvent, SpendEvent, TurnEvent, WithdrawReason,
};
use crate::session::index::{SessionHead, SessionIndex, SessionStatus, SessionSummary};
use crate::spend::{ModelCall, Spend, Usage};

#[test]
fn fold_begins_with_what_the_session_was_opened_with() {
    let summary = indexed(&[]).summary();

    let head = SessionHead {
        id: session(),
        title: None,
        status: SessionStatus::Idle,
        working_dir: "/srv".into(),
        model: None,
        permission_mode: opening().permission_mode,
        owner: "ada".into(),
        origin: Origin::Api,
        parent: None,
        schedule: None,
        created_at: at(1),
        updated_at: at(1),
        version: 1,
        cost_usd: Some(MicroDollars(0)),
        cost_is_estimate: false,
        usage: Usage::default(),
        tags: vec![],
        offline: false,
    };
    assert_eq!(
        summary,
        SessionSummary { tenant: TenantId::first(), head, turns: 0, files_changed: 0, pending: 0 }
    );
}

#[test]
fn fold_begins_with_no_other_event() {
    assert_eq!(SessionIndex::open(&prompted(1), at(1)), None);
}

#[test]
fn each_event_counts_and_moves_the_time_of_the_last_change() {
    let head = indexed(&[prompted(1), started(1), interrupt_requested(1)]).head;

    assert_eq!((head.version, head.created_at, head.updated_at), (4, at(1), at(4)));
}

#[test]
fn stored_index_is_left_alone_exactly_while_a_turn_runs_and_nothing_else_changes() {
    let running = indexed(&[prompted(1), started(1)]);
    let waiting = indexed(&[prompted(1), started(1), permission_requested("r1")]);
    let idle = indexed(&[]);
    for before in [running, waiting, idle] {
        for event in every_event() {
            let (mut followed, mut applied) = (before.clone(), before.clone());
            applied.apply(&event, at(9));

            let is_written = followed.follow(&event, (applied.head.version, at(9)));

            let is_running = before.head.status == SessionStatus::Running;
            let mut moved = before.clone();
            moved.advance(applied.head.version, at(9));
            assert!(is_written || (is_running && applied == moved), "{event:?}");
            assert_eq!(followed, if is_written { applied } else { before.clone() }, "{event:?}");
        }
    }
}

#[test]
fn what_an_agent_says_and_does_leaves_the_stored_index_alone() {
    let mut index = indexed(&[prompted(1), started(1)]);

    assert!(!index.follow(&interrupt_requested(1), (4, at(4))));
    assert!(index.follow(&changed("/srv/a"), (5, at(5))));

    assert_eq!((index.head.version, index.head.updated_at), (5, at(5)));
}

#[test]
fn costs_and_tokens_of_all_turns_add_up() {
    let cut_off = SessionEvent::Turn(TurnEvent::Interrupted {
        turn: turn(2),
        cause: InterruptCause::User,
        account: super::samples::account(&spend_of(&[("opus", 3), ("haiku", 2)]), &spend(15)),
    });

    let head = indexed(&[completed(1, &spend(10), &spend(10)), cut_off]).head;

    assert_eq!((head.cost_usd, head.usage), (Some(MicroDollars(15)), usage(15)));
}

#[test]
fn turn_that_runs_or_waits_costs_what_its_calls_have_cost_and_nothing_twice_when_it_ends() {
    let call = ModelCall { cost_micros: MicroDollars(30), usage: usage(3), ..model_call() };
    let called = SessionEvent::Spend(SpendEvent::ModelCalled { turn: Some(turn(2)), call });
    let earlier = [prompted(1), started(1), completed(1, &spend(10), &spend(10)), prompted(2), started(2)];
    let mut events = [earlier.as_slice(), &[called.clone(), permission_requested("r1")]].concat();

    let waiting = indexed(&events).head;
    events.push(completed(2, &spend(40), &spend(50)));
    let ended = indexed(&events).head;
    events.push(called);
    let afterwards = indexed(&events).head;

    assert_eq!((waiting.cost_usd, waiting.usage), (Some(MicroDollars(40)), usage(13)));
    assert_eq!((ended.cost_usd, ended.usage), (Some(MicroDollars(50)), usage(50)));
    assert_eq!((afterwards.cost_usd, afterwards.usage), (Some(MicroDollars(80)), usage(53)));
}

#[test]
fn loss_of_the_process_of_what_waits_is_no_change_of_the_session() {
    let waiting = [prompted(1), started(1), permission_requested("r1")];

    let head = indexed(&[waiting.as_slice(), &[parked()]].concat()).head;

    assert_eq!((head.version, head.updated_at), (5, indexed(&waiting).head.updated_at));
}

#[test]
fn title_comes_from_the_first_prompt() {
    let long = "word ".repeat(30);
    let eighty_characters = "你".repeat(80);
    for (prompt, title) in [
        ("fix the build", "fix the build"),
        ("\n\n  first line\r\nsecond line", "first line"),
        (&long[..], &*format!("{}…", "word ".repeat(16).trim_end())),
        (&eighty_characters[..], &eighty_characters[..]),
        (&*format!("{eighty_characters}好"), &*format!("{eighty_characters}…")),
    ] {
        let head = indexed(&[prompted_with(1, prompt), prompted_with(2, "another")]).head;

        assert_eq!(head.title.as_deref(), Some(title));
    }
}

#[test]
fn title_that_was_given_stays() {
    let named = SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened {
        title: Some("Mine".into()),
        ..opening()
    }));
    let mut index = SessionIndex::open(&named, at(1)).unwrap();

    index.apply(&prompted(1), at(2));

    assert_eq!(index.head.title.as_deref(), Some("Mine"));
}

#[test]
fn model_is_the_one_that_the_agent_says_it_uses() {
    let introduced = SessionEvent::Agent(AgentEvent::Initialized { turn: turn(1), profile: profile("opus") });

    assert_eq!(indexed(&[started(1), introduced]).head.model.as_deref(), Some("opus"));
}

#[test]
fn status_follows_the_turns() {
    let refused = decided(settlement("r1", Decision::Deny));
    let interrupted = SessionEvent::Turn(TurnEvent::Interrupted {
        turn: turn(2),
        cause: InterruptCause::ServerCrashed,
        account: unreported(&Spend::default()),
    });
    use SessionStatus::{Idle, Running, Waiting};
    then_status_after_each(&[
        (prompted(1), Running),
        (started(1), Running),
        (permission_requested("r1"), Waiting),
        (permission_requested("r2"), Waiting),
        (refused, Waiting),
        (prompted(2), Waiting),
        (completed(1, &spend(1), &spend(1)), Running),
        (started(2), Running),
        (interrupted, Idle),
        (began_by_itself(), Running),
    ]);
}

#[test]
fn request_that_nobody_answered_is_settled_by_the_end_of_its_turn() {
    let summary = indexed(&[started(1), permission_requested("r1"), permission_requested("r2")]).summary();
    let settled =
        indexed(&[started(1), permission_requested("r1"), completed(1, &spend(1), &spend(1))]).summary();

    assert_eq!((summary.pending, settled.pending), (2, 0));
}

#[test]
fn session_waits_until_every_request_is_settled_whatever_becomes_of_its_process() {
    use SessionStatus::{Running, Waiting};
    let (turn, request_id, reason) = (turn(1), "r2".to_owned(), WithdrawReason::AgentWithdrew);
    then_status_after_each(&[
        (prompted(1), Running),
        (started(1), Running),
        (permission_requested("r1"), Waiting),
        (permission_requested("r2"), Waiting),
        (parked(), Waiting),
        (decided(settlement("r1", Decision::Allow)), Waiting),
        (SessionEvent::Request(RequestEvent::Withdrawn { turn, request_id, reason }), Running),
        (resumed("r1", None), Running),
    ]);
}

#[test]
fn archived_session_says_so_whatever_waits_in_it() {
    use SessionStatus::{Archived, Idle, Running, Waiting};
    let by = || "ada".to_owned();
    then_status_after_each(&[
        (SessionEvent::Lifecycle(LifecycleEvent::Archived { by: by() }), Archived),
        (SessionEvent::Lifecycle(LifecycleEvent::Unarchived { by: by() }), Idle),
        (started(1), Running),
        (permission_requested("r1"), Waiting),
        (SessionEvent::Lifecycle(LifecycleEvent::Archived { by: by() }), Archived),
        (SessionEvent::Lifecycle(LifecycleEvent::Unarchived { by: by() }), Waiting),
    ]);
}

#[test]
fn pending_counts_what_waits() {
    let summary = indexed(&[
        started(1),
        permission_requested("r1"),
        permission_requested("r2"),
        decided(settlement("r1", Decision::Deny)),
    ])
    .summary();

    assert_eq!(summary.pending, 1);
}

#[test]
fn what_was_changed_shows_as_it_is_now() {
    let by = || "ada".to_owned();

    let head = indexed(&[
        prompted(1),
        SessionEvent::Lifecycle(LifecycleEvent::Renamed { title: "New".into(), by: by() }),
        SessionEvent::Lifecycle(LifecycleEvent::Tagged { tags: vec!["red".into()], by: by() }),
        SessionEvent::Lifecycle(LifecycleEvent::Tagged {
            tags: vec!["blue".into(), "green".into()],
            by: by(),
        }),
        SessionEvent::Setting(SettingEvent::ModelChanged { model: Some("haiku".into()), by: by() }),
        SessionEvent::Setting(SettingEvent::PermissionModeChanged {
            mode: PermissionMode::Plan,
            by: DecidedBy::user("ada"),
        }),
        SessionEvent::Setting(SettingEvent::WorkingDirChanged { working_dir: "/srv/new".into(), by: by() }),
    ])
    .head;

    assert_eq!(head.working_dir, "/srv/new");
    assert_eq!((head.title.as_deref(), head.model.as_deref()), (Some("New"), Some("haiku")));
    assert_eq!(
        (head.tags, head.permission_mode),
        (vec!["blue".into(), "green".into()], PermissionMode::Plan)
    );
}

#[test]
fn prompt_that_was_taken_back_does_not_count() {
    let taken_back = SessionEvent::Prompt(PromptEvent::Withdrawn { turn: turn(2), by: "ada".into() });

    let summary = indexed(&[prompted(1), prompted(2), taken_back, started(1)]).summary();

    assert_eq!(summary.turns, 1);
}

#[test]
fn session_whose_only_prompt_was_taken_back_is_idle() {
    use SessionStatus::{Idle, Running};
    let taken_back = SessionEvent::Prompt(PromptEvent::Withdrawn { turn: turn(1), by: "ada".into() });
    then_status_after_each(&[(prompted(1), Running), (taken_back, Idle)]);
}

#[test]
fn turns_count_once_whoever_began_them() {
    let over = completed(1, &spend(1), &spend(1));

    let summary = indexed(&[prompted(1), prompted(2), started(1), over, began_by_itself()]).summary();

    assert_eq!(summary.turns, 3);
}

#[test]
fn file_that_changed_twice_counts_once() {
    let summary = indexed(&[changed("/srv/a"), changed("/srv/b"), changed("/srv/a")]).summary();

    assert_eq!(summary.files_changed, 2);
}

#[test]
fn fold_goes_on_from_where_it_was_written_down() {
    let before =
        indexed(&[prompted(1), started(1), permission_requested("r1"), changed("/srv/a"), prompted(2)]);

    let read_back: SessionIndex = serde_json::from_str(&serde_json::to_string(&before).unwrap()).unwrap();

    assert_eq!(read_back, before);
}

#[test]
fn summary_in_json_is_flat_and_in_dollars() {
    let mut opened_by_ada = indexed(&[prompted(1), started(1), completed(1, &spend(2_500_000), &spend(0))]);
    opened_by_ada.head.usage = Usage::default();

    let json = serde_json::to_value(opened_by_ada.summary()).unwrap();

    let none = json!({ "input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0 });
    let expected = json!({
        "id": session(), "title": "prompt 1", "status": "idle", "working_dir": "/srv", "model": null,
        "permission_mode": "acceptEdits", "owner": "ada", "origin": "api",
        "created_at": "2026-11-22T10:24:14.000Z", "updated_at": "2026-11-22T10:24:17.000Z",
        "version": 4, "cost_usd": 2.5, "cost_is_estimate": false, "usage": none, "tags": [], "offline": false,
        "turns": 1, "files_changed": 0, "pending": 0,
    });
    assert_eq!(json, expected);
}

/// The words a list filters by are the words in its rows.
#[test]
fn status_is_one_word_everywhere() {
    use SessionStatus::{Archived, Idle, Running, Waiting};
    for status in [Idle, Running, Waiting, Archived] {
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
}

fn indexed(events: &[SessionEvent]) -> SessionIndex {
    let mut index = SessionIndex::open(&opened(), at(1)).unwrap();
    for (version, event) in (2..).zip(events) {
        index.apply(event, at(version));
    }
    index
}

fn then_status_after_each(events: &[(SessionEvent, SessionStatus)]) {
    let mut index = SessionIndex::open(&opened(), at(1)).unwrap();
    for (version, (event, expected)) in (2..).zip(events) {
        index.apply(event, at(version));
        assert_eq!(index.head.status, *expected, "after {event:?}");
    }
}

fn changed(path: &str) -> SessionEvent {
    let change = FileChange {
        path: path.into(),
        kind: FileChangeKind::Modified,
        added: 1,
        removed: 0,
        patch: String::new(),
        tool_use_id: "tool-1".into(),
    };
    SessionEvent::Files(FilesEvent::Changed { turn: turn(1), change })
}

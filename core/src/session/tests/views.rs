//! The whole session as one document, and the answer of a task that was run in it.

use serde_json::json;

use super::samples::{
    SPARE, account, at, began_by_itself, completed, completion, denial, opened, profile, prompted, session,
    spend, started, turn, unreported, usage, viewed,
};
use crate::agent::{FileChange, FileChangeKind};
use crate::money::MicroDollars;
use crate::session::event::{
    AgentEvent, FailureCause, FilesEvent, InterruptCause, SessionEvent, ToolEvent, TurnCompleted, TurnEvent,
    TurnOutcome,
};
use crate::session::frame::TaskAnswer;
use crate::session::so_far::SoFar;
use crate::session::view::{FileView, SessionView, TurnError, TurnStatus, TurnView};
use crate::spend::{Spend, Usage};
use crate::workspace::WorkspaceChange;

#[test]
fn view_begins_with_no_other_event_than_the_opening() {
    assert_eq!(SessionView::open(&prompted(1), at(1)), None);
    assert!(SessionView::open(&opened(), at(1)).is_some());
}

#[test]
fn turn_is_queued_then_running_then_completed() {
    let events = [prompted(1), started(1), completed(1, &spend(7), &spend(7))];

    let statuses: Vec<TurnStatus> =
        (1..=3).map(|count| viewed(&events[..count]).turn(turn(1)).unwrap().status).collect();

    assert_eq!(statuses, [TurnStatus::Queued, TurnStatus::Running, TurnStatus::Completed]);
}

#[test]
fn completed_turn_shows_everything_that_came_of_it() {
    let end = TurnCompleted {
        structured_output: Some(json!({ "name": "Bob" })),
        denials: vec![denial()],
        ..completion(turn(1), TurnOutcome::Success, &spend(7), &spend(50))
    };
    let introduced = SessionEvent::Agent(AgentEvent::Initialized { turn: turn(1), profile: profile("opus") });

    let view = viewed(&[
        prompted(1),
        started(1),
        introduced,
        used("Bash"),
        used("Write"),
        changed("/srv/a"),
        used("Bash"),
        SessionEvent::Turn(TurnEvent::Completed(end)),
    ]);

    assert_eq!(
        view.turns,
        [TurnView {
            id: turn(1),
            prompt: Some("prompt 1".into()),
            task_id: None,
            status: TurnStatus::Completed,
            result: Some("all done".into()),
            outcome: Some("success".into()),
            error: None,
            cost_usd: Some(MicroDollars(7)),
            cost_is_estimate: false,
            usage: usage(7),
            model: Some("opus".into()),
            duration_ms: 1200,
            duration_api_ms: 7,
            num_turns: 2,
            tools_used: vec!["Bash".into(), "Write".into()],
            files_changed: vec!["/srv/a".into()],
            background: 0,
            permission_denials: vec![denial()],
            structured_output: Some(json!({ "name": "Bob" })),
            stop_reason: Some("end_turn".into()),
            started_at: Some(at(3)),
            ended_at: Some(at(9)),
            first_version: 2,
            last_version: 9,
            so_far: SoFar::default(),
        }]
    );
    assert_eq!((view.head.version, view.head.cost_usd), (9, Some(MicroDollars(7))));
}

#[test]
fn turn_that_stopped_at_a_limit_says_so_and_is_no_success() {
    for (outcome, name) in [
        (TurnOutcome::MaxTurns, "max_turns"),
        (TurnOutcome::MaxBudget, "budget"),
        (TurnOutcome::Refused, "refused"),
    ] {
        let end =
            SessionEvent::Turn(TurnEvent::Completed(completion(turn(1), outcome, &spend(7), &spend(7))));

        let view = viewed(&[prompted(1), started(1), end]);

        let error = TurnError { code: name.into(), detail: "all done".into(), status: None };
        let found = view.turn(turn(1)).unwrap();
        assert_eq!((found.status, found.outcome.as_deref()), (TurnStatus::Completed, Some(name)));
        assert_eq!(found.error, Some(error));
    }
}

#[test]
fn turn_that_gave_less_than_was_asked_for_keeps_its_text_and_says_what_is_missing() {
    for (outcome, name, detail) in [
        (TurnOutcome::OutputSchemaUnmet, "output_schema_unmet", "no answer that fits `output_schema`"),
        (TurnOutcome::NotSentToModel, "not_sent_to_model", "put a space, or a word, before the `/`"),
    ] {
        let end =
            SessionEvent::Turn(TurnEvent::Completed(completion(turn(1), outcome, &spend(7), &spend(7))));

        let view = viewed(&[prompted(1), started(1), end]);

        let found = view.turn(turn(1)).unwrap();
        let error = found.error.as_ref().unwrap();
        assert_eq!((&error.code[..], found.result.as_deref()), (name, Some("all done")));
        assert!(error.detail.contains(detail), "{}", error.detail);
    }
}

#[test]
fn turn_that_failed_shows_why_and_how_long_it_took() {
    let (cause, detail, status) = (FailureCause::ModelApiError, "API Error: 529".to_owned(), Some(529));
    let account = unreported(&Spend::default());

    let view = viewed(&[
        prompted(1),
        started(1),
        SessionEvent::Turn(TurnEvent::Failed {
            turn: turn(1),
            cause,
            detail: detail.clone(),
            status,
            account,
        }),
    ]);

    let found = view.turn(turn(1)).unwrap();
    assert_eq!((found.status, found.outcome.as_deref()), (TurnStatus::Failed, Some("model_api_error")));
    assert_eq!(found.error, Some(TurnError { code: "model_api_error".into(), detail, status }));
    // Without a report the clock of the log tells.
    assert_eq!((found.duration_ms, found.ended_at), (1000, Some(at(4))));
}

#[test]
fn turn_that_was_interrupted_keeps_what_it_had_done() {
    let account = account(&spend(7), &spend(7));

    let view = viewed(&[
        prompted(1),
        started(1),
        used("Bash"),
        SessionEvent::Turn(TurnEvent::Interrupted { turn: turn(1), cause: InterruptCause::User, account }),
    ]);

    let found = view.turn(turn(1)).unwrap();
    assert_eq!((found.status, found.outcome.as_deref()), (TurnStatus::Interrupted, Some("interrupted")));
    assert_eq!((found.cost_usd, &found.tools_used[..]), (Some(MicroDollars(7)), &["Bash".to_owned()][..]));
    assert!(found.is_over());
}

#[test]
fn turn_that_the_agent_began_has_no_prompt() {
    let view = viewed(&[began_by_itself()]);

    let found = view.turn(SPARE).unwrap();
    assert_eq!((found.prompt.as_deref(), found.status, found.first_version), (None, TurnStatus::Running, 2));
}

#[test]
fn file_is_listed_once_with_all_that_was_done_to_it() {
    let view = viewed(&[prompted(1), started(1), changed("/srv/a"), changed("/srv/b"), changed("/srv/a")]);

    let file = |path: &str, changes, last_version| FileView {
        path: path.into(),
        kind: FileChangeKind::Modified,
        added: 2 * changes,
        removed: changes,
        last_version,
    };
    assert_eq!(view.files, [file("/srv/a", 2, 6), file("/srv/b", 1, 5)]);
    assert_eq!(view.files_changed, 2);
    assert_eq!(view.turn(turn(1)).unwrap().files_changed, ["/srv/a", "/srv/b"]);
}

#[test]
fn files_are_listed_without_what_a_rewind_undid() {
    let rewound = SessionEvent::Files(FilesEvent::Rewound {
        turn: turn(2),
        files: vec!["/srv/a".into()],
        by: "ada".into(),
    });
    let (first, second) = ([prompted(1), started(1), changed("/srv/a")], [prompted(2), started(2)]);
    let steps = [changed("/srv/a"), seen("/srv/b"), rewound];

    let view = viewed(&[first.as_slice(), &second, &steps].concat());

    let file = |path: &str, (kind, added, removed), last_version| FileView {
        path: path.into(),
        kind,
        added,
        removed,
        last_version,
    };
    let a = file("/srv/a", (FileChangeKind::Modified, 2, 1), 4);
    let b = file("/srv/b", (FileChangeKind::Deleted, 0, 3), 8);
    assert_eq!((view.files, view.files_changed), (vec![a, b], 2));
}

#[test]
fn files_that_a_rewind_took_back_altogether_are_not_listed() {
    let rewound = SessionEvent::Files(FilesEvent::Rewound {
        turn: turn(1),
        files: vec!["/srv/a".into()],
        by: "ada".into(),
    });

    let view = viewed(&[prompted(1), started(1), changed("/srv/a"), rewound]);

    assert_eq!((view.files, view.files_changed), (vec![], 0));
    assert_eq!(view.turns[0].files_changed, ["/srv/a"]);
}

#[test]
fn what_commands_changed_counts_like_what_tools_changed() {
    let view = viewed(&[prompted(1), started(1), changed("/srv/a"), seen("/srv/b"), seen("/srv/a")]);

    assert_eq!(view.turn(turn(1)).unwrap().files_changed, ["/srv/a", "/srv/b"]);
    assert_eq!((view.files[0].removed, view.files_changed), (4, 2));
}

#[test]
fn answer_of_a_success_is_the_result() {
    let answer = answered(completed(1, &spend(2_500_000), &spend(2_500_000)));

    assert_eq!(
        answer,
        TaskAnswer {
            success: true,
            message: "all done".into(),
            session_id: session(),
            turn_id: turn(1),
            cost_usd: 2.5,
            duration_ms: 1200,
            duration_api_ms: 2_500_000,
            files_changed: vec!["/srv/a".into()],
            background: 0,
            tools_used: vec!["Bash".into()],
            model: Some("opus".into()),
            num_turns: 2,
            usage: usage(2_500_000),
            permission_denials: vec![],
            structured_output: None,
            stop_reason: Some("end_turn".into()),
            error: None,
        }
    );
}

#[test]
fn answer_of_a_turn_that_stopped_at_a_limit_is_no_success() {
    let end = completion(turn(1), TurnOutcome::MaxTurns, &spend(7), &spend(7));

    let answer = answered(SessionEvent::Turn(TurnEvent::Completed(end)));

    let error = TurnError { code: "max_turns".into(), detail: "all done".into(), status: None };
    assert_eq!((answer.success, &answer.message[..]), (false, "all done"));
    assert_eq!((answer.error, answer.usage, answer.num_turns), (Some(error), usage(7), 2));
}

#[test]
fn answer_of_an_interrupted_turn_says_who_stopped_it() {
    for (cause, detail) in [
        (InterruptCause::User, "the turn was interrupted on request"),
        (InterruptCause::ServerStopped, "the server was stopped while the turn ran"),
        (InterruptCause::ServerCrashed, "the server ended without warning while the turn ran"),
        (
            InterruptCause::StoreUnavailable,
            "what happened in the turn could not be stored; the server's log says why",
        ),
        (InterruptCause::AgentAborted, "the agent stopped by itself"),
    ] {
        let account = unreported(&Spend::default());

        let answer = answered(SessionEvent::Turn(TurnEvent::Interrupted { turn: turn(1), cause, account }));

        let code =
            if cause == InterruptCause::StoreUnavailable { "store_unavailable" } else { "interrupted" };
        let error = TurnError { code: code.into(), detail: detail.into(), status: None };
        assert_eq!((answer.success, &answer.message[..], answer.error), (false, detail, Some(error)));
        assert_eq!((answer.cost_usd, answer.usage), (0.0, Usage::default()));
    }
}

fn answered(end: SessionEvent) -> TaskAnswer {
    let introduced = SessionEvent::Agent(AgentEvent::Initialized { turn: turn(1), profile: profile("opus") });
    let view = viewed(&[prompted(1), started(1), introduced, used("Bash"), changed("/srv/a"), end]);
    TaskAnswer::new(session(), view.turn(turn(1)).unwrap())
}

fn used(tool: &str) -> SessionEvent {
    let (tool_use_id, name, input) = ("tool-1".into(), tool.to_owned(), json!({}));
    SessionEvent::Tool(ToolEvent::Used { turn: turn(1), tool_use_id, name, input, parent_tool_use_id: None })
}

fn seen(path: &str) -> SessionEvent {
    let (path, kind) = (path.to_owned(), FileChangeKind::Deleted);
    let change = WorkspaceChange { path, kind, added: 0, removed: 3, patch: None, executable: None };
    SessionEvent::Files(FilesEvent::WorkspaceChanged { turn: turn(1), change })
}

fn changed(path: &str) -> SessionEvent {
    let change = FileChange {
        path: path.into(),
        kind: FileChangeKind::Modified,
        added: 2,
        removed: 1,
        patch: String::new(),
        tool_use_id: "tool-1".into(),
    };
    SessionEvent::Files(FilesEvent::Changed { turn: turn(1), change })
}

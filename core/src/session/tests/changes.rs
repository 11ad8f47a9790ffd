//! What people change about a session and its prompts, and what it may begin with.

use super::samples::{
    answer, decided, given, interrupt_requested, opened, parked, permission_requested, prompted, running,
    settle, settlement, started, submit, turn,
};
use crate::agent::PermissionMode;
use crate::prompt::Attachment;
use crate::request::{DecidedBy, Decision};
use crate::session::command::{SessionChange, SessionCommand, WhileRunning};
use crate::session::error::SessionError;
use crate::session::event::{FilesEvent, LifecycleEvent, PromptEvent, SessionEvent, SettingEvent};

#[test]
fn prompt_that_waits_is_taken_back() {
    given([running(), vec![prompted(2), prompted(3)]].concat())
        .when(withdraw(2))
        .then_expect_events(vec![withdrawn(2)]);
}

#[test]
fn prompt_that_was_taken_back_has_no_turn() {
    let over = super::samples::completed(1, &super::samples::spend(1), &super::samples::spend(1));

    given([running(), vec![prompted(2), prompted(3), withdrawn(2), over]].concat())
        .when(super::samples::start())
        .then_expect_events(vec![started(3)]);
}

#[test]
fn prompt_whose_turn_runs_cannot_be_taken_back() {
    given(running()).when(withdraw(1)).then_expect_error(SessionError::PromptNotWaiting);
}

#[test]
fn prompt_that_was_taken_back_cannot_be_taken_back_again() {
    given([running(), vec![prompted(2), withdrawn(2)]].concat())
        .when(withdraw(2))
        .then_expect_error(SessionError::PromptNotWaiting);
}

#[test]
fn prompt_is_given_to_the_running_turn() {
    let attachments = vec![Attachment::Image { media_type: "image/png".into(), data: "aGk=".into() }];

    given(running()).when(steer(attachments.clone())).then_expect_events(vec![SessionEvent::Prompt(
        PromptEvent::Steered {
            turn: turn(1),
            message: turn(50),
            text: "the other one".into(),
            attachments,
            author: "grace".into(),
        },
    )]);
}

#[test]
fn prompt_for_the_running_turn_is_refused_while_none_runs() {
    given([opened(), prompted(1)]).when(steer(vec![])).then_expect_error(SessionError::NothingRunning);
}

#[test]
fn each_change_is_an_event_with_who_made_it() {
    let (by, title, tags) = (|| "ada".to_owned(), "New".to_owned(), vec!["red".to_owned()]);
    let mode = PermissionMode::Plan;
    let model = Some("haiku".to_owned());
    for (changed, event) in [
        (
            SessionChange::Title(title.clone()),
            SessionEvent::Lifecycle(LifecycleEvent::Renamed { title, by: by() }),
        ),
        (
            SessionChange::Tags(tags.clone()),
            SessionEvent::Lifecycle(LifecycleEvent::Tagged { tags, by: by() }),
        ),
        (
            SessionChange::PermissionMode(mode),
            SessionEvent::Setting(SettingEvent::PermissionModeChanged { mode, by: DecidedBy::user("ada") }),
        ),
        (
            SessionChange::Model(model.clone()),
            SessionEvent::Setting(SettingEvent::ModelChanged { model, by: by() }),
        ),
        (
            SessionChange::WorkingDir("/srv/new".into()),
            SessionEvent::Setting(SettingEvent::WorkingDirChanged {
                working_dir: "/srv/new".into(),
                by: by(),
            }),
        ),
        (SessionChange::Archived(true), SessionEvent::Lifecycle(LifecycleEvent::Archived { by: by() })),
    ] {
        given([opened()]).when(change(changed)).then_expect_events(vec![event]);
    }
}

#[test]
fn setting_to_what_it_is_already_changes_nothing() {
    for same in [
        SessionChange::PermissionMode(PermissionMode::AcceptEdits),
        SessionChange::Model(None),
        SessionChange::Archived(false),
    ] {
        given([opened()]).when(change(same)).then_expect_events(vec![]);
    }
}

#[test]
fn mode_and_model_change_while_a_turn_runs_or_waits() {
    let model = || Some("haiku".to_owned());
    for before in [running(), [running(), vec![permission_requested("r1"), parked()]].concat()] {
        given(before).when(change(SessionChange::Model(model()))).then_expect_events(vec![
            SessionEvent::Setting(SettingEvent::ModelChanged { model: model(), by: "ada".into() }),
        ]);
    }
}

#[test]
fn session_with_something_to_do_stays_in_its_folder() {
    for before in [vec![opened(), prompted(1)], running()] {
        given(before)
            .when(change(SessionChange::WorkingDir("/srv/new".into())))
            .then_expect_error(SessionError::TurnInProgress);
    }
}

#[test]
fn model_goes_back_to_the_agents_own_choice() {
    let chosen =
        SessionEvent::Setting(SettingEvent::ModelChanged { model: Some("haiku".into()), by: "ada".into() });

    given([opened(), chosen]).when(change(SessionChange::Model(None))).then_expect_events(vec![
        SessionEvent::Setting(SettingEvent::ModelChanged { model: None, by: "ada".into() }),
    ]);
}

#[test]
fn session_with_something_to_do_is_not_archived() {
    for before in [vec![opened(), prompted(1)], running()] {
        given(before)
            .when(change(SessionChange::Archived(true)))
            .then_expect_error(SessionError::TurnInProgress);
    }
}

#[test]
fn session_that_waits_for_people_is_archived_and_nothing_in_it_is_decided() {
    let waiting = || running().into_iter().chain([permission_requested("r1")]);
    given(waiting()).when(change(SessionChange::Archived(true))).then_expect_events(vec![archived()]);

    let archived_while_waiting = || waiting().chain([archived()]);
    let allow = || settle("r1", answer(Decision::Allow));
    given(archived_while_waiting()).when(allow()).then_expect_error(SessionError::Archived);
    let unarchived = SessionEvent::Lifecycle(LifecycleEvent::Unarchived { by: "ada".into() });
    given(archived_while_waiting().chain([unarchived]))
        .when(allow())
        .then_expect_events(vec![decided(settlement("r1", Decision::Allow))]);
}

#[test]
fn archived_session_refuses_prompts() {
    for while_running in [WhileRunning::Queue, WhileRunning::Refuse] {
        given([opened(), archived()])
            .when(submit(1, while_running))
            .then_expect_error(SessionError::Archived);
    }
}

#[test]
fn nothing_is_rewound_in_an_archived_session() {
    given([opened(), archived()]).when(rewind()).then_expect_error(SessionError::Archived);
}

#[test]
fn session_that_is_archived_no_more_takes_prompts() {
    let unarchived = SessionEvent::Lifecycle(LifecycleEvent::Unarchived { by: "ada".into() });

    given([opened(), archived(), unarchived])
        .when(submit(1, WhileRunning::Refuse))
        .then_expect_events(vec![prompted(1)]);
}

#[test]
fn archived_session_is_archived_once_and_taken_out_again() {
    given([opened(), archived()]).when(change(SessionChange::Archived(true))).then_expect_events(vec![]);
    given([opened(), archived()])
        .when(change(SessionChange::Archived(false)))
        .then_expect_events(vec![SessionEvent::Lifecycle(LifecycleEvent::Unarchived { by: "ada".into() })]);
}

#[test]
fn files_are_put_back_while_nothing_runs() {
    given([opened()]).when(rewind()).then_expect_events(vec![SessionEvent::Files(FilesEvent::Rewound {
        turn: turn(1),
        files: vec!["/srv/a".into()],
        by: "ada".into(),
    })]);
}

#[test]
fn files_are_not_put_back_under_a_turn() {
    for before in [vec![opened(), prompted(1)], running()] {
        given(before).when(rewind()).then_expect_error(SessionError::TurnInProgress);
    }
}

#[test]
fn session_begins_with_what_has_happened_elsewhere() {
    let log = vec![opened(), prompted(1), started(1), interrupt_requested(1)];

    given([]).when(SessionCommand::Adopt(log.clone())).then_expect_events(log);
}

#[test]
fn what_does_not_open_a_session_is_no_log_to_begin_with() {
    for log in [vec![], vec![prompted(1), opened()]] {
        given([]).when(SessionCommand::Adopt(log)).then_expect_error(SessionError::NotALog);
    }
}

#[test]
fn session_that_was_opened_takes_no_other_log() {
    given([opened()])
        .when(SessionCommand::Adopt(vec![opened()]))
        .then_expect_error(SessionError::AlreadyOpened);
}

fn withdraw(number: u128) -> SessionCommand {
    SessionCommand::WithdrawPrompt { turn: turn(number), by: "ada".into() }
}

fn withdrawn(number: u128) -> SessionEvent {
    SessionEvent::Prompt(PromptEvent::Withdrawn { turn: turn(number), by: "ada".into() })
}

fn steer(attachments: Vec<Attachment>) -> SessionCommand {
    let text = "the other one".to_owned().try_into().unwrap();
    SessionCommand::Steer { message: turn(50), text, attachments, author: "grace".into() }
}

fn change(change: SessionChange) -> SessionCommand {
    SessionCommand::Change { change, by: "ada".into() }
}

fn rewind() -> SessionCommand {
    SessionCommand::RecordRewind { turn: turn(1), files: vec!["/srv/a".into()], by: "ada".into() }
}

fn archived() -> SessionEvent {
    SessionEvent::Lifecycle(LifecycleEvent::Archived { by: "ada".into() })
}

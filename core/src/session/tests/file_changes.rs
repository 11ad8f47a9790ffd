//! What was changed in files, by file and by turn.

use super::samples::{prompted, started, turn};
use crate::agent::{FileChange, FileChangeKind};
use crate::session::changes::{ChangedFile, Changes};
use crate::session::event::{FilesEvent, SessionEvent};
use crate::workspace::WorkspaceChange;

#[test]
fn steps_of_one_file_stand_one_after_another() {
    let changes = folded(&[
        started(1),
        changed(1, "/srv/a", FileChangeKind::Created, 2),
        changed(1, "/srv/b", FileChangeKind::Modified, 1),
        started(2),
        changed(2, "/srv/a", FileChangeKind::Modified, 3),
    ]);

    let a = file("/srv/a", FileChangeKind::Created, 5, "+\n+\n+\n+\n+\n", &[2, 5]);
    let b = file("/srv/b", FileChangeKind::Modified, 1, "+\n", &[3]);
    assert_eq!(changes.by_file(None), [a, b]);
    let second = file("/srv/a", FileChangeKind::Modified, 3, "+\n+\n+\n", &[5]);
    assert_eq!(changes.by_file(Some(turn(2))), [second]);
}

#[test]
fn turns_without_changes_are_left_out_and_known_all_the_same() {
    let changes = folded(&[
        prompted(1),
        started(1),
        started(2),
        changed(2, "/srv/a", FileChangeKind::Created, 2),
        changed(2, "/srv/b", FileChangeKind::Created, 1),
    ]);

    let turns = changes.by_turn(None);

    assert_eq!(
        turns.iter().map(|changed| (changed.turn_id, changed.added)).collect::<Vec<_>>(),
        [(turn(2), 3)]
    );
    assert_eq!(changes.by_turn(Some(turn(1))), []);
    assert!(changes.has_turn(turn(1)) && !changes.has_turn(turn(3)));
}

#[test]
fn what_a_rewind_undid_is_what_a_turn_did_and_not_what_the_file_went_through() {
    let changes = folded(&[
        started(1),
        changed(1, "/srv/a", FileChangeKind::Created, 1),
        started(2),
        changed(2, "/srv/a", FileChangeKind::Modified, 1),
        changed(2, "/srv/b", FileChangeKind::Created, 1),
        SessionEvent::Files(FilesEvent::Rewound {
            turn: turn(2),
            files: vec!["/srv/a".into()],
            by: "ada".into(),
        }),
    ]);

    let a = file("/srv/a", FileChangeKind::Created, 1, "+\n", &[2]);
    let b = file("/srv/b", FileChangeKind::Created, 1, "+\n", &[5]);
    assert_eq!(changes.by_file(None), [a, b]);
    assert_eq!(changes.by_turn(Some(turn(2)))[0].files.len(), 2);
}

#[test]
fn what_commands_changed_is_a_step_like_any_other() {
    let deleted = WorkspaceChange {
        path: "/srv/a".into(),
        kind: FileChangeKind::Deleted,
        added: 0,
        removed: 1,
        patch: None,
    };
    let changes = folded(&[
        started(1),
        changed(1, "/srv/a", FileChangeKind::Created, 1),
        SessionEvent::Files(FilesEvent::WorkspaceChanged { turn: turn(1), change: deleted }),
    ]);

    let a = ChangedFile { removed: 1, ..file("/srv/a", FileChangeKind::Created, 1, "+\n", &[2, 3]) };
    assert_eq!(changes.by_file(None), [a]);
}

fn folded(events: &[SessionEvent]) -> Changes {
    let mut changes = Changes::default();
    (1..).zip(events).for_each(|(version, event)| changes.apply(version, event));
    changes
}

fn changed(number: u128, path: &str, kind: FileChangeKind, lines: u32) -> SessionEvent {
    let patch = "+\n".repeat(lines as usize);
    let (path, tool_use_id) = (path.into(), "toolu_1".into());
    let change = FileChange { path, kind, added: lines, removed: 0, patch, tool_use_id };
    SessionEvent::Files(FilesEvent::Changed { turn: turn(number), change })
}

fn file(path: &str, kind: FileChangeKind, added: u32, patch: &str, versions: &[u64]) -> ChangedFile {
    let (path, patch) = (path.to_owned(), patch.to_owned());
    ChangedFile { path, kind, added, removed: 0, patch, versions: versions.to_vec() }
}

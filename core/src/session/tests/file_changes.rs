//! What became of files, by file and by turn: the steps of each as one difference.

use super::samples::{opened, prompted, started, turn};
use crate::agent::{FileChange, FileChangeKind};
use crate::session::changes::{ChangedFile, Changes, Scope, Unpatched};
use crate::session::event::{FilesEvent, SessionEvent};
use crate::workspace::WorkspaceChange;

use FileChangeKind::{Created, Deleted, Modified};

const NEW: &str = "diff --git a/a b/a\nnew file mode 100644\n--- /dev/null\n+++ b/a\n";
const OLD: &str = "diff --git a/a b/a\n--- a/a\n+++ b/a\n";

#[test]
fn steps_of_one_file_are_one_difference() {
    let changes = folded(&[
        opened(),
        started(1),
        reported(1, "/srv/a", Created, "@@ -0,0 +1,2 @@\n+one\n+two\n"),
        reported(1, "/srv/b", Modified, "@@ -1,1 +1,1 @@\n-x\n+y\n"),
        started(2),
        reported(2, "/srv/a", Modified, "@@ -1,2 +1,3 @@\n one\n-two\n+2\n+3\n"),
    ]);

    let a = file("a", Created, (3, 0), &format!("{NEW}@@ -0,0 +1,3 @@\n+one\n+2\n+3\n"), &[3, 6]);
    let b = "diff --git a/b b/b\n--- a/b\n+++ b/b\n@@ -1,1 +1,1 @@\n-x\n+y\n";
    assert_eq!(changes.by_file(Scope::Session), [a, file("b", Modified, (1, 1), b, &[4])]);
    let second = format!("{OLD}@@ -1,2 +1,3 @@\n one\n-two\n+2\n+3\n");
    let second = [file("a", Modified, (2, 1), &second, &[6])];
    assert_eq!(changes.by_file(Scope::Turn(turn(2))), second);
    assert_eq!(changes.by_file(Scope::Since(turn(2))), second);
    assert_eq!(changes.by_file(Scope::Since(turn(1))), changes.by_file(Scope::Session));
}

#[test]
fn places_of_later_steps_are_those_of_the_text_before_all() {
    // Ten lines; two are put in at the top, then one far below is changed, then one near the top.
    let patches = [
        "@@ -1,3 +1,5 @@\n+x\n+y\n 1\n 2\n 3\n",
        "@@ -9,4 +9,4 @@\n 7\n 8\n-9\n+nine\n 10\n",
        "@@ -3,5 +3,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n",
    ];

    let expected = "@@ -1,5 +1,7 @@\n+x\n+y\n 1\n-2\n+two\n 3\n 4\n 5\n\
                    @@ -7,4 +9,4 @@\n 7\n 8\n-9\n+nine\n 10\n";
    assert_eq!(patch_of(&patches.map(|patch| (Modified, patch))), format!("{OLD}{expected}"));
}

#[test]
fn what_was_done_and_undone_is_no_difference() {
    let there = "@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n";
    let and_back = "@@ -1,3 +1,3 @@\n a\n-c\n+b\n d\n";

    assert_eq!(files_of(&[(Modified, there), (Modified, and_back)]), []);
    let made_and_gone = [(Created, "@@ -0,0 +1 @@\n+a\n"), (Deleted, "@@ -1 +0,0 @@\n-a\n")];
    assert_eq!(files_of(&made_and_gone), []);
}

#[test]
fn file_that_is_gone_and_there_again_is_what_it_is_now() {
    let gone = (Deleted, "@@ -1,2 +0,0 @@\n-a\n-b\n");

    let deleted =
        "diff --git a/a b/a\ndeleted file mode 100644\n--- a/a\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n";
    assert_eq!(patch_of(&[gone]), deleted);
    let there_again = patch_of(&[gone, (Created, "@@ -0,0 +1,2 @@\n+a\n+c\n")]);
    assert_eq!(there_again, format!("{OLD}@@ -1,2 +1,2 @@\n a\n-b\n+c\n"));
}

#[test]
fn last_line_without_a_newline_stays_one() {
    let there = "@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n";
    let changed = "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n";

    assert_eq!(patch_of(&[(Created, there)]), format!("{NEW}{there}"));
    let both = patch_of(&[(Created, there), (Modified, changed)]);
    assert_eq!(both, format!("{NEW}@@ -0,0 +1,2 @@\n+a\n+b\n"));
}

#[test]
fn steps_that_do_not_follow_one_another_and_those_not_compared_have_no_patch() {
    let elsewhere = ["@@ -1,2 +1,2 @@\n a\n-b\n+c\n", "@@ -1,2 +1,2 @@\n a\n-x\n+y\n"];
    let twice_there = [(Created, "@@ -0,0 +1 @@\n+a\n"); 2];

    for steps in [elsewhere.map(|patch| (Modified, patch)), twice_there] {
        let file = files_of(&steps).remove(0);
        assert_eq!((file.patch.as_str(), file.unpatched), ("", Some(Unpatched::ChangedBetween)));
    }
    let too_large = found("/srv/a", Modified, None, None);
    let file = folded(&[opened(), started(1), too_large]).by_file(Scope::Session).remove(0);
    assert_eq!((file.patch.as_str(), file.unpatched), ("", Some(Unpatched::NotCompared)));
}

#[test]
fn contents_that_are_no_text_go_from_the_first_to_the_last() {
    let step = |old: &str, new: &str| {
        format!("index {old}..{new}\nGIT binary patch\nliteral 1\n{new}\n\nliteral 1\n{old}\n\n")
    };

    let both = patch_of(&[(Modified, &step("1", "2")), (Modified, &step("2", "3"))]);
    let broken = files_of(&[(Modified, &step("1", "2")), (Modified, &step("4", "3"))]).remove(0);

    assert_eq!(both, format!("diff --git a/a b/a\n{}", step("1", "3")));
    assert_eq!(broken.unpatched, Some(Unpatched::ChangedBetween));
    assert_eq!(files_of(&[(Modified, &step("1", "2")), (Modified, &step("2", "1"))]), []);
}

#[test]
fn mode_is_told_where_it_is_another_one() {
    let mode = |executable| found("/srv/a", Modified, Some(""), Some(executable));
    let made = || reported(1, "/srv/a", Created, "@@ -0,0 +1,1 @@\n+a\n");
    let of = |steps: &[SessionEvent]| {
        let events: Vec<_> = [opened(), started(1)].iter().chain(steps).cloned().collect();
        folded(&events).by_file(Scope::Session)
    };

    let changed = of(&[mode(true)]).remove(0);
    assert_eq!(changed.patch, "diff --git a/a b/a\nold mode 100644\nnew mode 100755\n");
    assert_eq!((changed.executable, changed.added), (Some(true), 0));
    assert_eq!(of(&[mode(true), mode(false)]), []);
    let new = of(&[made(), mode(true)]).remove(0).patch;
    assert!(new.starts_with("diff --git a/a b/a\nnew file mode 100755\n--- /dev/null\n"), "{new}");
}

#[test]
fn names_are_written_as_git_reads_them_and_those_outside_lead_nowhere() {
    let patch = "@@ -1,1 +1,1 @@\n-x\n+y\n";
    for (path, names) in [
        ("/srv/two words", "diff --git a/two words b/two words\n--- a/two words\t\n+++ b/two words\t\n"),
        (
            "/srv/q\"\\\t",
            "diff --git \"a/q\\\"\\\\\\011\" \"b/q\\\"\\\\\\011\"\n--- \"a/q\\\"\\\\\\011\"\n+++ \"b/q\\\"\\\\\\011\"\n",
        ),
        (
            "/srv-beside/a",
            "diff --git a//srv-beside/a b//srv-beside/a\n--- a//srv-beside/a\n+++ b//srv-beside/a\n",
        ),
    ] {
        let changes = folded(&[opened(), started(1), reported(1, path, Modified, patch)]);
        let file = changes.by_file(Scope::Session).remove(0);
        assert_eq!(file.patch, format!("{names}{patch}"));
        assert_eq!((file.absolute_path.as_str(), file.is_inside()), (path, path.starts_with("/srv/")));
    }
}

#[test]
fn turns_without_changes_are_left_out_and_known_all_the_same() {
    let changes = folded(&[
        opened(),
        prompted(1),
        started(1),
        started(2),
        reported(2, "/srv/a", Created, "@@ -0,0 +1,2 @@\n+a\n+b\n"),
        reported(2, "/srv/b", Created, "@@ -0,0 +1,1 @@\n+a\n"),
    ]);

    let turns = changes.by_turn(None);

    let added = turns.iter().map(|changed| (changed.turn_id, changed.added)).collect::<Vec<_>>();
    assert_eq!(added, [(turn(2), 3)]);
    assert_eq!(changes.by_turn(Some(turn(1))), []);
    assert!(changes.has_turn(turn(1)) && !changes.has_turn(turn(3)));
}

#[test]
fn what_a_rewind_undid_is_what_a_turn_did_and_not_what_became_of_the_file() {
    let made = "@@ -0,0 +1,1 @@\n+a\n";
    let changes = folded(&[
        opened(),
        started(1),
        reported(1, "/srv/a", Created, made),
        started(2),
        reported(2, "/srv/a", Modified, "@@ -1,1 +1,1 @@\n-a\n+b\n"),
        reported(2, "/srv/b", Created, made),
        SessionEvent::Files(FilesEvent::Rewound {
            turn: turn(2),
            files: vec!["/srv/a".into()],
            by: "ada".into(),
        }),
    ]);

    let files = changes.by_file(Scope::Session);
    let shown: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.versions.as_slice())).collect();
    assert_eq!(shown, [("a", &[3][..]), ("b", &[6][..])]);
    assert_eq!(changes.by_turn(Some(turn(2)))[0].files.len(), 2);
}

fn folded(events: &[SessionEvent]) -> Changes {
    let mut changes = Changes::default();
    (1..).zip(events).for_each(|(version, event)| changes.apply(version, event));
    changes
}

/// What became of one file.
fn files_of(steps: &[(FileChangeKind, &str)]) -> Vec<ChangedFile> {
    let steps = steps.iter().map(|(kind, patch)| reported(1, "/srv/a", *kind, patch));
    folded(&[opened(), started(1)].into_iter().chain(steps).collect::<Vec<_>>()).by_file(Scope::Session)
}

fn patch_of(steps: &[(FileChangeKind, &str)]) -> String {
    let file = files_of(steps).remove(0);
    assert_eq!(file.unpatched, None);
    file.patch
}

fn reported(number: u128, path: &str, kind: FileChangeKind, patch: &str) -> SessionEvent {
    let (path, patch, tool_use_id) = (path.into(), patch.into(), "toolu_1".into());
    let change = FileChange { path, kind, added: 0, removed: 0, patch, tool_use_id };
    SessionEvent::Files(FilesEvent::Changed { turn: turn(number), change })
}

fn found(path: &str, kind: FileChangeKind, patch: Option<&str>, executable: Option<bool>) -> SessionEvent {
    let (path, patch) = (path.into(), patch.map(str::to_owned));
    let change = WorkspaceChange { path, kind, added: 0, removed: 0, patch, executable };
    SessionEvent::Files(FilesEvent::WorkspaceChanged { turn: turn(1), change })
}

fn file(path: &str, kind: FileChangeKind, lines: (u32, u32), patch: &str, versions: &[u64]) -> ChangedFile {
    ChangedFile {
        path: path.to_owned(),
        absolute_path: format!("/srv/{path}"),
        kind,
        added: lines.0,
        removed: lines.1,
        executable: None,
        patch: patch.to_owned(),
        unpatched: None,
        versions: versions.to_vec(),
    }
}

//! File changes in the structured results of tools.

use runner_core::agent::{FileChange, FileChangeKind};
use serde_json::{Value, json};

use crate::claude::protocol::file_change::file_change;

#[test]
fn file_that_was_created_is_a_patch_of_additions() {
    let result = json!({ "type": "create", "filePath": "/w/a.txt", "content": "hi\nyou\n", "structuredPatch": [],
        "originalFile": null, "userModified": false });

    then_changed(&result, FileChangeKind::Created, (2, 0), "@@ -0,0 +1,2 @@\n+hi\n+you\n");
}

#[test]
fn file_that_was_created_empty_has_no_patch() {
    let result = json!({ "type": "create", "filePath": "/w/a.txt", "content": "", "structuredPatch": [] });

    then_changed(&result, FileChangeKind::Created, (0, 0), "");
}

#[test]
fn file_that_was_written_over_is_modified() {
    let result = json!({ "type": "update", "filePath": "/w/a.txt", "content": "b\n", "originalFile": "a\n",
        "structuredPatch": [{ "oldStart": 1, "oldLines": 1, "newStart": 1, "newLines": 1, "lines": ["-a", "+b"] }] });

    then_changed(&result, FileChangeKind::Modified, (1, 1), "@@ -1,1 +1,1 @@\n-a\n+b\n");
}

#[test]
fn edit_in_two_places_is_a_patch_of_two_hunks() {
    let result = json!({ "filePath": "/w/a.txt", "oldString": "x", "newString": "y", "replaceAll": true,
        "originalFile": "…", "structuredPatch": [
            { "oldStart": 1, "oldLines": 2, "newStart": 1, "newLines": 3, "lines": [" a", "-x", "+y", "++z"] },
            { "oldStart": 40, "oldLines": 2, "newStart": 41, "newLines": 1,
              "lines": [" b", "--- x", "\\ No newline at end of file"] },
        ] });

    let patch =
        "@@ -1,2 +1,3 @@\n a\n-x\n+y\n++z\n@@ -40,2 +41,1 @@\n b\n--- x\n\\ No newline at end of file\n";
    then_changed(&result, FileChangeKind::Modified, (2, 2), patch);
}

#[test]
fn results_of_other_tools_change_no_file() {
    for result in [
        json!({ "stdout": "+a", "stderr": "", "interrupted": false }),
        json!({ "type": "text", "file": { "filePath": "/w/a.txt", "content": "hi" } }),
        json!({ "filePath": "/w/a.txt" }),
        json!({ "filePath": 7, "structuredPatch": [] }),
        json!("Error: File has not been read yet"),
        json!([{ "type": "text", "text": "x" }]),
        Value::Null,
    ] {
        assert_eq!(file_change(&result, "toolu_1"), None, "{result}");
    }
}

fn then_changed(result: &Value, kind: FileChangeKind, (added, removed): (u32, u32), patch: &str) {
    let change = FileChange {
        path: "/w/a.txt".into(),
        kind,
        added,
        removed,
        patch: patch.into(),
        tool_use_id: "toolu_1".into(),
    };
    assert_eq!(file_change(result, "toolu_1"), Some(change));
}

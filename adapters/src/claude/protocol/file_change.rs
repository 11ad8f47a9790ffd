//! File changes in the structured results of the agent's file tools.

use runner_core::agent::{FileChange, FileChangeKind};
use serde_json::Value;

use super::json::text;

/// The change in a tool's structured result; absent if it has none.
pub(super) fn file_change(result: &Value, tool_use_id: &str) -> Option<FileChange> {
    let path = result["filePath"].as_str()?;
    let hunks = result["structuredPatch"].as_array()?;
    let kind = match result["type"].as_str() {
        Some("create") => FileChangeKind::Created,
        Some(_) | None => FileChangeKind::Modified,
    };
    let patch = match (kind, hunks.is_empty()) {
        (FileChangeKind::Created, true) => whole_file(&text(&result["content"])),
        (FileChangeKind::Created | FileChangeKind::Modified | FileChangeKind::Deleted, _) => {
            hunks.iter().map(hunk).collect()
        }
    };
    let lines_with = |sign| patch.lines().filter(|line| line.starts_with(sign)).count();
    Some(FileChange {
        path: path.to_owned(),
        kind,
        added: u32::try_from(lines_with('+')).unwrap_or(u32::MAX),
        removed: u32::try_from(lines_with('-')).unwrap_or(u32::MAX),
        patch,
        tool_use_id: tool_use_id.to_owned(),
    })
}

fn hunk(raw: &Value) -> String {
    let number = |field: &str| raw[field].as_u64().unwrap_or_default();
    let (old_start, old_lines) = (number("oldStart"), number("oldLines"));
    let (new_start, new_lines) = (number("newStart"), number("newLines"));
    let mut patch = format!("@@ -{old_start},{old_lines} +{new_start},{new_lines} @@\n");
    for line in raw["lines"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        patch.push_str(line);
        patch.push('\n');
    }
    patch
}

fn whole_file(content: &str) -> String {
    let lines = content.split_inclusive('\n');
    let mut patch = match lines.clone().count() {
        0 => return String::new(),
        lines => format!("@@ -0,0 +1,{lines} @@\n"),
    };
    for line in lines {
        patch.push('+');
        patch.push_str(line);
    }
    if !content.ends_with('\n') {
        patch.push_str("\n\\ No newline at end of file\n");
    }
    patch
}

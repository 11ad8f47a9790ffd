//! What the agent's file tools report, set right.
//!
//! The agent reads text with the line ends of Unix, whatever the file has, and writes those of the file: so
//! its report shows lines that are not there in a file with those of Windows.

use std::path::{Path, PathBuf};

use runner_core::agent::{AgentOutput, FileChange};
use tokio::task::spawn_blocking;

use crate::workspace::has_windows_line_ends;

#[derive(Debug)]
pub(super) struct FileReports {
    /// The folders that are the agent's own.
    pub(super) own_paths: Vec<PathBuf>,
}

impl FileReports {
    /// A file that is the agent's own, like that of its plan, is none of those that people gave it.
    pub(super) async fn set_right(&self, output: &mut AgentOutput) {
        let AgentOutput::ToolReturned(returned) = output else { return };
        let Some(FileChange { path, patch, .. }) = &mut returned.file_change else { return };
        if self.own_paths.iter().any(|own| Path::new(path).starts_with(own)) {
            returned.file_change = None;
            return;
        }
        let path = PathBuf::from(path.as_str());
        if spawn_blocking(move || has_windows_line_ends(&path)).await.unwrap_or(false) {
            *patch = with_windows_line_ends(patch);
        }
    }
}

fn with_windows_line_ends(patch: &str) -> String {
    let mut lines = patch.split_inclusive('\n').peekable();
    let mut told = String::with_capacity(patch.len());
    while let Some(line) = lines.next() {
        let is_of_patch = line.starts_with("@@") || line.starts_with('\\');
        let has_none = lines.peek().is_some_and(|next| next.starts_with('\\'));
        match line.strip_suffix('\n') {
            Some(text) if !is_of_patch && !has_none && !text.ends_with('\r') => {
                told.push_str(text);
                told.push_str("\r\n");
            }
            Some(_) | None => told.push_str(line),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::with_windows_line_ends;

    #[test]
    fn lines_of_the_file_get_its_ends_and_those_of_the_patch_do_not() {
        let patch = "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n";

        let told = "@@ -1,2 +1,2 @@\n a\r\n-b\n\\ No newline at end of file\n+c\r\n";
        assert_eq!(with_windows_line_ends(patch), told);
    }
}

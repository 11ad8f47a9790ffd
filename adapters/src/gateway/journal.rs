//! Calls that were sent to the model, kept where a server that is killed does not lose them.
//!
//! A call is reported when it ends. Until then it costs money that no event tells of, so it is noted in a
//! file before it is sent: one file for each process of an agent, in the data folder. The next start of the
//! server finds the files of processes that had no end, and the log tells which of their calls were reported.
//! The notes are in the system's hands and not yet on the disk: they outlive the server, not a loss of power.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use runner_core::ids::SessionId;
use runner_core::spend::ModelCall;
use uuid::Uuid;

/// All notes of a server.
#[derive(Debug)]
pub struct CallJournal {
    folder: PathBuf,
    /// Tells the files of this run from those of earlier ones.
    run: Uuid,
}

/// The notes of one process. They are removed with it: whatever its calls come to is reported then.
#[derive(Debug)]
pub(super) struct Notes {
    path: PathBuf,
    /// Absent before the first call.
    file: Mutex<Option<File>>,
}

impl CallJournal {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, run: Uuid::now_v7() }
    }

    pub(super) fn notes(&self, session: SessionId) -> Notes {
        let name = format!("{}.{session}.{}", self.run, Uuid::now_v7());
        Notes { path: self.folder.join(name), file: Mutex::default() }
    }

    /// The calls that earlier runs noted. Some of them may have been reported.
    pub(super) fn left(&self) -> Vec<(SessionId, Vec<ModelCall>)> {
        self.earlier().filter_map(|path| Some((session_of(&path)?, read(&path)))).collect()
    }

    /// Removes the notes of earlier runs.
    pub(super) fn forget(&self) {
        for path in self.earlier() {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(error = &error as &dyn std::error::Error, "notes of calls cannot be removed");
            }
        }
    }

    fn earlier(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let own = self.run.to_string();
        entries.map(|entry| entry.path()).filter(move |path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| !name.starts_with(&own))
        })
    }
}

impl Notes {
    /// Notes a call that is about to be sent. What cannot be noted is sent all the same.
    pub(super) fn note(&self, call: &ModelCall) {
        if let Err(error) = self.write(call) {
            tracing::warn!(error = &error as &dyn std::error::Error, "a call of the model cannot be noted");
        }
    }

    fn write(&self, call: &ModelCall) -> std::io::Result<()> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *slot {
            Some(file) => file,
            empty => {
                fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
                empty.insert(File::create(&self.path)?)
            }
        };
        let line = serde_json::to_string(call)? + "\n";
        file.write_all(line.as_bytes())
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        let slot = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            fs::remove_file(&self.path).ok(); // What stays is compared with the log at the next start.
        }
    }
}

fn session_of(path: &Path) -> Option<SessionId> {
    path.file_name()?.to_str()?.split('.').nth(1)?.parse().ok()
}

/// A line that was cut off was never sent.
fn read(path: &Path) -> Vec<ModelCall> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use runner_core::ids::SessionId;
    use runner_core::money::MicroDollars;
    use runner_core::spend::{CallOutcome, ModelCall, Usage};
    use uuid::Uuid;

    use super::CallJournal;

    fn call(number: u128) -> ModelCall {
        ModelCall {
            call_id: Some(Uuid::from_u128(number)),
            model: "opus".to_owned(),
            outcome: CallOutcome::CutOff,
            usage: Usage::default(),
            cost_micros: MicroDollars(7),
            cost_is_estimate: false,
            key: None,
            status: None,
            duration_ms: 0,
            api_request_id: None,
            subagent: None,
        }
    }

    #[test]
    fn calls_are_found_by_the_next_run_unless_their_process_ended() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (SessionId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
        let journal = CallJournal::new(folder.path().join("calls"));
        let (killed, ended, silent) = (journal.notes(one), journal.notes(other), journal.notes(other));
        killed.note(&call(1));
        killed.note(&call(2));
        ended.note(&call(3));

        drop((ended, silent));
        std::mem::forget(killed);
        let next = CallJournal::new(folder.path().join("calls"));
        next.notes(other).note(&call(4));

        assert_eq!(journal.left(), [], "they are its own");
        assert_eq!(next.left(), [(one, vec![call(1), call(2)])]);
        next.forget();
        assert_eq!(next.left(), []);
    }
}

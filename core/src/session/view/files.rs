//! The files that a session changed, without what a rewind undid.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::agent::FileChangeKind;
use crate::ids::TurnId;

/// A file that the session changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FileView {
    pub path: String,
    /// How the first of its changes found it.
    pub kind: FileChangeKind,
    pub added: u32,
    pub removed: u32,
    pub last_version: u64,
}

/// One change to one file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) path: String,
    pub(super) kind: FileChangeKind,
    pub(super) added: u32,
    pub(super) removed: u32,
    pub(super) version: u64,
}

/// Every change, and where each turn began.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FileHistory {
    steps: Vec<Step>,
    started: BTreeMap<TurnId, u64>,
}

impl FileHistory {
    pub(super) fn start_turn(&mut self, turn: TurnId, version: u64) {
        self.started.insert(turn, version);
    }

    pub(super) fn change(&mut self, files: &mut Vec<FileView>, step: Step) {
        add(files, &step);
        self.steps.push(step);
    }

    /// The files are as they were before the turn.
    pub(super) fn rewind(&mut self, files: &mut Vec<FileView>, turn: TurnId, rewound: &[String]) {
        let since = self.started.get(&turn).copied().unwrap_or(u64::MAX);
        self.steps.retain(|step| step.version < since || !rewound.contains(&step.path));
        files.clear();
        self.steps.iter().for_each(|step| add(files, step));
    }
}

fn add(files: &mut Vec<FileView>, step: &Step) {
    match files.iter_mut().find(|file| file.path == step.path) {
        Some(file) => {
            file.added = file.added.saturating_add(step.added);
            file.removed = file.removed.saturating_add(step.removed);
            file.last_version = step.version;
        }
        None => files.push(FileView {
            path: step.path.clone(),
            kind: step.kind,
            added: step.added,
            removed: step.removed,
            last_version: step.version,
        }),
    }
}

//! The changes of a session to files: a fold over the reports of the agent's file tools, and over what was
//! seen after its commands had run.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::agent::{FileChange, FileChangeKind};
use crate::ids::TurnId;
use crate::session::event::{FilesEvent, PromptEvent, SessionEvent, TurnEvent};
use crate::workspace::WorkspaceChange;

/// What happened to one file, step after step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChangedFile {
    pub path: String,
    /// How the first of the steps found it.
    pub kind: FileChangeKind,
    /// Lines that the steps added and removed, each step counted by itself.
    pub added: u32,
    pub removed: u32,
    /// The unified diffs of the steps, one after another: line numbers are those of each step. A step
    /// that was not compared line by line has none: the file is not text, or is too large.
    pub patch: String,
    /// The versions of the steps.
    pub versions: Vec<u64>,
}

/// What one turn changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChangedTurn {
    pub turn_id: TurnId,
    pub added: u32,
    pub removed: u32,
    pub files: Vec<ChangedFile>,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    turns: BTreeSet<TurnId>,
    started: BTreeMap<TurnId, u64>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    version: u64,
    turn: TurnId,
    change: WorkspaceChange,
    /// The file was put back to what it was before.
    undone: bool,
}

impl Changes {
    /// Folds in the event that follows.
    pub fn apply(&mut self, version: u64, event: &SessionEvent) {
        match event {
            SessionEvent::Prompt(event) => self.apply_prompt(event),
            SessionEvent::Turn(event) => self.apply_turn(version, event),
            SessionEvent::Files(event) => self.apply_files(version, event),
            SessionEvent::Lifecycle(_)
            | SessionEvent::Agent(_)
            | SessionEvent::Message(_)
            | SessionEvent::Tool(_)
            | SessionEvent::Request(_)
            | SessionEvent::Background(_)
            | SessionEvent::Spend(_)
            | SessionEvent::Setting(_) => {}
        }
    }

    fn apply_prompt(&mut self, event: &PromptEvent) {
        match event {
            PromptEvent::Submitted { turn, .. } => {
                self.turns.insert(*turn);
            }
            PromptEvent::Withdrawn { .. } | PromptEvent::Steered { .. } => {}
        }
    }

    fn apply_turn(&mut self, version: u64, event: &TurnEvent) {
        match event {
            TurnEvent::Started { turn, .. } => {
                self.turns.insert(*turn);
                self.started.insert(*turn, version);
            }
            TurnEvent::InterruptRequested { .. }
            | TurnEvent::Parked { .. }
            | TurnEvent::Resumed(_)
            | TurnEvent::Continued { .. }
            | TurnEvent::Completed(_)
            | TurnEvent::Failed { .. }
            | TurnEvent::Interrupted { .. } => {}
        }
    }

    fn apply_files(&mut self, version: u64, event: &FilesEvent) {
        match event {
            FilesEvent::Changed { turn, change } => {
                let FileChange { path, kind, added, removed, patch, tool_use_id: _ } = change.clone();
                let change = WorkspaceChange { path, kind, added, removed, patch: Some(patch) };
                self.steps.push(Step { version, turn: *turn, change, undone: false });
            }
            FilesEvent::WorkspaceChanged { turn, change } => {
                self.steps.push(Step { version, turn: *turn, change: change.clone(), undone: false });
            }
            FilesEvent::Rewound { turn, files, by: _ } => {
                let since = self.started.get(turn).copied().unwrap_or(u64::MAX);
                let undone = |step: &&mut Step| step.version > since && files.contains(&step.change.path);
                self.steps.iter_mut().filter(undone).for_each(|step| step.undone = true);
            }
            FilesEvent::WorkspaceUnobserved { .. } => {}
        }
    }

    /// Whether the session has the turn, begun or waiting.
    pub fn has_turn(&self, turn: TurnId) -> bool {
        self.turns.contains(&turn)
    }

    /// The files in the order in which they were first changed, without the steps that a rewind undid.
    pub fn by_file(&self, turn: Option<TurnId>) -> Vec<ChangedFile> {
        let in_turn = |step: &&Step| turn.is_none_or(|turn| step.turn == turn);
        files(self.steps.iter().filter(in_turn).filter(|step| !step.undone))
    }

    /// The changes of each turn in order, whether they were undone later or not.
    pub fn by_turn(&self, turn: Option<TurnId>) -> Vec<ChangedTurn> {
        let mut turns: Vec<TurnId> = vec![];
        for step in &self.steps {
            if turn.is_none_or(|turn| step.turn == turn) && !turns.contains(&step.turn) {
                turns.push(step.turn);
            }
        }
        let changed = |turn_id: TurnId| {
            let files = files(self.steps.iter().filter(|step| step.turn == turn_id));
            let (added, removed) = (
                files.iter().fold(0, |sum: u32, file| sum.saturating_add(file.added)),
                files.iter().fold(0, |sum: u32, file| sum.saturating_add(file.removed)),
            );
            ChangedTurn { turn_id, added, removed, files }
        };
        turns.into_iter().map(changed).collect()
    }
}

fn files<'a>(steps: impl Iterator<Item = &'a Step>) -> Vec<ChangedFile> {
    let mut files: Vec<ChangedFile> = vec![];
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for Step { version, change, .. } in steps {
        let place = *places.entry(&change.path).or_insert(files.len());
        match files.get_mut(place) {
            Some(file) => file.add(*version, change),
            None => files.push(ChangedFile::new(*version, change)),
        }
    }
    files
}

impl ChangedFile {
    fn new(version: u64, change: &WorkspaceChange) -> Self {
        Self {
            path: change.path.clone(),
            kind: change.kind,
            added: change.added,
            removed: change.removed,
            patch: change.patch.clone().unwrap_or_default(),
            versions: vec![version],
        }
    }

    fn add(&mut self, version: u64, change: &WorkspaceChange) {
        self.added = self.added.saturating_add(change.added);
        self.removed = self.removed.saturating_add(change.removed);
        self.patch.push_str(change.patch.as_deref().unwrap_or_default());
        self.versions.push(version);
    }
}

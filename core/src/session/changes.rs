//! The changes of a session to files: a fold over the reports of the agent's file tools, and over what was
//! seen after its commands had run. The steps of a file are shown as the one difference that they add up to.

mod lines;
mod patch;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::agent::{FileChange, FileChangeKind};
use crate::ids::TurnId;
use crate::session::event::{FilesEvent, LifecycleEvent, PromptEvent, SessionEvent, TurnEvent};
use crate::workspace::WorkspaceChange;
use patch::Difference;
pub use patch::Unpatched;

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChangedFile {
    /// From the session's folder; of a file outside of it the same as `absolute_path`.
    pub path: String,
    pub absolute_path: String,
    pub kind: FileChangeKind,
    /// Lines of the difference.
    pub added: u32,
    pub removed: u32,
    /// Whether it may be executed now, where that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executable: Option<bool>,
    /// The difference as `git apply` takes it in the session's folder; empty where `unpatched` says why.
    pub patch: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpatched: Option<Unpatched>,
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
    folder: String,
    turns: BTreeSet<TurnId>,
    started: BTreeMap<TurnId, u64>,
    steps: Vec<Step>,
}

/// Which changes are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Session,
    /// What one turn did.
    Turn(TurnId),
    /// What was done since a turn began.
    Since(TurnId),
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
            SessionEvent::Lifecycle(LifecycleEvent::Opened(opened)) => {
                self.folder.clone_from(&opened.working_dir);
            }
            SessionEvent::Lifecycle(_)
            | SessionEvent::Agent(_)
            | SessionEvent::Message(_)
            | SessionEvent::Tool(_)
            | SessionEvent::Request(_)
            | SessionEvent::Background(_)
            | SessionEvent::Spend(_)
            | SessionEvent::Setting(_)
            | SessionEvent::Hook(_) => {}
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
                let (patch, executable) = (Some(patch), None);
                let change = WorkspaceChange { path, kind, added, removed, patch, executable };
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

    /// The files that are not as they were, in the order in which they were first changed; what a rewind
    /// undid is left out.
    pub fn by_file(&self, scope: Scope) -> Vec<ChangedFile> {
        let since = match scope {
            Scope::Since(turn) => self.started.get(&turn).copied().unwrap_or(u64::MAX),
            Scope::Session | Scope::Turn(_) => 0,
        };
        let is_meant = |step: &&Step| match scope {
            Scope::Session | Scope::Since(_) => step.version > since,
            Scope::Turn(turn) => step.turn == turn,
        };
        self.files(self.steps.iter().filter(is_meant).filter(|step| !step.undone))
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
            let files = self.files(self.steps.iter().filter(|step| step.turn == turn_id));
            let (added, removed) = (
                files.iter().fold(0, |sum: u32, file| sum.saturating_add(file.added)),
                files.iter().fold(0, |sum: u32, file| sum.saturating_add(file.removed)),
            );
            ChangedTurn { turn_id, added, removed, files }
        };
        turns.into_iter().map(changed).collect()
    }

    fn files<'a>(&self, steps: impl Iterator<Item = &'a Step>) -> Vec<ChangedFile> {
        let mut files: Vec<Vec<&Step>> = vec![];
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for step in steps {
            let place = *places.entry(&step.change.path).or_insert(files.len());
            match files.get_mut(place) {
                Some(file) => file.push(step),
                None => files.push(vec![step]),
            }
        }
        files.into_iter().filter_map(|steps| self.file(&steps)).collect()
    }

    fn file(&self, steps: &[&Step]) -> Option<ChangedFile> {
        let absolute_path = &steps.first()?.change.path;
        let below = absolute_path.strip_prefix(&self.folder).and_then(|rest| rest.strip_prefix('/'));
        let path = below.unwrap_or(absolute_path);
        let Difference { kind, added, removed, executable, patch } = patch::difference(path, steps)?;
        let (patch, unpatched) = patch.map_or_else(|why| (String::new(), Some(why)), |patch| (patch, None));
        let (path, absolute_path) = (path.to_owned(), absolute_path.clone());
        let versions = steps.iter().map(|step| step.version).collect();
        Some(ChangedFile {
            path,
            absolute_path,
            kind,
            added,
            removed,
            executable,
            patch,
            unpatched,
            versions,
        })
    }
}

impl ChangedFile {
    /// Whether it lies in the session's folder.
    pub fn is_inside(&self) -> bool {
        self.path != self.absolute_path
    }
}

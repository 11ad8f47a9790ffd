//! The whole session as one JSON document: its turns, what they changed and what they cost.

mod apply;
mod files;
mod outcome;
mod requests;
mod tasks;
mod turn;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ids::TurnId;
use crate::session::background::OpenCalls;
use crate::session::event::SessionEvent;
use crate::session::index::{SessionHead, SessionIndex};
use crate::time::Timestamp;
use files::FileHistory;
pub use files::FileView;
use outcome::withdrawal;
use requests::RequestHistory;
pub use requests::{DecidedView, RequestView};
pub use tasks::{SubagentView, TaskView};
pub use turn::{TurnError, TurnStatus, TurnView};

/// A session with everything that its events add up to.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SessionView {
    #[serde(flatten)]
    pub head: SessionHead,
    pub turns: Vec<TurnView>,
    /// What waits for a person.
    pub pending: Vec<RequestView>,
    /// What was changed, without what a rewind undid.
    pub files: Vec<FileView>,
    pub files_changed: u32,
    /// The agent's list of things to do.
    pub tasks: Vec<TaskView>,
    pub subagents: Vec<SubagentView>,
    #[serde(skip)]
    requests: RequestHistory,
    #[serde(skip)]
    history: FileHistory,
    /// Prompts that were taken back, and by whom.
    #[serde(skip)]
    withdrawn: BTreeMap<TurnId, String>,
    #[serde(skip)]
    index: SessionIndex,
    #[serde(skip)]
    open_calls: OpenCalls,
}

impl SessionView {
    /// Begins the fold with the event that opened the session.
    pub fn open(event: &SessionEvent, at: Timestamp) -> Option<Self> {
        let index = SessionIndex::open(event, at)?;
        let head = index.head.clone();
        Some(Self {
            head,
            turns: vec![],
            pending: vec![],
            files: vec![],
            files_changed: 0,
            tasks: vec![],
            subagents: vec![],
            requests: RequestHistory::default(),
            history: FileHistory::default(),
            withdrawn: BTreeMap::new(),
            index,
            open_calls: OpenCalls::default(),
        })
    }

    /// The request with this id, whether it waits or not.
    pub fn request(&self, request_id: &str) -> Option<&RequestView> {
        let waiting = self.pending.iter().find(|view| view.request.request_id == request_id);
        waiting.or_else(|| self.requests.find(request_id))
    }

    /// Whether a turn stands still until people decide. A subagent that works beside it may ask as well.
    pub fn is_held_up(&self, turn: TurnId) -> bool {
        let is_awaited = |id: &String| {
            let mut subagents = self.subagents.iter();
            let started_by = subagents.find(|view| view.id == *id).and_then(|view| view.tool_use_id.as_ref());
            started_by.is_none_or(|call| self.open_calls.is_awaited(call))
        };
        let mut pending = self.pending.iter().filter(|view| view.turn_id == turn);
        pending.any(|view| view.request.subagent.as_ref().is_none_or(is_awaited))
    }

    /// All requests that are closed, in the order in which they were.
    pub fn closed_requests(&self) -> &[RequestView] {
        self.requests.all()
    }

    /// The name of the person who took back the prompt of a turn, which therefore never began.
    pub fn withdrawn_by(&self, turn: TurnId) -> Option<&str> {
        self.withdrawn.get(&turn).map(String::as_str)
    }

    /// A turn of which nothing more comes: it is over, or its prompt was taken back before it began.
    pub fn ended_turn(&self, turn: TurnId) -> Option<TurnView> {
        if let Some(by) = self.withdrawn_by(turn) {
            let mut view = TurnView::new(turn, None, self.head.version);
            view.fail(TurnStatus::Interrupted, withdrawal(by));
            return Some(view);
        }
        self.turn(turn).filter(|turn| turn.is_over()).cloned()
    }

    pub fn turn(&self, id: TurnId) -> Option<&TurnView> {
        // Newest first: whoever asks, asks for one of the last.
        self.turns.iter().rev().find(|turn| turn.id == id)
    }
}

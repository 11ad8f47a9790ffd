//! What an event means for the subagents of all sessions.

use runner_core::agent::{BackgroundUsage, BackgroundWork};
use runner_core::ids::{SessionId, TenantId, TurnId};
use runner_core::session::event::{
    BackgroundEvent, LifecycleEvent, SessionEvent, SpendEvent, ToolEvent, TurnEvent,
};
use runner_core::session::index::SessionIndex;
use runner_core::spend::ModelCall;

use super::{Place, is_copied};

/// A change of one subagent, or of all of a session.
#[derive(Clone, Debug)]
pub(in crate::event_store) struct SubagentChange {
    pub(in crate::event_store) session: SessionId,
    pub(in crate::event_store) place: Place,
    pub(in crate::event_store) what: Change,
}

#[derive(Clone, Debug)]
pub(in crate::event_store) enum Change {
    /// The team and the owner of its session go with it.
    Began {
        reach: (TenantId, String),
        turn: TurnId,
        work: BackgroundWork,
    },
    Progressed {
        task_id: String,
        description: String,
        usage: BackgroundUsage,
    },
    Ended {
        task_id: String,
        state: String,
        summary: Option<String>,
        usage: Option<BackgroundUsage>,
    },
    Parked {
        task_id: String,
    },
    /// The one that a tool use began has used a tool.
    UsedTool {
        began_by: String,
    },
    CalledModel {
        task_id: String,
        call: Box<ModelCall>,
    },
    /// Those that ran have ended with their process.
    AllEnded,
    HandedOver {
        owner: String,
    },
}

pub(super) fn note(
    changes: &mut Vec<SubagentChange>,
    index: &SessionIndex,
    event: &SessionEvent,
    place: Place,
) {
    // What a fork copied has no process.
    if is_copied(index, place) {
        return;
    }
    let session = index.head.id;
    changes.extend(change(index, event).map(|what| SubagentChange { session, place, what }));
}

fn change(index: &SessionIndex, event: &SessionEvent) -> Option<Change> {
    match event {
        SessionEvent::Background(event) => background(index, event),
        SessionEvent::Tool(ToolEvent::Used { parent_tool_use_id: Some(parent), .. }) => {
            Some(Change::UsedTool { began_by: parent.clone() })
        }
        SessionEvent::Spend(SpendEvent::ModelCalled { call, .. }) => {
            let task_id = call.subagent.clone()?;
            Some(Change::CalledModel { task_id, call: Box::new(call.clone()) })
        }
        SessionEvent::Turn(TurnEvent::Parked { .. }) => Some(Change::AllEnded),
        SessionEvent::Lifecycle(LifecycleEvent::HandedOver { to, .. }) => {
            Some(Change::HandedOver { owner: to.clone() })
        }
        SessionEvent::Lifecycle(_)
        | SessionEvent::Prompt(_)
        | SessionEvent::Turn(_)
        | SessionEvent::Agent(_)
        | SessionEvent::Message(_)
        | SessionEvent::Tool(_)
        | SessionEvent::Hook(_)
        | SessionEvent::Files(_)
        | SessionEvent::Request(_)
        | SessionEvent::Spend(_)
        | SessionEvent::Setting(_) => None,
    }
}

fn background(index: &SessionIndex, event: &BackgroundEvent) -> Option<Change> {
    match event.clone() {
        BackgroundEvent::Started { turn, work } => {
            let reach = (index.tenant.clone(), index.head.owner.clone());
            Some(Change::Began { reach, turn, work })
        }
        BackgroundEvent::Progressed { task_id, description, usage, .. } => {
            Some(Change::Progressed { task_id, description, usage })
        }
        BackgroundEvent::Finished { task_id, status, summary, usage, .. } => {
            Some(Change::Ended { task_id, state: status, summary: Some(summary), usage })
        }
        BackgroundEvent::Parked { task_id, .. } => Some(Change::Parked { task_id }),
        BackgroundEvent::TakenUp { task_id, .. } => {
            Some(Change::Ended { task_id, state: STOPPED.to_owned(), summary: None, usage: None })
        }
        BackgroundEvent::StopRequested { .. } | BackgroundEvent::TaskListChanged { .. } => None,
    }
}

/// The state of what did not come to its own end.
pub(in crate::event_store) const STOPPED: &str = "stopped";

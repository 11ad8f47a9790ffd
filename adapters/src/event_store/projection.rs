//! What an event means for the read models that are written in the same transaction as the log.
//!
//! Live appends and a rebuild go through the same function, which is why both give the same rows.

pub(super) mod statistics;
pub(super) mod subagents;

use std::collections::BTreeMap;

use runner_core::ids::{SessionId, TenantId};
use runner_core::money::MicroDollars;
use runner_core::request::Settlement;
use runner_core::session::event::{
    Decided, LifecycleEvent, PromptEvent, RequestEvent, SessionEvent, SpendEvent, TurnEvent,
};
use runner_core::session::index::SessionIndex;
use runner_core::session::view::RequestView;
use runner_core::spend::{ModelCall, Usage};
use runner_core::time::Timestamp;
use uuid::Uuid;

use statistics::Counted;
use subagents::SubagentChange;

/// Changes of the read models beside the index itself.
#[derive(Debug, Default)]
pub(super) struct Projected {
    pub(super) texts: Vec<(SessionId, String)>,
    pub(super) statistics: Counted,
    pub(super) spend: BTreeMap<SpendKey, SpendTotal>,
    pub(super) requests: Vec<RequestChange>,
    /// The tags that sessions have now, in order.
    pub(super) tags: Vec<TagChange>,
    pub(super) subagents: Vec<SubagentChange>,
}

impl Projected {
    pub(super) fn is_empty(&self) -> bool {
        let Self { texts, statistics, spend, requests, tags, subagents } = self;
        texts.is_empty()
            && statistics.is_empty()
            && spend.is_empty()
            && requests.is_empty()
            && tags.is_empty()
            && subagents.is_empty()
    }
}

/// All tags of a session, in place of those it had.
#[derive(Clone, Debug)]
pub(super) struct TagChange {
    pub(super) tenant: TenantId,
    pub(super) session: SessionId,
    pub(super) tags: Vec<String>,
}

/// What changes about the requests that wait, in order.
#[derive(Clone, Debug)]
pub(super) enum RequestChange {
    /// The team and the owner of its session go with it.
    Made {
        position: u64,
        reach: (TenantId, String),
        view: Box<RequestView>,
    },
    Closed {
        session: SessionId,
        request_id: String,
    },
    /// All of a session are somebody else's.
    HandedOver {
        session: SessionId,
        owner: String,
    },
}

/// Who has spent, when, and with which key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SpendKey {
    pub(super) month: String,
    pub(super) tenant: TenantId,
    pub(super) owner: String,
    pub(super) key: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SpendTotal {
    pub(super) calls: u64,
    pub(super) cost: MicroDollars,
    pub(super) usage: Usage,
}

/// Where an event was stored, and when it happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) position: u64,
    pub(super) version: u64,
    pub(super) at: Timestamp,
}

/// Folds one event into a session's index and notes what else it changes. Says whether the index is to be
/// written: of one in a running turn the log itself tells how far it is.
pub(super) fn project(
    projected: &mut Projected,
    index: &mut Option<SessionIndex>,
    event: &SessionEvent,
    place: Place,
) -> bool {
    let is_different = match index {
        Some(index) => {
            // The event may close what waits until then.
            note_waiting(projected, index, event, place);
            statistics::note(&mut projected.statistics, index, event, place);
            subagents::note(&mut projected.subagents, index, event, place);
            index.follow(event, (place.version, place.at))
        }
        None => {
            *index = SessionIndex::open(event, place.at);
            index.is_some()
        }
    };
    if let Some(index) = index {
        note(projected, index, event, place);
    }
    is_different
}

fn note(projected: &mut Projected, index: &SessionIndex, event: &SessionEvent, place: Place) {
    match event {
        SessionEvent::Lifecycle(event) => note_lifecycle(projected, index, event),
        SessionEvent::Prompt(event) => note_prompt(projected, index, event),
        SessionEvent::Turn(event) => note_turn(projected, index, event),
        SessionEvent::Spend(event) => note_spend(projected, index, event, place),
        SessionEvent::Agent(_)
        | SessionEvent::Message(_)
        | SessionEvent::Tool(_)
        | SessionEvent::Files(_)
        | SessionEvent::Request(_)
        | SessionEvent::Background(_)
        | SessionEvent::Setting(_)
        | SessionEvent::Hook(_) => {}
    }
}

fn note_lifecycle(projected: &mut Projected, index: &SessionIndex, event: &LifecycleEvent) {
    let session = index.head.id;
    match event {
        LifecycleEvent::Opened(opened) => {
            projected.texts.extend(opened.title.clone().map(|title| (session, title)));
        }
        LifecycleEvent::Renamed { title, .. } => projected.texts.push((session, title.clone())),
        LifecycleEvent::Tagged { tags, .. } => {
            let (tenant, tags) = (index.tenant.clone(), tags.clone());
            projected.tags.push(TagChange { tenant, session, tags });
        }
        LifecycleEvent::Archived { .. }
        | LifecycleEvent::Unarchived { .. }
        | LifecycleEvent::HandedOver { .. } => {}
    }
}

fn note_prompt(projected: &mut Projected, index: &SessionIndex, event: &PromptEvent) {
    match event {
        PromptEvent::Submitted { text, .. } | PromptEvent::Steered { text, .. } => {
            projected.texts.push((index.head.id, text.clone()));
        }
        PromptEvent::Withdrawn { .. } => {}
    }
}

fn note_turn(projected: &mut Projected, index: &SessionIndex, event: &TurnEvent) {
    match event {
        TurnEvent::Completed(completed) => projected.texts.push((index.head.id, completed.result.clone())),
        TurnEvent::Failed { .. }
        | TurnEvent::Interrupted { .. }
        | TurnEvent::Started { .. }
        | TurnEvent::InterruptRequested { .. }
        | TurnEvent::Parked { .. }
        | TurnEvent::Resumed(_)
        | TurnEvent::Continued { .. } => {}
    }
}

fn note_spend(projected: &mut Projected, index: &SessionIndex, event: &SpendEvent, place: Place) {
    match event {
        SpendEvent::ModelCalled { call, .. } => add_spend(projected, index, call, place),
        SpendEvent::UsageReported { .. } | SpendEvent::BudgetExhausted { .. } => {}
    }
}

/// Notes what changes about the requests that wait for people; the index is as it was before the event. Most
/// turns end while nothing waits, and then nothing is to be deleted.
fn note_waiting(projected: &mut Projected, index: &SessionIndex, event: &SessionEvent, place: Place) {
    let session = index.head.id;
    if event.ended_turn().is_some() {
        let closed =
            index.ending_with_turn().map(|id| RequestChange::Closed { session, request_id: id.clone() });
        projected.requests.extend(closed);
    }
    if let SessionEvent::Lifecycle(LifecycleEvent::HandedOver { to, .. }) = event {
        projected.requests.push(RequestChange::HandedOver { session, owner: to.clone() });
    }
    let SessionEvent::Request(event) = event else { return };
    projected.requests.extend(match event {
        RequestEvent::Asked(asked) => {
            let view = Box::new(RequestView::new(session, asked, (place.at, place.version)));
            let reach = (index.tenant.clone(), index.head.owner.clone());
            Some(RequestChange::Made { position: place.position, reach, view })
        }
        RequestEvent::Decided(Decided { settlement: Settlement { request_id, .. }, .. })
        | RequestEvent::Withdrawn { request_id, .. } => {
            Some(RequestChange::Closed { session, request_id: request_id.clone() })
        }
        RequestEvent::Released { .. } => None,
    });
}

/// Every call counts for the month in which it was written down.
fn add_spend(projected: &mut Projected, index: &SessionIndex, call: &ModelCall, place: Place) {
    if is_copied(index, place) {
        return;
    }
    let key = SpendKey {
        month: place.at.month(),
        tenant: index.tenant.clone(),
        owner: index.head.owner.clone(),
        key: call.key,
    };
    let total = projected.spend.entry(key).or_default();
    total.calls += 1;
    total.cost += call.cost_micros;
    total.usage = total.usage.plus(call.usage);
}

/// It is counted where it happened.
fn is_copied(index: &SessionIndex, place: Place) -> bool {
    index.head.parent.is_some_and(|parent| place.version <= parent.version)
}

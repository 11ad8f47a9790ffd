//! Sessions that were held elsewhere, as they are taken into the log: once, and again when they have grown.
//!
//! What is told is compared with what is stored turn by turn. Prices and titles change, and people name and
//! tag what they imported, so neither counts. Within a turn the order does not count either: what a subagent
//! did is told before its result, however late that was read.

use std::collections::HashSet;

use crate::ids::{ProcessId, TurnId};
use crate::log::{AggregateEvent as _, EncodedEvent};
use crate::session::event::{
    BackgroundEvent, LifecycleEvent, MessageEvent, Origin, PromptEvent, SessionEvent, SessionOpened,
    ToolEvent, TurnAccount, TurnEvent,
};
use crate::time::Timestamp;

/// An event of a session that was held elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct PastEvent {
    /// Absent where nothing says when it happened.
    pub happened_at: Option<Timestamp>,
    pub event: SessionEvent,
}

impl PastEvent {
    /// The event as the log keeps it, with the time at which it happened.
    pub fn to_encoded(&self) -> serde_json::Result<EncodedEvent> {
        let encoded = self.event.to_encoded()?;
        Ok(match self.happened_at {
            Some(at) => encoded.happened(at),
            None => encoded,
        })
    }
}

/// What is told of a session, compared with what is stored of it.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// Nothing is stored.
    First(Vec<PastEvent>),
    /// What is stored stays as it is, and this comes behind it. Nothing where all of it is there.
    More(Vec<PastEvent>),
    /// From this turn on it went another way than what is stored.
    Branch(TurnId),
    /// A session of that id was made here.
    MadeHere,
}

/// The part of a session that another one has as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// How many events of each it is.
    pub version: u64,
    /// The messages of the model and the uses of tools that the other one has, by their ids.
    pub parts: HashSet<String>,
}

/// Finds what is new.
pub fn news(stored: &[SessionEvent], told: Vec<PastEvent>) -> News {
    match stored.first() {
        None => return News::First(told),
        Some(SessionEvent::Lifecycle(LifecycleEvent::Opened(SessionOpened {
            origin: Origin::Import,
            ..
        }))) => {}
        Some(_) => return News::MadeHere,
    }
    let (old, new) =
        (TurnEvents::split(stored.iter()), TurnEvents::split(told.iter().map(|past| &past.event)));
    let mut more = vec![];
    for (place, new_turn) in new.iter().enumerate() {
        let Some(old_turn) = old.get(place) else {
            more.extend(told[new_turn.first..].iter().cloned());
            break;
        };
        match old_turn.missing_of(new_turn) {
            Some(missing) if missing.is_empty() => {}
            Some(missing) if place + 1 == old.len() => more = old_turn.continued(&missing, &told),
            // A copy that was made before the turn was over says less than what is stored.
            None if place + 1 == new.len() && new_turn.missing_of(old_turn).is_some() => {}
            Some(_) | None => return News::Branch(new_turn.turn),
        }
    }
    News::More(more)
}

/// Finds what is told of a session that another one, whose events are stored, has as well.
pub fn shared(stored: &[SessionEvent], told: &[PastEvent]) -> Shared {
    let (old, new) =
        (TurnEvents::split(stored.iter()), TurnEvents::split(told.iter().map(|past| &past.event)));
    let is_same = |(old, new): &(&TurnEvents<'_>, &TurnEvents<'_>)| {
        old.missing_of(new).is_some_and(|missing| missing.is_empty())
    };
    let turns = old.iter().zip(&new).take_while(is_same).count();
    let end_of = |turns: &[TurnEvents<'_>], place: usize, all: usize| {
        turns.get(place).map_or(all, |next| next.first) as u64
    };
    let version = end_of(&old, turns, stored.len()).min(end_of(&new, turns, told.len()));
    Shared { version, parts: stored.iter().filter_map(part).map(str::to_owned).collect() }
}

fn part(event: &SessionEvent) -> Option<&str> {
    if let SessionEvent::Message(
        MessageEvent::Text { message_id, .. } | MessageEvent::Thinking { message_id, .. },
    ) = event
    {
        return Some(message_id);
    }
    let SessionEvent::Tool(ToolEvent::Used { tool_use_id, .. }) = event else { return None };
    Some(tool_use_id)
}

/// The events of a turn, from its prompt to the prompt of the next.
struct TurnEvents<'a> {
    turn: TurnId,
    process: Option<ProcessId>,
    /// The place of its first event among those of the session.
    first: usize,
    /// What happened in it, with the places; without its ends.
    happened: Vec<(usize, &'a SessionEvent)>,
    /// It has several where it went on after an end.
    ends: Vec<(usize, &'a TurnEvent)>,
}

impl<'a> TurnEvents<'a> {
    fn split(events: impl Iterator<Item = &'a SessionEvent>) -> Vec<Self> {
        let mut turns: Vec<Self> = vec![];
        for (place, event) in events.enumerate() {
            if let SessionEvent::Prompt(PromptEvent::Submitted { turn, .. })
            | SessionEvent::Turn(TurnEvent::Started { turn, .. }) = event
                && turns.last().is_none_or(|last| last.turn != *turn)
            {
                let turn = *turn;
                turns.push(Self { turn, process: None, first: place, happened: vec![], ends: vec![] });
            }
            if let Some(turn) = turns.last_mut() {
                turn.take(place, event);
            }
        }
        turns
    }

    fn take(&mut self, place: usize, event: &'a SessionEvent) {
        match event {
            SessionEvent::Turn(
                end @ (TurnEvent::Completed(_) | TurnEvent::Failed { .. } | TurnEvent::Interrupted { .. }),
            ) => self.ends.push((place, end)),
            // What people do to the session beside its turns.
            SessionEvent::Turn(TurnEvent::Continued { .. })
            | SessionEvent::Lifecycle(_)
            | SessionEvent::Setting(_)
            | SessionEvent::Hook(_) => {}
            SessionEvent::Turn(TurnEvent::Started { process, .. }) => {
                self.process = Some(*process);
                self.happened.push((place, event));
            }
            SessionEvent::Turn(
                TurnEvent::InterruptRequested { .. } | TurnEvent::Parked { .. } | TurnEvent::Resumed(_),
            )
            | SessionEvent::Prompt(_)
            | SessionEvent::Agent(_)
            | SessionEvent::Message(_)
            | SessionEvent::Tool(_)
            | SessionEvent::Files(_)
            | SessionEvent::Request(_)
            | SessionEvent::Background(_)
            | SessionEvent::Spend(_) => self.happened.push((place, event)),
        }
    }

    /// The places of what another telling of the turn has more; absent where that does not have all of this
    /// one. An end that is another one is new.
    fn missing_of(&self, other: &Self) -> Option<Vec<usize>> {
        if self.turn != other.turn {
            return None;
        }
        let mut is_here = vec![false; other.happened.len()];
        let mut from = 0;
        for (_, event) in &self.happened {
            let mut places = (from..is_here.len()).chain(0..from);
            match places.find(|place| !is_here[*place] && is_same(other.happened[*place].1, event)) {
                Some(found) => (is_here[found], from) = (true, found + 1),
                None if other.has_finished(event) => {}
                None => return None,
            }
        }
        let missing = other.happened.iter().zip(is_here).filter(|(_, is_here)| !is_here);
        let missing: Vec<usize> = missing.map(|((place, _), _)| *place).collect();
        let ends = (self.ends.last(), other.ends.last());
        let (Some((_, old)), Some((end, new))) = ends else { return Some(missing) };
        let is_over = missing.is_empty() && without_account(old) == without_account(new);
        Some(if is_over { missing } else { missing.into_iter().chain([*end]).collect() })
    }

    /// Whether it says, in another way, how that ended which the event ends.
    fn has_finished(&self, event: &SessionEvent) -> bool {
        let SessionEvent::Background(BackgroundEvent::Finished { task_id: ended, .. }) = event else {
            return false;
        };
        self.happened.iter().any(|(_, event)| {
            matches!(event, SessionEvent::Background(BackgroundEvent::Finished { task_id, .. }) if task_id == ended)
        })
    }

    /// What comes behind this telling of a turn so that it says what the other one does.
    fn continued(&self, missing: &[usize], told: &[PastEvent]) -> Vec<PastEvent> {
        let mut more: Vec<PastEvent> = missing.iter().map(|place| told[*place].clone()).collect();
        if let (Some(first), Some(process), false) = (more.first(), self.process, self.ends.is_empty()) {
            let event = TurnEvent::Continued { turn: self.turn, process }.into();
            more.insert(0, PastEvent { happened_at: first.happened_at, event });
        }
        if let Some(PastEvent { event: SessionEvent::Turn(end), .. }) = more.last_mut()
            && let Some(account) = end.account_mut()
        {
            for (_, earlier) in &self.ends {
                *account = account.since(&account_of(earlier));
            }
        }
        more
    }
}

/// Whether both tell the same; copies have their own names for the processes, which are all gone.
fn is_same(one: &SessionEvent, other: &SessionEvent) -> bool {
    let begun = |event: &SessionEvent| {
        let SessionEvent::Turn(TurnEvent::Started { turn, initiator, .. }) = event else { return None };
        Some((*turn, *initiator))
    };
    one == other || begun(one).is_some_and(|one| begun(other) == Some(one))
}

fn without_account(end: &TurnEvent) -> TurnEvent {
    let mut end = end.clone();
    if let Some(account) = end.account_mut() {
        *account = TurnAccount::default();
    }
    end
}

fn account_of(end: &TurnEvent) -> TurnAccount {
    end.clone().account_mut().cloned().unwrap_or_default()
}

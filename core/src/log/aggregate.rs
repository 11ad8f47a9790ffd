//! An aggregate: rules that decide on commands, and a state that is the fold of what was decided.
//!
//! The log keeps the state of most aggregates as one row, which an append writes together with its events,
//! so that reading an aggregate is reading one row. A session is large and has read models of its own; its
//! state is folded from its events. [`crate::kinds::KINDS`] lists them all and writes the rows anew.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{AggregateEvent, EncodedEvent};
use crate::ids::{StreamId, TenantId};

/// Something with rules and a history. Its default is the state before the first event.
pub trait Aggregate:
    Clone + fmt::Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The word for it in the log. Frozen once anything is stored.
    const KIND: &'static str;

    /// Whether the log keeps its state as a row.
    const HAS_ROW: bool = true;

    type Command: Send;
    type Event: AggregateEvent;
    /// What the server does about an event after it is stored; [`Infallible`](std::convert::Infallible) where
    /// there is nothing to do.
    type Action: Send;
    type Refusal: std::error::Error + Send + Sync + 'static;

    /// Decides what a command leads to. Pure: the same state and command give the same effects.
    fn decide(&self, command: Self::Command) -> Result<Effects<Self::Event, Self::Action>, Self::Refusal>;

    /// Cannot fail and decides nothing. Times are in the events.
    fn apply(&mut self, event: Self::Event);
}

/// What a command leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effects<E, A> {
    /// To be appended, all or none.
    pub events: Vec<E>,
    /// To be carried out after that, in this order.
    pub actions: Vec<A>,
}

impl<E, A> Default for Effects<E, A> {
    fn default() -> Self {
        Self::from(vec![])
    }
}

impl<E, A> From<Vec<E>> for Effects<E, A> {
    fn from(events: Vec<E>) -> Self {
        Self { events, actions: vec![] }
    }
}

/// An aggregate as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAggregate {
    pub stream: StreamId,
    pub tenant: TenantId,
    pub version: u64,
    /// JSON.
    pub state: String,
}

impl StoredAggregate {
    /// The aggregate; an error means that it is of another kind, or that a newer program wrote it.
    pub fn decode<A: Aggregate>(&self) -> serde_json::Result<A> {
        serde_json::from_str(&self.state)
    }
}

/// The state of an aggregate as the log keeps it.
pub fn encode_state<A: Aggregate>(aggregate: &A) -> serde_json::Result<String> {
    serde_json::to_string(aggregate)
}

/// Folds one event into the JSON of a state (absent before the first event).
pub type Fold = fn(Option<&str>, &EncodedEvent) -> serde_json::Result<String>;

/// The fold of one kind.
pub fn fold<A: Aggregate>(state: Option<&str>, event: &EncodedEvent) -> serde_json::Result<String> {
    let mut aggregate: A = state.map(serde_json::from_str).transpose()?.unwrap_or_default();
    aggregate.apply(event.decode()?);
    encode_state(&aggregate)
}

/// The stream of something that is known by a name that only one can have.
pub fn stream_of_name(kind: &str, name: &str) -> StreamId {
    StreamId(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("claude-runner:{kind}:{name}").as_bytes()))
}

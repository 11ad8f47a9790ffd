//! Aggregates other than the session: accounts, keys, trusted folders. Small, seldom changed, and in the
//! same log as everything else.
//!
//! An aggregate is a pure fold of its events. Its rules stand in a `decide` of its own, beside it; who
//! appends sends the events together with the state that they lead to, which the log keeps as one row, so
//! that reading an aggregate is reading one row. [`crate::kinds::FOLDS`] writes those rows anew from the log.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::ids::{SecretId, StreamId, TenantId};
use crate::log::event_log::Provenance;

/// A fold of events. Its default is what there is before the first event.
pub trait Aggregate:
    Clone + fmt::Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The word for it in the log. Frozen once anything is stored.
    const KIND: &'static str;

    type Event: AggregateEvent;

    /// Cannot fail and decides nothing. Times are in the events.
    fn apply(&mut self, event: &Self::Event);
}

/// A fact about an aggregate; in JSON an enum with `#[serde(tag = "type", content = "data")]`.
pub trait AggregateEvent: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Frozen: once stored, an event is read for ever.
    const SCHEMA: u32 = 1;

    /// Whether it takes something back that agents run on, or gives it back.
    fn concerns_agents(&self) -> bool {
        false
    }
}

/// An event as it goes into the log and comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedEvent {
    pub type_name: String,
    pub schema: u32,
    /// JSON text.
    pub data: String,
}

#[derive(Serialize, Deserialize)]
struct Tagged {
    #[serde(rename = "type")]
    type_name: String,
    #[serde(default)]
    data: Value,
}

impl EncodedEvent {
    pub fn encode<E: AggregateEvent>(event: &E) -> serde_json::Result<Self> {
        let Tagged { type_name, data } = serde_json::from_value(serde_json::to_value(event)?)?;
        // An event without fields has no data at all.
        let data = if data.is_null() { "{}".to_owned() } else { data.to_string() };
        Ok(Self { type_name, schema: E::SCHEMA, data })
    }

    pub fn decode<E: AggregateEvent>(&self) -> serde_json::Result<E> {
        let data: Value = serde_json::from_str(&self.data)?;
        let without_data = data.as_object().is_some_and(serde_json::Map::is_empty);
        let tagged = serde_json::to_value(Tagged { type_name: self.type_name.clone(), data })?;
        serde_json::from_value(tagged).or_else(|error| match without_data {
            true => serde_json::from_value(serde_json::json!({ "type": self.type_name })),
            false => Err(error),
        })
    }
}

/// Events to add to one aggregate's stream, with what they make of it, all or none.
#[derive(Clone, Debug)]
pub struct Change {
    pub kind: &'static str,
    pub stream: StreamId,
    pub tenant: TenantId,
    /// The version that the stream must have; absent where events are only noted and nothing is folded.
    pub expected_version: Option<u64>,
    pub events: Vec<EncodedEvent>,
    /// JSON of the aggregate after these events; absent where nothing is folded.
    pub state: Option<String>,
    /// Written in the same transaction.
    pub secrets: Vec<SecretChange>,
    pub provenance: Provenance,
}

/// What becomes of a secret. Secrets are never in an event; an event names their id.
#[derive(Clone)]
pub struct SecretChange {
    pub id: SecretId,
    /// Sealed bytes in place of what was there; absent to destroy it.
    pub sealed: Option<Vec<u8>>,
}

impl fmt::Debug for SecretChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.sealed.is_some() { "written" } else { "destroyed" };
        write!(f, "{} {what}", self.id)
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
    aggregate.apply(&event.decode()?);
    encode_state(&aggregate)
}

/// The stream of something that is known by a name that only one can have.
pub fn stream_of_name(kind: &str, name: &str) -> StreamId {
    StreamId(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("claude-runner:{kind}:{name}").as_bytes()))
}

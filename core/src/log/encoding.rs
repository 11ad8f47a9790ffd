//! How an event becomes text in the log, and how the text becomes an event again.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};

use crate::time::Timestamp;

/// How the fields of an event begin that tells of something earlier.
const HAPPENED_AT: &str = r#"{"happened_at":""#;

/// A fact about an aggregate; in JSON an enum with `#[serde(tag = "type", content = "data")]`.
pub trait AggregateEvent: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Frozen: once stored, an event is read for ever.
    const SCHEMA: u32 = 1;

    /// Whether it takes something back that agents run on, or gives it back.
    fn concerns_agents(&self) -> bool {
        false
    }

    /// The type and the fields, as the log stores and hashes them.
    fn to_encoded(&self) -> serde_json::Result<EncodedEvent> {
        let tagged = serde_json::to_string(self)?;
        // Names need no escapes.
        let named = tagged.strip_prefix(r#"{"type":""#).and_then(|named| named.split_once('"'));
        let (name, rest) = named.ok_or_else(|| serde_json::Error::custom("an event begins with its type"))?;
        // An event without fields has no data at all.
        let data = rest.strip_prefix(r#","data":"#).and_then(|data| data.strip_suffix('}')).unwrap_or("{}");
        let (type_name, data) = (name.to_owned().into(), data.to_owned());
        Ok(EncodedEvent { type_name, schema: Self::SCHEMA, data })
    }

    /// Reads stored fields back.
    fn decode_data(type_name: &str, data: &str) -> serde_json::Result<Self> {
        let type_name = serde_json::to_string(type_name)?;
        // The tag goes first: then the data is read straight into its variant.
        let event = serde_json::from_str(&format!(r#"{{"type":{type_name},"data":{data}}}"#));
        event.or_else(|error| match data {
            "{}" => serde_json::from_str(&format!(r#"{{"type":{type_name}}}"#)),
            _ => Err(error),
        })
    }
}

/// An event as it goes into the log and comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedEvent {
    pub type_name: Cow<'static, str>,
    pub schema: u32,
    /// JSON text.
    pub data: String,
}

impl EncodedEvent {
    /// The event in the type of its aggregate; an error means that a newer program wrote it.
    pub fn decode<E: AggregateEvent>(&self) -> serde_json::Result<E> {
        E::decode_data(&self.type_name, &self.data)
    }

    /// Says that it happened before it is recorded. The time stands among the fields, so that it is hashed
    /// with them, and goes before them, so that it is found without reading them.
    pub fn happened(mut self, at: Timestamp) -> Self {
        let rest = self.data.split_off(1);
        let comma = if rest == "}" { "" } else { "," };
        self.data = format!(r#"{HAPPENED_AT}{at}"{comma}{rest}"#);
        self
    }

    /// When it happened, if that was before it is recorded.
    pub fn happened_at(&self) -> Option<Timestamp> {
        happened_at(&self.data)
    }
}

/// When something happened, by the stored fields of its event; absent where that is when it was recorded.
pub(super) fn happened_at(data: &str) -> Option<Timestamp> {
    let (at, _) = data.strip_prefix(HAPPENED_AT)?.split_once('"')?;
    serde_json::from_value(at.into()).ok()
}

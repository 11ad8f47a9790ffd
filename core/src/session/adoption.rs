//! Sessions that were held elsewhere, as they are taken into the log.

use crate::log::{AggregateEvent as _, EncodedEvent};
use crate::session::event::SessionEvent;
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

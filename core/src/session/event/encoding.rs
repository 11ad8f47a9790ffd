//! How a session's event is stored and read back.

use cqrs_es::DomainEvent;

use super::SessionEvent;

impl SessionEvent {
    /// The version of its shape. Raise it, and upcast in [`SessionEvent::decode`], when a shape changes.
    pub const fn schema(&self) -> u32 {
        1
    }

    /// The fields alone, as the log stores and hashes them: JSON text.
    pub fn encode(&self) -> serde_json::Result<String> {
        let mut tagged = serde_json::to_string(self)?;
        // Names need no escapes, so what stands around the fields has a known length.
        tagged.truncate(tagged.len() - "}".len());
        tagged.drain(..r#"{"type":"","data":"#.len() + self.type_name().len());
        Ok(tagged)
    }

    /// Reads a stored event back.
    pub fn decode(type_name: &str, data: &str) -> serde_json::Result<Self> {
        // The tag goes first: then the data is read straight into its variant.
        let type_name = serde_json::to_string(type_name)?;
        serde_json::from_str(&format!(r#"{{"type":{type_name},"data":{data}}}"#))
    }
}

impl DomainEvent for SessionEvent {
    fn event_type(&self) -> String {
        self.type_name().to_owned()
    }

    fn event_version(&self) -> String {
        self.schema().to_string()
    }
}

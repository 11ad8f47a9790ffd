//! The secret values of an extension.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// Values that are not shown, by name.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretValues(pub BTreeMap<String, String>);

impl SecretValues {
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// All of them as one text, to be sealed.
    pub fn encode(&self) -> serde_json::Result<SecretString> {
        serde_json::to_string(self).map(SecretString::from)
    }

    pub fn decode(text: &SecretString) -> serde_json::Result<Self> {
        serde_json::from_str(text.expose_secret())
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

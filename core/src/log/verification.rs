//! What a check of the log finds.

use serde::Serialize;

use super::Digest;

/// What recomputing a stream's hash chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Verification {
    pub valid: bool,
    /// How many events were checked.
    pub events: u64,
    /// The hash of the last event, in hexadecimal.
    #[schema(value_type = String)]
    pub head_hash: Digest,
    /// A signed checkpoint that covers the session, if there is one.
    #[schema(value_type = Option<Object>)]
    pub checkpoint: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad_version: Option<u64>,
    /// What is wrong there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

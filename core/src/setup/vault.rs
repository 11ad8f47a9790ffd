//! Secrets that are kept beside the log: sealed with a key that the database does not have.

use secrecy::SecretString;
use thiserror::Error;

use crate::ids::{SecretId, TenantId};

/// What a sealed value is bound to. Moved to another row, another person or another team, it does not
/// open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFor {
    pub tenant: TenantId,
    pub owner: String,
    pub secret: SecretId,
}

/// Seals and opens. What it seals is different each time.
pub trait Vault: Send + Sync {
    fn seal(&self, value: &SecretString, bound_to: &SealedFor) -> Result<Vec<u8>, VaultError>;

    fn open(&self, sealed: &[u8], bound_to: &SealedFor) -> Result<SecretString, VaultError>;
}

/// Why nothing was sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VaultError {
    /// The secret key is not the one that it was sealed with.
    #[error("it was sealed with another secret key")]
    OtherKey,
    #[error("it is damaged, or was sealed for something else")]
    Damaged,
    #[error("the system gives no random numbers")]
    NoRandomness,
}

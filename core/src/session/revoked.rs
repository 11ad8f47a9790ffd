//! Rights and trust that agents run on, and that they were taken back.
//!
//! An agent works in the name of its session's owner, in a session that is in use, with what somebody trusts.
//! When one of these ends, so does what runs: at once, whatever it is doing.

use thiserror::Error;

use crate::session::event::{InterruptCause, ParkCause};

/// The right or the trust that a running agent has no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Revoked {
    #[error("the account of this session's owner is disabled")]
    OwnerDisabled,
    #[error("the role of this session's owner does not allow to run tasks")]
    OwnerNotPermitted,
    #[error("the session is archived")]
    SessionArchived,
    /// The agent has loaded what its folder brings. Another one, which does not, may go on.
    #[error("the folder of this session is no longer trusted")]
    TrustRevoked,
}

impl Revoked {
    /// Why the turn that ran was interrupted.
    pub const fn interrupt(self) -> InterruptCause {
        match self {
            Self::OwnerDisabled => InterruptCause::OwnerDisabled,
            Self::OwnerNotPermitted => InterruptCause::OwnerNotPermitted,
            Self::SessionArchived => InterruptCause::SessionArchived,
            Self::TrustRevoked => InterruptCause::TrustRevoked,
        }
    }

    /// Why the turn that waits for people has no process.
    pub const fn park(self) -> ParkCause {
        match self {
            Self::OwnerDisabled => ParkCause::OwnerDisabled,
            Self::OwnerNotPermitted => ParkCause::OwnerNotPermitted,
            Self::SessionArchived => ParkCause::SessionArchived,
            Self::TrustRevoked => ParkCause::TrustRevoked,
        }
    }

    /// Whether no other agent may take the place of the one that ends.
    pub const fn is_for_good(self) -> bool {
        match self {
            Self::OwnerDisabled | Self::OwnerNotPermitted | Self::SessionArchived => true,
            Self::TrustRevoked => false,
        }
    }
}

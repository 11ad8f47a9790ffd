//! The only list of all aggregates.

use crate::log::{Aggregate, Fold, fold};
use crate::people::account::Account;
use crate::people::invite::Invite;
use crate::people::tenant::Tenant;
use crate::session::Session;
use crate::setup::agent_proof::AgentProof;
use crate::setup::api_key::ApiKey;
use crate::setup::extension::Extension;
use crate::setup::extension::kept_files::KeptFiles;
use crate::setup::schedule::Schedule;
use crate::setup::trust::TrustedFolder;

/// A kind of aggregate, as far as the log needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    /// Writes the row of its state anew; absent where the log keeps none.
    pub fold: Option<Fold>,
}

impl Kind {
    const fn of<A: Aggregate>() -> Self {
        Self { name: A::KIND, fold: if A::HAS_ROW { Some(fold::<A>) } else { None } }
    }

    /// The kind of a name; absent for streams in which events are only noted.
    pub fn find(name: &str) -> Option<Self> {
        KINDS.iter().copied().find(|kind| kind.name == name)
    }
}

/// Every kind of aggregate.
pub const KINDS: &[Kind] = &[
    Kind::of::<Account>(),
    Kind::of::<AgentProof>(),
    Kind::of::<ApiKey>(),
    Kind::of::<Extension>(),
    Kind::of::<Invite>(),
    Kind::of::<Schedule>(),
    Kind::of::<KeptFiles>(),
    Kind::of::<Session>(),
    Kind::of::<Tenant>(),
    Kind::of::<TrustedFolder>(),
];

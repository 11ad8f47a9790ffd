//! Whom the gateway lets in, and how their process is told from others.

use std::net::SocketAddr;
use std::sync::Arc;

use runner_core::money::MicroDollars;
use runner_core::ports::model::ModelScope;
use runner_core::spend::SpentBefore;

/// Tells the process that a pass is for from all others on this machine.
pub trait Caller: std::fmt::Debug + Send + Sync {
    /// Whether the far end of a connection to a port of this machine is that process, or one that it started.
    /// May read files.
    fn is_at(&self, peer: SocketAddr, port: u16) -> bool;
}

/// Whoever has the token: where it cannot be told which process a connection is from.
#[derive(Clone, Copy, Debug)]
pub struct Anybody;

impl Caller for Anybody {
    fn is_at(&self, _: SocketAddr, _: u16) -> bool {
        true
    }
}

/// A process that is to be let in, and what it may spend.
#[derive(Clone, Debug)]
pub struct Admission {
    pub scope: ModelScope,
    pub caller: Arc<dyn Caller>,
    pub spent: SpentBefore,
    /// For its turn; a process with such a budget works on one turn.
    pub turn_budget: Option<MicroDollars>,
}

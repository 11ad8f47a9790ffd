//! The process that the gateway lets in, and how it is told from all others.

use std::net::SocketAddr;
use std::sync::Arc;

use runner_core::money::MicroDollars;
use runner_core::ports::model::ModelScope;
use runner_core::spend::SpentBefore;

/// Tells the process that a pass was made for from all others on this machine.
pub trait Caller: std::fmt::Debug + Send + Sync {
    /// Whether the far end of a connection to a port of this machine is that process, or one that it started.
    /// May read files.
    fn is_at(&self, peer: SocketAddr, port: u16) -> bool;
}

/// Any process that has the token: used where the system does not show whose a connection is.
#[derive(Clone, Copy, Debug)]
pub struct Anybody;

impl Caller for Anybody {
    fn is_at(&self, _: SocketAddr, _: u16) -> bool {
        true
    }
}

/// A process that is to be let in, and its limits.
#[derive(Clone, Debug)]
pub struct Admission {
    pub scope: ModelScope,
    pub caller: Arc<dyn Caller>,
    pub spent: SpentBefore,
    /// The limit of the process's turn; a process with such a limit works on one turn only.
    pub turn_budget: Option<MicroDollars>,
}

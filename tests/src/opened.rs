//! Sessions that no agent was ever started for.

use runner_core::agent::{AgentOptions, PermissionMode};
use runner_core::ids::{SessionId, TenantId};
use runner_core::session::event::{LifecycleEvent, Origin, SessionEvent, SessionOpened};

/// The event with which a session of ada's begins.
pub fn opened(session: SessionId) -> SessionEvent {
    SessionEvent::Lifecycle(LifecycleEvent::Opened(opening(session)))
}

/// What it says.
pub fn opening(session: SessionId) -> SessionOpened {
    SessionOpened {
        session,
        tenant: TenantId::first(),
        owner: "ada".into(),
        working_dir: "/work".into(),
        permission_mode: PermissionMode::Default,
        origin: Origin::Api,
        offline: true,
        title: None,
        parent: None,
        schedule: None,
        options: AgentOptions::default(),
    }
}

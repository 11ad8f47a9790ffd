//! Folders whose own settings agents may load.
//!
//! A repository is somebody else's program: its settings run hooks, its instructions steer the agent. None
//! of that is loaded until a person says that the folder is trusted. As with Claude Code, a folder below a
//! trusted one is trusted; one above it is not.

use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::log::aggregate::{Aggregate, AggregateEvent, stream_of_name};

use crate::ids::{StreamId, TenantId};
use crate::time::Timestamp;

/// Whether agents load what a folder brings: settings with hooks and permissions, instructions, skills,
/// commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    #[default]
    Untrusted,
    Trusted,
}

/// A folder, and whether it is trusted now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedFolder {
    /// Resolved; empty before the first event.
    pub working_dir: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<Granted>,
}

/// Who trusted it, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    pub by: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum TrustEvent {
    FolderTrusted { working_dir: String, by: String, at: Timestamp },
    TrustRevoked { working_dir: String, by: String, at: Timestamp },
}

/// There is no trust to take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the folder is not trusted")]
pub struct NotTrusted;

impl AggregateEvent for TrustEvent {
    fn concerns_agents(&self) -> bool {
        matches!(self, Self::TrustRevoked { .. })
    }
}

impl Aggregate for TrustedFolder {
    const KIND: &'static str = "trusted_folder";

    type Event = TrustEvent;

    fn apply(&mut self, event: &TrustEvent) {
        match event {
            TrustEvent::FolderTrusted { working_dir, by, at } => {
                self.working_dir.clone_from(working_dir);
                self.granted = Some(Granted { by: by.clone(), at: *at });
            }
            TrustEvent::TrustRevoked { .. } => self.granted = None,
        }
    }
}

impl TrustedFolder {
    pub fn stream(tenant: &TenantId, working_dir: &str) -> StreamId {
        stream_of_name(Self::KIND, &format!("{tenant}:{working_dir}"))
    }

    /// Trusting twice changes nothing: the first one stays who did it.
    pub fn trust(&self, working_dir: &str, by: &Granted) -> Vec<TrustEvent> {
        if self.granted.is_some() {
            return vec![];
        }
        let Granted { by, at } = by.clone();
        vec![TrustEvent::FolderTrusted { working_dir: working_dir.to_owned(), by, at }]
    }

    pub fn revoke(&self, by: &Granted) -> Result<Vec<TrustEvent>, NotTrusted> {
        if self.granted.is_none() {
            return Err(NotTrusted);
        }
        let Granted { by, at } = by.clone();
        Ok(vec![TrustEvent::TrustRevoked { working_dir: self.working_dir.clone(), by, at }])
    }

    /// What this says about a resolved folder.
    pub fn covers(&self, folder: &Path) -> bool {
        self.granted.is_some() && folder.starts_with(&self.working_dir)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{Granted, NotTrusted, TrustEvent, TrustedFolder};
    use crate::log::aggregate::Aggregate;
    use crate::time::Timestamp;

    fn by(name: &str) -> Granted {
        Granted { by: name.to_owned(), at: Timestamp::from_micros(7) }
    }

    fn trusted() -> TrustedFolder {
        let mut folder = TrustedFolder::default();
        folder.trust("/srv/app", &by("ada")).iter().for_each(|event| folder.apply(event));
        folder
    }

    #[test]
    fn folders_below_a_trusted_one_are_trusted_and_others_are_not() {
        let folder = trusted();

        assert!(folder.covers(Path::new("/srv/app")) && folder.covers(Path::new("/srv/app/deep")));
        for other in ["/srv", "/srv/app2", "/srv/other"] {
            assert!(!folder.covers(Path::new(other)), "{other}");
        }
        assert!(!TrustedFolder::default().covers(Path::new("/srv/app")));
    }

    #[test]
    fn trusting_again_keeps_who_did_it_first() {
        assert_eq!(trusted().trust("/srv/app", &by("bob")), []);
        assert_eq!(trusted().granted, Some(by("ada")));
    }

    #[test]
    fn events_are_stored_like_this_for_ever() {
        let lines = [
            json!({ "type": "folder_trusted", "data": {
                "working_dir": "/srv/app", "by": "ada", "at": "2026-11-22T10:24:13.000Z" } }),
            json!({ "type": "trust_revoked", "data": {
                "working_dir": "/srv/app", "by": "bob", "at": "2026-11-22T10:24:13.000Z" } }),
        ];
        let (working_dir, at) = ("/srv/app".to_owned(), "2026-11-22T10:24:13.000Z");
        let at: Timestamp = serde_json::from_value(json!(at)).unwrap();
        let events = [
            TrustEvent::FolderTrusted { working_dir: working_dir.clone(), by: "ada".into(), at },
            TrustEvent::TrustRevoked { working_dir, by: "bob".into(), at },
        ];

        assert_eq!(events.clone().map(|event| serde_json::to_value(event).unwrap()), lines);
        assert_eq!(lines.map(|line| serde_json::from_value::<TrustEvent>(line).unwrap()), events);
    }

    #[test]
    fn trust_is_taken_back_once() {
        let mut folder = trusted();

        folder.revoke(&by("bob")).unwrap().iter().for_each(|event| folder.apply(event));

        assert!(!folder.covers(Path::new("/srv/app")));
        assert_eq!(folder.revoke(&by("bob")), Err(NotTrusted));
        assert_eq!(folder.trust("/srv/app", &by("eve")).len(), 1);
    }
}

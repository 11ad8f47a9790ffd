//! Folders whose own settings agents may load.
//!
//! A repository is somebody else's program: its settings run hooks, its instructions steer the agent. None
//! of that is loaded until a person says that the folder is trusted. As with Claude Code, a folder below a
//! trusted one is trusted; one above it is not.

use std::convert::Infallible;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::log::{Aggregate, AggregateEvent, Effects, stream_of_name};

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

/// What can be asked of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustCommand {
    Trust { working_dir: String, by: Granted },
    Revoke { by: Granted },
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
    type Command = TrustCommand;
    type Event = TrustEvent;
    type Action = Infallible;
    type Refusal = NotTrusted;

    const KIND: &'static str = "trusted_folder";

    fn decide(&self, command: TrustCommand) -> Result<Effects<TrustEvent, Infallible>, NotTrusted> {
        Ok(self.events_of(command)?.into())
    }

    fn apply(&mut self, event: TrustEvent) {
        match event {
            TrustEvent::FolderTrusted { working_dir, by, at } => {
                self.working_dir = working_dir;
                self.granted = Some(Granted { by, at });
            }
            TrustEvent::TrustRevoked { .. } => self.granted = None,
        }
    }
}

impl TrustedFolder {
    fn events_of(&self, command: TrustCommand) -> Result<Vec<TrustEvent>, NotTrusted> {
        match (command, &self.granted) {
            // Trusting twice changes nothing: the first one stays who did it.
            (TrustCommand::Trust { .. }, Some(_)) => Ok(vec![]),
            (TrustCommand::Trust { working_dir, by: Granted { by, at } }, None) => {
                Ok(vec![TrustEvent::FolderTrusted { working_dir, by, at }])
            }
            (TrustCommand::Revoke { .. }, None) => Err(NotTrusted),
            (TrustCommand::Revoke { by: Granted { by, at } }, Some(_)) => {
                Ok(vec![TrustEvent::TrustRevoked { working_dir: self.working_dir.clone(), by, at }])
            }
        }
    }
}

impl TrustedFolder {
    pub fn stream(tenant: &TenantId, working_dir: &str) -> StreamId {
        stream_of_name(Self::KIND, &format!("{tenant}:{working_dir}"))
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

    use super::{Granted, NotTrusted, TrustCommand, TrustEvent, TrustedFolder};
    use crate::log::Aggregate;
    use crate::time::Timestamp;

    fn by(name: &str) -> Granted {
        Granted { by: name.to_owned(), at: Timestamp::from_micros(7) }
    }

    fn trust(name: &str) -> TrustCommand {
        TrustCommand::Trust { working_dir: "/srv/app".to_owned(), by: by(name) }
    }

    fn revoke(name: &str) -> TrustCommand {
        TrustCommand::Revoke { by: by(name) }
    }

    fn trusted() -> TrustedFolder {
        let mut folder = TrustedFolder::default();
        folder.events_of(trust("ada")).unwrap().into_iter().for_each(|event| folder.apply(event));
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
        assert_eq!(trusted().events_of(trust("bob")), Ok(vec![]));
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

        folder.events_of(revoke("bob")).unwrap().into_iter().for_each(|event| folder.apply(event));

        assert!(!folder.covers(Path::new("/srv/app")));
        assert_eq!(folder.events_of(revoke("bob")), Err(NotTrusted));
        assert_eq!(folder.events_of(trust("eve")).unwrap().len(), 1);
    }
}

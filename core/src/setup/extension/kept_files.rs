//! Contents of files, each kept once: a stream for each content of a team, with one event.
//!
//! Definitions name them by their digest, so that an earlier one finds its files again.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::files::FileBundle;
use crate::ids::{StreamId, TenantId};
use crate::log::{Aggregate, AggregateEvent, Digest, Effects, stream_of_name};

/// The files of one digest, once they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFiles {
    pub files: Option<FileBundle>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum KeptFilesEvent {
    FilesKept { files: FileBundle },
}

impl AggregateEvent for KeptFilesEvent {}

impl KeptFiles {
    pub fn stream(tenant: &TenantId, digest: Digest) -> StreamId {
        stream_of_name(Self::KIND, &format!("{tenant}:{digest}"))
    }
}

impl Aggregate for KeptFiles {
    /// Files to keep.
    type Command = FileBundle;
    type Event = KeptFilesEvent;
    type Action = Infallible;
    type Refusal = Infallible;

    const KIND: &'static str = "extension_files";
    /// They are large, and read seldom.
    const HAS_ROW: bool = false;

    fn decide(&self, files: FileBundle) -> Result<Effects<KeptFilesEvent, Infallible>, Infallible> {
        let kept = match self.files {
            None => vec![KeptFilesEvent::FilesKept { files }],
            Some(_) => vec![],
        };
        Ok(kept.into())
    }

    fn apply(&mut self, KeptFilesEvent::FilesKept { files }: KeptFilesEvent) {
        self.files = Some(files);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{KeptFiles, KeptFilesEvent};
    use crate::log::Aggregate as _;
    use crate::setup::extension::files::{BundledFile, FileBundle};

    #[test]
    fn files_are_kept_once() {
        let mut files = FileBundle::default();
        files.insert("a", BundledFile::new(b"1".to_vec(), None)).unwrap();
        let mut kept = KeptFiles::default();

        let first = kept.decide(files.clone()).unwrap().events;
        first.clone().into_iter().for_each(|event| kept.apply(event));

        assert_eq!(kept.files, Some(files.clone()));
        assert_eq!(kept.decide(files).unwrap().events, []);
        let stored = json!({ "type": "files_kept", "data": { "files": { "a": { "base64": "MQ==" } } } });
        assert_eq!(serde_json::to_value(&first[0]).unwrap(), stored);
        assert_eq!(serde_json::from_value::<KeptFilesEvent>(stored).unwrap(), first[0]);
    }
}

//! The agents' own files.

use async_trait::async_trait;
use runner_core::ids::SessionId;
use runner_core::ports::{AgentFile, AgentFiles, AppendError, ReadError};

use crate::event_store::EventStore;
use crate::event_store::writer::unavailable;

#[async_trait]
impl AgentFiles for EventStore {
    async fn save(&self, session: SessionId, files: &[AgentFile]) -> Result<(), AppendError> {
        self.files.save(session, files).await.map_err(unavailable)
    }

    async fn load(&self, session: SessionId) -> Result<Vec<AgentFile>, ReadError> {
        self.reader.load_files(session).await.map_err(|source| ReadError(source.into()))
    }
}

//! The subagents of all sessions.

use async_trait::async_trait;
use runner_core::people::principal::Reach;
use runner_core::ports::{ReadError, SubagentRecord};
use runner_core::subagents::{ListedSubagent, SubagentFilter};

use crate::event_store::EventStore;

#[async_trait]
impl SubagentRecord for EventStore {
    async fn list_subagents(
        &self,
        filter: &SubagentFilter,
        page: (Option<u64>, u32),
    ) -> Result<Vec<ListedSubagent>, ReadError> {
        self.reader.list_subagents(filter, page).await
    }

    async fn list_changed_subagents(
        &self,
        reach: &Reach,
        after: u64,
        limit: u32,
    ) -> Result<Vec<ListedSubagent>, ReadError> {
        self.reader.list_changed_subagents(reach, after, limit).await
    }

    async fn last_change_of_subagents(&self, reach: &Reach) -> Result<u64, ReadError> {
        self.reader.last_change_of_subagents(reach).await
    }
}

//! What was counted.

use async_trait::async_trait;
use runner_core::ports::{ReadError, StatisticsRecord};
use runner_core::statistics::{Statistics, StatisticsFilter};

use crate::event_store::EventStore;

#[async_trait]
impl StatisticsRecord for EventStore {
    async fn read_statistics(&self, filter: &StatisticsFilter) -> Result<Statistics, ReadError> {
        self.reader.read_statistics(filter).await
    }
}

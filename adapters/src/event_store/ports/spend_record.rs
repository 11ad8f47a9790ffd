//! The money that was spent on models.

use async_trait::async_trait;
use runner_core::ports::ReadError;
use runner_core::ports::model::SpendRecord;
use runner_core::spend::{Payer, Spent};

use crate::event_store::EventStore;

#[async_trait]
impl SpendRecord for EventStore {
    async fn spent_in_month(&self, month: &str, payer: &Payer) -> Result<Spent, ReadError> {
        self.reader.spent_in_month(month, payer).await
    }
}

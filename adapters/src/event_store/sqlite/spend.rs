//! What was spent on models, by month, user and key.

use runner_core::model_access::{Payer, Spent};
use runner_core::money::MicroDollars;
use runner_core::ports::ReadError;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::read::{SqliteReader, read_error};
use super::{signed, unsigned};
use crate::event_store::projection::{SpendKey, SpendTotal};

pub(super) async fn write_spend(
    connection: &mut SqliteConnection,
    spend: impl IntoIterator<Item = (&SpendKey, &SpendTotal)>,
) -> sqlx::Result<()> {
    for (key, total) in spend {
        sqlx::query(
            "INSERT INTO model_spend VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (month, tenant, owner, key) DO UPDATE SET calls = calls + excluded.calls,
             cost_micros = cost_micros + excluded.cost_micros,
             input_tokens = input_tokens + excluded.input_tokens,
             output_tokens = output_tokens + excluded.output_tokens,
             cache_read_input_tokens = cache_read_input_tokens + excluded.cache_read_input_tokens,
             cache_creation_input_tokens =
                 cache_creation_input_tokens + excluded.cache_creation_input_tokens",
        )
        .bind(&key.month)
        .bind(&key.tenant.0)
        .bind(&key.owner)
        .bind(key.key.map(|key| key.to_string()).unwrap_or_default())
        .bind(signed(total.calls))
        .bind(signed(total.cost.0))
        .bind(signed(total.usage.input_tokens))
        .bind(signed(total.usage.output_tokens))
        .bind(signed(total.usage.cache_read_input_tokens))
        .bind(signed(total.usage.cache_creation_input_tokens))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

impl SqliteReader {
    pub(in crate::event_store) async fn spent_in_month(
        &self,
        month: &str,
        payer: &Payer,
    ) -> Result<Spent, ReadError> {
        let sums =
            "SELECT coalesce(sum(calls), 0) AS calls, coalesce(sum(cost_micros), 0) AS cost FROM model_spend";
        let mut query = QueryBuilder::<Sqlite>::new(sums);
        query.push(" WHERE month = ").push_bind(month);
        match payer {
            Payer::User { tenant, owner } => {
                query.push(" AND tenant = ").push_bind(&tenant.0).push(" AND owner = ").push_bind(owner);
            }
            Payer::Key(key) => {
                query.push(" AND key = ").push_bind(key.to_string());
            }
        }
        let row = query.build().fetch_one(self.pool()).await.map_err(read_error)?;
        let number = |column| row.try_get(column).map(unsigned).map_err(read_error);
        Ok(Spent { calls: number("calls")?, cost: MicroDollars(number("cost")?) })
    }
}

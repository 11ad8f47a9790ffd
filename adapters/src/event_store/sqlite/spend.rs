//! What was spent on models, by month, user and key.

use std::sync::LazyLock;

use runner_core::money::MicroDollars;
use runner_core::ports::ReadError;
use runner_core::spend::{Payer, Spent};
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::SqliteReader;
use super::values::{read_error, signed, unsigned};
use crate::event_store::projection::{SpendKey, SpendTotal};

static ADD_SPEND: LazyLock<String> = LazyLock::new(|| {
    let columns = [
        "calls",
        "cost_micros",
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
    ];
    let sums = sums(&columns, i64::MAX);
    format!(
        "INSERT INTO model_spend VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (month, tenant, owner, key) DO UPDATE SET {sums}"
    )
});

/// Adds what an upsert brings to what is there. A sum that is too large for an integer would become a number
/// that the column refuses, and with it everything else in the transaction; it stays at the largest.
pub(super) fn sums(columns: &[&str], largest: i64) -> String {
    let sum = |column| format!("{column} = min({column}, {largest} - excluded.{column}) + excluded.{column}");
    columns.iter().map(sum).collect::<Vec<_>>().join(", ")
}

pub(super) async fn write_spend(
    connection: &mut SqliteConnection,
    spend: impl IntoIterator<Item = (&SpendKey, &SpendTotal)>,
) -> sqlx::Result<()> {
    for (key, total) in spend {
        sqlx::query(AssertSqlSafe(ADD_SPEND.as_str()))
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
        let mut query = QueryBuilder::<Sqlite>::new("SELECT calls, cost_micros FROM model_spend");
        query.push(" WHERE month = ").push_bind(month);
        match payer {
            Payer::User { tenant, owner } => {
                query.push(" AND tenant = ").push_bind(&tenant.0).push(" AND owner = ").push_bind(owner);
            }
            Payer::Key(key) => {
                query.push(" AND key = ").push_bind(key.to_string());
            }
        }
        let rows = query.build().fetch_all(self.pool()).await.map_err(read_error)?;
        // Not `sum`, which fails when it runs over.
        rows.iter().try_fold(Spent::default(), |spent, row| {
            let number = |column| row.try_get(column).map(unsigned).map_err(read_error);
            let calls = spent.calls.saturating_add(number("calls")?);
            Ok(Spent { calls, cost: spent.cost + MicroDollars(number("cost_micros")?) })
        })
    }
}

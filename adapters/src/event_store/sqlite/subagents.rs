//! The subagents of all sessions: a row each, under the place of its beginning.

use runner_core::ids::{SessionId, TurnId};
use runner_core::money::MicroDollars;
use runner_core::people::principal::Reach;
use runner_core::ports::ReadError;
use runner_core::spend::Usage;
use runner_core::subagents::{ListedSubagent, Subagent, SubagentFilter, SubagentState};
use runner_core::time::Timestamp;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::SqliteReader;
use super::values::{read_error, signed, unsigned};
use crate::event_store::projection::subagents::{Change, STOPPED, SubagentChange};

/// Every row as a text, in order.
pub(super) const ROWS: &str = concat!(
    "SELECT json_array(tenant, hex(session), hex(turn), ",
    "began, changed, owner, task_id, tool_use_id, kind, subagent_type, description, state, summary, ",
    "tool_calls, model_calls, input_tokens, output_tokens, cache_read_input_tokens, ",
    "cache_creation_input_tokens, reported_tokens, cost_micros, started_at, ended_at) ",
    "FROM subagents ORDER BY began",
);

/// A statement about the last subagent of a session that has something, `$3`.
macro_rules! newest {
    ($by:literal, $($set:expr),+) => {
        concat!(
            "UPDATE subagents SET changed = $1, ", $($set,)+
            " WHERE began = (SELECT max(began) FROM subagents WHERE session = $2 AND ", $by, " = $3)"
        )
    };
}

/// Adds to a number and stays at the largest one: what is larger would be no integer, which the column
/// refuses, and with it everything else in the transaction.
macro_rules! added {
    ($column:literal, $value:literal) => {
        concat!($column, " = min(", $column, ", 9223372036854775807 - ", $value, ") + ", $value)
    };
}

const BEGAN: &str =
    "INSERT INTO subagents (began, changed, session, tenant, owner, task_id, turn, tool_use_id,
     kind, subagent_type, description, state, started_at)
     VALUES ($1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'running', $11)";

const ENDED: &str = newest!(
    "task_id",
    "state = $4, summary = coalesce($5, summary), reported_tokens = coalesce($6, reported_tokens),
     ended_at = $7"
);

const CALLED: &str = newest!(
    "task_id",
    "model_calls = model_calls + 1, ",
    added!("cost_micros", "$4"),
    ", ",
    added!("input_tokens", "$5"),
    ", ",
    added!("output_tokens", "$6"),
    ", ",
    added!("cache_read_input_tokens", "$7"),
    ", ",
    added!("cache_creation_input_tokens", "$8")
);

const ALL_ENDED: &str = "UPDATE subagents SET changed = $1, state = $3, ended_at = $4
     WHERE session = $2 AND ended_at IS NULL AND state <> 'parked'";

type Statement<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

pub(super) async fn write(connection: &mut SqliteConnection, changes: &[SubagentChange]) -> sqlx::Result<()> {
    for SubagentChange { session, place, what } in changes {
        let statement = statement(what, |sql| sqlx::query(sql).bind(signed(place.position)).bind(session.0));
        timed(statement, what, place.at).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The statement of a change; `about` begins one with the place of its event and its session.
fn statement<'q>(change: &'q Change, about: impl FnOnce(&'static str) -> Statement<'q>) -> Statement<'q> {
    match change {
        Change::Began { reach: (tenant, owner), turn, work } => about(BEGAN)
            .bind(&tenant.0)
            .bind(owner)
            .bind(&work.task_id)
            .bind(turn.0)
            .bind(&work.tool_use_id)
            .bind(&work.kind)
            .bind(&work.subagent_type)
            .bind(&work.description),
        Change::Progressed { task_id, description, usage } => {
            about(newest!("task_id", "description = $4, reported_tokens = $5"))
                .bind(task_id)
                .bind(description)
                .bind(signed(usage.total_tokens))
        }
        Change::Ended { task_id, state, summary, usage } => about(ENDED)
            .bind(task_id)
            .bind(state)
            .bind(summary)
            .bind(usage.map(|usage| signed(usage.total_tokens))),
        Change::Parked { task_id } => about(newest!("task_id", "state = 'parked'")).bind(task_id),
        Change::UsedTool { began_by } => {
            about(newest!("tool_use_id", "tool_calls = tool_calls + 1")).bind(began_by)
        }
        Change::CalledModel { task_id, call } => about(CALLED)
            .bind(task_id)
            .bind(signed(call.cost_micros.0))
            .bind(signed(call.usage.input_tokens))
            .bind(signed(call.usage.output_tokens))
            .bind(signed(call.usage.cache_read_input_tokens))
            .bind(signed(call.usage.cache_creation_input_tokens)),
        Change::AllEnded => about(ALL_ENDED).bind(STOPPED),
        Change::HandedOver { owner } => {
            about("UPDATE subagents SET changed = $1, owner = $3 WHERE session = $2").bind(owner)
        }
    }
}

/// With the time of the event, where that is kept.
fn timed<'q>(statement: Statement<'q>, change: &Change, at: Timestamp) -> Statement<'q> {
    match change {
        Change::Began { .. } | Change::Ended { .. } | Change::AllEnded => statement.bind(at.as_micros()),
        Change::Progressed { .. }
        | Change::Parked { .. }
        | Change::UsedTool { .. }
        | Change::CalledModel { .. }
        | Change::HandedOver { .. } => statement,
    }
}

impl SqliteReader {
    pub(in crate::event_store) async fn list_subagents(
        &self,
        filter: &SubagentFilter,
        (before, limit): (Option<u64>, u32),
    ) -> Result<Vec<ListedSubagent>, ReadError> {
        let mut query = select(&filter.reach);
        if let Some(id) = &filter.id {
            query.push(" AND task_id = ").push_bind(id.clone());
        }
        if let Some(session) = filter.session {
            query.push(" AND session = ").push_bind(session.0);
        }
        match filter.state {
            None => {}
            Some(SubagentState::Ended) => drop(query.push(" AND ended_at IS NOT NULL")),
            // The second condition follows from the first, and is the one of an index.
            Some(state @ (SubagentState::Running | SubagentState::Parked)) => {
                query.push(" AND state = ").push_bind(state.as_str()).push(" AND ended_at IS NULL");
            }
            Some(state @ (SubagentState::Completed | SubagentState::Failed | SubagentState::Stopped)) => {
                query.push(" AND state = ").push_bind(state.as_str());
            }
        }
        if let Some(before) = before {
            query.push(" AND began < ").push_bind(signed(before));
        }
        query.push(" ORDER BY began DESC LIMIT ").push_bind(i64::from(limit));
        self.read_subagents(query).await
    }

    pub(in crate::event_store) async fn list_changed_subagents(
        &self,
        reach: &Reach,
        after: u64,
        limit: u32,
    ) -> Result<Vec<ListedSubagent>, ReadError> {
        let mut query = select(reach);
        query.push(" AND changed > ").push_bind(signed(after));
        query.push(" ORDER BY changed, began LIMIT ").push_bind(i64::from(limit));
        self.read_subagents(query).await
    }

    pub(in crate::event_store) async fn last_change_of_subagents(
        &self,
        reach: &Reach,
    ) -> Result<u64, ReadError> {
        let last = sqlx::query_scalar("SELECT coalesce(max(changed), 0) FROM subagents WHERE tenant = $1")
            .bind(&reach.tenant.0);
        last.fetch_one(&self.pool).await.map(unsigned).map_err(read_error)
    }

    async fn read_subagents(
        &self,
        mut query: QueryBuilder<Sqlite>,
    ) -> Result<Vec<ListedSubagent>, ReadError> {
        let rows = query.build().fetch_all(&self.pool).await.map_err(read_error)?;
        rows.iter().map(listed).collect::<sqlx::Result<_>>().map_err(read_error)
    }
}

fn select(reach: &Reach) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT * FROM subagents WHERE tenant = ");
    query.push_bind(reach.tenant.0.clone());
    if let Some(owner) = &reach.owner {
        query.push(" AND owner = ").push_bind(owner.clone());
    }
    query
}

fn listed(row: &SqliteRow) -> sqlx::Result<ListedSubagent> {
    let number = |column: &str| row.try_get(column).map(unsigned);
    let id = |column: &str| row.try_get::<Uuid, _>(column);
    let model_calls = number("model_calls")?;
    let cost = MicroDollars(number("cost_micros")?);
    let subagent = Subagent {
        id: row.try_get("task_id")?,
        session_id: SessionId(id("session")?),
        turn_id: TurnId(id("turn")?),
        owner: row.try_get("owner")?,
        tool_use_id: row.try_get("tool_use_id")?,
        kind: row.try_get("kind")?,
        subagent_type: row.try_get("subagent_type")?,
        description: row.try_get("description")?,
        state: row.try_get("state")?,
        summary: row.try_get("summary")?,
        tool_calls: number("tool_calls")?,
        model_calls,
        usage: Usage {
            input_tokens: number("input_tokens")?,
            output_tokens: number("output_tokens")?,
            cache_read_input_tokens: number("cache_read_input_tokens")?,
            cache_creation_input_tokens: number("cache_creation_input_tokens")?,
        },
        reported_tokens: number("reported_tokens")?,
        cost_usd: Some(cost).filter(|_| model_calls > 0),
        started_at: Timestamp::from_micros(row.try_get("started_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(Timestamp::from_micros),
        duration_ms: 0,
    };
    Ok(ListedSubagent { began: number("began")?, changed: number("changed")?, subagent })
}

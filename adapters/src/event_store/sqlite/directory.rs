//! The directory of sessions: lists in their order, single summaries, counts.
//!
//! The index of a session in a running turn is not written with every event. How far such a session has
//! come, and when, is read from the end of its log.

use runner_core::ids::{SessionId, TenantId};
use runner_core::people::principal::Reach;
use runner_core::ports::{ReadError, SessionCounts, SessionCursor, SessionFilter, SessionSort};
use runner_core::session::index::{SessionStatus, SessionSummary};
use runner_core::time::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use uuid::Uuid;

use super::SqliteReader;
use super::like::{has_wildcard, like_pattern};
use super::values::{parse_index, read_error, unsigned};

impl SqliteReader {
    pub(in crate::event_store) async fn list(
        &self,
        filter: SessionFilter,
    ) -> Result<(Vec<SessionSummary>, Option<SessionCursor>), ReadError> {
        let rows = list_query(&filter).build().fetch_all(&self.pool).await.map_err(read_error)?;
        let limit = filter.limit as usize;
        let more = rows.len() > limit;
        let mut sessions = Vec::new();
        let mut cursor = None;
        for row in rows.iter().take(limit) {
            sessions.push(summary(row).map_err(read_error)?);
            cursor = Some(end_of_page(row).map_err(read_error)?);
        }
        Ok((sessions, cursor.filter(|_| more)))
    }

    pub(in crate::event_store) async fn find(
        &self,
        reach: &Reach,
        session: SessionId,
    ) -> Result<Option<SessionSummary>, ReadError> {
        // Nothing of a row out of reach is read: how long that takes would tell that it is there.
        let row = sqlx::query(
            "SELECT i.state, e.version, e.recorded_at FROM session_index i JOIN events e ON e.stream = i.session
             WHERE i.session = $1 AND i.tenant = $2 AND ($3 IS NULL OR i.owner = $3)
             ORDER BY e.version DESC LIMIT 1",
        )
        .bind(session.0)
        .bind(&reach.tenant.0)
        .bind(&reach.owner)
        .fetch_optional(&self.pool)
        .await
        .map_err(read_error)?;
        row.as_ref().map(summary).transpose().map_err(read_error)
    }

    pub(in crate::event_store) async fn list_unfinished(&self) -> Result<Vec<SessionId>, ReadError> {
        let ids: Vec<Uuid> = sqlx::query_scalar(
            "SELECT session FROM session_index WHERE status IN ('running', 'waiting') ORDER BY updated_at",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(read_error)?;
        Ok(ids.into_iter().map(SessionId).collect())
    }

    pub(in crate::event_store) async fn count(
        &self,
        tenant: Option<&TenantId>,
    ) -> Result<SessionCounts, ReadError> {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM session_index WHERE $1 IS NULL OR tenant = $1) AS stored,
             (SELECT count(*) FROM session_index
              WHERE status <> 'idle' AND status = 'running' AND ($1 IS NULL OR tenant = $1)) AS running,
             (SELECT count(*) FROM session_index
              WHERE status <> 'idle' AND status = 'waiting' AND ($1 IS NULL OR tenant = $1)) AS waiting",
        )
        .bind(tenant.map(|tenant| &tenant.0))
        .fetch_one(&self.pool)
        .await
        .map_err(read_error)?;
        let count = |column| row.try_get(column).map(unsigned).map_err(read_error);
        Ok(SessionCounts { stored: count("stored")?, running: count("running")?, waiting: count("waiting")? })
    }
}

/// Sessions that are read from the index in one order.
struct Run {
    source: &'static str,
    restriction: &'static str,
    sort_key: &'static str,
    updated_at: &'static str,
}

impl Run {
    const fn by(sort_key: &'static str) -> Self {
        Self { source: "session_index", restriction: "", sort_key, updated_at: UPDATED_AT }
    }
}

/// The time of the last event, as precise as the index has it.
macro_rules! last_event_at {
    () => {
        "(SELECT recorded_at / 1000 * 1000 FROM events WHERE stream = session
          ORDER BY version DESC LIMIT 1)"
    };
}

const UPDATED_AT: &str =
    concat!("CASE status WHEN 'running' THEN ", last_event_at!(), " ELSE updated_at END");

const BY_CREATION: Run = Run::by("created_at");
const BY_COST: Run = Run::by("cost_micros");
const SETTLED: Run =
    Run { restriction: " AND status <> 'running'", updated_at: "updated_at", ..Run::by("updated_at") };
/// Few, so all of them are looked at; their key is the time of the last event. The second condition follows
/// from the first, and is the one of the table's index.
const RUNNING: Run = Run {
    source: "session_index INDEXED BY session_index_by_status",
    restriction: " AND status = 'running' AND status <> 'idle'",
    sort_key: last_event_at!(),
    updated_at: last_event_at!(),
};

fn runs(filter: &SessionFilter) -> &'static [Run] {
    match (filter.sort, filter.status) {
        (SessionSort::CreatedAt, _) => &[BY_CREATION],
        (SessionSort::Cost, _) => &[BY_COST],
        (SessionSort::UpdatedAt, Some(SessionStatus::Running)) => &[RUNNING],
        (SessionSort::UpdatedAt, Some(_)) => &[SETTLED],
        (SessionSort::UpdatedAt, None) => &[SETTLED, RUNNING],
    }
}

/// One page, each session with the end of its log.
fn list_query(filter: &SessionFilter) -> QueryBuilder<Sqlite> {
    let mut query =
        QueryBuilder::new("SELECT page.session, state, sort_key, e.version, e.recorded_at FROM (");
    for (number, run) in runs(filter).iter().enumerate() {
        query.push(if number > 0 { " UNION ALL " } else { "" });
        push_run(&mut query, filter, run);
    }
    query.push(" ORDER BY sort_key DESC, session DESC LIMIT ").push_bind(i64::from(filter.limit) + 1);
    query.push(
        ") AS page JOIN events e ON e.stream = page.session
         AND e.version = (SELECT max(version) FROM events WHERE stream = page.session)
         ORDER BY sort_key DESC, page.session DESC",
    );
    query
}

fn push_run(query: &mut QueryBuilder<Sqlite>, filter: &SessionFilter, run: &Run) {
    query.push("SELECT session, state, ").push(run.sort_key);
    query.push(" AS sort_key FROM ").push(run.source).push(" WHERE tenant = ");
    query.push_bind(filter.reach.tenant.0.clone());
    query.push(run.restriction);
    for owner in [&filter.reach.owner, &filter.owner].into_iter().flatten() {
        query.push(" AND owner = ").push_bind(owner.clone());
    }
    if let Some(tag) = &filter.tag {
        query.push(" AND session IN (SELECT session FROM session_tags WHERE tenant = ");
        query.push_bind(filter.reach.tenant.0.clone()).push(" AND tag = ").push_bind(tag.clone()).push(")");
    }
    for (bound, compared) in [(filter.updated.0, " >= "), (filter.updated.1, " < ")] {
        if let Some(at) = bound {
            query.push(" AND ").push(run.updated_at).push(compared).push_bind(at.as_micros());
        }
    }
    if let Some(working_dir) = &filter.working_dir {
        query.push(" AND working_dir = ").push_bind(working_dir.clone());
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(text) = &filter.text {
        query.push(" AND session IN (SELECT session FROM session_text WHERE text LIKE ");
        query.push_bind(like_pattern(text));
        // With ESCAPE the index of substrings is not used.
        query.push(if has_wildcard(text) { " ESCAPE '\\')" } else { ")" });
    }
    if let Some(after) = filter.after {
        query.push(" AND (").push(run.sort_key).push(", session) < (").push_bind(after.key);
        query.push(", ").push_bind(after.session.0).push(")");
    }
}

/// Of a row with the index of a session and the end of its log.
pub(super) fn summary(row: &SqliteRow) -> sqlx::Result<SessionSummary> {
    let mut index = parse_index(row.try_get("state")?)?;
    if index.head.status == SessionStatus::Running {
        let at = Timestamp::from_micros(row.try_get("recorded_at")?);
        index.advance(unsigned(row.try_get("version")?), at);
    }
    Ok(index.summary())
}

fn end_of_page(row: &SqliteRow) -> sqlx::Result<SessionCursor> {
    let session = SessionId(row.try_get::<Uuid, _>("session")?);
    Ok(SessionCursor { key: row.try_get("sort_key")?, session })
}

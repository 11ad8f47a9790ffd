//! The log as who audits reads it: the newest first, of one team, and never more than a bounded part of
//! it for one page.
//!
//! What people did is found by an index that holds nothing else; what is about one thing, by its stream and
//! the stream of refusals; everything, by position. A page first finds the lowest position that it may look
//! at, and then asks for what it wants above that. Times are turned into positions by bisection.

mod decisions;

use std::collections::HashMap;

use runner_core::ids::StreamId;
use runner_core::log::Aggregate;
use runner_core::people::account::Account;
use runner_core::people::audit::{self, AuditEntry, AuditFilter, AuditPage, Outcome, Scope};
use runner_core::session::Session;
use runner_core::time::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqlitePool};
use uuid::Uuid;

use super::SqliteReader;
use super::payload::inline_payload;
use super::values::{signed, unsigned};
use crate::event_store::dialect::Heads as _;

/// The condition of the index `events_of_people`, in the same words: SQLite compares them.
const OF_PEOPLE: &str = "(kind <> 'session' OR actor NOT IN ('agent', 'system'))";

/// A clock may have been set back by this much between two events; those are found all the same.
const CLOCK_SLACK_MICROS: i64 = 60 * 60 * 1_000_000;

/// What `object` asks for.
#[derive(Clone, Debug)]
struct Subject {
    streams: Vec<StreamId>,
    /// What refusals call it; for what has a stream, `kind:` alone.
    names: Vec<String>,
}

/// Where to look.
#[derive(Clone, Copy, Debug)]
enum Place {
    People,
    Everything,
    Stream(StreamId),
}

/// The positions to look at: `low <= position < before`.
#[derive(Clone, Copy, Debug)]
struct Range {
    low: u64,
    before: u64,
}

impl SqliteReader {
    pub(in crate::event_store) async fn read_audit(&self, filter: &AuditFilter) -> sqlx::Result<AuditPage> {
        let range = self.range(filter).await?;
        let subject = self.subject(filter).await?;
        let mut entries = Vec::new();
        let mut reached = range.low;
        for place in places(filter, subject.as_ref()) {
            let low = lowest(&self.pool, filter, place, range).await?;
            reached = reached.max(low);
            let mut query = entries_query((filter, subject.as_ref()), place, Range { low, ..range });
            for row in query.build().fetch_all(&self.pool).await? {
                entries.push(audit_entry(&row)?);
            }
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.position));
        // What lies deeper than every place was looked at may not be all that there is.
        entries.retain(|entry| entry.position >= reached);
        let is_full = entries.len() > filter.limit as usize;
        entries.truncate(filter.limit as usize);
        let next = match entries.last() {
            Some(last) if is_full => Some(last.position),
            Some(_) | None => Some(reached).filter(|reached| *reached > range.low),
        };
        self.name_accounts(&mut entries).await?;
        Ok(AuditPage { entries, next })
    }

    /// An account is asked for by its id or by its owner's name, and refusals call it by the name.
    async fn subject(&self, filter: &AuditFilter) -> sqlx::Result<Option<Subject>> {
        let Some(object) = &filter.object else { return Ok(None) };
        let streams = audit::streams_of(object);
        let mut names = vec![object.clone()];
        if let Some((kind, _)) = object.split_once(':') {
            names.push(format!("{kind}:"));
            if kind == Account::KIND {
                names.extend(self.account_names(&streams).await?.into_values());
            }
        }
        Ok(Some(Subject { streams, names }))
    }

    /// People know accounts by names, so that is how their events are shown to be about them.
    async fn name_accounts(&self, entries: &mut [AuditEntry]) -> sqlx::Result<()> {
        let of_accounts = entries.iter().filter(|entry| entry.kind == Account::KIND);
        let mut streams: Vec<_> = of_accounts.map(|entry| entry.stream).collect();
        streams.sort_unstable();
        streams.dedup();
        let names = self.account_names(&streams).await?;
        for entry in entries.iter_mut().filter(|entry| entry.kind == Account::KIND) {
            if let Some(name) = names.get(&entry.stream) {
                entry.object = Some(name.clone());
            }
        }
        Ok(())
    }

    async fn account_names(&self, streams: &[StreamId]) -> sqlx::Result<HashMap<StreamId, String>> {
        let mut names = HashMap::new();
        for stream in streams {
            let stored = self.load_aggregate(Account::KIND, *stream).await?;
            let account = stored.and_then(|stored| stored.decode::<Account>().ok());
            if let Some(profile) = account.as_ref().and_then(Account::profile) {
                names.insert(*stream, format!("{}:{}", Account::KIND, profile.username));
            }
        }
        Ok(names)
    }

    async fn range(&self, filter: &AuditFilter) -> sqlx::Result<Range> {
        let last = self.last_position().await?;
        let upper = filter.before.map_or(last, |before| before.saturating_sub(1).min(last));
        let low = match filter.from {
            Some(from) => self.recorded_until(upper, from.as_micros() - CLOCK_SLACK_MICROS).await? + 1,
            None => 1,
        };
        let before = match filter.to {
            Some(to) => self.recorded_until(upper, to.as_micros() + CLOCK_SLACK_MICROS).await? + 1,
            None => upper + 1,
        };
        Ok(Range { low, before })
    }

    /// The last position up to `upper` whose event was recorded before a time; zero if there is none.
    async fn recorded_until(&self, upper: u64, micros: i64) -> sqlx::Result<u64> {
        let (mut known, mut unknown) = (0, upper);
        while known < unknown {
            let middle = known + (unknown - known).div_ceil(2);
            let recorded_at: i64 = sqlx::query_scalar("SELECT recorded_at FROM events WHERE position = $1")
                .bind(signed(middle))
                .fetch_one(&self.pool)
                .await?;
            if recorded_at < micros { known = middle } else { unknown = middle - 1 }
        }
        Ok(known)
    }
}

fn places(filter: &AuditFilter, subject: Option<&Subject>) -> Vec<Place> {
    if let Some(subject) = subject {
        let refusals = audit::stream_of(&filter.tenant);
        return subject.streams.iter().copied().chain([refusals]).map(Place::Stream).collect();
    }
    // Of sessions, the index has only what people did; refusals are no session's.
    let may_be_of_an_agent = filter.kind.as_deref().is_none_or(|kind| kind == Session::KIND)
        && filter.outcome != Some(Outcome::Denied);
    match filter.scope {
        Scope::Everything if may_be_of_an_agent => vec![Place::Everything],
        Scope::Everything | Scope::People => vec![Place::People],
    }
}

/// The lowest position of what one page may look at.
async fn lowest(pool: &SqlitePool, filter: &AuditFilter, place: Place, range: Range) -> sqlx::Result<u64> {
    if let Place::Everything = place {
        return Ok(range.low.max(range.before.saturating_sub(u64::from(filter.max_scanned()))));
    }
    let mut query = QueryBuilder::new("SELECT count(*) AS seen, min(position) AS low FROM (SELECT position ");
    push_place(&mut query, filter, place, range);
    push_order(&mut query, place);
    query.push(" LIMIT ").push_bind(i64::from(filter.max_scanned())).push(")");
    let row = query.build().fetch_one(pool).await?;
    let is_all = row.try_get::<i64, _>("seen")? < i64::from(filter.max_scanned());
    let low: Option<i64> = row.try_get("low")?;
    Ok(low.filter(|_| !is_all).map_or(range.low, unsigned))
}

fn entries_query(
    (filter, subject): (&AuditFilter, Option<&Subject>),
    place: Place,
    range: Range,
) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT page.position, page.kind, page.stream, page.version, page.type, page.schema, page.recorded_at,
         page.actor, page.http_request_id, page.address, page.data, ",
    );
    query.push(decisions::COLUMNS).push(concat!(
        " FROM (SELECT position, kind, stream, version, type, schema, recorded_at, actor, http_request_id,
         address, codec, payload, ",
        inline_payload!(),
        " AS data, ",
    ));
    decisions::push_call_position(&mut query);
    push_place(&mut query, filter, place, range);
    push_filter(&mut query, filter);
    if let Some(subject) = subject {
        push_subject(&mut query, subject);
    }
    push_order(&mut query, place);
    query.push(" LIMIT ").push_bind(i64::from(filter.limit) + 1);
    query.push(") AS page LEFT JOIN events call ON call.position = page.call_position");
    query
}

fn push_place(query: &mut QueryBuilder<Sqlite>, filter: &AuditFilter, place: Place, range: Range) {
    // With a plus a condition is not looked up in an index: the one of streams is better here.
    query.push(match place {
        Place::People | Place::Everything => "FROM events WHERE tenant = ",
        Place::Stream(_) => "FROM events WHERE +tenant = ",
    });
    query.push_bind(filter.tenant.0.clone());
    query.push(" AND position >= ").push_bind(signed(range.low));
    query.push(" AND position < ").push_bind(signed(range.before));
    match place {
        Place::People => drop(query.push(" AND ").push(OF_PEOPLE)),
        Place::Everything => {}
        Place::Stream(stream) => drop(query.push(" AND stream = ").push_bind(stream.0)),
    }
}

/// Within a stream versions grow with positions, and its index is by version.
fn push_order(query: &mut QueryBuilder<Sqlite>, place: Place) {
    query.push(match place {
        Place::People | Place::Everything => " ORDER BY position DESC",
        Place::Stream(_) => " ORDER BY version DESC",
    });
}

fn push_filter(query: &mut QueryBuilder<Sqlite>, filter: &AuditFilter) {
    if filter.scope == Scope::People {
        query.push(" AND ").push(OF_PEOPLE);
    }
    if filter.asks_for_decisions() {
        decisions::push_filter(query, filter);
    }
    if let Some(kind) = &filter.kind {
        query.push(" AND kind = ").push_bind(kind.clone());
    }
    if let Some(actor) = &filter.actor {
        query.push(" AND (actor = ").push_bind(actor.clone());
        // All that begins with `<actor>/`: the next character after `/` is `0`.
        query.push(" OR (actor >= ").push_bind(format!("{actor}/"));
        query.push(" AND actor < ").push_bind(format!("{actor}0")).push("))");
    }
    if !filter.types.is_empty() {
        push_list(query, " AND type IN (", filter.types.iter().map(String::as_str));
    }
    if let Some(from) = filter.from {
        query.push(" AND recorded_at >= ").push_bind(from.as_micros());
    }
    if let Some(to) = filter.to {
        query.push(" AND recorded_at < ").push_bind(to.as_micros());
    }
    match filter.outcome {
        None => {}
        Some(Outcome::Succeeded) => {
            let others = Outcome::Failed.types().iter().chain(Outcome::Denied.types()).copied();
            push_list(query, " AND type NOT IN (", others);
        }
        Some(outcome @ (Outcome::Failed | Outcome::Denied)) => {
            push_list(query, " AND type IN (", outcome.types().iter().copied());
        }
    }
}

fn push_subject(query: &mut QueryBuilder<Sqlite>, subject: &Subject) {
    let names = subject.names.iter().map(String::as_str);
    let object = " AND CASE kind WHEN 'audit' THEN json_extract(CAST(payload AS TEXT), '$.object') ELSE kind || ':' END IN (";
    push_list(query, object, names);
}

fn push_list<'a>(query: &mut QueryBuilder<Sqlite>, condition: &str, texts: impl Iterator<Item = &'a str>) {
    query.push(condition);
    let mut list = query.separated(", ");
    for text in texts {
        list.push_bind(text.to_owned());
    }
    query.push(")");
}

fn audit_entry(row: &SqliteRow) -> sqlx::Result<AuditEntry> {
    let (kind, type_name): (String, String) = (row.try_get("kind")?, row.try_get("type")?);
    let stream = StreamId(row.try_get::<Uuid, _>("stream")?);
    let data: Option<Vec<u8>> = row.try_get("data")?;
    let data = data.map(String::from_utf8).transpose();
    let data = data.map_err(|source| sqlx::Error::Decode(source.into()))?;
    Ok(AuditEntry {
        position: unsigned(row.try_get("position")?),
        object: AuditEntry::object_of(&kind, stream, data.as_deref()),
        outcome: Outcome::of(&type_name),
        decided: decisions::decision(row)?,
        kind,
        stream,
        version: unsigned(row.try_get("version")?),
        type_name,
        schema: row.try_get("schema")?,
        recorded_at: Timestamp::from_micros(row.try_get("recorded_at")?),
        actor: row.try_get("actor")?,
        http_request_id: row.try_get("http_request_id")?,
        address: row.try_get("address")?,
        data,
    })
}

#[cfg(test)]
pub(in crate::event_store) async fn plan_of(
    store: &crate::event_store::EventStore,
    filter: &AuditFilter,
) -> String {
    use sqlx::{Execute, SqlSafeStr};
    let mut plans = String::new();
    let subject = store.reader.subject(filter).await.unwrap();
    for place in places(filter, subject.as_ref()) {
        let range = Range { low: 1, before: 1000 };
        let mut query = entries_query((filter, subject.as_ref()), place, range);
        let sql = format!("EXPLAIN QUERY PLAN {}", query.build().sql().as_str());
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql).into_sql_str()).fetch_all(&store.reader.pool).await;
        for row in rows.unwrap() {
            plans += &row.try_get::<String, _>("detail").unwrap();
            plans.push('\n');
        }
    }
    plans
}

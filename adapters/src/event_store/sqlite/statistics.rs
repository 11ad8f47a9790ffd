//! The statistics: rows that are added to, and the few thousand of them that a year is read from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use runner_core::ports::ReadError;
use runner_core::statistics::{Grouping, Measured, Statistics, StatisticsFilter, Tally};
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::SqliteReader;
use super::payload::{events_with_blobs, payload_text};
use super::spend::sums;
use super::statements::{for_sizes, known_size, run};
use super::values::{read_error, signed, unsigned};
use crate::event_store::projection::statistics::{Counted, Dimension, Measure, StatsKey, ToolError};

/// The largest number in a row: so many days of one name add up to an integer that SQLite can still tell.
const LARGEST: i64 = i64::MAX / (1 << 12);

static ADD_TALLIES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let names = Tally::NAMES.join(", ");
    let before = format!("INSERT INTO stats_by_day (tenant, dimension, owner, day, name, {names})");
    let row = format!("(?, ?, ?, ?, ?{})", ", ?".repeat(Tally::NAMES.len()));
    let behind = format!(
        " ON CONFLICT (tenant, dimension, owner, day, name) DO UPDATE SET {}",
        sums(&Tally::NAMES, LARGEST)
    );
    for_sizes(&before, &row, &behind)
});

static ADD_TIMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    for_sizes(
        "INSERT INTO stats_times_by_day (tenant, dimension, owner, day, name, measure, millis)",
        "(?, ?, ?, ?, ?, ?, ?)",
        " ON CONFLICT (tenant, dimension, owner, day, name, measure)
         DO UPDATE SET millis = millis || excluded.millis",
    )
});

/// Every row of the tallies as a text, in order.
pub(super) static ROWS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT json_array(tenant, dimension, owner, day, name, {}) FROM stats_by_day
         ORDER BY tenant, dimension, owner, day, name",
        Tally::NAMES.join(", ")
    )
});

pub(super) async fn write(connection: &mut SqliteConnection, counted: &Counted) -> sqlx::Result<()> {
    let mut tallies = counted.tallies.clone();
    for error in &counted.tool_errors {
        let Some(name) = find_tool(connection, error).await? else { continue };
        let tally = tallies.entry(StatsKey { name, ..error.key.clone() }).or_default();
        *tally = tally.plus(&Tally { tool_errors: 1, ..Tally::default() });
    }
    let of_teams: Vec<_> = tallies.iter().map(|(key, tally)| (key.of_team(), *tally)).collect();
    for (key, tally) in of_teams {
        let sum = tallies.entry(key).or_default();
        *sum = sum.plus(&tally);
    }
    let tallies: Vec<_> = tallies.into_iter().collect();
    insert(connection, &tallies, &ADD_TALLIES, add_tally).await?;
    let mut times: BTreeMap<(StatsKey, Measure), String> = BTreeMap::new();
    for (key, measure, millis) in &counted.times {
        for key in [key.of_team(), key.clone()] {
            let text = times.entry((key, *measure)).or_default();
            write!(text, "{millis} ").map_err(|source| sqlx::Error::Encode(source.into()))?;
        }
    }
    let times: Vec<_> = times.into_iter().collect();
    insert(connection, &times, &ADD_TIMES, add_times).await
}

/// The tool of a use that has come back: its event is the last one of that use before the result.
async fn find_tool(connection: &mut SqliteConnection, error: &ToolError) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(concat!(
        "SELECT json_extract(",
        payload_text!(),
        ", '$.name') FROM ",
        events_with_blobs!(),
        " WHERE e.stream = $1 AND e.version < $2 AND e.type = 'tool_used' AND json_extract(",
        payload_text!(),
        ", '$.tool_use_id') = $3 ORDER BY e.version DESC LIMIT 1",
    ))
    .bind(error.session.0)
    .bind(signed(error.version))
    .bind(&error.tool_use_id)
    .fetch_optional(connection)
    .await
}

/// Adds rows of any number, in statements of known sizes.
async fn insert<T>(
    connection: &mut SqliteConnection,
    mut rows: &[T],
    statements: &'static LazyLock<Vec<String>>,
    add: fn(&mut SqliteArguments, &T) -> Result<(), BoxDynError>,
) -> sqlx::Result<()> {
    while let Some(count) = known_size(rows.len()) {
        let (now, later) = rows.split_at(count);
        rows = later;
        let mut values = SqliteArguments::default();
        let added = now.iter().try_for_each(|row| add(&mut values, row)).map(|()| values);
        run(connection, &statements[count.ilog2() as usize], added).await?;
    }
    Ok(())
}

fn add_tally(values: &mut SqliteArguments, (key, tally): &(StatsKey, Tally)) -> Result<(), BoxDynError> {
    add_key(values, key)?;
    tally.values().into_iter().try_for_each(|number| values.add(signed(number).min(LARGEST)))
}

fn add_times(
    values: &mut SqliteArguments,
    ((key, measure), millis): &((StatsKey, Measure), String),
) -> Result<(), BoxDynError> {
    add_key(values, key)?;
    values.add(measure.as_str())?;
    values.add(millis.clone())
}

fn add_key(values: &mut SqliteArguments, key: &StatsKey) -> Result<(), BoxDynError> {
    values.add(key.tenant.0.clone())?;
    values.add(key.dimension.as_str())?;
    values.add(key.owner.clone())?;
    values.add(key.day.clone())?;
    values.add(key.name.clone())
}

/// Which rows, and what their groups are called.
#[derive(Clone, Copy)]
struct Groups {
    dimension: Dimension,
    name: &'static str,
    /// Those of each owner rather than those of the team.
    of_owners: bool,
}

impl Groups {
    const fn all(name: &'static str) -> Self {
        Self { dimension: Dimension::All, name, of_owners: false }
    }

    fn of(grouping: Grouping) -> Self {
        let named = |dimension| Self { dimension, name: "name", of_owners: false };
        match grouping {
            Grouping::Day => Self::all("day"),
            Grouping::User => Self { of_owners: true, ..Self::all("owner") },
            Grouping::Model => named(Dimension::Model),
            Grouping::Tool => named(Dimension::Tool),
            Grouping::WorkingDir => named(Dimension::WorkingDir),
            Grouping::Key => named(Dimension::Key),
        }
    }

    /// The condition on rows of both tables.
    fn push_rows(self, query: &mut QueryBuilder<Sqlite>, filter: &StatisticsFilter) {
        query.push(" WHERE tenant = ").push_bind(filter.reach.tenant.0.clone());
        query.push(" AND dimension = ").push_bind(self.dimension.as_str());
        query.push(if self.dimension == Dimension::All { " AND name = ''" } else { "" });
        match &filter.reach.owner {
            None if self.of_owners => query.push(" AND owner > ''"),
            owner => query.push(" AND owner = ").push_bind(owner.clone().unwrap_or_default()),
        };
        query.push(" AND day BETWEEN ").push_bind(filter.from.to_string());
        query.push(" AND ").push_bind(filter.to.to_string());
    }
}

impl SqliteReader {
    pub(in crate::event_store) async fn read_statistics(
        &self,
        filter: &StatisticsFilter,
    ) -> Result<Statistics, ReadError> {
        self.read_groups(filter).await.map_err(read_error)
    }

    /// In one transaction, so that the groups are of the same moment as the totals.
    async fn read_groups(&self, filter: &StatisticsFilter) -> sqlx::Result<Statistics> {
        let mut transaction = self.pool().begin().await?;
        let totals = measure(&mut transaction, filter, Groups::all("''")).await?;
        let groups = measure(&mut transaction, filter, Groups::of(filter.grouping)).await?;
        transaction.rollback().await?;
        let totals = totals.into_values().next().unwrap_or_default();
        Ok(Statistics { totals, groups: groups.into_iter().collect() })
    }
}

async fn measure(
    connection: &mut SqliteConnection,
    filter: &StatisticsFilter,
    groups: Groups,
) -> sqlx::Result<BTreeMap<String, Measured>> {
    let mut measured: BTreeMap<String, Measured> = BTreeMap::new();
    let sums: Vec<String> = Tally::NAMES.iter().map(|name| format!("sum({name})")).collect();
    let mut query =
        QueryBuilder::new(format!("SELECT {}, {} FROM stats_by_day", groups.name, sums.join(", ")));
    groups.push_rows(&mut query, filter);
    for row in query.push(" GROUP BY 1").build().fetch_all(&mut *connection).await? {
        measured.entry(row.try_get(0)?).or_default().tally = read_tally(&row)?;
    }
    let mut query = QueryBuilder::new(format!(
        "SELECT {}, measure, group_concat(millis, '') FROM stats_times_by_day",
        groups.name
    ));
    groups.push_rows(&mut query, filter);
    for row in query.push(" GROUP BY 1, 2").build().fetch_all(&mut *connection).await? {
        let group = measured.entry(row.try_get(0)?).or_default();
        let millis = read_numbers(row.try_get(2)?)?;
        match row.try_get::<&str, _>(1)? {
            measure if measure == Measure::Turn.as_str() => group.turn_millis = millis,
            _ => group.wait_millis = millis,
        }
    }
    Ok(measured)
}

/// Of a row whose first column is a name.
fn read_tally(row: &SqliteRow) -> sqlx::Result<Tally> {
    let mut values = Tally::default().values();
    for (column, value) in (1..).zip(&mut values) {
        *value = unsigned(row.try_get(column)?);
    }
    Ok(Tally::of_values(values))
}

fn read_numbers(text: &str) -> sqlx::Result<Vec<u64>> {
    let numbers =
        text.split_ascii_whitespace().map(str::parse).collect::<Result<_, std::num::ParseIntError>>();
    numbers.map_err(|source| sqlx::Error::Decode(source.into()))
}

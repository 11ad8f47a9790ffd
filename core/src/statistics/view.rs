//! Statistics as the API shows them: in each group what has a meaning there.

use std::cmp::Reverse;

use serde::Serialize;

use super::{Grouping, Measured, Statistics, StatisticsFilter, Tally};
use crate::money::{MicroDollars, as_usd};
use crate::session::index::count;
use crate::spend::Usage;
use crate::time::Day;

/// The most groups that are shown; of more, those that come first.
const MAX_GROUPS: usize = 1000;

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct StatisticsView {
    /// The first day, of UTC.
    #[schema(value_type = String, format = Date)]
    pub from: Day,
    /// The last day, which counts as well.
    #[schema(value_type = String, format = Date)]
    pub to: Day,
    pub group_by: Grouping,
    pub totals: MeasuresView,
    /// Days in their order; tools by their calls, all others by cost, the largest first.
    pub groups: Vec<GroupView>,
    /// Groups that there are beside these.
    pub groups_left_out: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct GroupView {
    /// A day, a model, a username, a tool, a folder, or the id of a stored key. Null where no model was named
    /// or no stored key paid.
    #[schema(required)]
    pub group: Option<String>,
    #[serde(flatten)]
    pub measures: MeasuresView,
}

/// What was counted. Parts that have no meaning for a group are absent: what tools cost is nobody's to tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct MeasuresView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<TurnStatistics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend: Option<SpendStatistics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolStatistics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<RequestStatistics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<FileStatistics>,
}

/// Turns that have ended.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TurnStatistics {
    pub total: u64,
    pub succeeded: u64,
    /// Finished by the agent with another outcome than `success`.
    pub unsuccessful: u64,
    pub failed: u64,
    pub interrupted: u64,
    /// Of `total`, from 0 to 1; null where that is 0.
    #[schema(required)]
    pub success_rate: Option<f64>,
    /// Turns whose cost is not known, and not in `cost_usd`: they used a model that has no public price.
    pub unpriced: u64,
    /// From a turn's beginning to its end, with the time in which it waited. Null where there is none.
    #[schema(required)]
    pub duration_ms: Option<Spread>,
}

/// Calls of models, and what turns have used that the server did not see call.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SpendStatistics {
    #[serde(with = "as_usd")]
    #[schema(value_type = f64)]
    pub cost_usd: MicroDollars,
    /// Some of it is an estimate.
    pub cost_is_estimate: bool,
    pub usage: Usage,
    /// Those that passed the server's gateway.
    pub calls: CallStatistics,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CallStatistics {
    pub total: u64,
    pub failed: u64,
    pub cut_off: u64,
}

/// Uses of tools.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ToolStatistics {
    pub calls: u64,
    /// Results that say so, also of uses that a person refused.
    pub errors: u64,
    /// Uses that were refused without anybody having been asked.
    pub refused: u64,
}

/// What agents asked people. Who was asked on one day may decide on another.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RequestStatistics {
    pub asked: u64,
    pub allowed: u64,
    pub denied: u64,
    /// Nobody need decide any more.
    pub withdrawn: u64,
    /// From the request to its decision. Null where none was made.
    #[schema(required)]
    pub wait_ms: Option<Spread>,
}

/// Changes of files, by tools and by commands.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FileStatistics {
    /// Files, each counted once in a session, on the day on which that first changed it.
    pub changed: u64,
    pub changes: u64,
    /// Where they were compared.
    pub lines_added: u64,
    pub lines_removed: u64,
}

/// How numbers are spread. The median and the 95th percentile are the smallest of the numbers that at least
/// half, or 95 %, of them do not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Spread {
    pub median: u64,
    pub p95: u64,
    pub total: u64,
}

impl Spread {
    /// Absent where there are no numbers.
    pub fn of(mut numbers: Vec<u64>) -> Option<Self> {
        let total = numbers.iter().fold(0_u64, |sum, number| sum.saturating_add(*number));
        let median = percentile(&mut numbers, 50)?;
        Some(Self { median, p95: percentile(&mut numbers, 95)?, total })
    }
}

/// By the nearest rank.
fn percentile(numbers: &mut [u64], percent: usize) -> Option<u64> {
    let rank = (numbers.len() * percent).div_ceil(100);
    let place = rank.checked_sub(1)?;
    Some(*numbers.select_nth_unstable(place).1)
}

impl StatisticsView {
    pub fn new(filter: &StatisticsFilter, statistics: Statistics) -> Self {
        let Statistics { totals, mut groups } = statistics;
        match filter.grouping {
            Grouping::Day => groups.sort_by(|one, other| one.0.cmp(&other.0)),
            Grouping::Tool => sort_by_largest(&mut groups, |tally| tally.tool_calls),
            Grouping::Model | Grouping::User | Grouping::WorkingDir | Grouping::Key => {
                sort_by_largest(&mut groups, |tally| tally.cost_micros);
            }
        }
        let groups_left_out = count(groups.len().saturating_sub(MAX_GROUPS));
        groups.truncate(MAX_GROUPS);
        let view = |(name, measured): (String, Measured)| GroupView {
            group: Some(name).filter(|name| !name.is_empty()),
            measures: MeasuresView::of_group(filter.grouping, measured),
        };
        Self {
            from: filter.from,
            to: filter.to,
            group_by: filter.grouping,
            totals: MeasuresView::all(totals),
            groups: groups.into_iter().map(view).collect(),
            groups_left_out,
        }
    }
}

/// The largest first; equal ones by name.
fn sort_by_largest(groups: &mut [(String, Measured)], size: fn(&Tally) -> u64) {
    groups.sort_by(|one, other| {
        let key = |group: &(String, Measured)| Reverse(size(&group.1.tally));
        key(one).cmp(&key(other)).then_with(|| one.0.cmp(&other.0))
    });
}

impl MeasuresView {
    fn all(measured: Measured) -> Self {
        let Measured { tally, turn_millis, wait_millis } = measured;
        Self {
            turns: Some(TurnStatistics::new(&tally, turn_millis)),
            spend: Some(SpendStatistics::from(&tally)),
            tools: Some(ToolStatistics {
                calls: tally.tool_calls,
                errors: tally.tool_errors,
                refused: tally.tool_refusals,
            }),
            requests: Some(RequestStatistics {
                asked: tally.requests_asked,
                allowed: tally.requests_allowed,
                denied: tally.requests_denied,
                withdrawn: tally.requests_withdrawn,
                wait_ms: Spread::of(wait_millis),
            }),
            files: Some(FileStatistics {
                changed: tally.files_changed,
                changes: tally.file_changes,
                lines_added: tally.lines_added,
                lines_removed: tally.lines_removed,
            }),
        }
    }

    /// Which model or key led to the use of a tool is not known, nor what a tool cost.
    fn of_group(grouping: Grouping, measured: Measured) -> Self {
        let all = Self::all(measured);
        match grouping {
            Grouping::Day | Grouping::User | Grouping::WorkingDir => all,
            Grouping::Model => Self { turns: all.turns, spend: all.spend, ..Self::default() },
            Grouping::Tool => Self { tools: all.tools, requests: all.requests, ..Self::default() },
            Grouping::Key => Self { spend: all.spend, ..Self::default() },
        }
    }
}

impl TurnStatistics {
    fn new(tally: &Tally, millis: Vec<u64>) -> Self {
        let ended =
            [tally.turns_succeeded, tally.turns_unsuccessful, tally.turns_failed, tally.turns_interrupted];
        let total = ended.iter().fold(0_u64, |sum, number| sum.saturating_add(*number));
        Self {
            total,
            succeeded: tally.turns_succeeded,
            unsuccessful: tally.turns_unsuccessful,
            failed: tally.turns_failed,
            interrupted: tally.turns_interrupted,
            success_rate: (total > 0).then(|| tally.turns_succeeded as f64 / total as f64),
            unpriced: tally.turns_unpriced,
            duration_ms: Spread::of(millis),
        }
    }
}

impl From<&Tally> for SpendStatistics {
    fn from(tally: &Tally) -> Self {
        Self {
            cost_usd: MicroDollars(tally.cost_micros),
            cost_is_estimate: tally.cost_estimates > 0,
            usage: Usage {
                input_tokens: tally.input_tokens,
                output_tokens: tally.output_tokens,
                cache_read_input_tokens: tally.cache_read_input_tokens,
                cache_creation_input_tokens: tally.cache_creation_input_tokens,
            },
            calls: CallStatistics {
                total: tally.calls,
                failed: tally.calls_failed,
                cut_off: tally.calls_cut_off,
            },
        }
    }
}

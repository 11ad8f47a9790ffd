//! What was done and what it cost, added up over days and put into groups.
//!
//! Everything counts on the day of UTC on which it happened: a turn when it ended, a call of a model when it
//! was made, also by a subagent whose turn is over. So the days of a month add up to what its budgets
//! counted. What a fork copied and cost nothing counts where it happened, and only there.

mod tally;
#[cfg(test)]
mod tests;
mod view;

use serde::Deserialize;

use crate::people::principal::Reach;
use crate::time::Day;
pub use tally::Tally;
pub use view::{
    CallStatistics, FileStatistics, GroupView, MeasuresView, RequestStatistics, SpendStatistics, Spread,
    StatisticsView, ToolStatistics, TurnStatistics,
};

/// What groups are made by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    #[default]
    Day,
    Model,
    User,
    Tool,
    WorkingDir,
    Key,
}

impl Grouping {
    /// The word for it in JSON, and the name of its column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Model => "model",
            Self::User => "user",
            Self::Tool => "tool",
            Self::WorkingDir => "working_dir",
            Self::Key => "key",
        }
    }
}

/// Whose days are looked at, which, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatisticsFilter {
    pub reach: Reach,
    pub from: Day,
    /// The last day, which counts as well.
    pub to: Day,
    pub grouping: Grouping,
}

/// Everything that was counted of something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    pub tally: Tally,
    /// How long each turn took, in any order.
    pub turn_millis: Vec<u64>,
    /// How long each request waited that was decided, in any order.
    pub wait_millis: Vec<u64>,
}

/// What was counted in a range of days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    pub totals: Measured,
    /// By name; empty where there is none: no model was named, or no stored key paid.
    pub groups: Vec<(String, Measured)>,
}

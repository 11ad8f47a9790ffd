//! Spreads and the order of groups.

use super::{Grouping, Measured, Spread, Statistics, StatisticsFilter, StatisticsView, Tally};
use crate::people::principal::Reach;
use crate::time::{Day, Timestamp};

#[test]
fn percentiles_are_numbers_that_were_measured() {
    assert_eq!(Spread::of(vec![]), None);
    assert_eq!(Spread::of(vec![7]), Some(Spread { median: 7, p95: 7, total: 7 }));
    assert_eq!(Spread::of(vec![4, 1, 3, 2]), Some(Spread { median: 2, p95: 4, total: 10 }));
    let hundred = (1..=100).rev().collect();
    assert_eq!(Spread::of(hundred), Some(Spread { median: 50, p95: 95, total: 5050 }));
    assert_eq!(Spread::of(vec![u64::MAX; 2]).map(|spread| spread.total), Some(u64::MAX));
}

#[test]
fn groups_come_by_cost_tools_by_calls_and_days_in_order() {
    let measured = |cost_micros, tool_calls| Measured {
        tally: Tally { cost_micros, tool_calls, ..Tally::default() },
        ..Measured::default()
    };
    let groups = [("b", measured(5, 1)), ("c", measured(9, 3)), ("a", measured(5, 7)), ("", measured(1, 1))];
    let order = |grouping| {
        let day = Day::of(Timestamp::default());
        let filter = StatisticsFilter { reach: Reach::default(), from: day, to: day, grouping };
        let groups = groups.clone().map(|(name, measured)| (name.to_owned(), measured)).to_vec();
        let view = StatisticsView::new(&filter, Statistics { groups, ..Statistics::default() });
        let names = view.groups.into_iter().map(|group| group.group.unwrap_or("-".into()));
        names.collect::<Vec<_>>().join(" ")
    };

    assert_eq!(order(Grouping::Day), "- a b c");
    assert_eq!(order(Grouping::Tool), "a c - b");
    assert_eq!(order(Grouping::Model), "c a b -");
}

#[test]
fn thousand_groups_are_shown_and_the_others_counted() {
    let day = Day::of(Timestamp::default());
    let filter =
        StatisticsFilter { reach: Reach::default(), from: day, to: day, grouping: Grouping::WorkingDir };
    let groups = (0..1002).map(|number| (format!("/{number}"), Measured::default())).collect();

    let view = StatisticsView::new(&filter, Statistics { groups, ..Statistics::default() });

    assert_eq!((view.groups.len(), view.groups_left_out), (1000, 2));
}

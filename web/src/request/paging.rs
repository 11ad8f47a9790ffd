//! Pages of lists that are short enough to be read whole.
//!
//! A cursor is the place in the list's order behind which the next page begins. So what is added or removed
//! between two pages shifts nothing, and a cursor whose entry is gone is still one.

use std::cmp::Ordering;

use serde::Deserialize;

use super::query::limit;
use crate::http::error::Problem;

/// Which part of a list is wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

/// How a list is ordered by its places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Rising,
    /// The newest first, where places are ids that begin with a time.
    Falling,
}

impl PageQuery {
    /// The entries of a page, in order, and the cursor of the next one if there is more.
    pub(crate) fn page<T>(
        &self,
        mut entries: Vec<T>,
        order: Order,
        place: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), Problem> {
        let limit = limit(self.limit)? as usize;
        let compare = |one: &str, other: &str| match order {
            Order::Rising => one.cmp(other),
            Order::Falling => other.cmp(one),
        };
        entries.sort_by(|one, other| compare(&place(one), &place(other)));
        if let Some(cursor) = &self.cursor {
            entries.retain(|entry| compare(&place(entry), cursor) == Ordering::Greater);
        }
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(&place);
        Ok((entries, next))
    }
}

/// A page of what is all there, and where the next one begins.
pub(crate) fn cut<T>(all: Vec<T>, start: usize, limit: usize) -> (Vec<T>, Option<String>) {
    let end = start.saturating_add(limit);
    let next_cursor = (end < all.len()).then(|| end.to_string());
    (all.into_iter().skip(start).take(limit).collect(), next_cursor)
}

#[cfg(test)]
mod tests {
    use super::{Order, PageQuery};

    fn page(limit: Option<u32>, cursor: Option<&str>, order: Order) -> (Vec<&'static str>, Option<String>) {
        let asked = PageQuery { limit, cursor: cursor.map(str::to_owned) };
        asked.page(vec!["b", "d", "a", "c"], order, |name| (*name).to_owned()).unwrap()
    }

    #[test]
    fn pages_follow_each_other_without_gap_and_the_last_one_says_so() {
        assert_eq!(page(Some(3), None, Order::Rising), (vec!["a", "b", "c"], Some("c".to_owned())));
        assert_eq!(page(Some(3), Some("c"), Order::Rising), (vec!["d"], None));
        assert_eq!(page(Some(4), None, Order::Rising), (vec!["a", "b", "c", "d"], None));
    }

    #[test]
    fn the_newest_can_come_first() {
        assert_eq!(page(Some(2), None, Order::Falling), (vec!["d", "c"], Some("c".to_owned())));
        assert_eq!(page(Some(2), Some("c"), Order::Falling), (vec!["b", "a"], None));
    }

    #[test]
    fn a_cursor_whose_entry_is_gone_still_says_where_to_go_on() {
        assert_eq!(page(None, Some("bb"), Order::Rising), (vec!["c", "d"], None));
    }

    #[test]
    fn a_limit_out_of_range_is_named() {
        let asked = PageQuery { limit: Some(201), cursor: None };
        let refused = asked.page(vec![1], Order::Rising, ToString::to_string).unwrap_err();
        assert_eq!(refused.errors[0].pointer, "?limit");
    }
}

//! Groups of statistics as comma-separated values, for spreadsheets.

use runner_core::money::MicroDollars;
use runner_core::statistics::{GroupView, MeasuresView, Spread, StatisticsView};

use crate::http::error::{ApiError, internal};

/// A value under the name of its column; empty where nothing was measured.
type Cells = Vec<(&'static str, String)>;

/// A line of names, and one for each group. Which columns there are depends on the grouping alone.
pub(super) fn of(view: &StatisticsView) -> Result<Vec<u8>, ApiError> {
    let mut table = csv::Writer::from_writer(vec![]);
    // Without a group the totals tell which parts there could be; they are not in the table.
    let first = view.groups.first().map_or(&view.totals, |group| &group.measures);
    let names = cells(first).into_iter().map(|(name, _)| name);
    let header: Vec<&str> = [view.group_by.as_str()].into_iter().chain(names).collect();
    table.write_record(header).map_err(|_| internal())?;
    for GroupView { group, measures } in &view.groups {
        let name = harmless(group.as_deref().unwrap_or_default());
        let values = cells(measures).into_iter().map(|(_, value)| value);
        table.write_record([name].into_iter().chain(values)).map_err(|_| internal())?;
    }
    Ok(table.into_inner().map_err(|_| internal())?)
}

/// A spreadsheet would take it for a formula, and carry that out.
fn harmless(name: &str) -> String {
    match name.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        true => format!("'{name}"),
        false => name.to_owned(),
    }
}

fn cells(measures: &MeasuresView) -> Cells {
    let mut cells = vec![];
    if let Some(turns) = &measures.turns {
        cells.extend([
            ("turns", turns.total.to_string()),
            ("turns_succeeded", turns.succeeded.to_string()),
            ("turns_unsuccessful", turns.unsuccessful.to_string()),
            ("turns_failed", turns.failed.to_string()),
            ("turns_interrupted", turns.interrupted.to_string()),
            ("success_rate", turns.success_rate.map(|rate| format!("{rate:.4}")).unwrap_or_default()),
            ("turns_unpriced", turns.unpriced.to_string()),
        ]);
        let names = ["duration_ms_median", "duration_ms_p95", "duration_ms_total"];
        cells.extend(spread(names, turns.duration_ms));
    }
    if let Some(spend) = &measures.spend {
        cells.extend([
            ("cost_usd", dollars(spend.cost_usd)),
            ("cost_is_estimate", spend.cost_is_estimate.to_string()),
            ("input_tokens", spend.usage.input_tokens.to_string()),
            ("output_tokens", spend.usage.output_tokens.to_string()),
            ("cache_read_input_tokens", spend.usage.cache_read_input_tokens.to_string()),
            ("cache_creation_input_tokens", spend.usage.cache_creation_input_tokens.to_string()),
            ("calls", spend.calls.total.to_string()),
            ("calls_failed", spend.calls.failed.to_string()),
            ("calls_cut_off", spend.calls.cut_off.to_string()),
        ]);
    }
    if let Some(tools) = &measures.tools {
        cells.extend([
            ("tool_calls", tools.calls.to_string()),
            ("tool_errors", tools.errors.to_string()),
            ("tool_refused", tools.refused.to_string()),
        ]);
    }
    if let Some(requests) = &measures.requests {
        cells.extend([
            ("requests_asked", requests.asked.to_string()),
            ("requests_allowed", requests.allowed.to_string()),
            ("requests_denied", requests.denied.to_string()),
            ("requests_withdrawn", requests.withdrawn.to_string()),
        ]);
        cells.extend(spread(["wait_ms_median", "wait_ms_p95", "wait_ms_total"], requests.wait_ms));
    }
    if let Some(files) = &measures.files {
        cells.extend([
            ("files_changed", files.changed.to_string()),
            ("file_changes", files.changes.to_string()),
            ("lines_added", files.lines_added.to_string()),
            ("lines_removed", files.lines_removed.to_string()),
        ]);
    }
    cells
}

fn spread([median, p95, total]: [&'static str; 3], spread: Option<Spread>) -> Cells {
    let cell =
        |value: fn(&Spread) -> u64| spread.as_ref().map(value).map_or(String::new(), |it| it.to_string());
    vec![
        (median, cell(|spread| spread.median)),
        (p95, cell(|spread| spread.p95)),
        (total, cell(|spread| spread.total)),
    ]
}

/// Exact to the micro-dollar.
fn dollars(amount: MicroDollars) -> String {
    format!("{}.{:06}", amount.0 / 1_000_000, amount.0 % 1_000_000)
}

#[cfg(test)]
mod tests {
    use runner_core::people::principal::Reach;
    use runner_core::statistics::{Grouping, Measured, Statistics, StatisticsFilter, StatisticsView, Tally};
    use runner_core::time::{Day, Timestamp};

    fn table(grouping: Grouping, groups: Vec<(&str, Tally)>) -> String {
        let day = Day::of(Timestamp::default());
        let filter = StatisticsFilter { reach: Reach::default(), from: day, to: day, grouping };
        let measured = |tally| Measured { tally, turn_millis: vec![70, 30], wait_millis: vec![] };
        let groups = groups.into_iter().map(|(name, tally)| (name.to_owned(), measured(tally))).collect();
        let view = StatisticsView::new(&filter, Statistics { groups, totals: measured(Tally::default()) });
        String::from_utf8(super::of(&view).unwrap()).unwrap()
    }

    #[test]
    fn days_have_all_columns() {
        let tally =
            Tally { turns_succeeded: 2, turns_failed: 1, cost_micros: 12_000_001, ..Tally::default() };

        let expected = "\
             day,turns,turns_succeeded,turns_unsuccessful,turns_failed,turns_interrupted,success_rate,\
             turns_unpriced,duration_ms_median,duration_ms_p95,duration_ms_total,cost_usd,cost_is_estimate,\
             input_tokens,output_tokens,cache_read_input_tokens,cache_creation_input_tokens,calls,\
             calls_failed,calls_cut_off,tool_calls,tool_errors,tool_refused,requests_asked,requests_allowed,\
             requests_denied,requests_withdrawn,wait_ms_median,wait_ms_p95,wait_ms_total,files_changed,\
             file_changes,lines_added,lines_removed\n\
             2026-11-02,3,2,0,1,0,0.6667,0,30,70,100,12.000001,false,0,0,0,0,0,0,0,0,0,0,0,0,0,0,,,,0,0,0,0\n";
        assert_eq!(table(Grouping::Day, vec![("2026-11-02", tally)]), expected);
    }

    #[test]
    fn names_are_no_formulas_and_stay_in_their_cells() {
        let one = Tally { tool_calls: 1, ..Tally::default() };
        let names = ["=1+1", "+x", "-x", "@x", "\tx", "a,\"b\"", "Bash"];

        let header = "tool,tool_calls,tool_errors,tool_refused,requests_asked,requests_allowed,requests_denied,\
             requests_withdrawn,wait_ms_median,wait_ms_p95,wait_ms_total\n";
        let expected = r#"'	x,1,0,0,0,0,0,0,,,
'+x,1,0,0,0,0,0,0,,,
'-x,1,0,0,0,0,0,0,,,
'=1+1,1,0,0,0,0,0,0,,,
'@x,1,0,0,0,0,0,0,,,
Bash,1,0,0,0,0,0,0,,,
"a,""b""",1,0,0,0,0,0,0,,,
"#;
        let told = table(Grouping::Tool, names.map(|name| (name, one)).to_vec());
        assert_eq!(told, format!("{header}{expected}"));
    }
}

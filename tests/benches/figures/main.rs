//! Measures the figures that docs/figures.md states. Two things that are compared run in turn, round by
//! round, and the ratio of their medians is what counts: machines are noisy.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints what it measured")]

mod allowances;
mod gateway;
mod hooks;
mod memory;
mod reading;
mod stalled;
mod statistics;
mod store;
mod turns;

use std::time::Duration;

fn main() {
    // `cargo bench` passes flags of its own; a word chooses one group.
    let chosen = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wants = |group: &str| chosen.as_deref().is_none_or(|chosen| chosen == group);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if wants("store") {
        runtime.block_on(store::measure());
    }
    if wants("allowances") {
        runtime.block_on(allowances::measure());
    }
    if wants("hooks") {
        hooks::measure();
    }
    if wants("reading") {
        runtime.block_on(reading::measure());
    }
    if wants("memory") {
        runtime.block_on(memory::measure());
    }
    if wants("gateway") {
        runtime.block_on(gateway::measure());
    }
    if wants("stalled") {
        runtime.block_on(stalled::measure());
    }
    if wants("statistics") {
        runtime.block_on(statistics::measure());
    }
    if wants("turns") {
        runtime.block_on(turns::measure());
    }
}

/// The value in the middle, and the range around it.
fn median(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

fn millis(times: &[Duration]) -> Vec<f64> {
    times.iter().map(|time| time.as_secs_f64() * 1000.0).collect()
}

/// Prints a line: what, median, range.
fn report(what: &str, unit: &str, values: Vec<f64>) -> f64 {
    let rounds = values.len();
    let (median, least, most) = median(values);
    println!("{what}: {median:.2} {unit} [{least:.2} to {most:.2}, {rounds} rounds]");
    median
}

fn report_ratio(what: &str, ratio: f64, goal: &str) {
    println!("  = {ratio:.2} x {what} (goal: {goal})");
}

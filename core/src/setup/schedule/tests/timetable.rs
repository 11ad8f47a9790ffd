//! Times against a table that was worked out by walking over every minute, without this code
//! (`fire_times.py` beside it).

use std::collections::BTreeMap;

use chrono::DateTime;

use crate::setup::schedule::cron::CronError;
use crate::setup::schedule::timetable::{Due, MAX_COUNTED, Timetable, TimetableError};
use crate::time::Timestamp;

const FIRE_TIMES: &str = include_str!("fire_times.tsv");

fn at(text: &str) -> Timestamp {
    Timestamp::from_micros(DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros())
}

#[test]
fn times_around_every_change_of_the_clock_are_those_of_the_table() {
    let mut expected: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in FIRE_TIMES.lines() {
        let [zone, cron, begin, time] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        expected.entry((zone, cron, begin)).or_default().push(at(time));
    }

    for ((zone, cron, begin), times) in &expected {
        let timetable = Timetable::read(cron, zone).unwrap();
        let found = timetable.upcoming(at(begin), times.len());
        assert_eq!(found, *times, "{cron} in {zone} from {begin}");
        // Asked from any point between, the answer is the same.
        for pair in times.windows(2) {
            let between = Timestamp::from_micros(pair[1].as_micros() - 1);
            assert_eq!(timetable.next_after(between), Some(pair[1]), "{cron} in {zone} after {between}");
        }
    }
    assert!(FIRE_TIMES.lines().count() >= 200);
}

#[test]
fn what_is_no_expression_is_named() {
    let part = |part: &str, field, first, last| CronError::Part { part: part.into(), field, first, last };
    for (cron, error) in [
        ("", CronError::Fields(0)),
        ("* * * *", CronError::Fields(4)),
        ("0 0 9 * * *", CronError::Fields(6)),
        ("@reboot", CronError::Nickname("@reboot".into())),
        ("60 * * * *", part("60", "minute", 0, 59)),
        ("* 24 * * *", part("24", "hour", 0, 23)),
        ("* * 0 * *", part("0", "day of month", 1, 31)),
        ("* * * 13 *", part("13", "month", 1, 12)),
        ("* * * * 8", part("8", "day of week", 0, 7)),
        ("* * * * mond", part("mond", "day of week", 0, 7)),
        ("*/0 * * * *", part("*/0", "minute", 0, 59)),
        ("5-1 * * * *", part("5-1", "minute", 0, 59)),
        ("1,,2 * * * *", part("", "minute", 0, 59)),
        ("+1 * * * *", part("+1", "minute", 0, 59)),
        ("* * L * *", part("L", "day of month", 1, 31)),
        ("99999999999 * * * *", part("99999999999", "minute", 0, 59)),
        ("0 0 31 2 *", CronError::NeverComes),
    ] {
        assert_eq!(Timetable::read(cron, "UTC"), Err(TimetableError::Cron(error)), "{cron}");
    }
    for zone in ["", "Mars/Olympus", "europe/berlin", "+02:00"] {
        assert_eq!(Timetable::read("* * * * *", zone), Err(TimetableError::ZoneUnknown), "{zone}");
    }
}

#[test]
fn nicknames_are_whole_expressions_and_sunday_has_two_numbers() {
    for (one, other) in [("@daily", "0 0 * * *"), ("@hourly", "0 * * * *"), ("0 0 * * 7", "0 0 * * sun")] {
        assert_eq!(Timetable::read(one, "UTC"), Timetable::read(other, "UTC"), "{one}");
    }
}

#[test]
fn a_leap_day_comes_when_it_comes() {
    let timetable = Timetable::read("30 18 29 2 *", "UTC").unwrap();

    let times = timetable.upcoming(at("2026-01-01T00:00:00Z"), 2);

    assert_eq!(times, [at("2028-02-29T18:30:00Z"), at("2032-02-29T18:30:00Z")]);
}

#[test]
fn of_what_has_passed_the_last_time_is_due_and_the_others_are_counted() {
    let due = |cron, since, until| Timetable::read(cron, "UTC").unwrap().due(at(since), at(until));
    let (noon, night) = ("2026-05-01T12:00:00Z", "2026-05-02T00:00:30Z");

    let nothing = due("0 12 * * *", noon, night);
    let once = due("0 0 * * *", noon, night);
    let several = due("0 */3 * * *", noon, night);
    let many = due("* * * * *", "2026-01-01T00:00:00Z", night);

    let midnight = at("2026-05-02T00:00:00Z");
    assert_eq!(nothing, None);
    assert_eq!(once, Some(Due { at: midnight, earlier: 0 }));
    assert_eq!(several, Some(Due { at: midnight, earlier: 3 }));
    assert_eq!(many, Some(Due { at: midnight, earlier: MAX_COUNTED }));
}

//! Who is slowed down by whose failures.

use std::net::IpAddr;

use runner_core::ids::{LoginId, StreamId};
use runner_core::time::Timestamp;
use uuid::Uuid;

use super::{
    Attempt, FORGOTTEN_MS, FREE_FAILURES, KNOWN_MS, MAX_FAILURES, MAX_ROWS, OF_ACCOUNT, OF_ADDRESS, REST_MS,
    Refused, Throttle,
};

#[test]
fn few_mistakes_are_free_and_then_each_costs_twice_the_wait() {
    let mut throttle = Throttle::default();
    for _ in 0..5 {
        throttle.admit(Some(account(1)), address(1), at(0)).unwrap();
    }

    let mut now = 0;
    for wait in [1_000, 2_000, 4_000, 8_000] {
        let refused = throttle.admit(Some(account(1)), address(1), at(now)).unwrap_err();
        assert_eq!(refused, Refused::Wait(wait));
        now += wait;
        throttle.admit(Some(account(1)), address(1), at(now)).unwrap();
    }
    throttle.admit(Some(account(2)), address(1), at(now)).unwrap();
}

#[test]
fn guesses_from_one_network_keep_nobody_out_of_another() {
    let mut throttle = Throttle::default();
    while throttle.admit(Some(account(1)), address(1), at(0)).is_ok() {}

    for _ in 0..FREE_FAILURES {
        throttle.admit(Some(account(1)), address(2), at(0)).unwrap();
    }
    assert!(throttle.admit(Some(account(1)), address(2), at(0)).is_err());
}

#[test]
fn guesses_from_many_networks_are_counted_together() {
    let mut throttle = Throttle::default();
    let guess = |throttle: &mut Throttle, number: u32, now| {
        throttle.admit(Some(account(1)), address(number), at(now))
    };
    let admitted = (0..1000).filter(|number| guess(&mut throttle, *number, 0).is_ok()).count();

    assert_eq!(admitted as u64, OF_ACCOUNT.burst);
    assert_eq!(guess(&mut throttle, 1001, 0).unwrap_err(), Refused::WaitUnlessKnown(OF_ACCOUNT.refill_ms));
    throttle.admit(Some(account(2)), address(1001), at(0)).unwrap();
    guess(&mut throttle, 1001, OF_ACCOUNT.refill_ms).unwrap();
}

#[test]
fn network_that_the_owner_came_in_from_is_never_closed_by_others() {
    let mut throttle = Throttle::default();
    let came_in = throttle.admit(Some(account(1)), address(7), at(0)).unwrap();
    throttle.succeeded(came_in);
    throttle.note_known(account(1), address(8), at(0));
    for number in 100..1100 {
        throttle.admit(Some(account(1)), address(number), at(1)).ok();
    }

    for home in [7, 8] {
        let attempt = throttle.admit(Some(account(1)), address(home), at(2)).unwrap();
        throttle.undecided(attempt);
    }
    assert!(throttle.admit(Some(account(1)), address(9), at(2)).is_err());
    for number in 100..1100 {
        throttle.admit(Some(account(1)), address(number), at(KNOWN_MS)).ok();
    }
    assert!(throttle.admit(Some(account(1)), address(7), at(KNOWN_MS)).is_err(), "long ago is not lately");
}

#[test]
fn who_is_logged_in_has_a_counter_of_his_own() {
    let mut throttle = Throttle::default();
    let login = |number| LoginId(Uuid::from_u128(number));
    while throttle.admit(Some(account(1)), address(1), at(0)).is_ok() {}
    while throttle.admit(None, address(1), at(0)).is_ok() {}

    for _ in 0..FREE_FAILURES {
        throttle.admit_login(login(1), at(0)).unwrap();
    }
    assert_eq!(throttle.admit_login(login(1), at(0)).unwrap_err(), 1000);
    throttle.admit_login(login(2), at(0)).unwrap();
}

#[test]
fn success_forgives_the_network_it_came_from() {
    let mut throttle = Throttle::default();
    for _ in 0..4 {
        throttle.admit(Some(account(1)), address(1), at(0)).unwrap();
    }
    let attempt = throttle.admit(Some(account(1)), address(1), at(0)).unwrap();

    throttle.succeeded(attempt);

    throttle.admit(Some(account(1)), address(1), at(0)).unwrap();
}

#[test]
fn hundred_failures_in_a_row_are_the_most_and_then_one_an_hour() {
    let mut throttle = Throttle::default();
    throttle.note_known(account(1), address(1), at(0));
    let (mut now, mut failures) = (0, 0);
    for _ in 0..3 * MAX_FAILURES {
        match throttle.admit(Some(account(1)), address(1), at(now)).map_err(Refused::wait_ms) {
            Ok(_) => failures += 1,
            Err(REST_MS) => break,
            Err(wait) => now += wait,
        }
    }

    assert_eq!(failures, MAX_FAILURES);
    let mut more = || throttle.admit(Some(account(1)), address(1), at(now + REST_MS));
    assert!(more().is_ok() && more() == Err(Refused::Wait(REST_MS)));
    let later = now + REST_MS + FORGOTTEN_MS;
    for _ in 0..FREE_FAILURES {
        throttle.admit(Some(account(1)), address(1), at(later)).unwrap();
    }
}

#[test]
fn address_that_tries_everybody_is_slowed_down() {
    let mut throttle = Throttle::default();
    for number in 0..OF_ADDRESS.burst {
        throttle.admit(Some(account(number)), address(1), at(0)).unwrap();
    }

    let refused = throttle.admit(Some(account(999)), address(1), at(0)).unwrap_err();
    assert_eq!(refused, Refused::Wait(OF_ADDRESS.refill_ms));
    throttle.admit(Some(account(999)), address(2), at(0)).unwrap();
    throttle.admit(Some(account(998)), address(1), at(OF_ADDRESS.refill_ms)).unwrap();
}

#[test]
fn what_did_not_fail_gives_back_what_it_cost_the_address_and_no_more() {
    let ends: [fn(&mut Throttle, Attempt); 2] = [Throttle::succeeded, Throttle::undecided];
    for end in ends {
        let mut throttle = Throttle::default();
        for number in 0..OF_ADDRESS.burst - 1 {
            throttle.admit(Some(account(number)), address(1), at(0)).unwrap();
        }
        for _ in 0..10 {
            let attempt = throttle.admit(Some(account(999)), address(1), at(0)).unwrap();
            end(&mut throttle, attempt);
        }

        throttle.admit(None, address(1), at(0)).unwrap();
        assert!(throttle.admit(None, address(1), at(0)).is_err());
    }
}

#[test]
fn attempt_that_nobody_could_decide_is_taken_back_and_no_other() {
    let mut throttle = Throttle::default();
    for _ in 0..FREE_FAILURES {
        throttle.admit(Some(account(1)), address(1), at(0)).unwrap();
    }
    for _ in 0..3 {
        let attempt = throttle.admit(Some(account(1)), address(1), at(5000)).unwrap();
        throttle.undecided(attempt);
    }

    assert_eq!(throttle.admit(Some(account(1)), address(1), at(500)).unwrap_err(), Refused::Wait(500));
    throttle.admit(Some(account(1)), address(1), at(1000)).unwrap();
    assert_eq!(throttle.admit(Some(account(1)), address(1), at(1000)).unwrap_err(), Refused::Wait(2000));
}

#[test]
fn addresses_of_one_network_count_as_one() {
    let mut throttle = Throttle::default();
    let parse = |text: &str| text.parse::<IpAddr>().unwrap();
    for number in 0..OF_ADDRESS.burst {
        throttle.admit(None, parse(&format!("2001:db8:1:2::{number:x}")), at(0)).unwrap();
    }

    assert!(throttle.admit(None, parse("2001:db8:1:2:ffff::1"), at(0)).is_err());
    throttle.admit(None, parse("2001:db8:1:3::1"), at(0)).unwrap();
}

#[test]
fn memory_is_bounded_whoever_tries() {
    let mut throttle = Throttle::default();
    for number in 0..3 * MAX_ROWS as u32 {
        let attempt = throttle.admit(Some(account(number.into())), address(number), at(0)).unwrap();
        if number % 2 == 0 {
            throttle.succeeded(attempt);
        }
    }

    let Throttle { rows, accounts, addresses, known } = &throttle;
    let sizes = [rows.len(), accounts.len(), addresses.len(), known.len()];
    assert!(sizes.iter().all(|size| *size <= MAX_ROWS), "{sizes:?}");
}

fn account(number: u64) -> StreamId {
    StreamId(Uuid::from_u128(number.into()))
}

fn address(number: u32) -> IpAddr {
    IpAddr::V4(number.into())
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_micros(1_795_343_053_000_000).plus_millis(millis)
}

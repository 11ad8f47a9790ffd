//! Buckets under a clock that the tests move.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_web::http::Method;
use governor::clock::FakeRelativeClock;
use runner_core::ids::TenantId;
use runner_core::people::principal::{Means, Principal, Role};
use uuid::Uuid;

use super::bucket::{Buckets, Level, MAX_BUCKETS};
use super::{Cost, Key, LOCAL_FACTOR, Limits, Standing, cost, key_of, key_of_address};

fn person(name: &str) -> Principal {
    let (tenant, name) = (TenantId::first(), name.to_owned());
    Principal { tenant, name, role: Role::Member, means: Means::Login(Uuid::from_u128(1)) }
}

fn ask(limits: &Limits<FakeRelativeClock>, caller: &Principal, cost: Cost) -> Standing {
    limits.take(Some(caller), &key_of(caller), cost)
}

fn passed(limits: &Limits<FakeRelativeClock>, caller: &Principal, times: usize, cost: Cost) -> usize {
    (0..times).filter(|_| ask(limits, caller, cost).refusal().is_none()).count()
}

#[test]
fn a_minutes_worth_passes_at_once_and_then_as_much_as_is_filled() {
    let clock = FakeRelativeClock::default();
    let limits = Limits::with_clock(60, 0, &clock);
    let ada = person("ada");

    assert_eq!(passed(&limits, &ada, 100, Cost::Request), 60);
    let refused = ask(&limits, &ada, Cost::Request);
    clock.advance(Duration::from_secs(10));

    assert_eq!(
        refused.refusal().map(|problem| (problem.status, problem.code)),
        Some((429, "rate_limited".into()))
    );
    let empty = Level { name: "default", quota: 60, rest: 0, full_seconds: 60, wait_seconds: Some(1) };
    assert_eq!(refused.levels, [empty]);
    assert_eq!(passed(&limits, &ada, 100, Cost::Request), 10);
}

#[test]
fn buckets_are_each_persons_tokens_and_addresses_own() {
    let limits = Limits::with_clock(5, 0, &FakeRelativeClock::default());
    let token = |number| {
        let means = Means::ServiceToken { token: Uuid::from_u128(number), scopes: [].into() };
        Principal { means, ..person("ada") }
    };
    let elsewhere = Principal { tenant: TenantId("other".into()), ..person("ada") };

    for caller in [person("ada"), person("bob"), elsewhere, token(1), token(2)] {
        assert_eq!(passed(&limits, &caller, 20, Cost::Request), 5, "{caller:?}");
    }
    let address = key_of_address(Some("192.0.2.7".parse().unwrap()));
    assert!(limits.take(None, &address, Cost::Request).refusal().is_none());
}

#[test]
fn turns_have_a_limit_of_their_own_which_a_refused_request_does_not_use_up() {
    let clock = FakeRelativeClock::default();
    let limits = Limits::with_clock(10, 3, &clock);
    let ada = person("ada");

    assert_eq!(passed(&limits, &ada, 5, Cost::Turn), 3);
    assert_eq!(passed(&limits, &ada, 20, Cost::Request), 5, "turns are requests too");
    clock.advance(Duration::from_secs(20));

    let standing = ask(&limits, &ada, Cost::Turn);
    let rests: Vec<_> = standing.levels.iter().map(|level| (level.name, level.rest)).collect();
    assert_eq!(rests, [("default", 2), ("turns", 0)]);
}

#[test]
fn zero_is_no_limit() {
    let limits = Limits::with_clock(0, 0, &FakeRelativeClock::default());

    assert_eq!(passed(&limits, &person("ada"), 10_000, Cost::Turn), 10_000);
}

#[test]
fn whoever_sits_at_the_machine_may_do_more() {
    let limits = Limits::with_clock(2, 0, &FakeRelativeClock::default());

    assert_eq!(passed(&limits, &Principal::local(), 1000, Cost::Request), 2 * LOCAL_FACTOR as usize);
}

#[test]
fn addresses_take_a_bounded_part_of_memory() {
    let clock = FakeRelativeClock::default();
    let buckets = Buckets::new("default", 60, clock.clone()).unwrap();
    for number in 0..2 * MAX_BUCKETS {
        buckets.take(&Key::Address(IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap()))));
    }
    assert!(buckets.len() <= MAX_BUCKETS + 1, "{}", buckets.len());

    clock.advance(Duration::from_secs(120));
    for _ in 0..5000 {
        buckets.take(&Key::Elsewhere);
    }
    assert_eq!(buckets.len(), 1, "what is full again is forgotten");
}

#[test]
fn addresses_of_one_network_share_a_bucket() {
    let key = |text: &str| key_of_address(Some(text.parse().unwrap()));

    assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
    assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
    assert_eq!(key("::ffff:192.0.2.7"), key("192.0.2.7"));
    assert_ne!(key("192.0.2.7"), key("192.0.2.8"));
}

#[test]
fn what_starts_a_turn_costs_one() {
    for path in ["/api/task", "/api/task/stream", "/api/sessions/x/prompts", "/api/sessions/x/fork"] {
        assert_eq!(cost(&Method::POST, path), Cost::Turn, "{path}");
        assert_eq!(cost(&Method::GET, path), Cost::Request, "{path}");
    }
    for path in ["/api/sessions", "/api/sessions/x/requests/y", "/api/sessions/x/interrupt", "/api/tasks"] {
        assert_eq!(cost(&Method::POST, path), Cost::Request, "{path}");
    }
}

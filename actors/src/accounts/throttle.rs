//! How often somebody may try: per account, so that nobody guesses a password, and per address, so that
//! nobody tries one password on everybody.
//!
//! An attempt counts as failed from its beginning, so that many at once gain nothing; success takes it
//! back. What is unknown is counted like what exists. Nothing of this is stored: a restart forgives.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use runner_core::ids::StreamId;
use runner_core::time::Timestamp;

/// So many failures in a row are forgiven at once; each further one doubles the wait.
const FREE_FAILURES: u32 = 5;
const LONGEST_WAIT_MS: u64 = 5 * 60 * 1000;
/// After so many in a row the account rests.
const MAX_FAILURES: u32 = 100;
const REST_MS: u64 = 24 * 60 * 60 * 1000;

/// An address may fail so often at once, and once more after each of these.
const ADDRESS_BURST: u64 = 60;
const ADDRESS_REFILL_MS: u64 = 10 * 1000;

/// The most accounts, and addresses, that are remembered.
const MAX_ROWS: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Throttle {
    accounts: HashMap<StreamId, Failures>,
    addresses: HashMap<IpAddr, Spent>,
}

/// An attempt that was admitted; give it back when it succeeded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    account: Option<StreamId>,
    address: IpAddr,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    in_a_row: u32,
    last_at: Timestamp,
}

impl Failures {
    fn blocked_until(self) -> Timestamp {
        let wait_ms = match self.in_a_row {
            0..FREE_FAILURES => 0,
            MAX_FAILURES.. => REST_MS,
            count => (1000 << (count - FREE_FAILURES).min(30)).min(LONGEST_WAIT_MS),
        };
        self.last_at.plus_millis(wait_ms)
    }
}

/// The time up to which an address has used up what it may.
#[derive(Clone, Copy, Debug)]
struct Spent {
    until: Timestamp,
}

impl Throttle {
    /// Admits an attempt, or says for how many milliseconds none is admitted.
    pub(super) fn admit(
        &mut self,
        account: Option<StreamId>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt, u64> {
        let address = network(address);
        self.forget_some(now);
        let spent = self.addresses.get(&address).map_or(now, |spent| spent.until.max(now));
        let ahead_ms = spent.millis_since(now) + ADDRESS_REFILL_MS;
        if ahead_ms > ADDRESS_BURST * ADDRESS_REFILL_MS {
            return Err(ahead_ms - ADDRESS_BURST * ADDRESS_REFILL_MS);
        }
        if let Some(account) = account {
            let before = self.accounts.get(&account).copied();
            let in_a_row = before.map_or(0, |failures| failures.in_a_row);
            let blocked_until = before.map_or(now, Failures::blocked_until);
            if blocked_until > now {
                return Err(blocked_until.millis_since(now).max(1));
            }
            // After its rest an account begins anew.
            let in_a_row = if in_a_row >= MAX_FAILURES { 1 } else { in_a_row + 1 };
            self.accounts.insert(account, Failures { in_a_row, last_at: now });
        }
        self.addresses.insert(address, Spent { until: spent.plus_millis(ADDRESS_REFILL_MS) });
        Ok(Attempt { account, address })
    }

    /// The attempt did not fail, after all.
    pub(super) fn succeeded(&mut self, attempt: Attempt) {
        if let Some(account) = attempt.account {
            self.accounts.remove(&account);
        }
        if let Some(spent) = self.addresses.get_mut(&attempt.address) {
            spent.until = spent.until.minus_millis(ADDRESS_REFILL_MS);
        }
    }

    /// Only when there is too much: first what counts no more, then anything.
    fn forget_some(&mut self, now: Timestamp) {
        if self.addresses.len() >= MAX_ROWS {
            self.addresses.retain(|_, spent| spent.until > now);
            halve(&mut self.addresses);
        }
        if self.accounts.len() >= MAX_ROWS {
            self.accounts.retain(|_, failures| failures.last_at.plus_millis(REST_MS) > now);
            halve(&mut self.accounts);
        }
    }
}

fn halve<K: Eq + Hash, V>(rows: &mut HashMap<K, V>) {
    if rows.len() >= MAX_ROWS {
        let mut keep = false;
        rows.retain(|_, _| {
            keep = !keep;
            keep
        });
    }
}

/// With IPv6 one subscriber has a whole network of addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use runner_core::ids::StreamId;
    use runner_core::time::Timestamp;
    use uuid::Uuid;

    use super::{ADDRESS_BURST, ADDRESS_REFILL_MS, MAX_FAILURES, MAX_ROWS, REST_MS, Throttle};

    #[test]
    fn few_mistakes_are_free_and_then_each_costs_twice_the_wait() {
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            throttle.admit(Some(account(1)), address(1), at(0)).unwrap();
        }

        let mut now = 0;
        for wait in [1_000, 2_000, 4_000, 8_000] {
            assert_eq!(throttle.admit(Some(account(1)), address(2), at(now)).unwrap_err(), wait);
            now += wait;
            throttle.admit(Some(account(1)), address(2), at(now)).unwrap();
        }
        throttle.admit(Some(account(2)), address(2), at(now)).unwrap();
    }

    #[test]
    fn success_forgives_the_account() {
        let mut throttle = Throttle::default();
        for _ in 0..4 {
            throttle.admit(Some(account(1)), address(1), at(0)).unwrap();
        }
        let attempt = throttle.admit(Some(account(1)), address(1), at(0)).unwrap();

        throttle.succeeded(attempt);

        throttle.admit(Some(account(1)), address(1), at(0)).unwrap();
    }

    #[test]
    fn hundred_failures_in_a_row_are_the_most() {
        let mut throttle = Throttle::default();
        let (mut now, mut failures) = (0, 0);
        for _ in 0..3 * MAX_FAILURES {
            match throttle.admit(Some(account(1)), address(failures), at(now)) {
                Ok(_) => failures += 1,
                Err(REST_MS) => break,
                Err(wait) => now += wait,
            }
        }

        assert_eq!(failures, MAX_FAILURES);
        assert!(throttle.admit(Some(account(1)), address(1), at(now + REST_MS - 1)).is_err());
        throttle.admit(Some(account(1)), address(1), at(now + REST_MS)).unwrap();
    }

    #[test]
    fn address_that_tries_everybody_is_slowed_down() {
        let mut throttle = Throttle::default();
        for number in 0..ADDRESS_BURST {
            throttle.admit(Some(account(number)), address(1), at(0)).unwrap();
        }

        assert_eq!(throttle.admit(Some(account(999)), address(1), at(0)).unwrap_err(), ADDRESS_REFILL_MS);
        throttle.admit(Some(account(999)), address(2), at(0)).unwrap();
        throttle.admit(Some(account(998)), address(1), at(ADDRESS_REFILL_MS)).unwrap();
    }

    #[test]
    fn success_gives_back_what_it_cost_the_address_and_no_more() {
        let mut throttle = Throttle::default();
        for number in 0..ADDRESS_BURST - 1 {
            throttle.admit(Some(account(number)), address(1), at(0)).unwrap();
        }
        for _ in 0..10 {
            let attempt = throttle.admit(Some(account(999)), address(1), at(0)).unwrap();
            throttle.succeeded(attempt);
        }

        throttle.admit(None, address(1), at(0)).unwrap();
        assert!(throttle.admit(None, address(1), at(0)).is_err());
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        let mut throttle = Throttle::default();
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        for number in 0..ADDRESS_BURST {
            throttle.admit(None, parse(&format!("2001:db8:1:2::{number:x}")), at(0)).unwrap();
        }

        assert!(throttle.admit(None, parse("2001:db8:1:2:ffff::1"), at(0)).is_err());
        throttle.admit(None, parse("2001:db8:1:3::1"), at(0)).unwrap();
    }

    #[test]
    fn memory_is_bounded_whoever_tries() {
        let mut throttle = Throttle::default();
        for number in 0..3 * MAX_ROWS as u32 {
            throttle.admit(Some(account(number.into())), address(number), at(0)).unwrap();
        }

        assert!(throttle.accounts.len() <= MAX_ROWS && throttle.addresses.len() <= MAX_ROWS);
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
}

//! How often somebody may try: per account and network, so that nobody guesses a password and nobody locks
//! its owner out elsewhere; per account, so that it is no use to guess from many networks; per network, so
//! that nobody tries one password on everybody.
//!
//! The limit of an account holds for networks in which its owner was not lately: guesses of strangers are
//! no reason to keep the owner out at home. A person who is logged in and confirms something by password
//! is counted by that login alone, which nobody else has.
//!
//! An attempt counts as failed from its beginning, so that many at once gain nothing; success takes it
//! back, and so does the end of an attempt that nobody could decide. What is unknown is counted like what
//! exists. Nothing of this is stored: a restart forgives.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use runner_core::ids::{LoginId, StreamId};
use runner_core::people::client_network::network_of;
use runner_core::time::Timestamp;

/// So many failures in a row are forgiven at once; each further one doubles the wait.
const FREE_FAILURES: u32 = 5;
const LONGEST_WAIT_MS: u64 = 5 * 60 * 1000;
/// After so many in a row there is one in so long a time.
const MAX_FAILURES: u32 = 100;
const REST_MS: u64 = 60 * 60 * 1000;
/// A row of failures ends by itself after so long without one.
const FORGOTTEN_MS: u64 = 24 * 60 * 60 * 1000;

/// What an address may fail at once, and once more after each of these.
const OF_ADDRESS: Allowance = Allowance { burst: 60, refill_ms: 10 * 1000 };
/// What may fail for an account from all networks together that it is not known in.
const OF_ACCOUNT: Allowance = Allowance { burst: 100, refill_ms: 15 * 60 * 1000 };

/// Who came in from a network is known there for so long.
const KNOWN_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The most of each kind that are remembered.
const MAX_ROWS: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Throttle {
    rows: HashMap<Row, Failures>,
    accounts: HashMap<StreamId, Spent>,
    addresses: HashMap<IpAddr, Spent>,
    /// When the owner of an account last came in from a network.
    known: HashMap<(StreamId, IpAddr), Timestamp>,
}

/// Whose failures in a row are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Row {
    /// Attempts from a network to log in to an account.
    Claimed(StreamId, IpAddr),
    /// Of whoever is logged in.
    Shown(LoginId),
}

/// An attempt that was admitted; say how it ended, unless it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    at: Timestamp,
    row: Option<Row>,
    /// When the row had failed before.
    failed_before: Option<Timestamp>,
    /// The account whose allowance it used up, and the network.
    account: Option<StreamId>,
    address: Option<IpAddr>,
}

/// For how many milliseconds nothing is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Wait(u64),
    /// In a network that the account is known in it would be.
    WaitUnlessKnown(u64),
}

impl Refused {
    pub(super) const fn wait_ms(self) -> u64 {
        match self {
            Self::Wait(wait_ms) | Self::WaitUnlessKnown(wait_ms) => wait_ms,
        }
    }
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

    fn counts(self, now: Timestamp) -> bool {
        self.last_at.plus_millis(FORGOTTEN_MS) > now
    }
}

/// So much at once, and one more after each of these times.
struct Allowance {
    burst: u64,
    refill_ms: u64,
}

/// The time up to which an allowance is used up.
#[derive(Clone, Copy, Debug)]
struct Spent {
    until: Timestamp,
}

impl Allowance {
    /// What is used up after one more, or for how many milliseconds there is nothing left.
    fn take(&self, spent: Option<&Spent>, now: Timestamp) -> Result<Spent, u64> {
        let until = spent.map_or(now, |spent| spent.until.max(now)).plus_millis(self.refill_ms);
        match until.millis_since(now).saturating_sub(self.burst * self.refill_ms) {
            0 => Ok(Spent { until }),
            wait_ms => Err(wait_ms),
        }
    }

    fn give_back(&self, spent: Option<&mut Spent>) {
        if let Some(spent) = spent {
            spent.until = spent.until.minus_millis(self.refill_ms);
        }
    }
}

impl Throttle {
    /// Admits an attempt to log in to an account, or to register one.
    pub(super) fn admit(
        &mut self,
        account: Option<StreamId>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt, Refused> {
        let network = network_of(address);
        self.forget_some(now);
        let of_address = OF_ADDRESS.take(self.addresses.get(&network), now).map_err(Refused::Wait)?;
        let row = account.map(|account| Row::Claimed(account, network));
        self.check(row, now).map_err(Refused::Wait)?;
        let stranger_to = account.filter(|account| !self.is_known(*account, network, now));
        if let Some(account) = stranger_to {
            let spent = OF_ACCOUNT.take(self.accounts.get(&account), now);
            self.accounts.insert(account, spent.map_err(Refused::WaitUnlessKnown)?);
        }
        self.addresses.insert(network, of_address);
        let failed_before = row.and_then(|row| self.count(row, now));
        Ok(Attempt { at: now, row, failed_before, account: stranger_to, address: Some(network) })
    }

    /// Admits somebody who is logged in; says for how many milliseconds if not.
    pub(super) fn admit_login(&mut self, login: LoginId, now: Timestamp) -> Result<Attempt, u64> {
        self.forget_some(now);
        let row = Row::Shown(login);
        self.check(Some(row), now)?;
        let failed_before = self.count(row, now);
        Ok(Attempt { at: now, row: Some(row), failed_before, account: None, address: None })
    }

    fn check(&self, row: Option<Row>, now: Timestamp) -> Result<(), u64> {
        let failures = row.and_then(|row| self.rows.get(&row)).filter(|failures| failures.counts(now));
        match failures.map_or(now, |failures| failures.blocked_until()) {
            until if until > now => Err(until.millis_since(now).max(1)),
            _ => Ok(()),
        }
    }

    /// Says when it had been counted before.
    fn count(&mut self, row: Row, now: Timestamp) -> Option<Timestamp> {
        let before = self.rows.get(&row).copied().filter(|failures| failures.counts(now));
        let in_a_row = before.map_or(0, |failures| failures.in_a_row).saturating_add(1);
        self.rows.insert(row, Failures { in_a_row, last_at: now });
        before.map(|failures| failures.last_at)
    }

    fn is_known(&self, account: StreamId, network: IpAddr, now: Timestamp) -> bool {
        let came_in = self.known.get(&(account, network));
        came_in.is_some_and(|at| at.plus_millis(KNOWN_MS) > now)
    }

    /// The attempt did not fail, after all.
    pub(super) fn succeeded(&mut self, attempt: Attempt) {
        self.give_back(attempt);
        let Some(row) = attempt.row else { return };
        self.rows.remove(&row);
        if let Row::Claimed(account, network) = row {
            self.known.insert((account, network), attempt.at);
        }
    }

    /// Nobody could tell whether it failed; it is as if it had never been.
    pub(super) fn undecided(&mut self, attempt: Attempt) {
        self.give_back(attempt);
        let Some(row) = attempt.row else { return };
        let Some(failures) = self.rows.get_mut(&row) else { return };
        failures.in_a_row = failures.in_a_row.saturating_sub(1);
        if let (true, Some(before)) = (failures.last_at == attempt.at, attempt.failed_before) {
            failures.last_at = before;
        }
        if failures.in_a_row == 0 {
            self.rows.remove(&row);
        }
    }

    /// The owner of an account was in a network at a time.
    pub(super) fn note_known(&mut self, account: StreamId, address: IpAddr, at: Timestamp) {
        self.known.insert((account, network_of(address)), at);
    }

    fn give_back(&mut self, attempt: Attempt) {
        OF_ADDRESS.give_back(attempt.address.and_then(|address| self.addresses.get_mut(&address)));
        OF_ACCOUNT.give_back(attempt.account.and_then(|account| self.accounts.get_mut(&account)));
    }

    /// Only when there is too much: first what counts no more, then anything.
    fn forget_some(&mut self, now: Timestamp) {
        keep_some(&mut self.rows, |failures| failures.counts(now));
        keep_some(&mut self.addresses, |spent| spent.until > now);
        keep_some(&mut self.accounts, |spent| spent.until > now);
        keep_some(&mut self.known, |at| at.plus_millis(KNOWN_MS) > now);
    }
}

fn keep_some<K: Eq + Hash, V: Copy>(rows: &mut HashMap<K, V>, counts: impl Fn(V) -> bool) {
    if rows.len() >= MAX_ROWS {
        rows.retain(|_, row| counts(*row));
    }
    if rows.len() >= MAX_ROWS {
        let mut keep = false;
        rows.retain(|_, _| {
            keep = !keep;
            keep
        });
    }
}

#[cfg(test)]
mod tests;

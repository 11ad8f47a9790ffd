//! From refusals to events: the first of its kind at once, equal ones that follow as a number, and no more
//! than so many in a minute.
//!
//! Each person has a limit over all their tokens, and so has each network that nobody is known from: a noisy
//! client exhausts only its own limit. All who are known in a team, and all who are not, have a limit
//! together, so that nobody without a token can drown what is refused to those who have one.

use core::net::IpAddr;
use std::collections::HashMap;

use super::{ANONYMOUS, AccessDenied, AuditEvent};
use crate::ids::TenantId;
use crate::people::client_network::network_of;
use crate::people::principal::person_of;
use crate::time::Timestamp;

/// Equal refusals are counted together for so long, and the limit is for as long.
pub const WINDOW_MS: u64 = 60_000;

/// New kinds of refusals of one person or network that are recorded in one window; of each there may be one
/// event more with a number.
pub const MAX_RECORDED_EACH: u32 = 40;

/// The same of all who are known in a team, and of all who are not.
pub const MAX_RECORDED: u32 = 240;

/// Something that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub tenant: TenantId,
    /// [`ANONYMOUS`] where nobody knows.
    pub actor: String,
    pub address: Option<String>,
    pub http_request_id: Option<String>,
    pub operation: String,
    pub object: Option<String>,
    pub reason: String,
}

/// An event to be appended, with what belongs into its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    pub tenant: TenantId,
    pub actor: String,
    pub address: Option<String>,
    pub http_request_id: Option<String>,
    pub event: AuditEvent,
}

impl Noted {
    /// How many refusals it stands for.
    pub const fn times(&self) -> u64 {
        match &self.event {
            AuditEvent::AccessDenied(denied) => denied.times,
            AuditEvent::DenialsOmitted { times, .. } => *times,
        }
    }
}

/// Refusals that differ in nothing but their time and their request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sort {
    tenant: TenantId,
    actor: String,
    address: Option<String>,
    operation: String,
    object: Option<String>,
    reason: String,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    times: u64,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl Count {
    const fn none(at: Timestamp) -> Self {
        Self { times: 0, first_at: at, last_at: at }
    }

    fn add(&mut self, times: u64, at: Timestamp) {
        if self.times == 0 {
            self.first_at = at;
        }
        self.times = self.times.saturating_add(times);
        self.last_at = at;
    }
}

#[derive(Debug)]
struct Repeated {
    since: Timestamp,
    count: Count,
}

/// Those who share a limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Crowd {
    Person(TenantId, String),
    /// Whoever is not known; absent where not even the network is.
    Network(TenantId, Option<IpAddr>),
    /// Everybody who is known.
    People(TenantId),
    /// Everybody who is not.
    Strangers(TenantId),
}

impl Crowd {
    /// Who a refusal was for, and among whom.
    fn of(sort: &Sort) -> (Self, Self) {
        let tenant = || sort.tenant.clone();
        if sort.actor == ANONYMOUS {
            let address = sort.address.as_deref().and_then(|address| address.parse().ok());
            (Self::Network(tenant(), address.map(network_of)), Self::Strangers(tenant()))
        } else {
            (Self::Person(tenant(), person_of(&sort.actor).to_owned()), Self::People(tenant()))
        }
    }

    /// What is told of it: team, actor, address.
    fn header(self) -> (TenantId, String, Option<String>) {
        match self {
            Self::Person(tenant, person) => (tenant, person, None),
            Self::Network(tenant, network) => {
                (tenant, ANONYMOUS.to_owned(), network.map(|network| network.to_string()))
            }
            Self::People(tenant) | Self::Strangers(tenant) => (tenant, "system".to_owned(), None),
        }
    }
}

#[derive(Debug)]
struct Budget {
    since: Timestamp,
    recorded: u32,
    omitted: Count,
}

/// What was refused lately. What it holds is at most twice what is recorded in one window.
#[derive(Debug, Default)]
pub struct Ledger {
    repeated: HashMap<Sort, Repeated>,
    budgets: HashMap<Crowd, Budget>,
}

impl Ledger {
    /// Takes a refusal in; what must be appended now, if anything.
    pub fn note(&mut self, denial: Denial, now: Timestamp) -> Option<Noted> {
        let Denial { tenant, actor, address, http_request_id, operation, object, reason } = denial;
        let sort = Sort { tenant, actor, address, operation, object, reason };
        if let Some(repeated) = self.repeated.get_mut(&sort)
            && now.millis_since(repeated.since) < WINDOW_MS
        {
            repeated.count.add(1, now);
            return None;
        }
        let (one, all) = Crowd::of(&sort);
        if let Some(budget) = self.budgets.get_mut(&one)
            && budget.recorded >= MAX_RECORDED_EACH
        {
            budget.omitted.add(1, now);
            return None;
        }
        let budget = self.budget(all, now);
        if budget.recorded >= MAX_RECORDED {
            budget.omitted.add(1, now);
            return None;
        }
        budget.recorded += 1;
        // Only recorded clients have a limit of their own, so there are no more limits than records.
        self.budget(one, now).recorded += 1;
        let once = Count { times: 1, first_at: now, last_at: now };
        let noted = sort.noted(once, http_request_id);
        self.repeated.insert(sort, Repeated { since: now, count: Count::none(now) });
        Some(noted)
    }

    /// Refusals that could not be recorded; their number will be.
    pub fn omit(&mut self, tenant: TenantId, times: u64, now: Timestamp) {
        self.budget(Crowd::Strangers(tenant), now).omitted.add(times, now);
    }

    /// The numbers of what has been counted for long enough.
    pub fn settle(&mut self, now: Timestamp) -> Vec<Noted> {
        self.take(|since| now.millis_since(since) >= WINDOW_MS)
    }

    /// All numbers, when nothing more will come.
    pub fn close(&mut self) -> Vec<Noted> {
        self.take(|_| true)
    }

    fn take(&mut self, is_over: impl Fn(Timestamp) -> bool) -> Vec<Noted> {
        let over = self.repeated.extract_if(|_, repeated| is_over(repeated.since));
        let mut noted: Vec<_> = over
            .filter(|(_, repeated)| repeated.count.times > 0)
            .map(|(sort, repeated)| sort.noted(repeated.count, None))
            .collect();
        let budgets = self.budgets.extract_if(|_, budget| is_over(budget.since));
        let omitted = budgets.filter(|(_, budget)| budget.omitted.times > 0);
        noted.extend(omitted.map(|(crowd, Budget { omitted, .. })| {
            let (tenant, actor, address) = crowd.header();
            let Count { times, first_at, last_at } = omitted;
            let event = AuditEvent::DenialsOmitted { times, first_at, last_at };
            Noted { tenant, actor, address, http_request_id: None, event }
        }));
        noted
    }

    fn budget(&mut self, crowd: Crowd, now: Timestamp) -> &mut Budget {
        self.budgets.entry(crowd).or_insert(Budget { since: now, recorded: 0, omitted: Count::none(now) })
    }
}

impl Sort {
    fn noted(&self, count: Count, http_request_id: Option<String>) -> Noted {
        Noted {
            tenant: self.tenant.clone(),
            actor: self.actor.clone(),
            address: self.address.clone(),
            http_request_id,
            event: AuditEvent::AccessDenied(AccessDenied {
                operation: self.operation.clone(),
                object: self.object.clone(),
                reason: self.reason.clone(),
                times: count.times,
                first_at: count.first_at,
                last_at: count.last_at,
            }),
        }
    }
}

//! From refusals to events: the first of its kind at once, equal ones that follow as a number, and no more
//! than so many in a minute.
//!
//! Those who are known and those who are not have a limit each, so that nobody without a token can drown
//! what is refused to those who have one.

use std::collections::HashMap;

use super::{ANONYMOUS, AccessDenied, AuditEvent};
use crate::aggregate::TenantId;
use crate::time::Timestamp;

/// Equal refusals are counted together for so long, and the limit is for as long.
pub const WINDOW_MS: u64 = 60_000;

/// New kinds of refusals in one window that are recorded; of each there may be one event more with a number.
pub const MAX_RECORDED: u32 = 120;

/// Something that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub tenant: TenantId,
    /// [`ANONYMOUS`] where nobody knows.
    pub actor: String,
    pub address: Option<String>,
    pub request_id: Option<String>,
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
    pub request_id: Option<String>,
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
type Crowd = (TenantId, bool);

#[derive(Debug)]
struct Budget {
    since: Timestamp,
    recorded: u32,
    omitted: Count,
}

/// What was refused lately. Holds at most [`MAX_RECORDED`] entries for each crowd.
#[derive(Debug, Default)]
pub struct Ledger {
    repeated: HashMap<Sort, Repeated>,
    budgets: HashMap<Crowd, Budget>,
}

impl Ledger {
    /// Takes a refusal in; what must be appended now, if anything.
    pub fn note(&mut self, denial: Denial, now: Timestamp) -> Option<Noted> {
        let Denial { tenant, actor, address, request_id, operation, object, reason } = denial;
        let sort = Sort { tenant, actor, address, operation, object, reason };
        if let Some(repeated) = self.repeated.get_mut(&sort)
            && now.millis_since(repeated.since) < WINDOW_MS
        {
            repeated.count.add(1, now);
            return None;
        }
        let crowd = (sort.tenant.clone(), sort.actor == ANONYMOUS);
        let budget = self.budget(crowd, now);
        if budget.recorded >= MAX_RECORDED {
            budget.omitted.add(1, now);
            return None;
        }
        budget.recorded += 1;
        let once = Count { times: 1, first_at: now, last_at: now };
        let noted = sort.noted(once, request_id);
        self.repeated.insert(sort, Repeated { since: now, count: Count::none(now) });
        Some(noted)
    }

    /// Refusals that could not be recorded; their number will be.
    pub fn omit(&mut self, tenant: TenantId, times: u64, now: Timestamp) {
        self.budget((tenant, true), now).omitted.add(times, now);
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
        noted.extend(omitted.map(|((tenant, _), Budget { omitted, .. })| Noted {
            tenant,
            actor: "system".to_owned(),
            address: None,
            request_id: None,
            event: AuditEvent::DenialsOmitted {
                times: omitted.times,
                first_at: omitted.first_at,
                last_at: omitted.last_at,
            },
        }));
        noted
    }

    fn budget(&mut self, crowd: Crowd, now: Timestamp) -> &mut Budget {
        self.budgets.entry(crowd).or_insert(Budget { since: now, recorded: 0, omitted: Count::none(now) })
    }
}

impl Sort {
    fn noted(&self, count: Count, request_id: Option<String>) -> Noted {
        Noted {
            tenant: self.tenant.clone(),
            actor: self.actor.clone(),
            address: self.address.clone(),
            request_id,
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

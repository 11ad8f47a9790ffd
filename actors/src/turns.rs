//! Who may run a turn: at most so many at once, and whoever waits takes turns with the others.
//!
//! A session that wants a turn asks. If no place is free it is put behind its owner's other sessions, and
//! places that become free go round among the owners: one who has fifty waiting holds nobody up for longer
//! than one turn. A place is given to a session, not to its actor; one that waits need not be live.
//! A turn that waits for people holds no place. One whose agent is still there when they have decided goes
//! on at once, and so does work that an agent begins by itself: for them there may be more turns than places.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use runner_core::ids::{SessionId, TenantId};
use tokio::sync::Notify;

/// The most sessions that may wait for a place, in all and of one owner. Beyond it prompts are refused.
const MAX_WAITING: usize = 10_000;
const MAX_WAITING_OF_ONE: usize = 1_000;

/// Whose turn it is.
pub(crate) type Owner = (TenantId, String);

/// How many turns run and how many sessions wait to run one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnCounts {
    pub running: usize,
    pub queued: usize,
    pub max: usize,
}

#[derive(Debug)]
pub(crate) struct Turns {
    places: Mutex<Places>,
    given: Notify,
}

#[derive(Debug)]
struct Places {
    max: usize,
    taken: HashMap<SessionId, TenantId>,
    queue: FairQueue,
    /// Places that were given to sessions which have not been told.
    given: VecDeque<SessionId>,
}

impl Turns {
    pub(crate) fn new(max: usize) -> Self {
        let places =
            Places { max, taken: HashMap::new(), queue: FairQueue::default(), given: VecDeque::new() };
        Self { places: Mutex::new(places), given: Notify::new() }
    }

    /// Whether the session has a place now; if not, it waits for one.
    pub(crate) fn ask(&self, session: SessionId, owner: &Owner) -> bool {
        let mut places = self.lock();
        if places.taken.contains_key(&session) {
            return true;
        }
        if places.taken.len() < places.max && places.queue.is_empty() {
            places.taken.insert(session, owner.0.clone());
            return true;
        }
        places.queue.push(session, owner);
        false
    }

    /// Takes a place for what runs already, also where there is none.
    pub(crate) fn take(&self, session: SessionId, tenant: TenantId) {
        self.lock().taken.insert(session, tenant);
    }

    /// Gives a place back; the next in the queue gets it.
    pub(crate) fn release(&self, session: SessionId) {
        let mut places = self.lock();
        places.taken.remove(&session);
        while places.taken.len() < places.max
            && let Some((next, tenant)) = places.queue.pop()
        {
            places.taken.insert(next, tenant);
            places.given.push_back(next);
            self.given.notify_one();
        }
    }

    /// Waits for the next session that has got a place out of the queue. For one caller at a time.
    pub(crate) async fn next_given(&self) -> SessionId {
        loop {
            if let Some(session) = self.lock().given.pop_front() {
                return session;
            }
            self.given.notified().await;
        }
    }

    /// Whether one more session of an owner may wait.
    pub(crate) fn has_room(&self, owner: Option<&Owner>) -> bool {
        let places = self.lock();
        let of_owner = owner.map_or(0, |owner| places.queue.len_of(owner));
        places.queue.len() < MAX_WAITING && of_owner < MAX_WAITING_OF_ONE
    }

    pub(crate) fn is_full(&self) -> bool {
        let places = self.lock();
        places.taken.len() >= places.max
    }

    /// Of one team or of all.
    pub(crate) fn counts(&self, tenant: Option<&TenantId>) -> TurnCounts {
        let places = self.lock();
        let is_meant = |own: &TenantId| tenant.is_none_or(|tenant| tenant == own);
        let running = places.taken.values().filter(|own| is_meant(own)).count();
        let lanes = places.queue.by_owner.iter().filter(|((own, _), _)| is_meant(own));
        TurnCounts { running, queued: lanes.map(|(_, lane)| lane.len()).sum(), max: places.max }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sessions that wait, each owner's in the order in which they came, the owners by turns.
#[derive(Debug, Default)]
struct FairQueue {
    waiting: HashSet<SessionId>,
    by_owner: HashMap<Owner, VecDeque<SessionId>>,
    /// Owners with somebody waiting; the first is next.
    order: VecDeque<Owner>,
}

impl FairQueue {
    fn push(&mut self, session: SessionId, owner: &Owner) {
        if !self.waiting.insert(session) {
            return;
        }
        let lane = self.by_owner.entry(owner.clone()).or_default();
        if lane.is_empty() {
            self.order.push_back(owner.clone());
        }
        lane.push_back(session);
    }

    fn pop(&mut self) -> Option<(SessionId, TenantId)> {
        let owner = self.order.pop_front()?;
        let lane = self.by_owner.get_mut(&owner)?;
        let session = lane.pop_front().map(|session| (session, owner.0.clone()));
        if lane.is_empty() {
            self.by_owner.remove(&owner);
        } else {
            self.order.push_back(owner);
        }
        if let Some((session, _)) = &session {
            self.waiting.remove(session);
        }
        session
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn len(&self) -> usize {
        self.waiting.len()
    }

    fn len_of(&self, owner: &Owner) -> usize {
        self.by_owner.get(owner).map_or(0, VecDeque::len)
    }
}

#[cfg(test)]
mod tests {
    use runner_core::ids::{SessionId, TenantId};
    use uuid::Uuid;

    use super::{MAX_WAITING_OF_ONE, Owner, TurnCounts, Turns};

    fn session(number: usize) -> SessionId {
        SessionId(Uuid::from_u128(number as u128))
    }

    fn owner(name: &str) -> Owner {
        (TenantId::first(), name.to_owned())
    }

    /// Releases one after the other and says who got the place.
    fn order_of(turns: &Turns, mut running: SessionId) -> Vec<u128> {
        let mut order = vec![];
        loop {
            turns.release(running);
            let Some(next) = turns.lock().given.pop_front() else { return order };
            order.push(next.0.as_u128());
            running = next;
        }
    }

    #[test]
    fn places_go_round_among_the_owners() {
        let turns = Turns::new(1);
        assert!(turns.ask(session(0), &owner("ada")));
        for number in 1..=50 {
            assert!(!turns.ask(session(number), &owner("ada")));
        }
        assert!(!turns.ask(session(100), &owner("bob")));
        assert!(!turns.ask(session(101), &owner("bob")));
        assert!(!turns.ask(session(200), &owner("eve")));

        let order = order_of(&turns, session(0));

        assert_eq!(order[..7], [1, 100, 200, 2, 101, 3, 4]);
        assert_eq!(order.len(), 53);
    }

    #[test]
    fn owners_of_the_same_name_in_two_tenants_are_two() {
        let turns = Turns::new(1);
        turns.ask(session(0), &owner("ada"));
        turns.ask(session(1), &owner("ada"));
        turns.ask(session(2), &owner("ada"));
        turns.ask(session(3), &(TenantId("other".into()), "ada".into()));

        let of_other = turns.counts(Some(&TenantId("other".into())));
        assert_eq!(of_other, TurnCounts { running: 0, queued: 1, max: 1 });
        assert_eq!(order_of(&turns, session(0)), [1, 3, 2]);
    }

    #[test]
    fn session_that_asks_again_waits_once_and_keeps_what_it_has() {
        let turns = Turns::new(1);
        turns.ask(session(0), &owner("ada"));
        assert!(turns.ask(session(0), &owner("ada")));
        assert!(!turns.ask(session(1), &owner("ada")));
        assert!(!turns.ask(session(1), &owner("ada")));

        assert_eq!(turns.counts(None), TurnCounts { running: 1, queued: 1, max: 1 });
        turns.release(session(0));
        assert!(turns.ask(session(1), &owner("ada")), "it has been given the place");
        assert_eq!(turns.counts(None), TurnCounts { running: 1, queued: 0, max: 1 });
    }

    #[test]
    fn what_runs_anyway_counts() {
        let turns = Turns::new(1);
        turns.take(session(0), TenantId::first());
        turns.take(session(1), TenantId::first());
        assert!(!turns.ask(session(2), &owner("ada")));

        turns.release(session(0));
        assert_eq!(turns.counts(None).queued, 1, "one place is still taken");
        turns.release(session(1));
        assert_eq!(turns.counts(None).queued, 0);
    }

    #[test]
    fn one_owner_does_not_fill_the_queue() {
        let turns = Turns::new(1);
        for number in 0..=MAX_WAITING_OF_ONE {
            turns.ask(session(number), &owner("ada"));
        }

        assert!(!turns.has_room(Some(&owner("ada"))));
        assert!(turns.has_room(Some(&owner("bob"))));
    }
}

//! How many streams may be open at once, of one person and in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::StatusCode;
use runner_core::ids::TenantId;
use runner_core::people::principal::Principal;

use crate::http::error::Problem;

/// When it is worth trying again; nobody knows when a stream ends.
const RETRY_SECONDS: u64 = 5;

type Person = (TenantId, String);

/// Counts streams. Clones share the count. Zero means that there is no limit.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    max: usize,
    max_of_one: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_person: HashMap<Person, usize>,
}

/// An open stream's place; dropping it makes room.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    person: Person,
    open: Arc<Mutex<Open>>,
}

impl Streams {
    pub(crate) fn new(max: usize, max_of_one: usize) -> Self {
        Self { max, max_of_one, open: Arc::default() }
    }

    /// A place for one more stream of somebody.
    pub(crate) fn open(&self, caller: &Principal) -> Result<StreamPlace, Problem> {
        let person = (caller.tenant.clone(), caller.name.clone());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.by_person.get(&person).copied().unwrap_or(0);
        if self.max_of_one > 0 && own >= self.max_of_one {
            let detail = format!("more than {} streams of one person; close one", self.max_of_one);
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail);
            return Err(Problem { retry_after_s: Some(RETRY_SECONDS), ..problem });
        }
        if self.max > 0 && open.all >= self.max {
            let detail = "as many streams are open as this server may hold";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail));
        }
        open.all += 1;
        open.by_person.insert(person.clone(), own + 1);
        Ok(StreamPlace { person, open: Arc::clone(&self.open) })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        if let Some(own) = open.by_person.get_mut(&self.person) {
            *own -= 1;
            if *own == 0 {
                open.by_person.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use runner_core::people::principal::Principal;

    use super::Streams;

    fn person(name: &str) -> Principal {
        Principal { name: name.into(), ..Principal::local() }
    }

    #[test]
    fn one_person_leaves_room_for_others_and_all_together_have_a_limit() {
        let streams = Streams::new(3, 2);
        let _ada = [streams.open(&person("ada")).unwrap(), streams.open(&person("ada")).unwrap()];

        let own = streams.open(&person("ada")).unwrap_err();
        let _bob = streams.open(&person("bob")).unwrap();
        let all = streams.open(&person("bob")).unwrap_err();

        assert_eq!((own.status, own.code.as_str()), (429, "too_many_streams"));
        assert_eq!((all.status, all.code.as_str()), (503, "overloaded"));
    }

    #[test]
    fn stream_that_ends_makes_room_and_is_forgotten() {
        let streams = Streams::new(1, 1);
        let first = streams.open(&person("ada")).unwrap();
        assert!(streams.open(&person("ada")).is_err());

        drop(first);

        assert!(streams.open.lock().unwrap().by_person.is_empty());
        streams.open(&person("bob")).unwrap();
    }

    #[test]
    fn zero_is_no_limit() {
        let streams = Streams::new(0, 0);
        let open: Vec<_> = (0..5000).map(|_| streams.open(&person("ada")).unwrap()).collect();

        assert_eq!(open.len(), 5000);
    }
}

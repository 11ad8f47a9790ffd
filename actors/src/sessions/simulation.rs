//! Trying a hook on what is stored: the sessions of one reach, from the newest back.

use runner_core::ids::SessionId;
use runner_core::people::audit::decision::NatureOfCall;
use runner_core::people::principal::Reach;
use runner_core::ports::{SessionCursor, SessionFilter, SessionSort};
use runner_core::session::hooks_in_force::HooksInForce;
use runner_core::session::simulation::{SimulatedCall, Simulation};

use super::Sessions;
use crate::RunnerError;

/// The most sessions and events that one request looks at; the next one goes on behind them.
const MAX_SESSIONS: usize = 200;
const MAX_EVENTS: u64 = 50_000;

/// Where to go on: behind the calls up to a version of the session that follows a place of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimulationPlace {
    pub after: Option<SessionCursor>,
    pub version: u64,
}

/// What to look at.
#[derive(Clone, Debug)]
pub struct SimulationRange {
    pub reach: Reach,
    /// Only this one.
    pub session: Option<SessionId>,
    pub from: SimulationPlace,
    pub limit: usize,
}

/// A page of calls to which a hook would have applied.
#[derive(Clone, Debug, Default)]
pub struct SimulatedCalls {
    pub calls: Vec<(SessionId, SimulatedCall)>,
    /// The number of sessions that were looked at.
    pub sessions: usize,
    pub next: Option<SimulationPlace>,
}

impl Sessions {
    /// What a hook would have made of stored calls.
    pub async fn simulate(
        &self,
        range: SimulationRange,
        (hooks, nature): (&HooksInForce, NatureOfCall),
    ) -> Result<SimulatedCalls, RunnerError> {
        let (mut found, mut place, mut events) = (SimulatedCalls::default(), range.from, 0);
        loop {
            let (session, next) = match range.session {
                Some(session) => (Some(session), None),
                None => self.session_after(&range.reach, place.after).await?,
            };
            let Some(session) = session else { return Ok(found) };
            let mut simulation = Simulation::new(hooks, nature);
            let visit = |version, event: &_| {
                events += 1;
                simulation.apply(version, event);
            };
            self.history.replay(session, visit).await?;
            found.sessions += 1;
            let known = place.version;
            for call in simulation.into_calls().into_iter().filter(|call| call.version > known) {
                if found.calls.len() == range.limit {
                    found.next = Some(place);
                    return Ok(found);
                }
                place.version = call.version;
                found.calls.push((session, call));
            }
            let Some(next) = next else { return Ok(found) };
            place = SimulationPlace { after: Some(next), version: 0 };
            if found.sessions >= MAX_SESSIONS || events >= MAX_EVENTS {
                found.next = Some(place);
                return Ok(found);
            }
        }
    }

    /// The session that follows a place of the list, and the place behind it if there are more.
    async fn session_after(
        &self,
        reach: &Reach,
        after: Option<SessionCursor>,
    ) -> Result<(Option<SessionId>, Option<SessionCursor>), RunnerError> {
        let (reach, sort) = (reach.clone(), SessionSort::CreatedAt);
        let filter = SessionFilter { reach, sort, limit: 1, after, ..SessionFilter::default() };
        let (sessions, next) = self.services.directory.list(filter).await?;
        Ok((sessions.first().map(|summary| summary.head.id), next))
    }
}

//! Spare agents: started before their sessions are opened.
//!
//! Most of a new session's first task is the start of its agent. So when a session has got its agent, and no
//! other was begun for a moment, another agent of the same setup is started for the next session: of the same
//! owner, in the same folder, with the same options, and under the id that this session will have. It serves
//! one session, and only where an agent that is started then would not differ from it. In every other case,
//! and when anything is wrong with it, an agent is started as if there were no spare one.
//!
//! Spare agents are few, make room for sessions, and end when nobody wanted them for as long as a session may
//! be idle. There are none where a folder is trusted, or where variables are set, which may be secrets.

mod standby;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runner_core::ids::{ProcessId, SessionId};
use runner_core::ports::{
    AgentError, AgentInput, AgentLaunch, AgentPlace, AgentSeat, AgentSetup, RunningAgent, WorkspaceSight,
};
use runner_core::session::event::SessionOpened;
use runner_core::setup::trust::Trust;
use runner_core::workspace::WorkspaceReport;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::Services;

/// No spare agent is started while sessions begin one after the other: the machine has enough to do.
const UNTIL_QUIET: Duration = Duration::from_secs(2);

/// Comparing files must not take longer than a start.
const UNTIL_COMPARED: Duration = Duration::from_millis(200);

/// All spare agents of a server.
pub(crate) struct Spares {
    services: Arc<Services>,
    state: Mutex<State>,
    /// The number of spare agents, ready or not.
    running: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    /// The agents that wait for a session, the oldest first.
    ready: Vec<Spare>,
    /// The agents of sessions that are being opened.
    claimed: HashMap<SessionId, (AgentLaunch, RunningAgent)>,
    /// The number of live sessions.
    live: usize,
    /// Counts up with every request for a spare agent: an older request gives way to a newer one.
    requests: u64,
    closed: bool,
}

/// An agent that waits for its session. It ends when this is dropped.
struct Spare {
    launch: AgentLaunch,
    place: AgentPlace,
    /// The state of its folder before the start, where changes by commands are watched.
    sight: Option<Box<dyn WorkspaceSight>>,
    wanted: oneshot::Sender<oneshot::Sender<RunningAgent>>,
}

impl Spares {
    pub(crate) fn new(services: Arc<Services>) -> Self {
        Self { services, state: Mutex::default(), running: watch::Sender::new(0) }
    }

    /// Has an agent like this one ready for the next session, if that is possible.
    pub(crate) fn request_spare(self: &Arc<Self>, launch: AgentLaunch) {
        if self.services.settings.spare_agents == 0 || !may_have_spares(&launch) {
            return;
        }
        let mut state = self.lock();
        state.requests += 1;
        let request = state.requests;
        let spares = Arc::clone(self);
        actix::spawn(async move {
            tokio::time::sleep(UNTIL_QUIET).await;
            if spares.lock().requests == request {
                spares.start(launch.setup).await;
            }
        });
    }

    /// Claims an agent that waits for such a session: the session is then opened under the agent's id.
    pub(crate) async fn claim_for(&self, opened: SessionOpened) -> SessionOpened {
        let found = {
            let mut state = self.lock();
            let index = state.ready.iter().position(|spare| is_for(&spare.launch.setup, &opened));
            index.map(|index| state.ready.remove(index))
        };
        let Some(spare) = found else { return opened };
        let session = spare.launch.seat.session;
        match self.hand_over(spare).await {
            Some(claimed) => {
                self.lock().claimed.insert(session, claimed);
                SessionOpened { session, ..opened }
            }
            None => opened,
        }
    }

    /// The agent that was claimed for this session, if it is like the one that would be started now.
    pub(crate) async fn take_claimed(&self, launch: &AgentLaunch) -> Option<RunningAgent> {
        let (spare, agent) = self.lock().claimed.remove(&launch.seat.session)?;
        if may_have_spares(launch) && spare.setup == launch.setup {
            return Some(agent);
        }
        // Before the next agent of this session starts, for the end of this one ends all that carries the
        // session's marker.
        agent.input.kill().await;
        None
    }

    pub(crate) fn is_claimed(&self, session: SessionId) -> bool {
        self.lock().claimed.contains_key(&session)
    }

    /// Ends the agent of a session that is not opened after all.
    pub(crate) async fn abandon(&self, session: SessionId) {
        let claimed = self.lock().claimed.remove(&session);
        if let Some((_, agent)) = claimed {
            agent.input.kill().await;
            drop(agent);
            self.services.runtime.discard(session).await;
        }
    }

    /// Sessions come before agents for sessions that nobody has opened.
    pub(crate) fn make_room(&self, live: usize) {
        let mut state = self.lock();
        state.live = live;
        let surplus = (live + state.ready.len()).saturating_sub(self.services.settings.max_sessions);
        let ended = surplus.min(state.ready.len());
        state.ready.drain(..ended);
    }

    /// Ends those that wait, and drops requests for others; later requests are served.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.ready.clear();
        state.requests += 1;
    }

    /// Ends all spare agents; returns when nothing of them is left.
    pub(crate) async fn close(&self) {
        let claimed: Vec<SessionId> = {
            let mut state = self.lock();
            state.closed = true;
            state.ready.clear();
            state.claimed.keys().copied().collect()
        };
        for session in claimed {
            self.abandon(session).await;
        }
        // `self` holds the sender, so this cannot fail.
        self.running.subscribe().wait_for(|running| *running == 0).await.ok();
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().ready.len()
    }

    /// Hands over an agent that is as good as a new one.
    async fn hand_over(&self, mut spare: Spare) -> Option<(AgentLaunch, RunningAgent)> {
        let session = spare.launch.seat.session;
        let compared = tokio::time::timeout(UNTIL_COMPARED, self.is_as_new(&mut spare)).await;
        if !compared.unwrap_or(false) {
            return None;
        }
        let (answer, agent) = oneshot::channel();
        // Nobody answers where the agent has just ended.
        spare.wanted.send(answer).ok()?;
        let agent = agent.await.ok()?;
        if !responds(&*agent.input).await {
            agent.input.kill().await;
            drop(agent);
            self.services.runtime.discard(session).await;
            return None;
        }
        Some((spare.launch, agent))
    }

    async fn is_as_new(&self, spare: &mut Spare) -> bool {
        let launch = &spare.launch;
        let setup = &launch.setup;
        let beside = setup.options.add_dirs.iter().map(Path::new);
        let folders: Vec<&Path> = std::iter::once(setup.working_dir.as_path()).chain(beside).collect();
        let trust = self.services.trust.of_all(&setup.tenant, &folders).await;
        let is_untouched = match &mut spare.sight {
            Some(sight) => sight.changes().await == WorkspaceReport::default(),
            None => true,
        };
        let is_trusted_alike = trust.is_ok_and(|trust| trust == setup.trust);
        is_untouched && is_trusted_alike && self.services.runtime.adopt(launch, &spare.place).await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an agent answers at all.
async fn responds(input: &dyn AgentInput) -> bool {
    match input.meter().await {
        Ok(_) | Err(AgentError::Refused(_)) => true,
        Err(
            AgentError::NotInstalled(_)
            | AgentError::WorkingDirMissing(_)
            | AgentError::WorkingDirNotAllowed(_)
            | AgentError::NotStarted(_)
            | AgentError::Ended,
        ) => false,
    }
}

/// Whether agents may be started like this one before their sessions are opened.
fn may_have_spares(AgentLaunch { setup, seat }: &AgentLaunch) -> bool {
    setup.trust == Trust::Untrusted && setup.options.env.is_empty() && seat.is_of_new_session()
}

/// Whether a session that is opened like this would get an agent of the spare one's setup, as far as that is
/// known before its folders are looked at. The rest is compared when the session takes the agent.
fn is_for(spare: &AgentSetup, opened: &SessionOpened) -> bool {
    let wanted = AgentSetup {
        tenant: opened.tenant.clone(),
        owner: opened.owner.clone(),
        working_dir: opened.working_dir.clone().into(),
        within: spare.within.clone(),
        permission_mode: opened.permission_mode,
        options: opened.options.clone(),
        trust: spare.trust,
        extensions: Arc::clone(&spare.extensions),
    };
    opened.parent.is_none() && wanted == *spare
}

/// An agent of this setup for a session that nobody has opened.
fn for_the_next_session(setup: AgentSetup) -> AgentLaunch {
    let seat = AgentSeat::of_new_session(SessionId(Uuid::now_v7()), ProcessId(Uuid::now_v7()));
    AgentLaunch { setup, seat }
}

/// Logs why there is no spare agent.
fn log_absence(error: &AgentError) {
    tracing::debug!(error = error as &dyn std::error::Error, "no spare agent is started");
}

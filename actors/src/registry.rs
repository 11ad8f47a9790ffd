//! Which sessions are live: starts an actor on demand, makes room, watches over each, stops them all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use futures_util::future::join_all;
use runner_core::ids::SessionId;
use tokio::sync::{oneshot, watch};

use crate::session_actor::lifetime::{Drain, Park, Stop};
use crate::session_actor::{SessionActor, SlotGranted};
use crate::turns::Turns;
use crate::{RunnerError, Services, Shared};

/// Sessions beyond the limit that may be live while all others run turns: to store what people decide and
/// change. They run no turns themselves, for the places of those are taken.
const RESERVED: usize = 8;

/// How long to wait before an actor that died in the middle of a turn is started again.
const UNTIL_RESTARTED: Duration = Duration::from_secs(1);

pub(crate) struct Registry {
    services: Arc<Services>,
    shared: Shared,
    live: HashMap<SessionId, Live>,
    /// Counts up with every use, to tell who was used last.
    uses: u64,
    stopping: bool,
}

#[derive(Clone)]
struct Live {
    address: Addr<SessionActor>,
    busy: watch::Receiver<bool>,
    used_at: u64,
}

impl Registry {
    pub(crate) fn new(services: Arc<Services>, shared: Shared) -> Self {
        Self { services, shared, live: HashMap::new(), uses: 0, stopping: false }
    }

    fn start(&mut self, session: SessionId, context: &mut Context<Self>) -> Addr<SessionActor> {
        let (alive, ended) = oneshot::channel::<()>();
        let actor = SessionActor::new(session, Arc::clone(&self.services), self.shared.clone(), alive);
        let busy = actor.watch_busy();
        let address = actor.start();
        self.uses += 1;
        self.live.insert(session, Live { address: address.clone(), busy, used_at: self.uses });
        self.shared.spares.make_room(self.live.len());
        let watched = address.clone();
        context.spawn(ended.into_actor(self).map(move |_, registry, context| {
            registry.ended(session, &watched, context);
        }));
        address
    }

    /// An actor is gone. If that was in the middle of a turn nobody planned it: the next one recovers it.
    fn ended(&mut self, session: SessionId, address: &Addr<SessionActor>, context: &mut Context<Self>) {
        let Some(live) = self.live.get(&session).filter(|live| live.address == *address) else { return };
        let was_busy = *live.busy.borrow();
        self.live.remove(&session);
        self.shared.spares.make_room(self.live.len());
        if was_busy {
            self.shared.turns.release(session);
        }
        if was_busy && !self.stopping {
            if !self.shared.hub.is_stalled(session) {
                tracing::error!(session.id = %session, "the actor of a session died; it is started again");
            }
            context.run_later(UNTIL_RESTARTED, move |registry, context| {
                if !registry.stopping && !registry.live.contains_key(&session) {
                    registry.start(session, context);
                }
            });
        }
    }

    /// The sessions without a turn, the one that was not used longest first.
    fn idle(&self) -> Vec<(SessionId, Addr<SessionActor>)> {
        let mut idle: Vec<_> = self.live.iter().filter(|(_, live)| !*live.busy.borrow()).collect();
        idle.sort_by_key(|(_, live)| live.used_at);
        idle.into_iter().map(|(session, live)| (*session, live.address.clone())).collect()
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        let (turns, registry) = (Arc::clone(&self.shared.turns), context.address());
        context.spawn(async move { hand_out_places(&turns, &registry).await }.into_actor(self));
        let (spares, mut rights) = (Arc::clone(&self.shared.spares), self.services.owners.rights());
        let clearing = async move {
            while rights.changed().await.is_ok() {
                spares.clear();
            }
        };
        context.spawn(clearing.into_actor(self));
    }
}

/// Tells sessions that they have got a place; those that are not live are started for it.
async fn hand_out_places(turns: &Turns, registry: &Addr<Registry>) {
    loop {
        let session = turns.next_given().await;
        let registry = registry.clone();
        // Not one behind the other: a session may be slow to take its place.
        actix::spawn(async move {
            loop {
                match registry.send(Find(session)).await {
                    // One that was parked just then is started again.
                    Ok(Ok(address)) if address.send(SlotGranted).await.is_err() => {}
                    Ok(Err(RunnerError::Overloaded)) => tokio::time::sleep(UNTIL_RESTARTED).await,
                    Ok(Ok(_) | Err(_)) | Err(_) => return, // It is told, or the server is stopping.
                }
            }
        });
    }
}

/// Find the actor of a session, or start it.
#[derive(Message)]
#[rtype(result = "Result<Addr<SessionActor>, RunnerError>")]
pub(crate) struct Find(pub(crate) SessionId);

impl Handler<Find> for Registry {
    type Result = AtomicResponse<Self, Result<Addr<SessionActor>, RunnerError>>;

    fn handle(&mut self, Find(session): Find, _: &mut Context<Self>) -> Self::Result {
        self.uses += 1;
        let uses = self.uses;
        let found = self.live.get_mut(&session).filter(|live| live.address.connected()).map(|live| {
            live.used_at = uses;
            live.address.clone()
        });
        let answer = match found {
            _ if self.stopping => Some(Err(RunnerError::ShuttingDown)),
            Some(address) => Some(Ok(address)),
            None => None,
        };
        let max_sessions = self.services.settings.max_sessions;
        let (is_full, limit) = (self.live.len() >= max_sessions, max_sessions.saturating_add(RESERVED));
        let candidates = if answer.is_none() && is_full { self.idle() } else { vec![] };
        let made_room = async move {
            for (session, address) in candidates {
                if address.send(Park).await == Ok(true) {
                    return Some(session);
                }
            }
            None
        };
        AtomicResponse::new(Box::pin(made_room.into_actor(self).map(move |parked, registry, context| {
            if let Some(answer) = answer {
                return answer;
            }
            match parked {
                Some(parked) => drop(registry.live.remove(&parked)),
                None if registry.live.len() >= limit => return Err(RunnerError::Overloaded),
                None => {}
            }
            Ok(registry.start(session, context))
        })))
    }
}

/// Stop all sessions; running turns have until the end of the grace period.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct StopAll {
    pub(crate) grace: Duration,
}

impl Handler<StopAll> for Registry {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, StopAll { grace }: StopAll, _: &mut Context<Self>) -> Self::Result {
        self.stopping = true;
        let live: Vec<Live> = self.live.values().cloned().collect();
        Box::pin(async move {
            // An actor that is gone has nothing to stop.
            join_all(live.iter().map(|live| live.address.send(Drain))).await;
            let idle = live.iter().map(|live| {
                let mut busy = live.busy.clone();
                async move { busy.wait_for(|busy| !busy).await.map(|_| ()) }
            });
            drop(tokio::time::timeout(grace, join_all(idle)).await);
            join_all(live.iter().map(|live| live.address.send(Stop))).await;
        })
    }
}

//! One live session: its state folded from the log, its agent, and the order in which things happen.
//!
//! Every change goes the same way: decide, append, apply, act. Handlers hold the mailbox until what they
//! decided is stored (`AtomicResponse`); a running turn is a pump beside the actor that sends what the
//! agent says, so an interrupt always gets in. What is done is in `session_actor/core.rs`; this file says
//! when.

mod agent;
mod core;
pub(crate) mod lifetime;
mod rights_watch;
mod timer;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use runner_core::agent::AgentOutput;
use runner_core::ids::{ProcessId, SessionId, TurnId};
use runner_core::log::event_log::{Appended, Provenance};
use runner_core::ports::AgentExit;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::{InterruptCause, SessionEvent};
use tokio::sync::{oneshot, watch};

use self::agent::Reach;
use self::core::Core;
use self::lifetime::{CheckRights, Park};
use self::rights_watch::RightsWatch;
use self::timer::Timer;
use crate::hub::Hub;
use crate::owners::Owners;
use crate::spares::Spares;
use crate::turns::Turns;
use crate::{RunnerError, Services};

/// How long an agent may take to stop its turn before it is asked again.
const UNTIL_ASKED_AGAIN: Duration = Duration::from_secs(1);

/// Actor of one session. It ends itself when the session was idle for long enough.
pub(crate) struct SessionActor {
    /// Absent while a handler works with it.
    core: Option<Core>,
    idle_timer: Option<Timer>,
    /// Runs while the agent works and may not do so for ever.
    deadline: Option<(TurnId, Timer)>,
    /// What to watch for what is taken back, until that is watched.
    watched: Option<(Owners, Arc<Reach>)>,
    watching: Option<RightsWatch>,
    /// Asks again whether the session may go on.
    rechecking: Option<Timer>,
    /// Looks after the turn that was interrupted.
    insisting: Option<(TurnId, Timer)>,
    /// Goes on with a prompt that waits for a limit to reset.
    pausing: Option<Timer>,
    /// Whether a turn runs; the last value outlives the actor.
    busy: watch::Sender<bool>,
    /// Dropped with the actor, however that ends: its watcher wakes.
    _alive: oneshot::Sender<()>,
}

impl SessionActor {
    pub(crate) fn new(
        session: SessionId,
        services: Arc<Services>,
        shared: (Arc<Hub>, Arc<Turns>, Arc<Spares>),
        alive: oneshot::Sender<()>,
    ) -> Self {
        let reach = Arc::<Reach>::default();
        let (owners, core) =
            (services.owners.clone(), Core::new(session, services, shared, Arc::clone(&reach)));
        Self {
            core: Some(core),
            watching: None,
            watched: Some((owners, reach)),
            idle_timer: None,
            deadline: None,
            rechecking: None,
            insisting: None,
            pausing: None,
            busy: watch::Sender::new(false),
            _alive: alive,
        }
    }

    pub(crate) fn watch_busy(&self) -> watch::Receiver<bool> {
        self.busy.subscribe()
    }

    /// Runs `work` on the core while everything else of this actor waits. If the core is out, which the mailbox
    /// does not let happen, the message is answered as one that came too late.
    fn exclusively<T: TooLate + 'static, W>(
        &mut self,
        work: impl FnOnce(Core, Addr<Self>) -> W,
        context: &mut Context<Self>,
    ) -> AtomicResponse<Self, T>
    where
        W: Future<Output = (Core, T)> + 'static,
    {
        let Some(core) = self.core.take() else {
            return AtomicResponse::new(Box::pin(actix::fut::ready(T::too_late())));
        };
        let working = work(core, context.address());
        AtomicResponse::new(Box::pin(working.into_actor(self).map(|(core, answer), actor, context| {
            actor.put_back(core, context);
            answer
        })))
    }

    fn put_back(&mut self, mut core: Core, context: &mut Context<Self>) {
        core.settle_place();
        self.busy.send_replace(core.is_busy());
        let address = context.address();
        if let Some(insist) = core.insist.take() {
            self.look_after(insist, &address);
        }
        if core.is_finished() {
            self.idle_timer = None;
            context.stop();
        } else {
            self.idle_timer = Some(Timer::start(Park, core.idle_timeout(), &address));
        }
        if let Some(recheck) = core.recheck.take() {
            self.rechecking = Some(Timer::start(CheckRights, recheck, &address));
        }
        if let Some(pause) = core.pause.take() {
            self.pausing = Some(Timer::start(GoOn, pause, &address));
        }
        self.watch_the_clock(core.time_limit(), &address);
        self.core = Some(core);
    }

    /// Whoever interrupts again does not begin the count anew.
    fn look_after(&mut self, insist: Insist, address: &Addr<Self>) {
        let turn = insist.turn;
        let is_looked_after = self.insisting.as_ref().is_some_and(|(earlier, _)| *earlier == turn);
        if insist.times > 1 || !is_looked_after {
            self.insisting = Some((turn, Timer::start(insist, UNTIL_ASKED_AGAIN, address)));
        }
    }

    /// The clock runs while a turn works; while it waits for people it does not.
    fn watch_the_clock(&mut self, limit: Option<(TurnId, Duration)>, address: &Addr<Self>) {
        let watched = self.deadline.as_ref().map(|(turn, _)| *turn);
        if watched != limit.map(|(turn, _)| turn) {
            self.deadline = limit.map(|(turn, limit)| (turn, Timer::start(Overdue { turn }, limit, address)));
        }
    }
}

/// What a message is answered that finds no core to work with.
trait TooLate {
    fn too_late() -> Self;
}

impl TooLate for () {
    fn too_late() -> Self {}
}

/// Nothing was given up.
impl TooLate for bool {
    fn too_late() -> Self {
        false
    }
}

impl<T> TooLate for Result<T, RunnerError> {
    fn too_late() -> Self {
        Err(RunnerError::Unexpected("the session's state was not in its place".into()))
    }
}

impl Actor for SessionActor {
    type Context = Context<Self>;

    /// What the log says is running has no process yet: whoever ran it is gone.
    fn started(&mut self, context: &mut Context<Self>) {
        if let Some((owners, reach)) = self.watched.take() {
            self.watching = Some(RightsWatch::start(owners, reach, context.address()));
        }
        let Some(mut core) = self.core.take() else { return };
        let address = context.address();
        let recovered = async move {
            core.recover(&address).await;
            core
        };
        context.wait(recovered.into_actor(self).map(|core, actor, context| actor.put_back(core, context)));
    }
}

/// What a command led to.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    pub(crate) appended: Appended,
    pub(crate) events: Vec<SessionEvent>,
}

/// Carry out commands in one append, and begin the next turn if one waits.
#[derive(Clone, Message)]
#[rtype(result = "Result<Committed, RunnerError>")]
pub(crate) struct Execute {
    pub(crate) commands: Vec<SessionCommand>,
    pub(crate) provenance: Provenance,
}

impl Handler<Execute> for SessionActor {
    type Result = AtomicResponse<Self, Result<Committed, RunnerError>>;

    fn handle(&mut self, message: Execute, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, address| async move {
            let committed = core.submit(message, &address).await;
            (core, committed)
        };
        self.exclusively(work, context)
    }
}

/// Stop the running turn, or take back the prompt that comes next; the session goes on.
#[derive(Clone, Message)]
#[rtype(result = "Result<Committed, RunnerError>")]
pub(crate) struct Interrupt {
    pub(crate) by: String,
    pub(crate) cause: InterruptCause,
    pub(crate) provenance: Provenance,
}

impl Handler<Interrupt> for SessionActor {
    type Result = AtomicResponse<Self, Result<Committed, RunnerError>>;

    fn handle(&mut self, message: Interrupt, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, address| async move {
            let committed = core.interrupt(message, &address).await;
            (core, committed)
        };
        self.exclusively(work, context)
    }
}

/// Put files back to what they were before a turn; the answer says which.
#[derive(Clone, Message)]
#[rtype(result = "Result<Committed, RunnerError>")]
pub(crate) struct Rewind {
    pub(crate) turn: TurnId,
    pub(crate) by: String,
    pub(crate) provenance: Provenance,
}

impl Handler<Rewind> for SessionActor {
    type Result = AtomicResponse<Self, Result<Committed, RunnerError>>;

    fn handle(&mut self, message: Rewind, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, address| async move {
            let committed = core.rewind(message, &address).await;
            (core, committed)
        };
        self.exclusively(work, context)
    }
}

/// The turn has worked for as long as it may.
#[derive(Message)]
#[rtype(result = "()")]
struct Overdue {
    turn: TurnId,
}

impl Handler<Overdue> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: Overdue, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, address| async move {
            core.overdue(message, &address).await;
            (core, ())
        };
        self.exclusively(work, context)
    }
}

/// A prompt may have waited long enough.
#[derive(Message)]
#[rtype(result = "()")]
struct GoOn;

/// The session has got a place among the running turns.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct TakePlace;

impl Handler<TakePlace> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, TakePlace: TakePlace, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, address| async move {
            core.take_place(&address).await;
            (core, ())
        };
        self.exclusively(work, context)
    }
}

impl Handler<GoOn> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, GoOn: GoOn, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, address| async move {
            core.advance(&address).await;
            (core, ())
        };
        self.exclusively(work, context)
    }
}

/// The turn that was interrupted may still be running.
#[derive(Message)]
#[rtype(result = "()")]
struct Insist {
    turn: TurnId,
    times: u32,
}

impl Handler<Insist> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: Insist, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, _| async move {
            core.insist(message).await;
            (core, ())
        };
        self.exclusively(work, context)
    }
}

/// The agent said something.
#[derive(Message)]
#[rtype(result = "()")]
struct Heard {
    process: ProcessId,
    outputs: Vec<AgentOutput>,
}

impl Handler<Heard> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: Heard, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, address| async move {
            core.hear(message, &address).await;
            (core, ())
        };
        self.exclusively(work, context)
    }
}

/// The agent's program ended.
#[derive(Message)]
#[rtype(result = "()")]
struct AgentEnded {
    process: ProcessId,
    exit: AgentExit,
}

impl Handler<AgentEnded> for SessionActor {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, message: AgentEnded, context: &mut Context<Self>) -> Self::Result {
        let work = |mut core: Core, address| async move {
            core.agent_ended(message, &address).await;
            (core, ())
        };
        self.exclusively(work, context)
    }
}

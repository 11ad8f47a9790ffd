//! One live session: its state folded from the log, its agent, and the order in which things happen.
//!
//! Every change goes the same way: a command is decided, its events are appended and applied, and the actions
//! that came with them are carried out. Handlers hold the mailbox for the store only (`AtomicResponse`): what
//! waits for the agent, for git or for a disk is done by a task beside it (`agent_task.rs`), so an interrupt
//! or a decision gets in at once. The steps are in `driver.rs`; this file says when.

mod agent_reports;
mod agent_task;
mod commands;
mod driver;
pub(crate) mod lifetime;
mod reminders;
mod rights_watch;
mod timer;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use runner_core::ids::{SessionId, TurnId};
use tokio::sync::{oneshot, watch};

use self::agent_task::{AgentTask, Beside};
pub(crate) use self::commands::{Committed, Execute, Interrupt, Rewind};
use self::driver::SessionDriver;
use self::lifetime::{CheckRights, Park};
pub(crate) use self::reminders::SlotGranted;
use self::reminders::{ResumeQueue, RetryInterrupt, TurnTimedOut};
use self::rights_watch::RightsWatch;
use self::timer::Timer;
use crate::{RunnerError, Services, Shared};

/// How long an agent may take to stop its turn before it is asked again.
const UNTIL_ASKED_AGAIN: Duration = Duration::from_secs(1);

/// Actor of one session. It ends itself when the session was idle for long enough.
pub(crate) struct SessionActor {
    /// Absent while a handler works with it.
    driver: Option<SessionDriver>,
    /// Starts with the actor.
    starting: Option<AgentTask>,
    /// Present as soon as the actor has started.
    beside: Option<Beside>,
    /// Changes whenever something was taken back, or given back.
    rights_changes: watch::Receiver<u64>,
    rights: Option<RightsWatch>,
    idle_timer: Option<Timer>,
    /// Runs while the agent works and may not do so for ever.
    deadline: Option<(TurnId, Timer)>,
    /// Checks again whether the session may go on.
    rechecking: Option<Timer>,
    /// Looks after the turn that was interrupted.
    interrupting: Option<(TurnId, Timer)>,
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
        shared: Shared,
        alive: oneshot::Sender<()>,
    ) -> Self {
        let rights_changes = services.owners.rights();
        let driver = SessionDriver::new(session, Arc::clone(&services), shared.clone());
        let starting = AgentTask {
            session,
            services,
            spares: shared.spares,
            agents: shared.agents,
            state: driver.shared_session(),
        };
        Self {
            driver: Some(driver),
            starting: Some(starting),
            beside: None,
            rights_changes,
            rights: None,
            idle_timer: None,
            deadline: None,
            rechecking: None,
            interrupting: None,
            pausing: None,
            busy: watch::Sender::new(false),
            _alive: alive,
        }
    }

    pub(crate) fn watch_busy(&self) -> watch::Receiver<bool> {
        self.busy.subscribe()
    }

    /// Runs `work` on the driver, and the actions that it leads to, while everything else of this actor
    /// waits. If the driver is out, which the mailbox does not let happen, the message is answered as one
    /// that came too late.
    fn exclusively<T: TooLate + 'static>(
        &mut self,
        work: impl AsyncFnOnce(&mut SessionDriver) -> T + 'static,
    ) -> AtomicResponse<Self, T> {
        let Some(mut driver) = self.driver.take() else {
            return AtomicResponse::new(Box::pin(actix::fut::ready(T::too_late())));
        };
        let working = async move {
            let answer = work(&mut driver).await;
            driver.work_off().await;
            (driver, answer)
        };
        AtomicResponse::new(Box::pin(working.into_actor(self).map(|(driver, answer), actor, context| {
            actor.put_back(driver, context);
            answer
        })))
    }

    fn put_back(&mut self, mut driver: SessionDriver, context: &mut Context<Self>) {
        driver.settle_slot();
        self.busy.send_replace(driver.is_busy());
        let address = context.address();
        if let Some(interrupt) = driver.retry_interrupt.take() {
            self.look_after(interrupt, &address);
        }
        if let Some(recheck) = driver.recheck.take() {
            self.rechecking = Some(Timer::start(CheckRights, recheck, &address));
        }
        if let Some(pause) = driver.pause.take() {
            self.pausing = Some(Timer::start(ResumeQueue, pause, &address));
        }
        self.watch_the_clock(driver.time_limit(), &address);
        self.idle_timer = None;
        if driver.is_finished() {
            self.finish(&mut driver, context);
        } else {
            self.idle_timer = Some(Timer::start(Park, driver.idle_timeout(), &address));
        }
        self.driver = Some(driver);
    }

    /// Nobody gets in any more. The actor ends after its agent, so that the next one starts on free ground.
    fn finish(&self, driver: &mut SessionDriver, context: &mut Context<Self>) {
        driver.finish_agent();
        match self.beside.clone() {
            Some(beside) => {
                context.wait(beside.drained().into_actor(self).map(|(), _, context| context.stop()));
            }
            None => context.stop(),
        }
    }

    /// Whoever interrupts again does not begin the count anew.
    fn look_after(&mut self, interrupt: RetryInterrupt, address: &Addr<Self>) {
        let turn = interrupt.turn;
        let is_looked_after = self.interrupting.as_ref().is_some_and(|(earlier, _)| *earlier == turn);
        if interrupt.times > 1 || !is_looked_after {
            self.interrupting = Some((turn, Timer::start(interrupt, UNTIL_ASKED_AGAIN, address)));
        }
    }

    /// The clock runs while a turn works; while it waits for people it does not.
    fn watch_the_clock(&mut self, limit: Option<(TurnId, Duration)>, address: &Addr<Self>) {
        let watched = self.deadline.as_ref().map(|(turn, _)| *turn);
        if watched != limit.map(|(turn, _)| turn) {
            self.deadline =
                limit.map(|(turn, limit)| (turn, Timer::start(TurnTimedOut { turn }, limit, address)));
        }
    }
}

/// What a message is answered that finds no driver to work with.
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
        let (Some(mut driver), Some(task)) = (self.driver.take(), self.starting.take()) else { return };
        let address = context.address();
        self.rights = Some(RightsWatch::start(self.rights_changes.clone(), &address));
        let (line, beside) = task.start(address);
        driver.use_agent(line);
        self.beside = Some(beside);
        let recovered = async move {
            driver.recover().await;
            driver.work_off().await;
            driver
        };
        context
            .wait(recovered.into_actor(self).map(|driver, actor, context| actor.put_back(driver, context)));
    }
}

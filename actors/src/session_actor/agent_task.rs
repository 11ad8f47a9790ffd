//! What is done with the agent of a session, in order, beside the mailbox of its actor.
//!
//! The actor appends and leaves errands; nothing that waits for the agent, for git or for a disk is waited
//! for in its mailbox. This task carries them out one after the other and owns the process. What the agent
//! says comes back by its listener (`agent_task/listener.rs`), and that it did not start or has ended, as
//! messages.

mod errand;
mod listener;
mod transcript;
mod workspace_diff;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use actix::Addr;
use runner_core::ids::{ProcessId, SessionId};
use runner_core::ports::{AgentError, AgentInput, AgentLaunch, RunningAgent};
use runner_core::session::Session;
use runner_core::setup::extension::hook::answer::HookAnswer;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

pub(super) use errand::{Ending, Errand, HookCall, Start, Telling};
use listener::Listener;
use transcript::Transcript;
pub(super) use workspace_diff::SharedDiff;

use super::SessionActor;
use super::agent_reports::{AgentNotStarted, HookReplied};
use crate::Services;
use crate::live_agents::{LiveAgents, LiveEntry, LivePlace};
use crate::spares::Spares;

/// More errands than this wait only for an agent that does not read; it is ended.
const MAX_WAITING_ERRANDS: usize = 256;

/// The most time for which a start waits until the program's version has been tried out.
const UNTIL_TRIED: Duration = Duration::from_secs(180);

/// The session as it was appended last, for those who work beside the mailbox.
#[derive(Clone, Default)]
pub(super) struct SharedSession(Arc<Mutex<Arc<Session>>>);

impl SharedSession {
    pub(super) fn set(&self, session: Arc<Session>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }

    fn get(&self) -> Arc<Session> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The actor's end of the task. The agent is killed when it is dropped without [`AgentLine::finish`].
pub(super) struct AgentLine {
    errands: mpsc::Sender<Errand>,
}

impl AgentLine {
    /// False if the task takes nothing more: the agent does not read.
    pub(super) fn leave(&self, errand: Errand) -> bool {
        self.errands.try_send(errand).is_ok()
    }

    /// Has the agent ended in order, after all errands. Where they are too many, it is killed.
    pub(super) fn finish(self) {
        self.leave(Errand::Finish);
    }
}

/// What may be used beside the mailbox without waiting for the actor.
#[derive(Clone)]
pub(super) struct Beside {
    pub(super) diff: SharedDiff,
    drained: watch::Receiver<bool>,
}

impl Beside {
    /// Waits until the task has ended, and with it the agent.
    pub(super) async fn drained(mut self) {
        // A task that ended in another way has dropped its agent.
        self.drained.wait_for(|drained| *drained).await.ok();
    }
}

pub(super) struct AgentTask {
    pub(super) session: SessionId,
    pub(super) services: Arc<Services>,
    pub(super) spares: Arc<Spares>,
    pub(super) agents: LiveAgents,
    pub(super) state: SharedSession,
}

impl AgentTask {
    /// Starts the task; it ends with the line.
    pub(super) fn start(self, address: Addr<SessionActor>) -> (AgentLine, Beside) {
        let (errands, waiting) = mpsc::channel(MAX_WAITING_ERRANDS);
        let (drained, is_drained) = watch::channel(false);
        let diff = SharedDiff::new(Arc::clone(&self.services.workspaces));
        let line = AgentLine { errands };
        let transcript =
            Arc::new(Transcript::new(self.session, Arc::clone(&self.services), self.state.clone()));
        let worker = Worker { task: self, address, diff: diff.clone(), transcript, live: None };
        actix::spawn(worker.run(waiting, drained));
        (line, Beside { diff, drained: is_drained })
    }
}

/// A started agent; dropping it ends its listener and, with the last handle, the process.
struct LiveAgent {
    process: ProcessId,
    input: Arc<dyn AgentInput>,
    listener: JoinHandle<()>,
    /// Puts files back; it holds a handle.
    rewinding: Option<JoinHandle<()>>,
    /// Programs that are asked about its tool uses; they end with it.
    hooks: JoinSet<()>,
    /// Whether the actor wants the process killed.
    killed: watch::Receiver<bool>,
    /// Kills it then, whatever it is being told.
    killer: JoinHandle<()>,
    /// Shows it to those who look at what lives.
    _place: LivePlace,
}

impl Drop for LiveAgent {
    fn drop(&mut self) {
        self.listener.abort();
        self.killer.abort();
        if let Some(rewinding) = &self.rewinding {
            rewinding.abort();
        }
    }
}

struct Worker {
    task: AgentTask,
    address: Addr<SessionActor>,
    diff: SharedDiff,
    transcript: Arc<Transcript>,
    live: Option<LiveAgent>,
}

impl Worker {
    async fn run(mut self, mut errands: mpsc::Receiver<Errand>, drained: watch::Sender<bool>) {
        while let Some(errand) = errands.recv().await {
            if matches!(errand, Errand::Finish) {
                self.end(Ending::Stop).await;
                self.transcript.saved().await;
                break;
            }
            self.carry_out(errand).await;
        }
        drop(self);
        drained.send_replace(true);
    }

    async fn carry_out(&mut self, errand: Errand) {
        match errand {
            Errand::Start(start) => self.start(*start).await,
            Errand::CallHook(call) => self.call_hook(*call),
            Errand::CloseTurn => {
                self.stop_hooks();
                self.diff.forget().await;
                self.transcript.save_after_turn().await;
            }
            Errand::Stop => {
                if let Some(live) = &self.live {
                    live.input.stop().await; // Its end is reported by its listener.
                }
            }
            Errand::End(ending) => self.end(ending).await,
            Errand::Rewind { turn, answer } => {
                let Some(live) = &mut self.live else {
                    answer.send(Err(AgentError::Ended)).ok(); // Nobody may wait for it any more.
                    return;
                };
                let input = Arc::clone(&live.input);
                live.rewinding = Some(actix::spawn(async move {
                    answer.send(input.rewind(turn).await).ok();
                }));
            }
            Errand::Tell(telling) => {
                let Some(live) = &self.live else { return };
                let mut killed = live.killed.clone();
                tokio::select! {
                    biased;
                    Ok(_) = killed.wait_for(|is_killed| *is_killed) => {}
                    // If it has just ended, its end closes the turn.
                    _ = telling.say(&*live.input, &self.diff, &self.transcript) => {}
                }
            }
            Errand::Finish => {}
        }
    }

    fn call_hook(&mut self, HookCall { tool_use_id, hook, program }: HookCall) {
        let Some(live) = &mut self.live else { return };
        let (process, address) = (live.process, self.address.clone());
        let programs = Arc::clone(&self.task.services.hook_programs);
        while live.hooks.try_join_next().is_some() {} // Those that have ended.
        live.hooks.spawn_local(async move {
            let answer = HookAnswer::read(programs.run(program).await);
            // An actor that has ended needs no answer.
            address.send(HookReplied { process, tool_use_id, hook, answer }).await.ok();
        });
    }

    /// Nobody waits for programs any more, unless something goes on beside the turn.
    fn stop_hooks(&mut self) {
        if let Some(live) = self.live.as_mut().filter(|_| !self.task.state.get().has_background_work()) {
            live.hooks.abort_all();
        }
    }

    async fn start(&mut self, start: Start) {
        let process = start.launch.seat.process;
        match self.launch(start).await {
            Ok(live) => self.live = Some(live),
            Err(error) => {
                let address = self.address.clone();
                // Not waited for: the actor may be waiting for this task.
                actix::spawn(async move { address.send(AgentNotStarted { process, error }).await.ok() });
            }
        }
    }

    async fn launch(&self, Start { mut launch, spare, killed }: Start) -> Result<LiveAgent, AgentError> {
        launch.seat.files = self.transcript.load().await?;
        self.diff.watch(launch.setup.working_dir.clone()).await;
        let agent = match spare {
            Some(agent) => agent,
            None => self.start_proved(&launch).await?,
        };
        let RunningAgent { input, outputs } = agent;
        let process = launch.seat.process;
        let listener = Listener {
            process,
            address: self.address.clone(),
            state: self.task.state.clone(),
            diff: self.diff.clone(),
            transcript: Arc::clone(&self.transcript),
            input: Arc::downgrade(&input),
        };
        let listener = actix::spawn(listener.run(outputs));
        let killer = actix::spawn(kill_on_demand(killed.clone(), Arc::downgrade(&input)));
        let entry = LiveEntry {
            session: self.task.session,
            tenant: launch.setup.tenant.clone(),
            owner: launch.setup.owner.clone(),
            started_at: self.task.services.clock.now(),
            input: Arc::downgrade(&input),
        };
        let place = self.task.agents.enter(process, entry);
        self.task.spares.request_spare(launch);
        let hooks = JoinSet::new();
        Ok(LiveAgent { process, input, listener, rewinding: None, hooks, killed, killer, _place: place })
    }

    /// Starts an agent where its program is known to keep what the session relies on. A version that is new
    /// is tried out first.
    async fn start_proved(&self, launch: &AgentLaunch) -> Result<RunningAgent, AgentError> {
        let Services { runtime, proofs, .. } = &*self.task.services;
        let version = runtime.check().await?;
        proofs.wait(&version, UNTIL_TRIED).await;
        proofs
            .check(&version, launch.setup.permission_mode)
            .map_err(|unproven| AgentError::NotStarted(unproven.to_string()))?;
        runtime.start(launch.clone()).await
    }

    /// The last handle of an agent must go before the next agent of its session starts, for it ends whatever
    /// carries the session's marker.
    async fn end(&mut self, ending: Ending) {
        let Some(mut live) = self.live.take() else { return };
        match ending {
            Ending::Kill => live.input.kill().await,
            Ending::Stop => live.input.stop().await,
        }
        tracing::debug!(process.id = %live.process, "an agent was ended");
        live.listener.abort();
        (&mut live.listener).await.ok();
        live.killer.abort();
        (&mut live.killer).await.ok();
        live.hooks.shutdown().await;
        if let Some(rewinding) = live.rewinding.take() {
            rewinding.abort();
            rewinding.await.ok();
        }
    }
}

/// The end of the process is reported by its listener.
async fn kill_on_demand(mut killed: watch::Receiver<bool>, input: Weak<dyn AgentInput>) {
    if killed.wait_for(|is_killed| *is_killed).await.is_ok()
        && let Some(input) = input.upgrade()
    {
        input.kill().await;
    }
}

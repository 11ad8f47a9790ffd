//! Sessions as the outside uses them: open, prompt, interrupt, watch, read.

mod agent;
mod fork;
mod left_calls;
mod prompts;
mod requests;
mod simulation;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::prelude::*;
use runner_core::ids::{CommandId, SessionId, TenantId, TurnId};
use runner_core::log::chain::Verification;
use runner_core::log::{Appended, Digest, Provenance, RecordedEvent};
use runner_core::people::principal::Reach;
use runner_core::ports::{AppendError, ChangedSessions, SessionCounts, SessionCursor, SessionFilter, Swept};
use runner_core::prompt::{Attachment, Prompt};
use runner_core::session::changes::Changes;
use runner_core::session::command::{SessionCommand, WhileRunning};
use runner_core::session::event::{InterruptCause, LifecycleEvent, SessionEvent, SessionOpened};
use runner_core::session::index::SessionSummary;
use runner_core::session::messages::Message as ConversationMessage;
use runner_core::session::view::SessionView;
use runner_core::time::Timestamp;

use crate::adoption::Adoption;
use crate::history::History;
use crate::hub::{AnySubscription, Hub, Subscription};
use crate::live_agents::{LiveAgents, MeasuredAgent};
use crate::registry::{Find, Registry, StopAll};
use crate::session_actor::lifetime::Warm;
use crate::session_actor::{Committed, Execute, Interrupt, SessionActor};
use crate::spares::Spares;
use crate::turns::{Owner, TurnCounts, Turns};
use crate::{RunnerError, Services, Shared};
use prompts::submit;
pub use requests::Settled;
pub use simulation::{SimulatedCalls, SimulationPlace, SimulationRange};
pub use waiting::Waited;

/// How often a message is sent again because its actor was parked just then.
const MAX_ATTEMPTS: u32 = 5;

/// How long to wait before sessions are tried again for which there was no room at the start.
const UNTIL_TRIED_AGAIN: Duration = Duration::from_secs(1);

/// The handle on all sessions. Clones share everything.
#[derive(Clone)]
pub struct Sessions {
    services: Arc<Services>,
    hub: Arc<Hub>,
    history: Arc<History>,
    registry: Addr<Registry>,
    turns: Arc<Turns>,
    spares: Arc<Spares>,
    agents: LiveAgents,
    stopping: Arc<AtomicBool>,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("services", &self.services).finish_non_exhaustive()
    }
}

/// A prompt on its way into a session.
#[derive(Clone, Debug)]
pub struct Submission {
    pub turn: TurnId,
    pub text: Prompt,
    pub attachments: Vec<Attachment>,
    pub author: String,
    pub while_running: WhileRunning,
}

/// Where a prompt has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prompted {
    pub session: SessionId,
    pub turn: TurnId,
    /// The version of `prompt_submitted`.
    pub version: u64,
    /// The request had been carried out before.
    pub replayed: bool,
}

impl Sessions {
    /// Starts the registry on the current actix system.
    pub fn start(services: Services) -> Self {
        let services = Arc::new(services);
        let hub = Arc::new(Hub::default());
        let history = Arc::new(History::new(Arc::clone(&services.log)));
        let turns = Arc::new(Turns::new(services.settings.max_turns.min(services.settings.max_sessions)));
        let spares = Arc::new(Spares::new(Arc::clone(&services)));
        let agents = LiveAgents::default();
        let shared = Shared {
            hub: Arc::clone(&hub),
            turns: Arc::clone(&turns),
            spares: Arc::clone(&spares),
            agents: agents.clone(),
        };
        let registry = Registry::new(Arc::clone(&services), shared).start();
        Self { services, hub, history, registry, turns, spares, agents, stopping: Arc::default() }
    }

    /// Ends what an earlier run left behind and takes up what it had not finished.
    pub async fn recover(&self) -> Result<(), RunnerError> {
        let Swept { processes, calls } = self.services.runtime.sweep().await;
        if processes > 0 {
            tracing::warn!(processes, "processes of agents of an earlier run were ended");
        }
        if !calls.is_empty() {
            let sessions = self.clone();
            actix::spawn(async move { sessions.tell_left_calls(calls).await });
        }
        let unfinished = self.services.directory.list_unfinished().await?;
        if !unfinished.is_empty() {
            tracing::info!(sessions = unfinished.len(), "sessions with unfinished turns are taken up");
        }
        let sessions = self.clone();
        actix::spawn(async move { sessions.take_up(unfinished).await });
        Ok(())
    }

    /// Starting an actor is enough: it closes the turn that was cut off and goes on with what waits.
    async fn take_up(&self, unfinished: Vec<SessionId>) {
        for session in unfinished {
            loop {
                match self.registry.send(Find(session)).await {
                    Ok(Err(RunnerError::Overloaded)) => tokio::time::sleep(UNTIL_TRIED_AGAIN).await,
                    Ok(Ok(_)) => break,
                    Ok(Err(_)) | Err(_) => return, // The server is stopping.
                }
            }
        }
    }

    /// Whether [`Sessions::shut_down`] has begun.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Ends all sessions in order and tells those who watch. Nothing runs afterwards.
    pub async fn shut_down(&self, grace: Duration) {
        self.stopping.store(true, Ordering::Relaxed);
        self.spares.close().await;
        if let Err(error) = self.registry.send(StopAll { grace }).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the sessions were not stopped in order"
            );
        }
        self.hub.close();
    }

    /// Opens a session and begins to start its agent.
    pub async fn open(&self, opened: SessionOpened, provenance: Provenance) -> Result<Appended, RunnerError> {
        self.check_agent(opened.permission_mode).await?;
        let (session, committed) = self.begin(opened, None, provenance).await?;
        if !committed.appended.replayed {
            let registry = self.registry.clone();
            // It warms up beside the answer; a prompt that comes meanwhile waits for it.
            actix::spawn(async move {
                if let Ok(Ok(address)) = registry.send(Find(session)).await {
                    address.send(Warm).await.ok();
                }
            });
        }
        Ok(committed.appended)
    }

    /// Opens a session with its first prompt, in one append.
    pub async fn open_with_prompt(
        &self,
        opened: SessionOpened,
        submission: Submission,
        provenance: Provenance,
    ) -> Result<Prompted, RunnerError> {
        self.check_opening(&opened).await?;
        let (_, committed) = self.begin(opened, Some(submission), provenance).await?;
        self.prompted(&committed).await
    }

    /// Opens a session, under another id where an agent was started for that one.
    async fn begin(
        &self,
        opened: SessionOpened,
        submission: Option<Submission>,
        provenance: Provenance,
    ) -> Result<(SessionId, Committed), RunnerError> {
        let opened = self.spares.claim_for(opened).await;
        let session = opened.session;
        let mut commands = vec![SessionCommand::Open(Box::new(opened))];
        commands.extend(submission.map(submit));
        let committed = self.dispatch(session, Execute { commands, provenance }).await;
        if committed.is_err() {
            self.spares.abandon(session).await;
        }
        Ok((session, committed?))
    }

    /// Asks for the running turn to be stopped; where none runs, the next prompt is taken back.
    pub async fn interrupt(
        &self,
        session: SessionId,
        by: String,
        provenance: Provenance,
    ) -> Result<Appended, RunnerError> {
        let committed =
            self.dispatch(session, Interrupt { by, cause: InterruptCause::User, provenance }).await?;
        Ok(committed.appended)
    }

    /// Has work beside a session's conversation end.
    pub async fn stop_work(
        &self,
        session: SessionId,
        (task_id, by): (String, String),
        provenance: Provenance,
    ) -> Result<Appended, RunnerError> {
        let commands = vec![SessionCommand::StopWork { task_id, by }];
        Ok(self.dispatch(session, Execute { commands, provenance }).await?.appended)
    }

    /// What an earlier request under this command id did, if there was one.
    pub async fn find_command(
        &self,
        command: CommandId,
        request_hash: Digest,
    ) -> Result<Option<Appended>, RunnerError> {
        Ok(self.services.log.find_command(command, request_hash).await?)
    }

    pub fn subscribe(&self, session: SessionId, want_deltas: bool) -> Subscription {
        self.hub.subscribe(session, want_deltas)
    }

    /// Takes sessions in that were held elsewhere, while these go on.
    pub fn adoption(&self, actor: String) -> Adoption {
        let (log, files) = (Arc::clone(&self.services.log), Arc::clone(&self.services.files));
        Adoption::new(log, files, actor).watched_through(Arc::clone(&self.hub))
    }

    pub fn subscribe_to_any(&self) -> AnySubscription {
        self.hub.subscribe_to_any()
    }

    /// Sessions within reach that changed after a position of the log; without one, how far it has come.
    pub async fn changed_sessions(
        &self,
        reach: &Reach,
        after: Option<u64>,
    ) -> Result<ChangedSessions, RunnerError> {
        Ok(self.services.directory.list_changed(reach, after).await?)
    }

    /// The agents that have a process now, and what that takes.
    pub async fn live_agents(&self, reach: &Reach) -> Vec<MeasuredAgent> {
        self.agents.measure(reach).await
    }

    /// The summary of a session within reach; others do not exist for whoever asks.
    pub async fn find(&self, reach: &Reach, session: SessionId) -> Result<SessionSummary, RunnerError> {
        self.services.directory.find(reach, session).await?.ok_or(RunnerError::NotFound)
    }

    pub async fn list(
        &self,
        filter: SessionFilter,
    ) -> Result<(Vec<SessionSummary>, Option<SessionCursor>), RunnerError> {
        Ok(self.services.directory.list(filter).await?)
    }

    pub async fn view(&self, session: SessionId) -> Result<Arc<SessionView>, RunnerError> {
        self.history.view(session).await?.ok_or(RunnerError::NotFound)
    }

    pub async fn view_at(&self, session: SessionId, version: u64) -> Result<Arc<SessionView>, RunnerError> {
        self.history.view_at(session, version).await?.ok_or(RunnerError::NotFound)
    }

    /// How a session was opened.
    pub async fn opening(&self, session: SessionId) -> Result<SessionOpened, RunnerError> {
        let first = self.events(session, 0, 1).await?.pop().ok_or(RunnerError::NotFound)?;
        let first = first.decode().map_err(|source| RunnerError::Unexpected(source.into()))?;
        let SessionEvent::Lifecycle(LifecycleEvent::Opened(opened)) = first else {
            return Err(RunnerError::NotFound);
        };
        Ok(opened)
    }

    pub async fn events(
        &self,
        session: SessionId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, RunnerError> {
        Ok(self.services.log.read(session.into(), after, limit).await?)
    }

    pub async fn messages(&self, session: SessionId) -> Result<Vec<ConversationMessage>, RunnerError> {
        Ok(self.history.conversation(session).await?.messages)
    }

    /// What was changed in files when the session had `version` events.
    pub async fn changes(&self, session: SessionId, version: u64) -> Result<Changes, RunnerError> {
        Ok(self.history.changes(session, version).await?)
    }

    pub async fn verify(&self, session: SessionId) -> Result<Verification, RunnerError> {
        Ok(self.services.log.verify(session.into()).await?)
    }

    /// Of one team or of all.
    pub async fn count(&self, tenant: Option<&TenantId>) -> Result<SessionCounts, RunnerError> {
        Ok(self.services.directory.count(tenant).await?)
    }

    /// How many agents wait for sessions that nobody has opened yet.
    pub fn spare_agents(&self) -> usize {
        self.spares.count()
    }

    /// Of one team or of all.
    pub fn turn_counts(&self, tenant: Option<&TenantId>) -> TurnCounts {
        self.turns.counts(tenant)
    }

    /// Whether a session may be opened whose first turn is to begin.
    async fn check_opening(&self, opened: &SessionOpened) -> Result<(), RunnerError> {
        self.check_agent(opened.permission_mode).await?;
        self.check_queue(Some(&(opened.tenant.clone(), opened.owner.clone())))
    }

    /// Whether one more turn may wait for its place.
    fn check_queue(&self, owner: Option<&Owner>) -> Result<(), RunnerError> {
        if self.turns.has_room(owner) { Ok(()) } else { Err(RunnerError::Overloaded) }
    }

    /// Whether the last thing that was to be stored got to the disk.
    pub fn check_log(&self) -> Result<(), RunnerError> {
        match self.services.log.is_writable() {
            true => Ok(()),
            false => Err(not_stored("the last append failed")),
        }
    }

    /// Whether an agent could be started, and there is room for what it does.
    pub async fn check_runtime(&self) -> Result<(), RunnerError> {
        self.services.runtime.check().await?;
        Ok(())
    }

    pub fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    #[cfg(test)]
    pub(crate) async fn address(&self, session: SessionId) -> Addr<SessionActor> {
        self.registry.send(Find(session)).await.unwrap().unwrap()
    }

    /// Sends to a session's actor; one that was parked just then is started again.
    async fn dispatch<M>(&self, session: SessionId, message: M) -> Result<Committed, RunnerError>
    where
        M: Message<Result = Result<Committed, RunnerError>> + Clone + Send + 'static,
        SessionActor: Handler<M>,
        Context<SessionActor>: ToEnvelope<SessionActor, M>,
    {
        let mut attempts = 1;
        loop {
            let address = self.registry.send(Find(session)).await??;
            match address.send(message.clone()).await {
                Err(MailboxError::Closed) if attempts < MAX_ATTEMPTS => attempts += 1,
                // Others needed its room every time.
                Err(MailboxError::Closed) => return Err(RunnerError::Overloaded),
                answer => return answer?,
            }
        }
    }
}

fn not_stored(why: &'static str) -> RunnerError {
    RunnerError::LogUnavailable(AppendError::Unavailable(why.into()))
}

//! The start of a spare agent, and the wait beside it until a session claims it or it ends.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use runner_core::agent::AgentOutput;
use runner_core::ids::SessionId;
use runner_core::ports::{
    AgentError, AgentExit, AgentInput, AgentLaunch, AgentOutputs, AgentSetup, RunningAgent,
};
use tokio::sync::oneshot;

use super::{Spare, Spares, for_the_next_session, log_absence, responds};

/// An agent that fails to answer sooner than this has ended.
const AT_ONCE: Duration = Duration::from_millis(100);

/// The number of times that a starting agent is asked whether it is up; it has a second for each answer.
const MAX_ASKED: u32 = 30;

/// More outputs than an agent makes that has no prompt.
const MAX_SAID: usize = 64;

impl Spares {
    /// Starts an agent of this setup, if none waits and there is room, and stays with it until it is gone.
    pub(super) async fn start(self: &Arc<Self>, setup: AgentSetup) {
        let settings = &self.services.settings;
        if !self.make_place_for(&setup) {
            return;
        }
        // `self` holds the sender, so this cannot fail.
        self.running.subscribe().wait_for(|running| *running < settings.spare_agents).await.ok();
        self.running.send_modify(|count| *count += 1);
        let launch = for_the_next_session(setup);
        let session = launch.seat.session;
        if let Err(error) = self.stand_by(launch).await {
            log_absence(&error);
        }
        self.running.send_modify(|count| *count -= 1);
        tracing::trace!(session.id = %session, "a spare agent is gone");
    }

    /// Whether there can be an agent of this setup; the oldest spare agent ends for it if it has to.
    fn make_place_for(&self, setup: &AgentSetup) -> bool {
        let settings = &self.services.settings;
        let mut state = self.lock();
        let is_there = state.ready.iter().any(|spare| spare.launch.setup == *setup);
        let is_full = *self.running.borrow() >= settings.spare_agents;
        if state.closed
            || is_there
            || state.live >= settings.max_sessions
            || (is_full && state.ready.is_empty())
        {
            return false;
        }
        if is_full {
            state.ready.remove(0);
        }
        true
    }

    /// Returns when a session has the agent, or the agent has ended.
    async fn stand_by(&self, launch: AgentLaunch) -> Result<(), AgentError> {
        let session = launch.seat.session;
        // Before the start: a change after it may be one that the agent has not seen.
        let sight = self.services.workspaces.look(&launch.setup.working_dir).await;
        let unobserved = |_| AgentError::NotStarted("its folder cannot be watched".to_owned());
        let sight = sight.map_err(unobserved)?;
        let (agent, place) = self.services.runtime.start_ahead(launch.clone()).await?;
        let RunningAgent { input, mut outputs } = agent;
        let (wanted, mut claim) = oneshot::channel::<oneshot::Sender<RunningAgent>>();
        let mut said = Vec::new();
        let is_up = self.is_up(&*input).await;
        // The owner may have lost the right to the agent while it started.
        let may_work = matches!(self.services.owners.revoked(&launch.setup.owner).await, Ok(None));
        let is_kept = is_up && may_work && self.put(Spare { launch, place, sight, wanted });
        let answer = match is_kept {
            true => self.wait(session, &mut claim, (&mut outputs, &mut said)).await,
            false => None,
        };
        if let Some(answer) = answer {
            let outputs = Box::new(BufferedOutputs { said, rest: outputs });
            // The session may be gone by now; then the agent ends with this message.
            if answer.send(RunningAgent { input, outputs }).is_ok() {
                return Ok(());
            }
        } else {
            input.kill().await;
            drop(input);
        }
        self.services.runtime.discard(session).await;
        Ok(())
    }

    /// Waits until an agent answers; one that has ended never does.
    async fn is_up(&self, input: &dyn AgentInput) -> bool {
        for _ in 0..MAX_ASKED {
            let asked = tokio::time::Instant::now();
            if responds(input).await {
                return true;
            }
            // An agent that fails at once has ended, and asking again would not help.
            if self.lock().closed || asked.elapsed() < AT_ONCE {
                return false;
            }
        }
        false
    }

    fn put(&self, spare: Spare) -> bool {
        let mut state = self.lock();
        let has_room = state.live + state.ready.len() < self.services.settings.max_sessions;
        if state.closed || !has_room {
            return false;
        }
        state.ready.push(spare);
        true
    }

    /// Waits for the session that claims the agent; none if the agent ended, or should end.
    async fn wait(
        &self,
        session: SessionId,
        claim: &mut oneshot::Receiver<oneshot::Sender<RunningAgent>>,
        (outputs, said): (&mut Box<dyn AgentOutputs>, &mut Vec<AgentOutput>),
    ) -> Option<oneshot::Sender<RunningAgent>> {
        let idle = tokio::time::sleep(self.services.settings.idle_timeout);
        tokio::pin!(idle);
        loop {
            tokio::select! {
                biased;
                wanted = &mut *claim => return wanted.ok(),
                () = &mut idle => break,
                more = outputs.next() => match more {
                    Ok(more) if said.len() + more.len() <= MAX_SAID => said.extend(more),
                    Ok(_) | Err(_) => break,
                },
            }
        }
        let mut state = self.lock();
        state.ready.retain(|spare| spare.launch.seat.session != session);
        None
    }
}

/// The outputs of an agent before it was claimed, and then the rest.
struct BufferedOutputs {
    said: Vec<AgentOutput>,
    rest: Box<dyn AgentOutputs>,
}

#[async_trait]
impl AgentOutputs for BufferedOutputs {
    async fn next(&mut self) -> Result<Vec<AgentOutput>, AgentExit> {
        match self.said.is_empty() {
            true => self.rest.next().await,
            false => Ok(std::mem::take(&mut self.said)),
        }
    }
}

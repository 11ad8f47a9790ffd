//! Storing the agent's own files, so that another process can go on with its conversation.

use std::sync::{Arc, Mutex, PoisonError};

use runner_core::agent::AgentOutput;
use runner_core::ids::{SessionId, TurnId};
use runner_core::ports::{AgentError, AgentFile};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::SharedSession;
use crate::Services;

pub(super) struct Transcript {
    session: SessionId,
    services: Arc<Services>,
    state: SharedSession,
    /// The newest id that the agent told: its transcript is complete when it has that.
    last_told: Mutex<Option<String>>,
    saving: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Transcript {
    pub(super) fn new(session: SessionId, services: Arc<Services>, state: SharedSession) -> Self {
        Self { session, services, state, last_told: Mutex::default(), saving: tokio::sync::Mutex::default() }
    }

    /// Remembers a prompt: what the agent does without a model, it tells under no other id.
    pub(super) fn note_prompt(&self, prompt: TurnId) {
        self.set_last_told(prompt.to_string());
    }

    /// Remembers what the transcript will have in the end.
    pub(super) fn note(&self, output: &AgentOutput) {
        let (AgentOutput::Text { message_id: told, parent_tool_use_id: None, .. }
        | AgentOutput::Thinking { message_id: told, parent_tool_use_id: None, .. }
        | AgentOutput::ToolUsed { tool_use_id: told, parent_tool_use_id: None, .. }) = output
        else {
            return;
        };
        self.set_last_told(told.clone());
    }

    fn set_last_told(&self, told: String) {
        *self.last_told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }

    /// Stores the files up to a tool use, before it is known that somebody waits there.
    pub(super) async fn save_up_to(&self, mark: &str) {
        self.saved().await;
        save(&self.services, (self.session, self.conversation()), mark).await;
    }

    /// The agent writes the end of its transcript a little later, and nobody waits for that.
    pub(super) async fn save_after_turn(&self) {
        let told = self.last_told.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mark) = told else { return };
        let mut saving = self.saving.lock().await;
        let (services, earlier) = (Arc::clone(&self.services), saving.take());
        let place = (self.session, self.conversation());
        *saving = Some(actix::spawn(async move {
            if let Some(earlier) = earlier {
                earlier.await.ok(); // The later state is stored later.
            }
            save(&services, place, &mark).await;
        }));
    }

    /// Waits until the files are stored.
    pub(super) async fn saved(&self) {
        if let Some(saving) = self.saving.lock().await.take() {
            saving.await.ok();
        }
    }

    fn conversation(&self) -> Uuid {
        self.state.get().conversation().unwrap_or(self.session.0)
    }

    pub(super) async fn load(&self) -> Result<Vec<AgentFile>, AgentError> {
        self.saved().await;
        let loaded = self.services.files.load(self.session).await;
        loaded.map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %self.session, error, "the agent's files cannot be read");
            AgentError::NotStarted("its files cannot be read".to_owned())
        })
    }
}

async fn save(services: &Services, (session, conversation): (SessionId, Uuid), mark: &str) {
    let files = services.runtime.files(session, conversation, mark).await;
    if let Err(error) = services.files.save(session, &files).await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(session.id = %session, error, "the agent's files were not stored");
    }
}

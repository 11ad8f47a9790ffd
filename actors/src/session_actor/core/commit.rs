//! How what is decided gets into the log, and how the state comes out of it.

use cqrs_es::Aggregate;
use runner_core::log::event_log::{Append, Appended, Provenance};
use runner_core::ports::AppendError;
use runner_core::session::Session;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::SessionEvent;

use super::{Core, Loaded};
use crate::RunnerError;
use crate::session_actor::Committed;

/// Events read at once when a session is loaded.
const PAGE: u32 = 1000;

/// How often a command is decided anew because somebody else appended first.
const MAX_CONFLICTS: u32 = 5;

impl Core {
    pub(super) async fn execute(
        &mut self,
        commands: Vec<SessionCommand>,
        provenance: Provenance,
    ) -> Result<Committed, RunnerError> {
        if let Some(request_hash) = provenance.request_hash
            && let Some(appended) = self.services.log.find_command(provenance.command, request_hash).await?
        {
            return Ok(Committed { appended, events: vec![] });
        }
        if commands.iter().any(SessionCommand::needs_owner) {
            self.load().await?;
            self.refuse_if_revoked().await?;
        }
        let mut conflicts = 0;
        loop {
            let (next, events) = self.decide(&commands).await?;
            match self.append(next, events, &provenance).await {
                Ok(committed) => return Ok(committed),
                Err(AppendError::Conflict { .. }) if conflicts < MAX_CONFLICTS => conflicts += 1,
                Err(error) => {
                    self.reload().await;
                    return Err(error.into());
                }
            }
        }
    }

    /// After a failed append: whether a turn runs must be known, or nothing may run.
    async fn reload(&mut self) {
        if let Err(error) = self.load().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %self.id, error, "a session stops: it cannot be read");
            self.failed = true;
            self.end().await;
        }
    }

    async fn decide(
        &mut self,
        commands: &[SessionCommand],
    ) -> Result<(Session, Vec<SessionEvent>), RunnerError> {
        let mut next = self.load().await?.session.clone();
        let mut events = Vec::new();
        for command in commands {
            for event in next.decide(command.clone())? {
                next.apply(event.clone());
                events.push(event);
            }
        }
        Ok((next, events))
    }

    async fn append(
        &mut self,
        session: Session,
        events: Vec<SessionEvent>,
        provenance: &Provenance,
    ) -> Result<Committed, AppendError> {
        let version = self.loaded.as_ref().map_or(0, |loaded| loaded.version);
        if events.is_empty() {
            let (first_version, last_version) = (version, version);
            let appended = Appended { stream: self.id.into(), first_version, last_version, replayed: false };
            return Ok(Committed { appended, events });
        }
        // Dropped until the append is acknowledged, and for good if it is not.
        self.loaded = None;
        let append = Append {
            session: self.id,
            expected_version: version,
            events: events.clone(),
            provenance: provenance.clone(),
        };
        let appended = self.services.log.append(append).await?;
        if appended.replayed {
            return Ok(Committed { appended, events: vec![] });
        }
        self.loaded = Some(Loaded { session, version: appended.last_version });
        self.hub.publish(self.id, appended.last_version);
        Ok(Committed { appended, events })
    }

    pub(super) async fn load(&mut self) -> Result<&Loaded, RunnerError> {
        let loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => self.read().await?,
        };
        Ok(self.loaded.insert(loaded))
    }

    async fn read(&self) -> Result<Loaded, RunnerError> {
        let mut loaded = Loaded { session: Session::default(), version: 0 };
        loop {
            let page = self.services.log.read(self.id, loaded.version, PAGE).await?;
            for recorded in &page {
                let event = recorded.decode().map_err(|source| RunnerError::Unexpected(source.into()))?;
                loaded.session.apply(event);
                loaded.version = recorded.version;
            }
            if page.len() < PAGE as usize {
                return Ok(loaded);
            }
        }
    }
}

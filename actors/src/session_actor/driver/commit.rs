//! How what is decided gets into the log, and how the state comes out of it.

use std::sync::Arc;

use runner_core::log::{Aggregate, Append, Appended, Effects, LogStream, Provenance};
use runner_core::ports::AppendError;
use runner_core::session::Session;
use runner_core::session::action::Action;
use runner_core::session::command::SessionCommand;
use runner_core::session::event::SessionEvent;

use super::{Loaded, SessionDriver};
use crate::RunnerError;
use crate::session_actor::Committed;
use crate::store::{Folded, fold};

/// How often a command is decided anew because somebody else appended first.
const MAX_CONFLICTS: u32 = 5;

impl SessionDriver {
    /// Appends what commands lead to; what is to be done about it waits in `todo` then.
    pub(super) async fn execute(
        &mut self,
        commands: Vec<SessionCommand>,
        provenance: Provenance,
    ) -> Result<Committed, RunnerError> {
        if let Some(committed) = self.find_earlier(&provenance).await? {
            return Ok(committed);
        }
        if commands.iter().any(SessionCommand::needs_owner) {
            self.load().await?;
            self.refuse_if_revoked().await?;
        }
        let mut conflicts = 0;
        loop {
            let (next, effects) = self.decide(&commands).await?;
            let Effects { events, actions } = effects;
            match self.append(next, events, &provenance).await {
                Ok(committed) => {
                    if !committed.appended.replayed {
                        self.todo.extend(actions);
                    }
                    return Ok(committed);
                }
                Err(AppendError::Conflict { .. }) if conflicts < MAX_CONFLICTS => conflicts += 1,
                Err(error) => {
                    self.reload().await;
                    return Err(error.into());
                }
            }
        }
    }

    /// What an earlier request under the same command id did.
    pub(super) async fn find_earlier(
        &self,
        provenance: &Provenance,
    ) -> Result<Option<Committed>, RunnerError> {
        let Some(request_hash) = provenance.request_hash else { return Ok(None) };
        let appended = self.services.log.find_command(provenance.command, request_hash).await?;
        Ok(appended.map(|appended| Committed { appended, events: vec![] }))
    }

    /// After a failed append: whether a turn runs must be known, or nothing may run.
    async fn reload(&mut self) {
        if let Err(error) = self.load().await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(session.id = %self.id, error, "a session stops: it cannot be read");
            (self.failed, self.finished) = (true, true);
        }
    }

    async fn decide(
        &mut self,
        commands: &[SessionCommand],
    ) -> Result<(Session, Effects<SessionEvent, Action>), RunnerError> {
        let mut next = Session::clone(&self.load().await?.session);
        let mut effects = Effects::default();
        for command in commands {
            let Effects { events, actions } = next.decide(command.clone())?;
            events.iter().for_each(|event| next.apply(event.clone()));
            effects.events.extend(events);
            effects.actions.extend(actions);
        }
        Ok((next, effects))
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
        let tenant = session.opened().map(|opened| opened.tenant.clone()).unwrap_or_default();
        let stream = LogStream::of::<Session>(self.id, tenant);
        let append = Append::to(stream, version, &events, provenance.clone());
        let append = append.map_err(|source| AppendError::Unavailable(source.into()))?;
        let appended = self.services.log.append(append).await?;
        if appended.replayed {
            return Ok(Committed { appended, events: vec![] });
        }
        self.keep(Loaded { session: Arc::new(session), version: appended.last_version });
        self.shared.hub.publish(self.id, appended.last_version);
        Ok(Committed { appended, events })
    }

    pub(super) async fn load(&mut self) -> Result<&Loaded, RunnerError> {
        let loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => self.read().await?,
        };
        Ok(self.keep(loaded))
    }

    fn keep(&mut self, loaded: Loaded) -> &Loaded {
        self.state.set(Arc::clone(&loaded.session));
        self.loaded.insert(loaded)
    }

    async fn read(&self) -> Result<Loaded, RunnerError> {
        let Folded { state: session, version } = fold(&*self.services.log, self.id.into()).await?;
        Ok(Loaded { session: Arc::new(session), version })
    }
}

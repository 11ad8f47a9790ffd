//! How a run begins and ends.
//!
//! First its begin is stored, with the id of its session; then that session is opened, and somebody waits for
//! its end. Whoever finds a run that nobody waits for, because the server was down or too busy, does the rest
//! of this: a session is opened once under an id.

use std::sync::PoisonError;
use std::time::Duration;

use runner_core::ids::{CommandId, ScheduleId, SessionId, StreamId, TurnId};
use runner_core::log::{Appended, LogStream, Provenance};
use runner_core::people::principal::Reach;
use runner_core::prompt::Prompt;
use runner_core::session::command::WhileRunning;
use runner_core::session::error::SessionError;
use runner_core::session::event::{Origin, SessionOpened};
use runner_core::session::view::{TurnStatus, TurnView};
use runner_core::setup::schedule::definition::ScheduleDefinition;
use runner_core::setup::schedule::event::{RunEnded, RunOutcome, RunStarted, ScheduleCreated, ScheduleEvent};
use runner_core::setup::schedule::runs::RunView;
use runner_core::setup::schedule::{NewRun, ScheduleCommand};
use uuid::Uuid;

use super::{RunPermit, RunRefusal, ScheduleError, Schedules, stream_of};
use crate::{RunnerError, Submission, Unproven};

/// Longer than anybody takes to decide.
const UNTIL_OVER: Duration = Duration::from_hours(24 * 365);

/// The namespace of the commands that open the sessions of runs.
const RUNS: Uuid = Uuid::from_u128(0x2f0c_9a51_7e64_4d0b_9d0e_61c5_3f8e_7a10);

/// Why the session of a run was not opened.
enum NotOpened {
    /// It will not be: the run has failed.
    Failed { code: String, detail: String },
    /// It may be later.
    NotNow(String),
}

impl Schedules {
    /// Begins a run whatever the time; answers when its session is open, or it is known why not.
    pub async fn run_now(
        &self,
        (reach, schedule): (&Reach, ScheduleId),
        provenance: Provenance,
    ) -> Result<RunView, ScheduleError> {
        let loaded = self.load(reach, schedule).await?;
        let created = loaded.state.created().ok_or(ScheduleError::NotFound)?.clone();
        self.permit(&stream_of(&loaded), &created).await.map_err(|refusal| match refusal {
            RunRefusal::Refused { code, detail } => ScheduleError::NotPermitted { code, detail },
            RunRefusal::NotNow(_) => RunnerError::Overloaded.into(),
        })?;
        let stream = stream_of(&loaded);
        let command = ScheduleCommand::StartNow(self.new_run());
        let changed = self.execute(stream.clone(), command, provenance).await?;
        for event in &changed.events {
            self.carry_out(&stream, &created, event).await;
        }
        let appended: Appended = changed.appended.ok_or(RunnerError::CommandReused)?;
        self.find_run(appended).await
    }

    /// Ids for a run that may begin now.
    pub(super) fn new_run(&self) -> NewRun {
        let (session, turn) = (SessionId(Uuid::now_v7()), TurnId(Uuid::now_v7()));
        NewRun { session, turn, now: self.now(), up_since: self.0.up_since }
    }

    /// Does what an event is there for.
    pub(super) async fn carry_out(
        &self,
        stream: &LogStream,
        created: &ScheduleCreated,
        event: &ScheduleEvent,
    ) {
        if let ScheduleEvent::RunStarted(run) = event {
            self.go_on_with(stream, created, run).await;
        }
    }

    /// Opens the session of a run unless it is open, and has somebody wait for its end.
    pub(super) async fn go_on_with(&self, stream: &LogStream, created: &ScheduleCreated, run: &RunStarted) {
        if self.is_followed(stream.id) {
            return;
        }
        match self.open(stream, created, run).await {
            Ok(()) => self.follow(stream.clone(), run.clone()),
            Err(NotOpened::Failed { code, detail }) => {
                let (code, detail) = (Some(code), Some(detail));
                self.end(stream, (run.session, RunOutcome::Failed), (code, detail)).await;
            }
            Err(NotOpened::NotNow(why)) => {
                tracing::warn!(schedule.id = %created.schedule, "a run cannot begin yet: {why}");
            }
        }
    }

    async fn open(
        &self,
        stream: &LogStream,
        created: &ScheduleCreated,
        run: &RunStarted,
    ) -> Result<(), NotOpened> {
        let sessions = &self.0.ports.sessions;
        match sessions.view(run.session).await {
            Ok(_) => return Ok(()),
            Err(RunnerError::NotFound) => {}
            Err(error) => return Err(NotOpened::NotNow(error.to_string())),
        }
        let permit = self.permit(stream, created).await.map_err(|refusal| match refusal {
            RunRefusal::Refused { code, detail } => NotOpened::Failed { code, detail },
            RunRefusal::NotNow(why) => NotOpened::NotNow(why),
        })?;
        let text = Prompt::try_from(created.definition.prompt.clone())
            .map_err(|error| failed("prompt_invalid", &error))?;
        let (turn, author) = (run.turn, created.owner.clone());
        let submission =
            Submission { turn, text, attachments: vec![], author, while_running: WhileRunning::Refuse };
        let opened = opened(stream, (created, permit), run);
        match sessions.open_noted(opened, submission, provenance(created, run)).await {
            Ok(_) | Err(RunnerError::Refused(SessionError::AlreadyOpened)) => Ok(()),
            Err(error) => Err(why_not(error)),
        }
    }

    async fn permit(&self, stream: &LogStream, created: &ScheduleCreated) -> Result<RunPermit, RunRefusal> {
        self.0.ports.permits.permit((&stream.tenant, &created.owner), &created.definition).await
    }

    /// Notes how a run ended, when it has.
    fn follow(&self, stream: LogStream, run: RunStarted) {
        if !self.followed().insert(stream.id) {
            return;
        }
        let schedules = self.clone();
        actix::spawn(async move {
            let waited = schedules.0.ports.sessions.wait_for_end(run.session, run.turn, UNTIL_OVER).await;
            // Before it is noted: whoever sees that it has ended may begin another one.
            schedules.followed().remove(&stream.id);
            match waited {
                Ok(Some(turn)) if turn.is_over() => {
                    let (outcome, why) = outcome(&turn);
                    schedules.end(&stream, (run.session, outcome), why).await;
                }
                // The server is stopping.
                Ok(Some(_)) => {}
                Ok(None) => {
                    let why = (Some("withdrawn".to_owned()), None);
                    schedules.end(&stream, (run.session, RunOutcome::Interrupted), why).await;
                }
                Err(error) => tracing::warn!(session.id = %run.session, "a run is not followed: {error}"),
            }
        });
    }

    async fn end(
        &self,
        stream: &LogStream,
        (session, outcome): (SessionId, RunOutcome),
        (code, detail): (Option<String>, Option<String>),
    ) {
        let ended = RunEnded { session, outcome, code, detail, at: self.now() };
        let provenance = Provenance::system(CommandId(Uuid::now_v7()));
        match self.execute(stream.clone(), ScheduleCommand::EndRun(ended), provenance).await {
            // The schedule was removed meanwhile.
            Ok(_) | Err(ScheduleError::NotFound) => {}
            // The scheduler finds a run that nobody waits for.
            Err(error) => tracing::warn!(session.id = %session, "the end of a run is not noted: {error}"),
        }
    }

    pub(super) fn is_followed(&self, stream: StreamId) -> bool {
        self.followed().contains(&stream)
    }

    fn followed(&self) -> std::sync::MutexGuard<'_, std::collections::HashSet<StreamId>> {
        self.0.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opened(
    stream: &LogStream,
    (created, permit): (&ScheduleCreated, RunPermit),
    run: &RunStarted,
) -> SessionOpened {
    let ScheduleDefinition { name, title, working_dir, permission_mode, options, .. } = &created.definition;
    SessionOpened {
        session: run.session,
        tenant: stream.tenant.clone(),
        owner: created.owner.clone(),
        working_dir: working_dir.clone(),
        permission_mode: *permission_mode,
        origin: Origin::Schedule,
        offline: permit.offline,
        title: Some(title.as_ref().unwrap_or(name).clone()),
        parent: None,
        schedule: Some(created.schedule),
        options: options.clone(),
    }
}

/// The same for the same time of the same schedule, whoever opens the session.
fn provenance(created: &ScheduleCreated, run: &RunStarted) -> Provenance {
    let name = format!("{}\n{}", created.schedule, run.due_at.as_micros());
    let command = CommandId(Uuid::new_v5(&RUNS, name.as_bytes()));
    Provenance::of(format!("user:{}/schedule:{}", created.owner, created.schedule), command)
}

fn failed(code: &str, error: &dyn std::error::Error) -> NotOpened {
    NotOpened::Failed { code: code.to_owned(), detail: error.to_string() }
}

fn why_not(error: RunnerError) -> NotOpened {
    match error {
        RunnerError::Overloaded
        | RunnerError::ShuttingDown
        | RunnerError::LogUnavailable(_)
        | RunnerError::Unexpected(_)
        | RunnerError::Unproven(Unproven::Underway { .. }) => NotOpened::NotNow(error.to_string()),
        RunnerError::AgentUnavailable(_) => failed("agent_unavailable", &error),
        RunnerError::Unproven(_) => failed("agent_unproven", &error),
        RunnerError::Revoked(revoked) => failed(revoked.interrupt().as_str(), &revoked),
        RunnerError::NotFound
        | RunnerError::Refused(_)
        | RunnerError::CommandReused
        | RunnerError::RequestNotFound
        | RunnerError::RequestClosed(_)
        | RunnerError::NothingToRewind(_) => failed("run_not_begun", &error),
    }
}

fn outcome(turn: &TurnView) -> (RunOutcome, (Option<String>, Option<String>)) {
    let outcome = match (turn.status, &turn.error) {
        (TurnStatus::Interrupted, _) => RunOutcome::Interrupted,
        (TurnStatus::Completed, None) => RunOutcome::Succeeded,
        (TurnStatus::Completed | TurnStatus::Failed | TurnStatus::Queued | TurnStatus::Running, _) => {
            RunOutcome::Failed
        }
    };
    let error = turn.error.as_ref();
    (outcome, (error.map(|error| error.code.clone()), error.map(|error| error.detail.clone())))
}

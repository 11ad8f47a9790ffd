//! What has happened to a schedule, read back from the log: its runs, and who changed it.

use runner_core::ids::{ScheduleId, SessionId, StreamId};
use runner_core::log::{Appended, RecordedEvent};
use runner_core::people::principal::Reach;
use runner_core::ports::ReadError;
use runner_core::setup::schedule::definition::ScheduleDefinition;
use runner_core::setup::schedule::event::{RunEnded, ScheduleEvent};
use runner_core::setup::schedule::runs::RunView;
use std::collections::HashMap;

use super::{ScheduleError, Schedules};
use crate::RunnerError;
use crate::store::replay;

/// Events read at once.
const PAGE: u64 = 500;

/// Something that somebody did to a schedule.
#[derive(Clone, Debug)]
pub struct ScheduleChange {
    pub recorded: RecordedEvent,
    pub event: ScheduleEvent,
}

impl Schedules {
    /// Runs that began before a version, the newest first: at most `limit`, and whether there are more.
    pub async fn runs(
        &self,
        (reach, schedule): (&Reach, ScheduleId),
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<RunView>, bool), ScheduleError> {
        let loaded = self.load(reach, schedule).await?;
        let mut end = before.unwrap_or(u64::MAX).min(loaded.version + 1);
        let mut ends = self.ends_from(loaded.stream, end).await?;
        let mut runs = vec![];
        while end > 1 && runs.len() <= limit {
            let begin = end.saturating_sub(PAGE).max(1);
            for recorded in self.read(loaded.stream, begin - 1, end - begin).await?.iter().rev() {
                let event = decode(recorded)?;
                if let ScheduleEvent::RunEnded(ended) = &event {
                    ends.insert(ended.session, ended.clone());
                }
                runs.extend(RunView::begin(recorded.version, &event).map(|run| completed(run, &mut ends)));
            }
            end = begin;
        }
        let more = runs.len() > limit;
        runs.truncate(limit);
        Ok((runs, more))
    }

    /// The run that a request began.
    pub async fn find_run(&self, appended: Appended) -> Result<RunView, ScheduleError> {
        let version = appended.last_version;
        let recorded = self.read(appended.stream, version - 1, 1).await?;
        let recorded = recorded.first().ok_or(RunnerError::CommandReused)?;
        // The same key was used for a request of another kind.
        let event = decode(recorded).map_err(|_| RunnerError::CommandReused)?;
        let run = RunView::begin(version, &event).ok_or(RunnerError::CommandReused)?;
        Ok(completed(run, &mut self.ends_from(appended.stream, version + 1).await?))
    }

    /// Everything that was done to a schedule but its runs, in order.
    pub async fn changes(
        &self,
        reach: &Reach,
        schedule: ScheduleId,
    ) -> Result<Vec<ScheduleChange>, ScheduleError> {
        let loaded = self.load(reach, schedule).await?;
        let mut changes = vec![];
        replay(&*self.0.ports.log, loaded.stream, 1..=loaded.version, |recorded| {
            let event = decode(&recorded)?;
            if is_change(&event) {
                changes.push(ScheduleChange { recorded, event });
            }
            Ok(())
        })
        .await?;
        Ok(changes)
    }

    /// The definition that a version brought.
    pub async fn definition_of(
        &self,
        (reach, schedule): (&Reach, ScheduleId),
        version: u64,
    ) -> Result<ScheduleDefinition, ScheduleError> {
        let loaded = self.load(reach, schedule).await?;
        let after = version.checked_sub(1).ok_or(ScheduleError::VersionNotFound)?;
        let recorded = self.read(loaded.stream, after, 1).await?;
        let event = recorded.first().map(decode).transpose()?;
        event.and_then(brought).ok_or(ScheduleError::VersionNotFound)
    }

    /// The first end of a run from a version on: that of a run which began before.
    async fn ends_from(
        &self,
        stream: StreamId,
        version: u64,
    ) -> Result<HashMap<SessionId, RunEnded>, ReadError> {
        let mut after = version - 1;
        loop {
            let page = self.read(stream, after, PAGE).await?;
            for recorded in &page {
                after = recorded.version;
                if let ScheduleEvent::RunEnded(ended) = decode(recorded)? {
                    return Ok(HashMap::from([(ended.session, ended)]));
                }
            }
            if (page.len() as u64) < PAGE {
                return Ok(HashMap::new());
            }
        }
    }

    async fn read(&self, stream: StreamId, after: u64, limit: u64) -> Result<Vec<RecordedEvent>, ReadError> {
        self.0.ports.log.read(stream, after, u32::try_from(limit).unwrap_or(u32::MAX)).await
    }
}

fn completed(mut run: RunView, ends: &mut HashMap<SessionId, RunEnded>) -> RunView {
    if run.turn_id.is_some()
        && let Some(ended) = ends.remove(&run.session_id)
    {
        run.end(&ended);
    }
    run
}

fn decode(recorded: &RecordedEvent) -> Result<ScheduleEvent, ReadError> {
    recorded.decode().map_err(|source| ReadError(source.into()))
}

const fn is_change(event: &ScheduleEvent) -> bool {
    match event {
        ScheduleEvent::Created(_)
        | ScheduleEvent::Changed { .. }
        | ScheduleEvent::Enabled { .. }
        | ScheduleEvent::Disabled { .. }
        | ScheduleEvent::Removed { .. } => true,
        ScheduleEvent::RunStarted(_) | ScheduleEvent::RunSkipped { .. } | ScheduleEvent::RunEnded(_) => false,
    }
}

fn brought(event: ScheduleEvent) -> Option<ScheduleDefinition> {
    match event {
        ScheduleEvent::Created(created) => Some(created.definition),
        ScheduleEvent::Changed { definition, .. } => Some(*definition),
        ScheduleEvent::Enabled { .. }
        | ScheduleEvent::Disabled { .. }
        | ScheduleEvent::Removed { .. }
        | ScheduleEvent::RunStarted(_)
        | ScheduleEvent::RunSkipped { .. }
        | ScheduleEvent::RunEnded(_) => None,
    }
}

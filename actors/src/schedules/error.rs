//! Why a schedule did not do what it was asked.

use runner_core::ids::SessionId;
use runner_core::ports::{AppendError, ReadError};
use runner_core::setup::schedule::{MAX_SCHEDULES, ScheduleRefusal};
use thiserror::Error;

use crate::RunnerError;
use crate::store::ChangeError;

/// What the outside branches on; everything else is [`RunnerError::Unexpected`].
#[derive(Debug, Error)]
pub enum ScheduleError {
    #[error("there is no such schedule")]
    NotFound,
    #[error("another of the schedules is called so")]
    NameTaken,
    #[error("nobody may have more than {MAX_SCHEDULES} schedules")]
    TooMany,
    #[error("a run of this schedule is not over")]
    RunInProgress(SessionId),
    #[error("the schedule has no definition of this version")]
    VersionNotFound,
    /// Nothing may run in this form, or in its owner's name.
    #[error("{detail}")]
    NotPermitted { code: String, detail: String },
    #[error(transparent)]
    Runner(#[from] RunnerError),
}

impl From<ChangeError<ScheduleRefusal>> for ScheduleError {
    fn from(error: ChangeError<ScheduleRefusal>) -> Self {
        match error {
            ChangeError::Refused(ScheduleRefusal::NoSuchSchedule | ScheduleRefusal::AlreadyCreated) => {
                Self::NotFound
            }
            ChangeError::Refused(ScheduleRefusal::RunInProgress(session)) => Self::RunInProgress(session),
            // Too many changed the same at once.
            ChangeError::Append(AppendError::Conflict { .. }) => RunnerError::Overloaded.into(),
            ChangeError::Append(error) => RunnerError::from(error).into(),
            ChangeError::Read(error) => error.into(),
        }
    }
}

impl From<ReadError> for ScheduleError {
    fn from(error: ReadError) -> Self {
        RunnerError::from(error).into()
    }
}

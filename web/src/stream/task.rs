//! One turn as a stream: a `session` frame, what happens, and a `complete` frame.

use runner_actors::{LiveDelta, RunnerError, Sessions};
use runner_core::ids::{SessionId, TurnId};
use runner_core::log::RecordedEvent;
use runner_core::people::principal::Reach;
use runner_core::session::event::{PromptEvent, SessionEvent};
use runner_core::session::frame::{Frame, TaskAnswer, UnfinishedTask};
use tokio::time::Instant;

use super::{Feed, HANDED_OVER, Outbox, PAGE, ends_unreadable, is_in_reach};
use crate::http::error::STORE_UNAVAILABLE;

pub(crate) struct TaskFeed {
    pub(crate) sessions: Sessions,
    pub(crate) session: SessionId,
    pub(crate) turn: TurnId,
    /// Whether the session existed before this task.
    pub(crate) resumed: bool,
    /// The version of `prompt_submitted`, or of the last frame after it.
    pub(crate) after: u64,
    /// Whether the first frame is still to be sent.
    pub(crate) opening: bool,
    /// Whether the turn had ended when the stream was asked for: its end is in the log, or was shown before.
    pub(crate) is_over: bool,
    /// When the client wants to know how the turn stands, if it is not over by then.
    pub(crate) deadline: Option<Instant>,
    /// What its reader sees.
    pub(crate) reach: Reach,
}

impl TaskFeed {
    async fn frames(&mut self, outbox: &mut Outbox) -> Result<bool, RunnerError> {
        if std::mem::take(&mut self.opening) {
            let view = self.sessions.view(self.session).await?;
            let frame = Frame::session(&view, self.turn, self.resumed, self.sessions.now());
            outbox.stored(self.after, &frame);
        }
        let page = self.sessions.events(self.session, self.after, PAGE).await?;
        if page.is_empty() && self.is_over {
            return Ok(false);
        }
        for recorded in page {
            self.after = recorded.version;
            let event = recorded.decode().map_err(|source| RunnerError::Unexpected(source.into()))?;
            if let Some(frame) = Frame::stored(self.session, &recorded, &event) {
                outbox.stored(recorded.version, &frame);
            }
            let is_handed_over = recorded.type_name == HANDED_OVER;
            if is_handed_over && !is_in_reach(&self.sessions, &self.reach, self.session).await {
                return Ok(false);
            }
            let is_withdrawn = matches!(&event, SessionEvent::Prompt(PromptEvent::Withdrawn { turn, .. }) if *turn == self.turn);
            if is_withdrawn || event.ended_turn() == Some(self.turn) {
                self.complete(&recorded, outbox).await?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_due(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    async fn complete(&self, recorded: &RecordedEvent, outbox: &mut Outbox) -> Result<(), RunnerError> {
        let view = self.sessions.view(self.session).await?;
        let turn = view.ended_turn(self.turn).ok_or(RunnerError::NotFound)?;
        let answer = TaskAnswer::new(self.session, &turn);
        outbox.stored(recorded.version, &Frame::complete(&answer, recorded.recorded_at));
        Ok(())
    }
}

impl Feed for TaskFeed {
    async fn catch_up(&mut self, outbox: &mut Outbox) -> bool {
        match self.frames(outbox).await {
            Ok(true) if self.is_due() && outbox.is_empty() => {
                self.close(outbox).await;
                false
            }
            Ok(goes_on) => goes_on,
            Err(error) => {
                ends_unreadable(self.session, &error);
                false
            }
        }
    }

    async fn close(&mut self, outbox: &mut Outbox) {
        match self.sessions.view(self.session).await {
            Ok(view) => {
                let task = UnfinishedTask::new(&view, self.turn);
                outbox.live(&Frame::unfinished(&task, self.sessions.now()));
            }
            Err(error) => {
                ends_unreadable(self.session, &error);
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.deadline
    }

    fn stall(&mut self, outbox: &mut Outbox) -> bool {
        outbox.live(&Frame::cut_off(self.session, self.turn, STORE_UNAVAILABLE, self.sessions.now()));
        false
    }

    fn delta(&mut self, delta: &LiveDelta, outbox: &mut Outbox) {
        if delta.turn == Some(self.turn) {
            outbox.live(&Frame::delta(self.session, delta.turn, &delta.delta, self.sessions.now()));
        }
    }
}

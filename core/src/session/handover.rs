//! Giving a session to another owner.
//!
//! Nothing of the old owner's goes on in the new one's name: the agent is ended, which has the old one's
//! keys, and what was allowed for as long as the session lasts is asked about again. A turn that works is
//! not taken out of somebody's hands; one that waits for people stays as it is, and whoever reaches the
//! session now decides.

use crate::agent::PermissionMode;
use crate::request::DecidedBy;
use crate::session::Session;
use crate::session::command::Handover;
use crate::session::error::SessionError;
use crate::session::event::{LifecycleEvent, ParkCause, SessionEvent};

impl Session {
    pub(super) fn hand_over(&self, handover: Handover) -> Result<Vec<SessionEvent>, SessionError> {
        let Handover { to, by, offline, may_bypass } = handover;
        let from = self.opened.as_ref().ok_or(SessionError::NotOpened)?.owner.clone();
        if from == to {
            return Ok(vec![]);
        }
        if self.is_working_beside() {
            return Err(SessionError::TurnInProgress);
        }
        self.refuse_while_working()?;
        let mut events = match self.running {
            Some(_) => self.park(ParkCause::HandedOver),
            None => self.close_background_work(),
        };
        let decider = DecidedBy::user(&by);
        events.push(LifecycleEvent::HandedOver { from, to, by, offline }.into());
        if self.relies_on_bypass() && !may_bypass {
            events.extend(self.changed_mode(PermissionMode::Default, decider));
        }
        Ok(events)
    }
}

//! The session's place among the turns that run at once.

use actix::Addr;

use super::Core;
use crate::session_actor::SessionActor;

/// How far the session has come with its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    None,
    /// It is told when it gets one.
    Queued,
    Taken,
}

impl Core {
    /// Whether a turn may begin, or go on with a new agent. If not, the session waits in the queue.
    pub(super) fn ask_for_place(&mut self) -> bool {
        let Some(opened) = self.session().and_then(|session| session.opened()) else { return false };
        let owner = (opened.tenant.clone(), opened.owner.clone());
        self.place = if self.turns.ask(self.id, &owner) { Place::Taken } else { Place::Queued };
        self.place == Place::Taken
    }

    /// The turn is over: whoever waits in the queue comes before this session's next turn.
    pub(super) fn give_place_back(&mut self) {
        if self.place == Place::Taken {
            self.turns.release(self.id);
            self.place = Place::None;
        }
    }

    /// After each step: what runs has a place, and what does not run has none. One that is waited for may
    /// just have been given, which the session is told next.
    pub(in crate::session_actor) fn settle_place(&mut self) {
        match (self.place, self.is_busy()) {
            (Place::Taken, true) | (Place::None | Place::Queued, false) => {}
            (Place::Taken, false) => self.give_place_back(),
            (Place::None | Place::Queued, true) => {
                let opened = self.session().and_then(|session| session.opened());
                let tenant = opened.map(|opened| opened.tenant.clone()).unwrap_or_default();
                self.turns.take(self.id, tenant);
                self.place = Place::Taken;
            }
        }
    }

    /// What may not begin before the session gets a place needs no memory meanwhile.
    pub(super) fn waits_for_place(&self) -> bool {
        self.place == Place::Queued
    }

    /// Begins what waited, if it is still wanted; if not, the place goes back at the end of this step.
    pub(in crate::session_actor) async fn take_place(&mut self, address: &Addr<SessionActor>) {
        if self.place == Place::Queued {
            self.place = Place::None;
        }
        self.deliver(address).await;
        if !self.has_turn() && self.place == Place::None {
            self.advance(address).await;
        }
        if self.place == Place::None {
            self.turns.release(self.id);
        }
    }
}

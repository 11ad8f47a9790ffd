//! The session's slot among the turns that run at once.

use super::SessionDriver;

/// How far the session has come with its slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Slot {
    #[default]
    None,
    /// The session is told when it gets one.
    Queued,
    Taken,
}

impl SessionDriver {
    /// Whether a turn may begin, or go on with a new agent. If not, the session waits in the queue.
    pub(super) fn acquire_slot(&mut self) -> bool {
        let Some(opened) = self.session().and_then(|session| session.opened()) else { return false };
        let owner = (opened.tenant.clone(), opened.owner.clone());
        self.slot = if self.shared.turns.ask(self.id, &owner) { Slot::Taken } else { Slot::Queued };
        self.slot == Slot::Taken
    }

    /// The turn is over: whoever waits in the queue comes before this session's next turn.
    pub(super) fn release_slot(&mut self) {
        if self.slot == Slot::Taken {
            self.shared.turns.release(self.id);
            self.slot = Slot::None;
        }
    }

    /// After each step: what runs has a slot, and what does not run has none. One that is waited for may just
    /// have been granted, which the session is told next.
    pub(in crate::session_actor) fn settle_slot(&mut self) {
        match (self.slot, self.is_busy()) {
            (Slot::Taken, true) | (Slot::None | Slot::Queued, false) => {}
            (Slot::Taken, false) => self.release_slot(),
            (Slot::None | Slot::Queued, true) => {
                let opened = self.session().and_then(|session| session.opened());
                let tenant = opened.map(|opened| opened.tenant.clone()).unwrap_or_default();
                self.shared.turns.take(self.id, tenant);
                self.slot = Slot::Taken;
            }
        }
    }

    /// What may not begin before the session gets a slot needs no memory meanwhile.
    pub(super) fn waits_for_slot(&self) -> bool {
        self.slot == Slot::Queued
    }

    /// Begins what waited, if it is still wanted; if not, the slot goes back at the end of this step.
    pub(in crate::session_actor) async fn use_slot(&mut self) {
        if self.slot == Slot::Queued {
            self.slot = Slot::None;
        }
        self.deliver_decision().await;
        if !self.has_turn() && self.slot == Slot::None {
            self.begin_turn().await;
        }
        if self.slot == Slot::None {
            self.shared.turns.release(self.id);
        }
    }
}

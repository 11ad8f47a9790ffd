//! The account of one budget: its spending, and the possible cost of the calls under way.

use runner_core::money::MicroDollars;
use runner_core::spend::Payment;

/// The calls under way, and the money that is set aside for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UnderWay {
    calls: u32,
    reserved: MicroDollars,
}

/// Whether one more call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    /// The calls under way may cost the rest, or less.
    Perhaps,
    Nothing,
}

impl UnderWay {
    /// The room that a limit leaves after some spending. An estimate may be far too high, so a call that is
    /// alone is refused only when nothing is left.
    pub(super) fn room(self, spent: MicroDollars, limit: Option<MicroDollars>) -> Room {
        match limit {
            Some(limit) if spent >= limit => Room::Nothing,
            Some(limit) if self.calls > 0 && spent + self.reserved >= limit => Room::Perhaps,
            Some(_) | None => Room::Enough,
        }
    }

    pub(super) fn begin(&mut self, estimate: MicroDollars) {
        self.calls = self.calls.saturating_add(1);
        self.reserved += estimate;
    }

    pub(super) fn pay(&mut self, payment: Payment) {
        self.reserved = self.reserved.saturating_sub(payment.released);
    }

    pub(super) fn end(&mut self, released: MicroDollars) {
        self.calls = self.calls.saturating_sub(1);
        self.reserved = self.reserved.saturating_sub(released);
    }

    pub(super) const fn is_any(self) -> bool {
        self.calls > 0
    }
}

#[cfg(test)]
mod tests {
    use runner_core::money::MicroDollars;
    use runner_core::spend::Payment;

    use super::{Room, UnderWay};

    const LIMIT: Option<MicroDollars> = Some(MicroDollars(100));

    #[test]
    fn a_call_alone_is_made_whatever_it_may_cost_and_others_wait_for_it() {
        let mut under_way = UnderWay::default();
        let before = under_way.room(MicroDollars(99), LIMIT);
        under_way.begin(MicroDollars(5000));

        let beside = under_way.room(MicroDollars(0), LIMIT);
        under_way.pay(Payment { cost: MicroDollars(30), released: MicroDollars(30) });
        under_way.end(MicroDollars(4970));

        assert_eq!((before, beside), (Room::Enough, Room::Perhaps));
        assert_eq!(under_way, UnderWay::default());
        assert_eq!(under_way.room(MicroDollars(100), LIMIT), Room::Nothing);
        assert_eq!(under_way.room(MicroDollars(100), None), Room::Enough);
    }

    #[test]
    fn calls_that_fit_together_are_made_together() {
        let mut under_way = UnderWay::default();
        under_way.begin(MicroDollars(40));
        under_way.begin(MicroDollars(40));

        assert_eq!(under_way.room(MicroDollars(19), LIMIT), Room::Enough);
        assert_eq!(under_way.room(MicroDollars(20), LIMIT), Room::Perhaps);
    }
}

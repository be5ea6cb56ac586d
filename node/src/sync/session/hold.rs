//! Everyday records that wait, because one of the two has spent what it may spend in a day.

use super::super::stop::Stop;
use super::super::wire::{Frame, HoldWord};
use super::super::{Now, Replica};
use super::{Outputs, Session};
use crate::log::Lane;

/// Who lets everyday records wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hold {
    /// What the peer was told last.
    ours: HoldWord,
    /// What the peer has said last.
    theirs: HoldWord,
    /// Whether our bytes are paid for.
    metered: bool,
    /// What of the day's is left, where they are paid for.
    left_bytes: Option<u64>,
}

impl Hold {
    /// Nothing waits.
    pub(super) fn none(metered: bool) -> Self {
        Self { metered, ..Self::default() }
    }

    /// The peer says it.
    pub(super) fn hear(&mut self, word: HoldWord) {
        self.theirs = word;
    }

    /// Whether everyday records wait.
    pub(super) fn is_on(&self) -> bool {
        self.ours == HoldWord::Wait || self.theirs == HoldWord::Wait
    }

    /// Whether one of the two has not told the other all that it holds.
    pub(super) fn leaves_open(&self) -> bool {
        self.is_on() || self.theirs == HoldWord::Comes
    }
}

impl Session {
    /// Whether bytes over this session are paid for.
    pub(in super::super) fn is_metered(&self) -> bool {
        self.hold.metered
    }

    /// What of the day's bytes is left.
    pub(in super::super) fn set_left(&mut self, left_bytes: Option<u64>) {
        self.hold.left_bytes = left_bytes.filter(|_| self.hold.metered);
    }

    /// Whether so many bytes on the way are less than what is left.
    pub(super) fn affords(&self, bytes: usize) -> bool {
        self.hold.left_bytes.is_none_or(|left| (bytes as u64) < left)
    }

    /// Whether the peer has proved its grant.
    pub(in super::super) fn is_proved(&self) -> bool {
        self.grant.is_some()
    }

    /// Lets everyday records wait, or go again.
    pub(in super::super) fn hold_back(
        &mut self,
        now: Now,
        holds: bool,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let word = match (holds, self.hold.ours) {
            (true, _) => HoldWord::Wait,
            (false, HoldWord::Wait) => HoldWord::Comes,
            (false, told) => told,
        };
        self.say_hold(now, word, out);
        self.pump(now, replica, out)
    }

    /// Says that what had waited here has gone, once it has.
    pub(super) fn say_all_went(&mut self, now: Now, out: &mut Outputs) {
        let waits = self.behind.iter().any(|(rank, ..)| *rank == Lane::Routine.number());
        if self.hold.ours == HoldWord::Comes && !waits && self.in_flight.is_empty() {
            self.say_hold(now, HoldWord::Nothing, out);
        }
    }

    fn say_hold(&mut self, now: Now, word: HoldWord, out: &mut Outputs) {
        if std::mem::replace(&mut self.hold.ours, word) != word {
            self.send(now, &Frame::Hold(word), out);
        }
    }

    /// Whether what has this rank waits.
    pub(super) fn waits(&self, rank: u8) -> bool {
        self.hold.is_on() && rank == Lane::Routine.number()
    }

    /// Whether all has been sent that does not wait.
    pub(super) fn has_sent_all(&self) -> bool {
        self.behind.iter().all(|(rank, ..)| self.waits(*rank))
    }

    /// Whether all is done but what waits. Which lane a log has that is not known here, nobody can tell.
    pub(super) fn is_held_back(&self) -> bool {
        self.hold.is_on()
            && self.is_compared()
            && self.has_sent_all()
            && self.in_flight.is_empty()
            && self.wanting.iter().all(|log| log.lane == Lane::Routine || self.stuck.contains(log))
    }
}

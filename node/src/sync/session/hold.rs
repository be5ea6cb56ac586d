//! Everyday records that wait, because one of the two has spent what it may spend in a day.

use super::super::stop::Stop;
use super::super::wire::Frame;
use super::super::{Now, Replica};
use super::{Outputs, Session};
use crate::log::Lane;

/// Who lets everyday records wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hold {
    /// We do: nothing of them is sent, and the peer is told not to send any.
    ours: bool,
    /// The peer does.
    pub(super) theirs: bool,
    /// Whether our bytes are paid for.
    metered: bool,
}

impl Hold {
    /// Nothing waits.
    pub(super) fn none(metered: bool) -> Self {
        Self { metered, ..Self::default() }
    }

    /// Whether everyday records wait.
    pub(super) fn is_on(&self) -> bool {
        self.ours || self.theirs
    }
}

impl Session {
    /// Whether bytes over this session are paid for.
    pub(in super::super) fn is_metered(&self) -> bool {
        self.hold.metered
    }

    /// Lets everyday records wait, or go again.
    pub(in super::super) fn hold_back(
        &mut self,
        now: Now,
        holds: bool,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        if std::mem::replace(&mut self.hold.ours, holds) != holds {
            self.send(now, &Frame::Hold(holds), out);
        }
        self.pump(now, replica, out)
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

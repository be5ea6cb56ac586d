//! Telling the sender of entries that do not count why they do not, within bounds.

use super::PeerError;
use super::wire::{Aside, Frame};
use crate::limits::{ASIDES_PER_FRAME, ASIDES_PER_SESSION};

/// How many entries a session has named as set aside, either way.
#[derive(Debug, Default)]
pub(super) struct Asides {
    said: usize,
    heard: usize,
}

impl Asides {
    /// The frames that say it; what is beyond the bound is not said.
    pub(super) fn say(&mut self, asides: &[Aside]) -> Vec<Frame> {
        let room = ASIDES_PER_SESSION.saturating_sub(self.said);
        let asides = asides.get(..room.min(asides.len())).unwrap_or_default();
        self.said += asides.len();
        asides.chunks(ASIDES_PER_FRAME).map(|chunk| Frame::Aside(chunk.to_vec())).collect()
    }

    /// The peer has said it of so many.
    pub(super) fn hear(&mut self, count: usize) -> Result<(), PeerError> {
        self.heard += count;
        if self.heard > ASIDES_PER_SESSION { Err(PeerError::TooMany("asides")) } else { Ok(()) }
    }
}

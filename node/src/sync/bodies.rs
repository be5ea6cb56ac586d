//! Bodies that one of two peers lacks: asked for by place, answered one by one.
//!
//! An answer is either the body or that there is none; a body that comes later than the question is
//! sent then. What is sent and not acknowledged by `Have` counts against the same bound as runs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::PeerError;
use super::wire::LogPosition;
use crate::limits::{BODIES_ASKED_MAX, BODIES_OWED_MAX, BODIES_SOUGHT_MAX};
use crate::log::{EntryHash, LogKey};

/// A place of an entry, without its hash.
type Place = (LogKey, u64);

/// What two peers ask of each other in one session.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    /// Whether anything is missing here that both of us may hold.
    pub(super) lacking: bool,
    /// Asked of the peer and not answered.
    asking: BTreeMap<Place, EntryHash>,
    /// Asked of the peer, which has none either.
    sought: BTreeMap<Place, EntryHash>,
    /// Came from the peer and is not committed yet.
    came: Vec<LogPosition>,
    /// Asked by the peer and not answered.
    asked: VecDeque<LogPosition>,
    /// Asked by the peer before it came, and here now.
    paying: VecDeque<LogPosition>,
    /// Asked by the peer and not here.
    owed: BTreeMap<Place, EntryHash>,
    /// Answers to us, and by us, that there is none.
    vain: (usize, usize),
    /// Nothing is missing that the peer has not been asked for.
    pub(super) exhausted: bool,
    /// Sent to the peer and not acknowledged: bytes.
    in_flight: BTreeMap<Place, usize>,
}

impl Bodies {
    /// How many may be asked for now.
    pub(super) fn room(&self) -> usize {
        match self.vain.0 < BODIES_SOUGHT_MAX {
            true => BODIES_ASKED_MAX.saturating_sub(self.asking.len() + self.came.len()),
            false => 0,
        }
    }

    /// Whether the peer was asked for a body and has not sent it.
    pub(super) fn is_asked(&self, log: &LogKey, seq: u64) -> bool {
        self.asking.contains_key(&(*log, seq)) || self.sought.contains_key(&(*log, seq))
    }

    /// Notes what the peer is asked for.
    pub(super) fn ask(&mut self, positions: &[LogPosition]) {
        self.asking.extend(positions.iter().map(|place| ((place.log, place.seq), place.hash)));
    }

    /// An answer came: the hash of the entry that was asked for. Nobody asked: that is a fault.
    pub(super) fn answered(
        &mut self,
        log: LogKey,
        seq: u64,
        has_body: bool,
    ) -> Result<EntryHash, PeerError> {
        let place = (log, seq);
        let asked = self.asking.remove(&place);
        let hash = match asked {
            Some(hash) => Some(hash),
            None if has_body => self.sought.remove(&place),
            None => None,
        };
        let hash = hash.ok_or(PeerError::OutOfTurn("a body that nobody asked for"))?;
        match has_body {
            true => self.came.push(LogPosition { log, seq, hash }),
            false => {
                self.vain.0 += 1;
                self.sought.insert(place, hash);
            }
        }
        Ok(hash)
    }

    /// What came and is committed now, to be acknowledged.
    pub(super) fn take_came(&mut self) -> Vec<LogPosition> {
        std::mem::take(&mut self.came)
    }

    /// The peer asks.
    pub(super) fn asked(&mut self, positions: Vec<LogPosition>) -> Result<(), PeerError> {
        let waiting: BTreeSet<Place> =
            self.asked.iter().map(|place| (place.log, place.seq)).collect();
        let new = |place: &LogPosition| !waiting.contains(&(place.log, place.seq));
        self.asked.extend(positions.into_iter().filter(new));
        let vain = self.vain.1 > BODIES_SOUGHT_MAX + BODIES_ASKED_MAX;
        match vain || self.asked.len() > BODIES_ASKED_MAX {
            true => Err(PeerError::TooMany("questions for bodies")),
            false => Ok(()),
        }
    }

    /// The next place that the peer waits for an answer of.
    pub(super) fn next_asked(&mut self) -> Option<LogPosition> {
        self.paying.pop_front().or_else(|| self.asked.pop_front())
    }

    /// Notes that the peer was sent a body.
    pub(super) fn sent(&mut self, place: &LogPosition, bytes: usize) {
        self.owed.remove(&(place.log, place.seq));
        self.in_flight.insert((place.log, place.seq), bytes);
    }

    /// Notes that the peer lacks a body that is not here either.
    pub(super) fn owe(&mut self, place: &LogPosition) {
        self.vain.1 += 1;
        if self.owed.len() < BODIES_OWED_MAX {
            self.owed.insert((place.log, place.seq), place.hash);
        }
    }

    /// What the peer lacks and was told that we lack too.
    pub(super) fn owed(&self) -> impl Iterator<Item = LogPosition> {
        self.owed.iter().map(|((log, seq), hash)| LogPosition { log: *log, seq: *seq, hash: *hash })
    }

    /// Something that was owed is here now and is sent like an answer, or was erased.
    pub(super) fn pay(&mut self, place: LogPosition, is_here: bool) {
        self.owed.remove(&(place.log, place.seq));
        self.paying.extend(is_here.then_some(place));
    }

    /// The peer says what it holds now.
    pub(super) fn acknowledged(&mut self, place: &LogPosition) {
        self.in_flight.remove(&(place.log, place.seq));
    }

    /// Bytes sent and not acknowledged.
    pub(super) fn in_flight_bytes(&self) -> usize {
        self.in_flight.values().sum()
    }

    /// Whether every question has been answered, and every answer acknowledged.
    pub(super) fn is_settled(&self) -> bool {
        let queued = self.asked.is_empty() && self.paying.is_empty();
        queued && self.asking.is_empty() && self.in_flight.is_empty()
    }

    /// Whether neither of us lacks anything that the other knows of.
    pub(super) fn is_whole(&self) -> bool {
        !self.lacking && self.owed.is_empty()
    }
}

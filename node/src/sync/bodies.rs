//! Bodies that one of two peers lacks: asked for by place, answered one by one.
//!
//! An answer is either the body or that there is none; a body that comes later than the question is
//! sent then. What is sent and not acknowledged by `Have` counts against the same bound as runs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::PeerError;
use super::wire::LogPosition;
use crate::limits::{BODIES_ASKED_MAX, BODIES_OWED_MAX, BODIES_SOUGHT_MAX};

/// What two peers ask of each other in one session.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    /// Whether anything is missing here that both of us may hold.
    pub(super) lacking: bool,
    /// Asked of the peer and not answered.
    asking: BTreeSet<LogPosition>,
    /// Asked of the peer, which has none either.
    sought: BTreeSet<LogPosition>,
    /// Came from the peer and is not committed yet.
    came: Vec<LogPosition>,
    /// Asked by the peer and not answered.
    asked: VecDeque<LogPosition>,
    /// Asked by the peer before it came, and here now.
    paying: VecDeque<LogPosition>,
    /// Asked by the peer and not here.
    owed: BTreeSet<LogPosition>,
    /// Answers to us, and by us, that there is none.
    vain: (usize, usize),
    /// Nothing is missing that the peer has not been asked for.
    pub(super) exhausted: bool,
    /// Sent to the peer and not acknowledged: bytes.
    in_flight: BTreeMap<LogPosition, usize>,
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
    pub(super) fn is_asked(&self, place: &LogPosition) -> bool {
        self.asking.contains(place) || self.sought.contains(place)
    }

    /// Notes what the peer is asked for.
    pub(super) fn ask(&mut self, places: &[LogPosition]) {
        self.asking.extend(places);
    }

    /// An answer came. Nobody asked: that is a fault.
    pub(super) fn answered(&mut self, place: LogPosition, has_body: bool) -> Result<(), PeerError> {
        let asked = self.asking.remove(&place) || (has_body && self.sought.remove(&place));
        match (asked, has_body) {
            (false, _) => return Err(PeerError::OutOfTurn("a body that nobody asked for")),
            (true, true) => self.came.push(place),
            (true, false) => {
                self.vain.0 += 1;
                self.sought.insert(place);
            }
        }
        Ok(())
    }

    /// What came and is committed now, to be acknowledged.
    pub(super) fn take_came(&mut self) -> Vec<LogPosition> {
        std::mem::take(&mut self.came)
    }

    /// The peer asks.
    pub(super) fn asked(&mut self, places: Vec<LogPosition>) -> Result<(), PeerError> {
        let waiting: BTreeSet<LogPosition> = self.asked.iter().copied().collect();
        self.asked.extend(places.into_iter().filter(|place| !waiting.contains(place)));
        let vain = self.vain.1 > BODIES_SOUGHT_MAX + BODIES_ASKED_MAX;
        match vain || self.asked.len() > BODIES_ASKED_MAX {
            true => Err(PeerError::TooMany("questions for bodies")),
            false => Ok(()),
        }
    }

    /// The next place that the peer waits for an answer of, of those that may go now.
    pub(super) fn next_asked(
        &mut self,
        goes: impl Fn(&LogPosition) -> bool,
    ) -> Option<LogPosition> {
        let next = |waiting: &mut VecDeque<LogPosition>| {
            waiting.iter().position(&goes).and_then(|at| waiting.remove(at))
        };
        next(&mut self.paying).or_else(|| next(&mut self.asked))
    }

    /// Notes that the peer was sent a body.
    pub(super) fn sent(&mut self, place: LogPosition, bytes: usize) {
        self.owed.remove(&place);
        self.in_flight.insert(place, bytes);
    }

    /// Notes that the peer was told that there is none.
    pub(super) fn declined(&mut self) {
        self.vain.1 += 1;
    }

    /// Notes that the peer lacks a body that we lack too.
    pub(super) fn owe(&mut self, place: LogPosition) {
        if self.owed.len() < BODIES_OWED_MAX {
            self.owed.insert(place);
        }
    }

    /// The peer gets no more records: nothing is owed to it.
    pub(super) fn forgive(&mut self) {
        self.owed.clear();
        self.paying.clear();
    }

    /// What the peer lacks and was told that we lack too.
    pub(super) fn owed(&self) -> impl Iterator<Item = LogPosition> {
        self.owed.iter().copied()
    }

    /// Something that was owed is here now and is sent like an answer, or was erased.
    pub(super) fn pay(&mut self, place: LogPosition, is_here: bool) {
        self.owed.remove(&place);
        self.paying.extend(is_here.then_some(place));
    }

    /// The peer says what it holds now.
    pub(super) fn acknowledged(&mut self, place: &LogPosition) {
        self.in_flight.remove(place);
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

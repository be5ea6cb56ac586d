//! What a node remembers of its peers: failures first, successes after, and what was refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::identity::DeviceId;
use crate::limits::{PEERS_FLUSH_MS, SET_ASIDE_CODES_MAX, STRANGERS_MAX};
use crate::store::rows::{ClockReading, EvidenceRow, PeerFailure, PeerRow};
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::wire::Aside;
use crate::sync::{Disposition, Event, Now, PeerError};

/// All that is known of peers, in memory, with what has still to be written to the store.
#[derive(Debug, Default)]
pub struct PeerBook {
    rows: BTreeMap<DeviceId, PeerRow>,
    dirty: BTreeSet<DeviceId>,
    evidence: Vec<EvidenceRow>,
    /// As evidence, of which the newest of each peer and code is kept.
    refusals: Vec<EvidenceRow>,
    /// Whether something was noted that is worth a write of its own.
    urgent: bool,
    written_ms: u64,
}

/// What has still to be written to the store.
#[derive(Debug)]
pub struct Dirty {
    /// Peers of which something new is known.
    pub rows: Vec<(DeviceId, PeerRow)>,
    /// New evidence.
    pub evidence: Vec<EvidenceRow>,
    /// Evidence that takes the place of what is kept of the same peer and code.
    pub refusals: Vec<EvidenceRow>,
}

const DAY_MS: u64 = 86_400_000;

/// Where strangers are counted together when there are too many of them, and where what was refused
/// of them stands.
const STRANGERS: DeviceId = DeviceId([0; 32]);

impl PeerBook {
    /// Reads what the store remembers.
    pub fn load(snapshot: &Snapshot) -> Result<Self, StoreError> {
        let rows = snapshot.peers_all()?.into_iter().collect();
        Ok(Self { rows, ..Self::default() })
    }

    /// All peers.
    pub fn rows(&self) -> impl Iterator<Item = (DeviceId, &PeerRow)> {
        self.rows.iter().map(|(device, row)| (*device, row))
    }

    /// Changes what is known of a peer.
    pub fn note(&mut self, peer: DeviceId, change: impl FnOnce(&mut PeerRow)) {
        let place = self.place_of(peer);
        change(self.rows.entry(place).or_default());
        self.dirty.insert(place);
    }

    /// Where what is known of a peer stands: by itself, or with all strangers.
    fn place_of(&self, peer: DeviceId) -> DeviceId {
        match self.rows.contains_key(&peer) {
            true => peer,
            false if self.strangers() < STRANGERS_MAX => peer,
            false => STRANGERS,
        }
    }

    /// Whether a peer has ever proved a grant.
    pub fn is_proved(&self, peer: DeviceId) -> bool {
        self.rows.get(&peer).is_some_and(|row| !row.grant.is_empty())
    }

    fn known(&self, peer: DeviceId) -> Option<&PeerRow> {
        self.rows.get(&self.place_of(peer))
    }

    fn strangers(&self) -> usize {
        self.rows.values().filter(|row| row.grant.is_empty()).count()
    }

    /// Counts something that the peer sent and that was refused or set aside.
    pub fn count_refused(&mut self, peer: DeviceId, code: &str) {
        let mut first = false;
        self.note(peer, |row| {
            let count = row.refused.entry(code.to_owned()).or_default();
            *count += 1;
            first = *count == 1;
        });
        // Whoever knocks again and again does not make us write again and again.
        self.urgent |= first;
    }

    /// A frame goes out.
    pub fn sent(&mut self, peer: DeviceId, frame: &[u8]) {
        self.note(peer, |row| row.bytes_sent += frame.len() as u64);
    }

    /// Something worth knowing happened.
    pub fn event(&mut self, now: Now, event: &Event) {
        match event {
            Event::Proved(peer, grant) => {
                // A peer with a grant has a place of its own whatever the strangers do.
                let row = self.rows.entry(*peer).or_default();
                self.urgent |= row.grant != *grant;
                row.grant.clone_from(grant);
                self.dirty.insert(*peer);
            }
            Event::Done(peer) => {
                let first = self.rows.get(peer).is_none_or(|row| row.last_done_ms.is_none());
                self.urgent |= first;
                self.note(*peer, |row| {
                    row.last_done_ms = Some(now.wall_ms);
                    row.last_error = None;
                });
            }
            // The clock is noted with what else the store knows of time.
            Event::OwnLogs(..) | Event::Clock(..) => {}
            Event::SetAside(peer, asides) => self.note(*peer, |row| {
                for Aside { code, .. } in asides {
                    let codes = &mut row.set_aside_there;
                    let known = codes.contains_key(code) || codes.len() < SET_ASIDE_CODES_MAX;
                    let code = if known { code.as_str() } else { "unreadable" };
                    *codes.entry(code.to_owned()).or_default() += 1;
                }
            }),
            Event::Sent(peer, count) => self.note(*peer, |row| row.entries_sent += count),
            Event::Moved(_) | Event::Silent(_) => {}
        }
    }

    /// A peer has said what time it is there.
    pub fn clock(&mut self, peer: DeviceId, reading: ClockReading) {
        let before = self.known(peer).and_then(|row| row.clock);
        self.note(peer, |row| row.clock = Some(reading));
        // What says today's date is worth keeping at once, once a day.
        self.urgent |= before.is_none_or(|before| {
            before.local_ms.abs_diff(reading.local_ms) > DAY_MS
                || before.peer_ms.abs_diff(reading.peer_ms) > DAY_MS
        });
    }

    /// A peer says that entries of our own, which are here as it says, do not count there. `known`
    /// is the evidence that is written already. Returns those that it does not name yet.
    pub fn set_aside_there(
        &mut self,
        now: Now,
        peer: DeviceId,
        asides: &[&Aside],
        known: &[EvidenceRow],
    ) -> Vec<Aside> {
        let mut fresh = Vec::new();
        for aside in asides {
            let Aside { position, code } = aside;
            let row = EvidenceRow {
                peer: Some(peer),
                code: "set_aside_by_peer".into(),
                detail: code.clone(),
                at_ms: now.wall_ms,
                bytes: [&position.log.to_bytes()[..], &position.seq.to_be_bytes()].concat(),
            };
            let same =
                |other: &EvidenceRow| EvidenceRow { at_ms: row.at_ms, ..other.clone() } == row;
            if !known.iter().chain(&self.evidence).any(same) {
                self.evidence.push(row);
                self.urgent = true;
                fresh.push((*aside).clone());
            }
        }
        fresh
    }

    /// A session ended by an error.
    pub fn failed(&mut self, now: Now, peer: DeviceId, error: &PeerError) {
        if *error == PeerError::Replaced {
            return;
        }
        let failure = PeerFailure {
            code: error.code(),
            retry: error.disposition() == Disposition::RetrySoon,
            said_by_peer: matches!(error, PeerError::Told(_)),
            at_ms: now.wall_ms,
        };
        // A line that is lost and found all day long says nothing new, nor does whoever knocks with another
        // reason each time: they are written down with the counts.
        let before = self.known(peer).and_then(|row| row.last_error.as_ref());
        self.urgent |= !failure.retry && before.is_none_or(|before| before.retry);
        self.note(peer, |row| row.last_error = Some(failure));
        if error.counts_as_refused() {
            self.count_refused(peer, &error.code());
            // Anybody can make new keys: those who have proved no grant are written down as one.
            let row = EvidenceRow {
                peer: Some(if self.is_proved(peer) { peer } else { STRANGERS }),
                code: error.code(),
                detail: error.to_string(),
                at_ms: now.wall_ms,
                bytes: Vec::new(),
            };
            self.refusals.retain(|other| (other.peer, &other.code) != (row.peer, &row.code));
            self.refusals.push(row);
        }
    }

    /// Whether it is time to write: something worth a write of its own was noted, or counts have
    /// gathered for long enough.
    pub fn is_due(&self, now: Now) -> bool {
        let waited = now.monotonic_ms.saturating_sub(self.written_ms);
        self.urgent || (!self.dirty.is_empty() && waited >= PEERS_FLUSH_MS)
    }

    /// What has to be written.
    pub fn take_dirty(&mut self, now: Now) -> Dirty {
        self.urgent = false;
        self.written_ms = now.monotonic_ms;
        let dirty = std::mem::take(&mut self.dirty);
        let rows = dirty
            .into_iter()
            .filter_map(|peer| self.rows.get(&peer).map(|row| (peer, row.clone())))
            .collect();
        let (evidence, refusals) = (&mut self.evidence, &mut self.refusals);
        Dirty { rows, evidence: std::mem::take(evidence), refusals: std::mem::take(refusals) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_lost_and_found_is_noted_and_not_written_down_each_time() {
        let peer = DeviceId([7; 32]);
        let at = |monotonic_ms| Now { monotonic_ms, wall_ms: 1_772_409_600_000 };
        let mut book = PeerBook::default();
        book.event(at(0), &Event::Done(peer));
        book.take_dirty(at(0));
        for minute in 1..20 {
            let now = at(minute * 60_000);
            book.failed(now, peer, &PeerError::Silence(750_000));
            book.event(now, &Event::Done(peer));
            assert!(!book.is_due(now), "minute {minute}");
        }
        book.failed(at(1_200_000), peer, &PeerError::Silence(750_000));
        assert!(book.rows().all(|(_, row)| row.last_error.is_some()), "it is known at once");
        assert!(book.is_due(at(PEERS_FLUSH_MS)));
        // What has to be mended is.
        book.take_dirty(at(PEERS_FLUSH_MS));
        book.failed(at(PEERS_FLUSH_MS), peer, &PeerError::OtherMesh);
        assert!(book.is_due(at(PEERS_FLUSH_MS)));
    }

    #[test]
    fn who_knocks_again_and_again_is_counted_and_not_written_down_each_time() {
        let at = |monotonic_ms| Now { monotonic_ms, wall_ms: 1_772_409_600_000 };
        let mut book = PeerBook::default();
        let stranger = DeviceId([7; 32]);
        for (knock, error) in
            (0..100).zip([PeerError::OtherMesh, PeerError::NoGrant].iter().cycle())
        {
            book.failed(at(knock), stranger, error);
            // The first of each kind is worth a write of its own.
            assert_eq!(book.is_due(at(knock)), knock < 2, "knock {knock}");
            if knock < 2 {
                assert_eq!(book.take_dirty(at(knock)).refusals.len(), 1);
            }
        }
        assert!(book.is_due(at(1 + PEERS_FLUSH_MS)), "in the end the counts are");
        let dirty = book.take_dirty(at(1 + PEERS_FLUSH_MS));
        let [(_, row)] = &dirty.rows[..] else { panic!("{dirty:?}") };
        assert_eq!(row.refused.values().collect::<Vec<_>>(), [&50, &50]);
        assert_eq!(dirty.refusals.len(), 2, "the newest of each kind is kept");
    }

    #[test]
    fn whoever_makes_new_keys_for_each_knock_is_written_down_so_often_as_there_are_places() {
        let at = |monotonic_ms| Now { monotonic_ms, wall_ms: 1_772_409_600_000 };
        let mut book = PeerBook::default();
        let mut writes = 0;
        for knock in 0..2_000_u64 {
            let mut key = [1; 32];
            key[..8].copy_from_slice(&knock.to_be_bytes());
            book.failed(at(knock), DeviceId(key), &PeerError::OtherMesh);
            if book.is_due(at(knock)) {
                writes += 1;
                book.take_dirty(at(knock));
            }
        }
        assert_eq!(writes, STRANGERS_MAX + 1);
    }
}

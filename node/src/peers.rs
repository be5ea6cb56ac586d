//! What a node remembers of its peers: failures first, successes after, and what was refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::identity::DeviceId;
use crate::log::UnverifiedRun;
use crate::store::rows::{EvidenceRow, PeerFailure, PeerRow};
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::wire::Frame;
use crate::sync::{Disposition, Event, Now, PeerError};

/// All that is known of peers, in memory, with what has still to be written to the store.
#[derive(Debug, Default)]
pub struct PeerBook {
    rows: BTreeMap<DeviceId, PeerRow>,
    dirty: BTreeSet<DeviceId>,
    evidence: Vec<EvidenceRow>,
}

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
        change(self.rows.entry(peer).or_default());
        self.dirty.insert(peer);
    }

    /// Counts something that the peer sent and that was refused or set aside.
    pub fn count_refused(&mut self, peer: DeviceId, code: &str) {
        self.note(peer, |row| *row.refused.entry(code.to_owned()).or_default() += 1);
    }

    /// A frame goes out.
    pub fn sent(&mut self, peer: DeviceId, frame: &[u8]) {
        let entries = match Frame::decode(frame) {
            Ok(Frame::Run(UnverifiedRun { entries, .. })) => entries.len() as u64,
            _ => 0,
        };
        self.note(peer, |row| {
            row.bytes_sent += frame.len() as u64;
            row.entries_sent += entries;
        });
    }

    /// Something worth knowing happened.
    pub fn event(&mut self, now: Now, event: &Event) {
        match event {
            Event::Proved(peer, grant) => self.note(*peer, |row| row.grant.clone_from(grant)),
            Event::Done(peer) => self.note(*peer, |row| {
                row.last_done_ms = Some(now.wall_ms);
                row.last_error = None;
            }),
        }
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
        self.note(peer, |row| row.last_error = Some(failure));
        if error.counts_as_refused() {
            self.count_refused(peer, &error.code());
            self.evidence.push(EvidenceRow {
                peer: Some(peer),
                code: error.code(),
                detail: error.to_string(),
                at_ms: now.wall_ms,
                bytes: Vec::new(),
            });
        }
    }

    /// Whether there is anything to write.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || !self.evidence.is_empty()
    }

    /// What has to be written.
    pub fn take_dirty(&mut self) -> (Vec<(DeviceId, PeerRow)>, Vec<EvidenceRow>) {
        let dirty = std::mem::take(&mut self.dirty);
        let rows = dirty
            .into_iter()
            .filter_map(|peer| self.rows.get(&peer).map(|row| (peer, row.clone())))
            .collect();
        (rows, std::mem::take(&mut self.evidence))
    }
}

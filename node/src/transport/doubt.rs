//! Connections that are tried beside one that says nothing. If such a one comes to stand while the other is
//! still silent, the other is dead and does not know it: the machine has another address by now, or
//! something on the way has forgotten it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libp2p::swarm::ConnectionId;

use super::Substream;

/// How many frames a substream has brought.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<AtomicU64>);

impl Heard {
    /// One more.
    pub(super) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All trials that are under way.
#[derive(Debug, Default)]
pub(super) struct Doubts(BTreeMap<ConnectionId, Doubt>);

/// What is in doubt.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) substream: Substream,
    heard: Heard,
    before: u64,
}

impl Doubts {
    /// A connection is tried beside a substream.
    pub(super) fn tries(&mut self, trial: ConnectionId, substream: Substream, heard: &Heard) {
        let (heard, before) = (heard.clone(), heard.so_far());
        self.0.insert(trial, Doubt { substream, heard, before });
    }

    /// What was in doubt because of which this connection was tried; it has come to stand, or to nothing.
    pub(super) fn ends(&mut self, trial: ConnectionId) -> Option<Doubt> {
        self.0.remove(&trial)
    }
}

impl Doubt {
    /// Whether the substream has said nothing since.
    pub(super) fn still(&self) -> bool {
        self.heard.so_far() == self.before
    }
}

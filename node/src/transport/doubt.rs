//! Connections that are tried beside one that says nothing. If such a one comes to stand while the other is
//! still silent, the other is dead and does not know it: the machine has another address by now, or
//! something on the way has forgotten it.

use std::collections::BTreeMap;

use libp2p::swarm::ConnectionId;

use super::{Substream, WireBytes};

/// All trials that are under way.
#[derive(Debug, Default)]
pub(super) struct Doubts(BTreeMap<ConnectionId, Doubt>);

/// What is in doubt.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) substream: Substream,
    /// Bytes of the substream. A frame may take half a minute on a slow link, so it is not frames that are
    /// counted.
    heard: WireBytes,
    before: u64,
}

impl Doubts {
    /// A connection is tried beside a substream.
    pub(super) fn tries(&mut self, trial: ConnectionId, substream: Substream, heard: &WireBytes) {
        let (heard, (_, before)) = (heard.clone(), heard.total());
        self.0.insert(trial, Doubt { substream, heard, before });
    }

    /// What was in doubt because of which this connection was tried; it has come to stand, or to nothing.
    pub(super) fn ends(&mut self, trial: ConnectionId) -> Option<Doubt> {
        self.0.remove(&trial)
    }
}

impl Doubt {
    /// Whether the substream has brought nothing since.
    pub(super) fn still(&self) -> bool {
        self.heard.total().1 == self.before
    }
}

#[cfg(test)]
mod tests {
    use futures::AsyncReadExt;
    use futures::executor::block_on;

    use super::super::counted::Counted;
    use super::*;

    #[test]
    fn a_part_of_a_frame_is_a_sign_of_life() {
        let (heard, mut doubts) = (WireBytes::default(), Doubts::default());
        let mut reader = Counted::new(&[7; 9][..], heard.clone());
        let (one, two) = (ConnectionId::new_unchecked(1), ConnectionId::new_unchecked(2));
        doubts.tries(one, Substream(0), &heard);
        block_on(reader.read_exact(&mut [0; 4])).unwrap();
        doubts.tries(two, Substream(0), &heard);
        assert!(!doubts.ends(one).unwrap().still());
        assert!(doubts.ends(two).unwrap().still());
        assert!(doubts.ends(one).is_none());
    }
}

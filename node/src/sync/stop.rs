//! What ends the handling of an input.

use super::PeerError;
use crate::store::StoreError;

/// Why handling stopped: the peer, or our own disk.
pub(super) enum Stop {
    /// Hang up on the peer.
    Peer(PeerError),
    /// The node failed.
    Store(StoreError),
}

impl From<PeerError> for Stop {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

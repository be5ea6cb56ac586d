//! How far an exchange is, told from what is still owed.

use std::collections::BTreeMap;

use shouwang_node::identity::DeviceId;

/// All that there is to exchange with several peers, and what of it is done. What comes while it runs is
/// more to do, so it is done exactly when nothing is owed.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    peers: BTreeMap<DeviceId, Owed>,
}

/// Entries that are exchanged with one peer, both ways.
#[derive(Clone, Copy, Debug, Default)]
struct Owed {
    total: u64,
    left: u64,
}

impl Meter {
    /// So much is still owed to and by a peer.
    pub(crate) fn owes(&mut self, peer: DeviceId, left: u64) {
        let owed = self.peers.entry(peer).or_default();
        owed.total += left.saturating_sub(owed.left);
        owed.left = left;
    }

    /// All that there was and is to exchange.
    pub(crate) fn total(&self) -> u64 {
        self.peers.values().map(|owed| owed.total).sum()
    }

    /// What of it is exchanged: never more than all, and never less than before.
    pub(crate) fn exchanged(&self) -> u64 {
        self.peers.values().map(|owed| owed.total - owed.left).sum()
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> u64 {
        self.total() - self.exchanged()
    }

    /// What is exchanged, in a hundred parts, the last of which is full only when nothing is owed.
    pub(crate) fn percent(&self) -> u64 {
        (self.exchanged() * 100).checked_div(self.total()).unwrap_or(100)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is written while it runs.
        #[test]
        fn nothing_passes_a_hundred_and_all_is_done_exactly_when_nothing_is_owed(
            seen in prop::collection::vec((0u8..3, 0u64..1_000), 1..60)
        ) {
            let mut meter = Meter::default();
            let mut before = 0;
            let mut left = BTreeMap::new();
            for (peer, owed) in seen {
                meter.owes(DeviceId([peer; 32]), owed);
                left.insert(peer, owed);
                prop_assert!(meter.exchanged() <= meter.total() && meter.percent() <= 100);
                prop_assert!(meter.exchanged() >= before, "it went back");
                before = meter.exchanged();
                let nothing = left.values().all(|owed| *owed == 0);
                prop_assert_eq!(nothing, meter.percent() == 100);
            }
        }
    }
}

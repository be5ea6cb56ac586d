//! When a device writes receipts: at the end of an exchange, and otherwise at most once in ten
//! minutes for each scope.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::{Area, DivisionCode};

use crate::identity::DeviceId;
use crate::limits::RECEIPT_INTERVAL_MS;

/// For which scopes a device may owe a receipt, and from when on. Times are monotonic, ms.
#[derive(Debug, Default)]
pub struct Dues {
    due: BTreeMap<DivisionCode, u64>,
    written: BTreeMap<DivisionCode, u64>,
    /// Peers whose session has come to its first "done".
    done: BTreeSet<DeviceId>,
    /// Those of them that nothing has followed from yet.
    met: Vec<DeviceId>,
    begun: bool,
}

impl Dues {
    /// Whether this is the first time that it is asked: what an earlier process owed is not known
    /// yet.
    pub(crate) fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.begun, true)
    }

    /// Something of a scope came in. Where nobody is connected who waits for a receipt, more may come
    /// first: one receipt then speaks of all of it.
    pub(crate) fn came(&mut self, now_ms: u64, scope: DivisionCode, is_waited_for: bool) {
        let at = match (self.written.get(&scope), is_waited_for) {
            (_, false) => now_ms + RECEIPT_INTERVAL_MS,
            (Some(last), true) => now_ms.max(last + RECEIPT_INTERVAL_MS),
            (None, true) => now_ms,
        };
        self.due.entry(scope).and_modify(|known| *known = at.min(*known)).or_insert(at);
    }

    /// The exchange with a peer is complete.
    pub(crate) fn done(&mut self, peer: DeviceId) {
        if self.done.insert(peer) {
            self.met.push(peer);
        }
    }

    /// A bundle of a peer's is through: what is owed for it goes with the next one.
    pub(crate) fn met(&mut self, peer: DeviceId) {
        self.met.push(peer);
    }

    /// Whether the exchange with a peer has been complete in its session.
    pub(crate) fn is_done(&self, peer: DeviceId) -> bool {
        self.done.contains(&peer)
    }

    /// A session begins or ends.
    pub(crate) fn parted(&mut self, peer: DeviceId) {
        self.done.remove(&peer);
    }

    /// The peers with which an exchange has become complete for the first time in its session.
    pub(crate) fn take_met(&mut self) -> Vec<DeviceId> {
        std::mem::take(&mut self.met)
    }

    /// What is owed to an area's scopes is due now.
    pub(crate) fn hasten(&mut self, now_ms: u64, area: Area) {
        for (scope, at) in &mut self.due {
            if area.touches(*scope) {
                *at = now_ms.min(*at);
            }
        }
    }

    /// When the next receipt is due.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        self.due.values().min().copied()
    }

    /// The scopes for which one is due.
    pub(crate) fn take(&mut self, now_ms: u64) -> Vec<DivisionCode> {
        let due = self.due.iter().filter(|(_, at)| **at <= now_ms);
        let due: Vec<DivisionCode> = due.map(|(scope, _)| *scope).collect();
        for scope in &due {
            self.due.remove(scope);
        }
        due
    }

    /// A receipt for the scope is written.
    pub(crate) fn wrote(&mut self, now_ms: u64, scope: DivisionCode) {
        self.written.insert(scope, now_ms);
    }

    /// It could not be written now.
    pub(crate) fn postpone(&mut self, now_ms: u64, scope: DivisionCode) {
        self.due.insert(scope, now_ms + RECEIPT_INTERVAL_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_due_at_once_and_the_next_after_a_while_or_a_session() {
        let (scope, peer) = ("990121101203".parse().unwrap(), DeviceId([1; 32]));
        let mut dues = Dues::default();
        assert_eq!(dues.deadline_ms(), None);
        dues.came(5, scope, true);
        assert_eq!(dues.take(5), [scope]);
        dues.wrote(5, scope);
        assert_eq!(dues.deadline_ms(), None);
        dues.came(6, scope, true);
        dues.came(7, scope, false);
        assert_eq!(dues.deadline_ms(), Some(5 + RECEIPT_INTERVAL_MS));
        assert!(dues.take(8).is_empty());
        dues.hasten(9, Area("990121200000".parse().unwrap()));
        assert!(dues.take(9).is_empty());
        dues.hasten(9, Area(scope));
        assert_eq!(dues.take(9), [scope]);
        dues.came(10, scope, false);
        assert_eq!(dues.deadline_ms(), Some(10 + RECEIPT_INTERVAL_MS));
        dues.came(20, scope, true);
        assert_eq!(dues.deadline_ms(), Some(5 + RECEIPT_INTERVAL_MS));
        for again in [true, false, false] {
            dues.done(peer);
            assert_eq!(dues.take_met().len(), usize::from(again));
        }
        dues.parted(peer);
        dues.done(peer);
        assert_eq!(dues.take_met(), [peer]);
    }
}

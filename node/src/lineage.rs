//! Which incarnation this device writes under, and when it needs a new one.
//!
//! A disk that was put back to an earlier state, or a home that runs on two machines, would write a
//! second entry of some number. Peers still hold what this disk has forgotten: whatever they show of
//! our own logs that is not here makes the device mint a new incarnation before it writes again, and
//! what is missing comes back by the ordinary exchange.

use std::collections::{BTreeMap, BTreeSet};

use crate::entropy::Entropy;
use crate::identity::DeviceId;
use crate::identity::grant::GrantId;
use crate::limits::INCARNATION_AHEAD_MAX;
use crate::log::{Incarnation, LogKey};
use crate::setup;
use crate::store::rows::{EvidenceRow, LogRow};
use crate::store::{ChainRead, Store, StoreError, StoreRead};
use crate::sync::summary::NamedHead;

/// Codes of evidence that say what happened to this device or to a log, rather than what a peer did:
/// `status` shows each.
pub const NOTICES: [&str; 3] = [ROLLED_BACK, CLONED_HOME, FORKED_LOG];

/// A device has written two branches of one log.
pub const FORKED_LOG: &str = "forked_log";
const ROLLED_BACK: &str = "rolled_back";
const CLONED_HOME: &str = "cloned_home";

/// The own incarnation, and what has been seen of others that are ours too.
#[derive(Debug)]
pub(crate) struct Lineage {
    device: DeviceId,
    current: Incarnation,
    /// The highest number of any incarnation of ours that is known.
    highest: u32,
    /// Whether an incarnation was minted because a later one than ours was seen. Kept in the store.
    answered: bool,
    /// Incarnations that another machine seems to write under.
    clones: BTreeSet<Incarnation>,
    /// Whether a new one is needed before the next write.
    due: bool,
    /// By peer, entries of ours that it says it holds and that are not here.
    owed: BTreeMap<DeviceId, Vec<NamedHead>>,
    /// Peers on whose mere word an incarnation was minted, until what they spoke of has come.
    trusted: BTreeSet<DeviceId>,
    /// Whether some peer has shown, or has taken, our own logs as they are here.
    seen: bool,
    /// What has still to be kept as evidence.
    notices: Vec<(&'static str, String)>,
}

impl Lineage {
    /// Reads what the store knows; mints where it was restored from a backup.
    pub(crate) fn open(
        store: &Store,
        device: DeviceId,
        current: Incarnation,
        entropy: &mut Entropy,
    ) -> Result<Self, StoreError> {
        let snapshot = store.read()?;
        let is_set =
            |name| Ok::<_, StoreError>(snapshot.meta(name)?.is_some_and(|v| !v.is_empty()));
        // A fork may have come in just before the process ended.
        let forked = snapshot.logs_all()?.iter().any(|log| {
            log.branch.is_some() && log.key.device == device && log.key.incarnation == current
        });
        let mut lineage = Self {
            device,
            current,
            highest: current.number,
            answered: is_set(setup::ANSWERED)?,
            clones: BTreeSet::new(),
            due: forked || is_set(setup::RESTORED)?,
            owed: BTreeMap::new(),
            trusted: BTreeSet::new(),
            seen: false,
            notices: Vec::new(),
        };
        if lineage.due {
            lineage.mint(store, entropy)?;
        }
        Ok(lineage)
    }

    /// The incarnation that this device writes under.
    pub(crate) fn current(&self) -> Incarnation {
        self.current
    }

    /// Whether our own logs are known to be whole here: see [`crate::engine::Engine::heads_confirmed`].
    pub(crate) fn is_confirmed(&self) -> bool {
        // Of other incarnations nothing is written any more: what is owed of them holds nothing up.
        let mut owed = self.owed.values().flatten();
        self.seen && !self.due && !owed.any(|head| head.log.incarnation == self.current)
    }

    /// A peer's whole summary names these heads of our own logs; `agreed` where it holds others as they
    /// are here.
    pub(crate) fn summary(
        &mut self,
        tables: &impl ChainRead,
        peer: DeviceId,
        heads: Vec<NamedHead>,
        agreed: bool,
    ) -> Result<(), StoreError> {
        let mentions = agreed || !heads.is_empty();
        let mut owed = Vec::new();
        for head in heads {
            if find(tables, &head)?.is_none() {
                owed.push(head);
            }
        }
        // Nobody signs a summary: a peer that has cried wolf is not believed again before it has
        // shown one.
        let believed = !self.trusted.contains(&peer);
        for head in owed.iter().filter(|_| believed) {
            let seen = head.log.incarnation;
            let near = seen.number.saturating_sub(self.highest) <= INCARNATION_AHEAD_MAX;
            if seen == self.current || (self.is_later(seen) && near) {
                self.notice(seen);
                self.trusted.insert(peer);
            }
        }
        let whole = owed.is_empty();
        match whole || !believed {
            true => drop(self.owed.remove(&peer)),
            false => drop(self.owed.insert(peer, owed)),
        }
        // What is owed is found out about below, when it has come.
        let shown = mentions || !self.has_own_logs(tables)?;
        self.seen |= if whole { shown } else { believed };
        Ok(())
    }

    /// A session with a peer has ended: nothing more comes of what it spoke of.
    pub(crate) fn parted(&mut self, peer: DeviceId) {
        self.owed.remove(&peer);
    }

    /// A peer's whole vector was compared: unless it has shown more of our own logs than is here, nothing
    /// of them is known to be missing.
    pub(crate) fn compared(&mut self, peer: DeviceId) {
        self.seen |= !self.owed.contains_key(&peer) && !self.trusted.contains(&peer);
    }

    /// An exchange is done: the peer holds our own logs, as far as they are for it, as they are here.
    pub(crate) fn agreed(&mut self) {
        self.seen = true;
    }

    /// A peer sent entries that were not here, of these logs; the transaction is committed.
    pub(crate) fn received(
        &mut self,
        tables: &impl ChainRead,
        logs: impl Iterator<Item = (DeviceId, LogKey)>,
    ) -> Result<(), StoreError> {
        let device = self.device;
        for (peer, log) in logs.filter(|(_, log)| log.device == device) {
            self.trusted.remove(&peer);
            self.notice(log.incarnation);
        }
        let mut failed = None;
        for heads in self.owed.values_mut() {
            heads.retain(|head| {
                let found = find(tables, head);
                found.map(|chain| chain.is_none()).unwrap_or_else(|error| {
                    failed = Some(error);
                    true
                })
            });
        }
        self.owed.retain(|_, heads| !heads.is_empty());
        failed.map_or(Ok(()), Err)
    }

    /// Whether an incarnation is later than ours, and none such has been answered. It may be a later
    /// life of ours that this disk has forgotten, or another machine with our keys; one more
    /// incarnation is right for both. Two machines that answered each other every time would never
    /// end, so it is done once.
    fn is_later(&self, seen: Incarnation) -> bool {
        seen.number > self.current.number && !self.answered
    }

    /// Somebody holds entries that are not here, or were not, of this incarnation of ours.
    fn notice(&mut self, seen: Incarnation) {
        if seen == self.current {
            self.due = true;
        } else if self.is_later(seen) {
            (self.due, self.answered) = (true, true);
        } else if seen.number >= self.current.number && self.clones.insert(seen) {
            self.notices.push((CLONED_HOME, name(seen)));
        }
        self.highest = self.highest.max(seen.number);
    }

    /// Whether something has to be written: [`Lineage::settle`].
    pub(crate) fn is_due(&self) -> bool {
        self.due || !self.notices.is_empty()
    }

    /// Mints where that is due, and keeps what happened as evidence.
    pub(crate) fn settle(
        &mut self,
        store: &Store,
        entropy: &mut Entropy,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        if self.due {
            self.mint(store, entropy)?;
        }
        let notices = std::mem::take(&mut self.notices);
        if notices.is_empty() {
            return Ok(());
        }
        store.write(|tables| {
            for (code, detail) in notices {
                let (code, bytes) = (code.to_owned(), Vec::new());
                let row = EvidenceRow { peer: None, code, detail, at_ms, bytes };
                tables.put_evidence_once(row)?;
            }
            Ok(())
        })
    }

    /// Begins anew under another grant.
    pub(crate) fn under(
        &mut self,
        store: &Store,
        entropy: &mut Entropy,
        grant: GrantId,
    ) -> Result<(), StoreError> {
        let minted = self.next(store, entropy)?;
        store.write(|tables| {
            setup::put_own_grant(tables, grant)?;
            setup::put_incarnation(tables, minted)
        })?;
        (self.current, self.highest) = (minted, minted.number);
        Ok(())
    }

    /// The incarnation after all that are known.
    fn next(&self, store: &Store, entropy: &mut Entropy) -> Result<Incarnation, StoreError> {
        let own = |log: &LogKey| (log.device == self.device).then_some(log.incarnation.number);
        let stored = store.read()?.logs_all()?.iter().filter_map(|log| own(&log.key)).max();
        let highest = self.highest.max(stored.unwrap_or_default());
        Ok(Incarnation { number: highest.saturating_add(1), nonce: entropy.bytes() })
    }

    fn mint(&mut self, store: &Store, entropy: &mut Entropy) -> Result<(), StoreError> {
        let minted = self.next(store, entropy)?;
        let answered: &[u8] = if self.answered { b"1" } else { b"" };
        store.write(|tables| {
            tables.set_meta(setup::ANSWERED, answered)?;
            tables.set_meta(setup::RESTORED, b"")?;
            setup::put_incarnation(tables, minted)
        })?;
        let detail = format!("{} → {}", name(self.current), name(minted));
        self.notices.push((ROLLED_BACK, detail));
        (self.current, self.highest, self.due) = (minted, minted.number, false);
        Ok(())
    }

    fn has_own_logs(&self, tables: &impl StoreRead) -> Result<bool, StoreError> {
        Ok(tables.usage_of(self.device)?.iter().any(|row| row.logs > 0))
    }
}

/// The chain that a peer's head is of, if the entry is here.
fn find(tables: &impl ChainRead, head: &NamedHead) -> Result<Option<LogRow>, StoreError> {
    tables.find_chain_where(&head.log, head.seq, |hash| head.hash.is_of(hash))
}

/// An incarnation as it is shown.
fn name(incarnation: Incarnation) -> String {
    format!("{}-{}", incarnation.number, hex::encode(&incarnation.nonce[..2]))
}

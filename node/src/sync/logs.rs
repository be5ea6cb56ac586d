//! What a peer holds of one log, chain by chain, and what of it we want.
//!
//! A log may have branches, and each side knows of the other's only what it has said: hashes at
//! numbers. An entry whose hash is here proves all that came before it; one that is not here says
//! that the peer is ahead of us, or that it holds another branch.

use super::Replica;
use super::summary::SaltedHash;
use crate::log::{EntryHash, Head, LogKey};
use crate::store::StoreError;
use crate::store::rows::{LogNumber, LogRow};

/// What is known of one log at a peer.
#[derive(Debug, Default)]
pub(super) struct PeerLog {
    /// Heads of its summary that are not here.
    pub(super) wanted: Vec<(u64, SaltedHash)>,
    /// How far it is in each chain here.
    reaches: Vec<Reach>,
    /// A question where the two of us part is under way.
    pub(super) asked: bool,
    /// Each of us holds what the other does not: what is wanted is not just further on.
    pub(super) differs: bool,
}

/// How far a peer is in one chain.
#[derive(Clone, Copy, Debug)]
struct Reach {
    chain: LogNumber,
    /// The last entry on the chain's path that it durably has.
    known: Option<u64>,
    /// The last one that was sent to it, acknowledged or not.
    sent: Option<u64>,
    /// It has no room for the chain.
    refused: bool,
}

impl PeerLog {
    /// Takes in chains that are new here: of what was common before they branched off, the peer has
    /// what it has of their parents.
    pub(super) fn follow(&mut self, heads: &[(LogRow, Head)]) {
        for (chain, _) in heads {
            if self.reaches.iter().any(|reach| reach.chain == chain.number) {
                continue;
            }
            let mut reach = Reach { chain: chain.number, known: None, sent: None, refused: false };
            let parent = chain.branch.and_then(|branch| {
                let parent = self.reaches.iter().find(|reach| reach.chain == branch.parent)?;
                Some((parent, branch.first_seq))
            });
            if let Some((parent, first_seq)) = parent {
                let shared = |seq: Option<u64>| Some(seq?.min(first_seq.checked_sub(1)?));
                (reach.known, reach.sent) = (shared(parent.known), shared(parent.sent));
            }
            self.reaches.push(reach);
        }
    }

    /// The peer durably has this entry of a chain.
    pub(super) fn holds(
        &mut self,
        replica: &impl Replica,
        heads: &[(LogRow, Head)],
        chain: &LogRow,
        seq: u64,
    ) -> Result<(), StoreError> {
        self.raise(replica, heads, chain, seq, |reach| &mut reach.known)
    }

    /// This entry of a chain was sent to the peer.
    pub(super) fn sends(
        &mut self,
        replica: &impl Replica,
        heads: &[(LogRow, Head)],
        chain: &LogRow,
        seq: u64,
    ) -> Result<(), StoreError> {
        self.raise(replica, heads, chain, seq, |reach| &mut reach.sent)
    }

    fn raise(
        &mut self,
        replica: &impl Replica,
        heads: &[(LogRow, Head)],
        chain: &LogRow,
        seq: u64,
        field: impl Fn(&mut Reach) -> &mut Option<u64>,
    ) -> Result<(), StoreError> {
        for (other, _) in heads {
            let shared = match replica.parting(other, chain)? {
                None => Some(seq),
                Some(parting) => parting.checked_sub(1).map(|last| last.min(seq)),
            };
            if let Some(reach) = self.reaches.iter_mut().find(|reach| reach.chain == other.number) {
                let at = field(reach);
                *at = shared.max(*at);
            }
        }
        Ok(())
    }

    /// The peer has no room for the chains whose path holds this entry. What was sent of any chain
    /// and is not acknowledged may not have been taken.
    pub(super) fn refuses(
        &mut self,
        replica: &impl Replica,
        heads: &[(LogRow, Head)],
        chain: &LogRow,
        seq: u64,
    ) -> Result<(), StoreError> {
        for (other, _) in heads {
            let on_path = replica.parting(other, chain)?.is_none_or(|parting| seq < parting);
            if let Some(reach) = self.reaches.iter_mut().find(|reach| reach.chain == other.number) {
                reach.refused |= on_path && reach.known.is_none_or(|known| known < seq);
                reach.sent = reach.known;
            }
        }
        Ok(())
    }

    /// Whether the peer may not have a chain up to its head, nor was sent it.
    pub(super) fn is_behind(&self, chain: LogNumber, head: &Head) -> bool {
        self.reach(chain).is_some_and(|reach| {
            !reach.refused && reach.known.max(reach.sent).is_none_or(|at| at < head.seq)
        })
    }

    /// Whether the peer may simply be ahead of us in a chain, with all that we have of it.
    pub(super) fn may_be_ahead(&self, head: &Head) -> bool {
        !self.differs && self.wanted.iter().any(|(seq, _)| *seq > head.seq)
    }

    /// The last entry of a chain's path that the peer has or was sent.
    pub(super) fn reached(&self, chain: LogNumber) -> Option<u64> {
        self.reach(chain).and_then(|reach| reach.known.max(reach.sent))
    }

    /// Whether the peer durably has the entry with this number of a chain.
    pub(super) fn has(&self, chain: LogNumber, seq: u64) -> bool {
        self.known(chain).is_some_and(|known| known >= seq)
    }

    /// Whether the peer has no room for a chain.
    pub(super) fn is_refused(&self, chain: LogNumber) -> bool {
        self.reach(chain).is_some_and(|reach| reach.refused)
    }

    /// Whether the peer has no room for some chain.
    pub(super) fn is_stuck(&self) -> bool {
        self.reaches.iter().any(|reach| reach.refused)
    }

    /// Whether the peer durably has all that is here and we want nothing of it.
    pub(super) fn is_alike(&self, heads: &Chains) -> bool {
        self.wanted.is_empty()
            && !self.asked
            && !self.is_stuck()
            && heads.iter().all(|(chain, head)| self.has(chain.number, head.seq))
    }

    fn known(&self, chain: LogNumber) -> Option<u64> {
        self.reach(chain).and_then(|reach| reach.known)
    }

    fn reach(&self, chain: LogNumber) -> Option<&Reach> {
        self.reaches.iter().find(|reach| reach.chain == chain)
    }

    /// Entries of the log here that the peer may not have, each counted once.
    pub(super) fn they_lack(&self, heads: &[(LogRow, Head)]) -> u64 {
        let own = |(chain, head): &(LogRow, Head)| {
            let first = chain.branch.map_or(0, |branch| branch.first_seq);
            let known = self.known(chain.number).map_or(0, |known| known + 1);
            (head.seq + 1).saturating_sub(known.max(first))
        };
        heads.iter().filter(|(chain, _)| !self.is_refused(chain.number)).map(own).sum()
    }

    /// Entries that we lack of what the peer's summary spoke of: as many as lie between its heads
    /// and the last entry before them that both of us have.
    pub(super) fn we_lack(&self, heads: &[(LogRow, Head)]) -> u64 {
        let lacking = |(seq, _): &(u64, SaltedHash)| {
            let common = heads.iter().filter_map(|(chain, head)| match self.differs {
                true => self.known(chain.number),
                false => Some(head.seq),
            });
            let here = common.filter(|common| common < seq).max().map_or(0, |common| common + 1);
            (seq + 1).saturating_sub(here)
        };
        self.wanted.iter().map(lacking).sum()
    }
}

/// Entries by which a peer finds where its branches leave ours: in each chain those 0, 1, 3, 7, …
/// before the end, or before the furthest that the peer has named. The last common one is then found
/// at less than twice its distance from there.
pub(super) fn landmarks(
    replica: &impl Replica,
    heads: &[(LogRow, Head)],
    furthest: u64,
) -> Result<Vec<(u64, EntryHash)>, StoreError> {
    let mut found = Vec::new();
    for (chain, head) in heads {
        let end = head.seq.min(furthest);
        let steps = (0..u64::BITS - 1).map_while(|step| end.checked_sub((1 << step) - 1));
        for seq in steps.chain([0]) {
            let hash = replica.hash_at(chain, seq)?;
            found.extend(hash.map(|hash| (seq, hash)).filter(|place| !found.contains(place)));
        }
    }
    Ok(found)
}

/// All chains of a log, each with its head.
pub(super) type Chains = Vec<(LogRow, Head)>;

/// Logs in which the two of us differ, or that have changed since they were alike.
pub(super) type PeerLogs = std::collections::BTreeMap<LogKey, PeerLog>;

//! What a neighbour of the peer, or of ours, has written and brings to all of us itself.
//!
//! Two laptops of a village see each other and both see the township. What one writes would go over the
//! thin way three times: from its author to the township, from there to the other laptop, and from the other
//! laptop to the township. So those two let it wait for a moment, unless it is urgent; the township
//! says what it holds, and the laptop, if it holds the same, answers.

use std::collections::BTreeMap;

use super::{Changed, Outputs, Session};
use crate::limits::{DEFERRED_MS, DEFERRED_SPREAD_MS, HAVE_HEADS_PER_FRAME};
use crate::log::{Lane, LogKey};
use crate::sync::stop::Stop;
use crate::sync::wire::{Frame, LogPosition};
use crate::sync::{Now, Replica};

/// Logs that wait, and until when, ms.
#[derive(Debug, Default)]
pub(super) struct Deferred(BTreeMap<LogKey, u64>);

/// Where the author of a log is, who may be in session with both of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Author {
    /// In our area, which the peer's is not.
    BesideUs,
    /// In the peer's area, which ours is not.
    BesidePeer,
}

impl Deferred {
    /// Whether a log waits.
    pub(super) fn has(&self, log: &LogKey) -> bool {
        self.0.contains_key(log)
    }

    /// Nothing waits of logs in which the two of us are alike: `differs` says of which that is not so.
    pub(super) fn keep(&mut self, differs: impl Fn(&LogKey) -> bool) {
        self.0.retain(|log, _| differs(log));
    }

    /// When the first has waited long enough.
    pub(super) fn first_ms(&self) -> Option<u64> {
        self.0.values().min().copied()
    }
}

impl Session {
    /// What has come of these logs, and would be sent now, waits if its author may bring it itself.
    pub(super) fn defer(
        &mut self,
        now: Now,
        logs: &BTreeMap<LogKey, Changed>,
        replica: &impl Replica,
        out: &mut Outputs,
    ) {
        let mut held = Vec::new();
        for (log, changed) in logs {
            let is_behind = || self.behind.iter().any(|(_, _, behind, _)| behind == log);
            let Some(author) = self.author(log, replica).filter(|_| is_behind()) else { continue };
            // A moment that differs from laptop to laptop: the first to speak spares the others.
            let spread = u64::from(self.salt.0[0]) * DEFERRED_SPREAD_MS / 256;
            let until = now.monotonic_ms + DEFERRED_MS + spread;
            self.deferred.0.entry(*log).or_insert(until);
            if author == Author::BesidePeer {
                let heads = changed.heads.iter().map(|(_, head)| head);
                held.extend(heads.map(|head| LogPosition {
                    log: *log,
                    seq: head.seq,
                    hash: head.hash,
                }));
            }
        }
        for positions in held.chunks(HAVE_HEADS_PER_FRAME) {
            self.send(now, &Frame::Have(positions.to_vec()), out);
        }
    }

    /// The peer holds this of a log. If it is deferred, the rest goes on waiting, for the author goes on
    /// bringing it; and a peer that may defer the same hears that it is here.
    pub(super) fn held_there(
        &mut self,
        now: Now,
        position: LogPosition,
        replica: &impl Replica,
        out: &mut Outputs,
    ) {
        let author = self.author(&position.log, replica);
        let Some(until) = self.deferred.0.get_mut(&position.log) else { return };
        *until = (*until).max(now.monotonic_ms + DEFERRED_MS);
        if author == Some(Author::BesideUs) {
            self.send(now, &Frame::Have(vec![position]), out);
        }
    }

    /// Sends what has waited long enough.
    pub(in crate::sync) fn release(
        &mut self,
        now: Now,
        replica: &impl Replica,
        out: &mut Outputs,
    ) -> Result<(), Stop> {
        let before = self.deferred.0.len();
        self.deferred.0.retain(|_, until| *until > now.monotonic_ms);
        match self.deferred.0.len() < before {
            true => self.pump(now, replica, out),
            false => Ok(()),
        }
    }

    fn author(&self, log: &LogKey, replica: &impl Replica) -> Option<Author> {
        let authority = replica.authority();
        let own = authority.grant(&replica.own_grant())?;
        let peer = self.grant.as_ref()?;
        let third = log.device != own.subject && log.device != self.peer;
        if log.lane != Lane::Routine || !third || own.area == peer.area || !self.summary_whole {
            return None;
        }
        let mut areas = authority.standing_grants_of(log.device).map(|(_, grant)| grant.area);
        areas.find_map(|area| match () {
            () if area == own.area => Some(Author::BesideUs),
            () if area == peer.area => Some(Author::BesidePeer),
            () => None,
        })
    }
}

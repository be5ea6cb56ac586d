//! Moves that the engine carries out by itself ([`crate::moves`]).

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;

use super::memory::Doing;
use super::{CaptureError, DocumentEdit, Engine};
use crate::counting::lane_of;
use crate::identity::grant::Rights;
use crate::ingest::Ingested;
use crate::limits::{MOVE_DEFER_MS, MOVE_PATIENCE_MS, MOVE_PIECES_MAX, MOVES_PER_SETTLE_MAX};
use crate::log::run::RunEntry;
use crate::log::{Kind, Lane, LogKey};
use crate::moves::{self, Executor, Piece};
use crate::store::StoreError;
use crate::store::moves::MovesRead;
use crate::sync::Now;

/// Elders who are moving or have moved and to whom something has happened.
#[derive(Debug, Default)]
pub(super) struct Moving {
    /// Since when (monotonic, ms), and whether another device should do it first.
    since: BTreeMap<ElderId, (u64, bool)>,
    begun: bool,
}

impl Engine {
    /// Whether this device may carry out moves at all.
    fn is_executor(&self) -> bool {
        self.grant.rights.contains(Rights::CARRY) && !self.is_revoked()
    }

    /// Whether this device has still to look after a move by itself.
    pub fn is_moving(&self) -> bool {
        self.move_deadline_ms().is_some()
    }

    /// When a move is to be looked after.
    pub(super) fn move_deadline_ms(&self) -> Option<u64> {
        // Until this program is updated nothing is carried out, so nothing is due either.
        if !self.heads_confirmed() || !self.is_executor() || self.authority.update_needed() {
            return None;
        }
        let dues = self.moving.since.values().map(|(since, defers)| self.due_ms(*since, *defers));
        dues.min()
    }

    fn due_ms(&self, since: u64, defers: bool) -> u64 {
        let busy = self.mesh.peers().any(|peer| !self.dues.is_done(peer));
        since
            + if defers {
                MOVE_DEFER_MS
            } else if busy {
                MOVE_PATIENCE_MS
            } else {
                0
            }
    }

    /// Notes what a transaction has done to elders who are moving or have moved.
    pub(super) fn note_moves(&mut self, now: Now, ingested: &Ingested) -> Result<(), StoreError> {
        if !self.is_executor() {
            return Ok(());
        }
        let mut elders = ingested.moved.clone();
        // Receipts may let something be purged.
        let confirmed: BTreeSet<_> = ingested
            .logs
            .keys()
            .filter(|log| log.lane == Lane::Notice)
            .map(|log| log.scope)
            .collect();
        if !confirmed.is_empty() {
            let snapshot = self.store.read()?;
            elders.extend(moves::unpurged(&snapshot, self.area(), &confirmed)?);
        }
        self.look_after(now, elders)
    }

    fn look_after(
        &mut self,
        now: Now,
        elders: impl IntoIterator<Item = ElderId>,
    ) -> Result<(), StoreError> {
        let snapshot = self.store.read()?;
        for elder in elders {
            let scopes = moves::concerned(&snapshot, elder)?;
            let nearest = moves::nearest(&self.authority, &scopes);
            let defers = nearest.is_some_and(|nearest| nearest != self.device());
            self.moving.since.entry(elder).or_insert((now.monotonic_ms, defers));
        }
        Ok(())
    }

    /// Carries out what is due.
    pub(super) fn move_elders(&mut self, now: Now) -> Result<(), StoreError> {
        if !self.heads_confirmed() || !self.is_executor() || self.authority.update_needed() {
            return Ok(());
        }
        if !std::mem::replace(&mut self.moving.begun, true) {
            let snapshot = self.store.read()?;
            let offered = snapshot.transfers_all()?.into_iter().map(|(key, _)| key.elder);
            let moved = snapshot.moved_all()?.into_iter().map(|(elder, _)| elder);
            let elders: BTreeSet<ElderId> = offered.chain(moved).collect();
            self.look_after(now, elders)?;
        }
        let due = self.moving.since.iter();
        let due =
            due.filter(|(_, (since, defers))| self.due_ms(*since, *defers) <= now.monotonic_ms);
        let due: Vec<ElderId> = due.map(|(elder, _)| *elder).take(MOVES_PER_SETTLE_MAX).collect();
        for elder in due {
            match self.move_elder(now, elder) {
                Ok(()) => drop(self.moving.since.remove(&elder)),
                Err(CaptureError::Store(error)) => return Err(error),
                // Nobody asked for it: it stays as it is, and is tried again later.
                Err(error) => {
                    tracing::warn!(%error, "a move was not carried out");
                    self.moving.since.insert(elder, (now.monotonic_ms, true));
                }
            }
        }
        Ok(())
    }

    fn move_elder(&mut self, now: Now, elder: ElderId) -> Result<(), CaptureError> {
        for _ in 0..MOVE_PIECES_MAX {
            let snapshot = self.store.read()?;
            let executor = Executor {
                tables: &snapshot,
                authority: &self.authority,
                device: self.device(),
                grant: &self.grant,
            };
            let Some(piece) = executor.next(elder)? else { return Ok(()) };
            let fresh = self.entries(now, piece)?;
            let (keys, grant) = (self.keys.clone(), self.own_grant);
            // What is carried need not count: where it does not, it is listed.
            self.write_unless(now, fresh, &keys, grant, Doing::OfItself, |_| Ok(()))?;
        }
        Err(CaptureError::WouldNotCount("the work does not end".to_owned()))
    }

    /// The entries that a piece of work comes to.
    fn entries(
        &self,
        now: Now,
        piece: Piece,
    ) -> Result<BTreeMap<LogKey, Vec<RunEntry>>, CaptureError> {
        let entry = |kind, document, body| RunEntry::new(kind, document, body, now.wall_ms);
        let mut fresh: BTreeMap<LogKey, Vec<RunEntry>> = BTreeMap::new();
        match piece {
            Piece::Carry { to, adoptions } => {
                for (document, body) in adoptions {
                    let log = self.log_key(to, lane_of(&document));
                    let adoption = entry(Kind::Adopt, Some(document), body);
                    fresh.entry(log).or_default().push(adoption);
                }
            }
            Piece::Residence { scope, elder } => {
                let document = DocumentId::elder(elder, Part::Card);
                let log = self.log_key(scope, lane_of(&document));
                let value = Field::ResidenceCode.value(&scope.to_string());
                let value =
                    value.map_err(|error| CaptureError::WouldNotCount(error.to_string()))?;
                let action = Action::Set { field: Field::ResidenceCode, value };
                let edit = DocumentEdit { scope, document, actions: vec![action] };
                if let Some(body) = self.change(&self.store.read()?, &log, &edit)? {
                    fresh.insert(log, vec![entry(Kind::Change, Some(document), body)]);
                }
            }
            Piece::Handover { scopes, body } => {
                for scope in scopes {
                    let log = self.log_key(scope, Lane::Routine);
                    fresh.insert(log, vec![entry(Kind::Handover, None, body.clone())]);
                }
            }
            Piece::Purge { scope, bodies } => {
                let purges = bodies.into_iter().map(|body| entry(Kind::Purge, None, body));
                fresh.insert(self.log_key(scope, Lane::Routine), purges.collect());
            }
        }
        match fresh.is_empty() {
            // It would come up again for ever.
            true => Err(CaptureError::WouldNotCount("nothing to write".to_owned())),
            false => Ok(fresh),
        }
    }
}

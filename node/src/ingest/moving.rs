//! What offers, handovers and purges do: who shows a file, and which bodies go. Decided anew for an
//! elder when one of them comes, when it counts again or no more, or when an offer stands otherwise.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;

use super::{Ingest, SetAside};
use crate::gathered::erased::elder_of;
use crate::gathered::moved::{Stated, read_handover, read_purge};
use crate::gathered::{Erased, Moved, carried_by, transfers};
use crate::identity::grant::Rights;
use crate::index;
use crate::log::{Entry, EntryHash, Kind};
use crate::statement;
use crate::store::erasures::ErasureRead;
use crate::store::moves::{MovesRead, TransferKey};
use crate::store::rows::{DocumentKey, LogNumber, LogRow, Unsettled};
use crate::store::{StoreError, StoreRead};

/// Parts of files whose documents have changed, by scope and elder.
pub(super) type Changed = BTreeMap<(DivisionCode, ElderId), BTreeSet<Part>>;

impl Ingest<'_, '_> {
    /// Takes in a `Handover` or `Purge` entry.
    pub(super) fn move_elder(&mut self, log: &LogRow, entry: &Entry) -> Result<(), StoreError> {
        let grant = self.authority.grant(&log.grant);
        let read = match (grant, entry.header.kind) {
            (None, _) => Err(Unsettled::NotAllowed("move_right".into())),
            (Some(grant), Kind::Purge) => read_purge(log, entry, grant).map(|purge| purge.elder),
            (Some(grant), _) => read_handover(log, entry, grant).map(|handover| handover.elder),
        };
        match read {
            Ok(elder) => {
                let (kind, seq) = (entry.header.kind, entry.header.seq);
                self.tables.put_handover(log, kind, seq, elder)?;
                self.fresh_moves.insert(entry.header.hash());
                self.moving.insert(elder);
                Ok(())
            }
            Err(why) => self.note(log, entry, why),
        }
    }

    /// Notes whose logs' entries an adoption carries here.
    pub(super) fn note_authors(&mut self, log: &LogRow, entry: &Entry) -> Result<(), StoreError> {
        let Some(grant) = self.authority.grant(&log.grant) else { return Ok(()) };
        if let Some(Ok(originals)) = carried_by(self.authority, log, entry, grant)
            && let Some(original) = originals.entries.first()
            && original.header.log.scope != log.key.scope
        {
            self.tables.put_author(log.key.scope, &original.header.log)?;
        }
        Ok(())
    }

    /// Decides the moves of elders anew to whom something has happened. What it changes of documents
    /// is added to what has changed already.
    pub(super) fn move_again(&mut self, changed: &mut Changed) -> Result<(), StoreError> {
        for ((scope, elder), parts) in changed.iter() {
            for part in parts {
                let Part::Transfer(transfer) = *part else { continue };
                let key = TransferKey { elder: *elder, scope: *scope, transfer };
                let row = transfers::stored(self.tables, self.authority, &key)?;
                if self.tables.put_transfer(&key, row.as_ref())? {
                    self.moving.insert(*elder);
                }
            }
        }
        for elder in std::mem::take(&mut self.moving) {
            self.moved.insert(elder);
            let moved = Moved::of(self.tables, self.authority, elder)?;
            self.note_moves(moved.handovers())?;
            self.note_moves(moved.purges())?;
            let scopes: BTreeSet<DivisionCode> =
                moved.purges().iter().map(|purge| purge.log.key.scope).collect();
            for scope in scopes {
                self.purge_again(scope, elder, changed)?;
            }
            self.tables.put_moved(elder, moved.winner().as_ref())?;
            // A file may be shown elsewhere now: in every scope that has anything of it.
            for (scope, _) in self.tables.scopes_in(self.area)? {
                let known = self.tables.has_documents(scope, elder)?
                    || self.tables.elsewhere_of(scope, elder)?.is_some()
                    || moved.handovers().iter().any(|one| one.log.key.scope == scope);
                if known {
                    changed.entry((scope, elder)).or_default();
                }
            }
        }
        Ok(())
    }

    fn note_moves<T>(&mut self, stated: &[Stated<T>]) -> Result<(), StoreError> {
        for one in stated {
            let (seq, hash) = (one.place.seq, one.place.hash);
            let Some(why) = &one.standing else {
                let (key, _) = statement::note(&one.log, seq, Unsettled::Pending);
                self.tables.remove_unsettled(&key, hash)?;
                continue;
            };
            let (key, row) = statement::note(&one.log, seq, why.clone());
            self.tables.put_unsettled(&key, hash, &row)?;
            if self.fresh_moves.contains(&hash) && why.is_unwanted() {
                let aside = SetAside { seq, hash, reason: why.clone() };
                self.noted.entry(one.log.key).or_default().push(aside);
            }
        }
        Ok(())
    }

    /// Takes away what purges of a scope cover, or lists it as missing, and decides the file's
    /// documents there again.
    fn purge_again(
        &mut self,
        scope: DivisionCode,
        elder: ElderId,
        changed: &mut Changed,
    ) -> Result<(), StoreError> {
        let erased = Erased::of(self.tables, self.authority, scope, elder)?;
        let mut documents: BTreeSet<DocumentKey> = BTreeSet::new();
        self.erase_elder(scope, elder, &erased, &mut documents)?;
        self.restore_bodies(scope, elder)?;
        self.decide_from_logs(Area(scope), &documents)?;
        for key in documents {
            if let DocumentId::Elder { part, .. } = key.id {
                changed.entry((scope, elder)).or_default().insert(part);
            }
        }
        Ok(())
    }

    /// What a purge that counts no more has removed is still in what was carried, where that is here.
    fn restore_bodies(&mut self, scope: DivisionCode, elder: ElderId) -> Result<(), StoreError> {
        let mut missing: BTreeMap<EntryHash, (LogNumber, Entry)> = BTreeMap::new();
        for log in self.tables.logs_of(scope)? {
            for seq in self.tables.missing_of(log.number)? {
                if let Some(entry) = self.tables.entry(log.number, seq)?
                    && elder_of(&entry) == Some(elder)
                {
                    missing.insert(entry.header.hash(), (log.number, entry));
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let mut found: Vec<(EntryHash, Vec<u8>)> = Vec::new();
        for log in self.tables.logs_in(self.area)? {
            let Some(grant) = self.authority.grant(&log.grant) else { continue };
            if !log.key.lane.carries_records() || !grant.rights.contains(Rights::CARRY) {
                continue;
            }
            self.tables.for_each_entry(log.number, |_, entry| {
                let entry = entry?;
                if elder_of(&entry) == Some(elder)
                    && let Some(Ok(originals)) = carried_by(self.authority, &log, &entry, grant)
                {
                    let bodies = originals.entries.into_iter();
                    found.extend(bodies.filter_map(|one| Some((one.header.hash(), one.body?))));
                }
                Ok(())
            })?;
        }
        for (hash, body) in found {
            // The same header, so the same body.
            if let Some((log, entry)) = missing.remove(&hash) {
                self.tables.put_entry(log, &Entry { body: Some(body), ..entry.clone() })?;
                self.tables.set_missing(log, entry.header.seq, false)?;
            }
        }
        Ok(())
    }

    /// Brings the index up to date.
    pub(super) fn index(&mut self, changed: Changed) -> Result<(), StoreError> {
        for ((scope, elder), parts) in changed {
            let parts: Vec<Part> = parts.into_iter().collect();
            index::update(self.tables, &self.secret, scope, elder, &parts, &self.in_hand)?;
            // Whoever holds both scopes looks after files that have moved or are about to.
            if self.tables.moved_to(elder)?.is_some()
                || !self.tables.transfers_of(elder)?.is_empty()
            {
                self.moved.insert(elder);
            }
        }
        Ok(())
    }
}

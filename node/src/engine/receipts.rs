//! Receipts that the engine writes by itself ([`crate::custody`]).

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::{Area, DivisionCode};

use super::memory::Doing;
use super::{CaptureError, Engine};
use crate::custody::{self, Receipt};
use crate::log::run::RunEntry;
use crate::log::{Kind, Lane, LogKey};
use crate::store::{StoreError, StoreRead};
use crate::sync::Now;

impl Engine {
    /// When the next receipt is due.
    pub(super) fn receipt_deadline_ms(&self) -> Option<u64> {
        let writes = self.heads_confirmed() && !self.is_revoked();
        writes.then(|| self.dues.deadline_ms()).flatten()
    }

    /// Notes that others' records have come in.
    pub(super) fn note_dues<'a>(&mut self, now: Now, logs: impl Iterator<Item = &'a LogKey>) {
        for log in logs {
            if log.lane.carries_records()
                && log.device != self.device()
                && custody::may_confirm(&self.authority, &self.grant, log.scope).is_ok()
            {
                let is_waited_for = self.is_waited_for(log.scope);
                self.dues.came(now.monotonic_ms, log.scope, is_waited_for);
            }
        }
    }

    /// Whether a peer is connected that a receipt of a scope is for.
    fn is_waited_for(&self, scope: DivisionCode) -> bool {
        let grants = |peer| self.authority.standing_grants_of(peer);
        self.mesh
            .peers()
            .flat_map(grants)
            .any(|(_, grant)| self.is_confirmed_at_once(grant.area) && grant.area.touches(scope))
    }

    /// Whether what a peer of an area brings is confirmed at once: it is below us, or beside us at the
    /// top, above which nobody confirms anything. What another of the same place brings it has confirmed
    /// itself.
    fn is_confirmed_at_once(&self, area: Area) -> bool {
        let top = self.authority.grant(&self.authority.mesh()).map(|root| root.area);
        self.area().contains_area(area) && (area != self.area() || top == Some(area))
    }

    /// Notes what earlier processes owed, which may not have had their ten minutes either; once, before
    /// anything that comes to this one is taken in.
    pub(super) fn note_old_dues(&mut self, now: Now) -> Result<(), StoreError> {
        if !self.dues.begin() {
            return Ok(());
        }
        let (device, incarnation) = (self.device(), self.incarnation());
        let snapshot = self.store.read()?;
        for (scope, _) in snapshot.scopes_in(self.area())? {
            if custody::may_confirm(&self.authority, &self.grant, scope).is_ok()
                && !custody::owed(&snapshot, scope, device, incarnation)?.is_empty()
            {
                self.dues.came(now.monotonic_ms, scope, true);
            }
        }
        Ok(())
    }

    /// Writes the receipts that are due.
    pub(super) fn confirm(&mut self, now: Now) -> Result<(), StoreError> {
        if !self.heads_confirmed() || self.is_revoked() {
            return Ok(());
        }
        self.note_old_dues(now)?;
        for peer in self.dues.take_met() {
            for (_, grant) in self.authority.grants_of(peer) {
                if self.is_confirmed_at_once(grant.area) {
                    self.dues.hasten(now.monotonic_ms, grant.area);
                }
            }
        }
        let scopes = self.dues.take(now.monotonic_ms);
        if scopes.is_empty() {
            return Ok(());
        }
        let (device, incarnation) = (self.device(), self.incarnation());
        let snapshot = self.store.read()?;
        if self.authority.update_needed() {
            scopes.iter().for_each(|scope| self.dues.postpone(now.monotonic_ms, *scope));
            return Ok(());
        }
        let mut fresh: BTreeMap<LogKey, Vec<RunEntry>> = BTreeMap::new();
        for scope in scopes {
            let owed = custody::owed(&snapshot, scope, device, incarnation)?;
            let entry = |receipt: &Receipt| {
                RunEntry::new(Kind::Receipt, None, receipt.encode(), now.wall_ms)
            };
            if !owed.is_empty() {
                let log = self.log_key(scope, Lane::Notice);
                fresh.insert(log, owed.iter().map(entry).collect());
            }
        }
        self.write_receipts(now, fresh)
    }

    /// Writes receipts in one commit; where that is refused, each scope's by itself, so that what is
    /// wrong with one does not hold up the others.
    fn write_receipts(
        &mut self,
        now: Now,
        fresh: BTreeMap<LogKey, Vec<RunEntry>>,
    ) -> Result<(), StoreError> {
        let scopes: Vec<DivisionCode> = fresh.keys().map(|log| log.scope).collect();
        match self.write(now, fresh.clone(), Doing::OfItself) {
            Ok(_) => scopes.iter().for_each(|scope| self.dues.wrote(now.monotonic_ms, *scope)),
            Err(CaptureError::Store(error)) => return Err(error),
            Err(_) if scopes.len() > 1 => {
                for one in fresh {
                    self.write_receipts(now, BTreeMap::from([one]))?;
                }
            }
            // Nobody asked for it, so custody just stays as low as it is.
            Err(error) => {
                tracing::warn!(%error, "a receipt was not written");
                scopes.iter().for_each(|scope| self.dues.postpone(now.monotonic_ms, *scope));
            }
        }
        Ok(())
    }
}

//! What this device states about who may do what: grants, revocations, adoptions; and how it takes
//! up a new grant when its own has been replaced.

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::parts::DocumentId;

use super::memory::Doing;
use super::{CaptureError, Engine};
use crate::authority::{Cut, Revocation, RevocationReason};
use crate::counting::lane_of;
use crate::gathered::{Cache, Coverage, within};
use crate::identity::DeviceKeys;
use crate::identity::grant::{Grant, GrantId, SignedGrant};
use crate::limits::{ADOPTED_ENTRIES_MAX, REVOCATION_APART_MAX, REVOCATION_CUTS_MAX};
use crate::log::run::RunEntry;
use crate::log::{Adoption, EntryPlace, Incarnation, Kind, Lane, LogKey};
use crate::setup;
use crate::store::{StoreError, StoreRead};
use crate::sync::Now;

/// What a revocation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeReport {
    /// The grant that is revoked.
    pub grant: Grant,
    /// Logs of it that are cut, and so count up to what this node holds.
    pub logs: u64,
    /// Entries that were written.
    pub entries: u64,
}

impl Engine {
    /// Issues a grant: one entry in the issuer's `Authority` log of the subject's scope. The issuer
    /// is this device, or the root whose keys are given. The grants whose place it takes are revoked
    /// in the same transaction.
    pub fn issue(
        &mut self,
        now: Now,
        grant: Grant,
        replaced: &[GrantId],
        root: Option<&DeviceKeys>,
    ) -> Result<SignedGrant, CaptureError> {
        self.settle(now)?;
        for id in replaced {
            self.check_revocation(*id, root)?;
        }
        let (keys, by, incarnation) = self.signer(root)?;
        if let Some(issuer) = self.authority.grant(&by) {
            grant.check_within(issuer)?;
        }
        let log = LogKey {
            scope: grant.area.0,
            lane: Lane::Authority,
            device: keys.device(),
            incarnation,
        };
        let signed = grant.sign(&keys);
        let entry = RunEntry::new(Kind::Grant, None, signed.encode(), now.wall_ms);
        let mut fresh = BTreeMap::from([(log, vec![entry])]);
        for id in replaced {
            self.write_revocation(now, *id, RevocationReason::RoleChanged, &log, &mut fresh)?;
        }
        self.write_as(now, fresh, &keys, by, Doing::Person)?;
        Ok(signed)
    }

    /// Revokes a grant: what this node holds of its logs by now still counts, and nothing after it.
    /// The sessions with its device end. Written in each scope in which the grant has logs.
    pub fn revoke(
        &mut self,
        now: Now,
        id: GrantId,
        reason: RevocationReason,
        root: Option<&DeviceKeys>,
    ) -> Result<RevokeReport, CaptureError> {
        self.settle(now)?;
        let grant = self.check_revocation(id, root)?;
        let (keys, by, incarnation) = self.signer(root)?;
        let own = LogKey {
            scope: grant.area.0,
            lane: Lane::Authority,
            device: keys.device(),
            incarnation,
        };
        let mut fresh = BTreeMap::new();
        let logs = self.write_revocation(now, id, reason, &own, &mut fresh)?;
        let entries = self.write_as(now, fresh, &keys, by, Doing::Person)?;
        Ok(RevokeReport { grant, logs, entries })
    }

    /// The entries of a revocation: one or more in each scope in which the grant has logs, in logs
    /// like `own`. Returns how many logs are cut.
    fn write_revocation(
        &self,
        now: Now,
        id: GrantId,
        reason: RevocationReason,
        own: &LogKey,
        fresh: &mut BTreeMap<LogKey, Vec<RunEntry>>,
    ) -> Result<u64, CaptureError> {
        let grant = self.authority.grant(&id).ok_or(CaptureError::Revocation("revoke_unknown"))?;
        let snapshot = self.store.read()?;
        let mut cuts: BTreeMap<DivisionCode, Vec<Cut>> = BTreeMap::new();
        cuts.entry(grant.area.0).or_default();
        for log in snapshot.logs_in(grant.area)?.into_iter().filter(|log| log.grant == id) {
            if let Some(head) = snapshot.head_of(log.number)? {
                cuts.entry(log.key.scope).or_default().push(Cut {
                    lane: log.key.lane,
                    incarnation: log.key.incarnation,
                    seq: head.seq,
                    hash: head.hash,
                });
            }
        }
        let logs = cuts.values().map(|cuts| cuts.len() as u64).sum();
        let scopes: Vec<DivisionCode> = cuts.keys().copied().collect();
        for (scope, cuts) in cuts {
            let apart = outermost_inside(scope, &scopes);
            let log = LogKey { scope, ..*own };
            let empty = [&[][..]];
            let chunks: Vec<&[Cut]> = match cuts.is_empty() {
                true => empty.to_vec(),
                false => cuts.chunks(REVOCATION_CUTS_MAX).collect(),
            };
            for chunk in chunks {
                let body =
                    Revocation { grant: id, reason, cuts: chunk.to_vec(), apart: apart.clone() }
                        .encode();
                let entry = RunEntry::new(Kind::Revoke, None, body, now.wall_ms);
                fresh.entry(log).or_default().push(entry);
            }
        }
        Ok(logs)
    }

    /// Whether [`Engine::revoke`] would revoke a grant: it, or why not.
    pub fn check_revocation(
        &mut self,
        id: GrantId,
        root: Option<&DeviceKeys>,
    ) -> Result<Grant, CaptureError> {
        let (_, by, _) = self.signer(root)?;
        self.authority.may_revoke(&by, &id).map_err(CaptureError::Revocation)?;
        let depth = self.authority.grant(&by).map_or(u8::MAX, |grant| grant.depth);
        if self.authority.revocation(&id).is_some_and(|revoked| revoked.depth <= depth) {
            return Err(CaptureError::Revocation("revoke_again"));
        }
        let grant = self.authority.grant(&id).cloned();
        let grant = grant.ok_or(CaptureError::Revocation("revoke_unknown"))?;
        // What is not held here could not be named as what still counts: a township that revoked its
        // county would undo every grant of the townships beside it.
        match self.area().contains_area(grant.area) {
            true => Ok(grant),
            false => Err(CaptureError::Revocation("revoke_blind")),
        }
    }

    /// Vouches for entries that a revocation has put into quarantine, and with them for the
    /// ancestors that they bring in. All stand in one scope. Returns how many entries were written.
    pub fn adopt(
        &mut self,
        now: Now,
        scope: DivisionCode,
        originals: BTreeMap<DocumentId, Vec<EntryPlace>>,
    ) -> Result<u64, CaptureError> {
        self.settle(now)?;
        self.vouch(now, scope, originals, Doing::Person)
    }

    fn vouch(
        &mut self,
        now: Now,
        scope: DivisionCode,
        originals: BTreeMap<DocumentId, Vec<EntryPlace>>,
        doing: Doing,
    ) -> Result<u64, CaptureError> {
        let mut fresh: BTreeMap<LogKey, Vec<RunEntry>> = BTreeMap::new();
        for (document, places) in originals {
            let log = self.log_key(scope, lane_of(&document));
            for chunk in places.chunks(ADOPTED_ENTRIES_MAX) {
                let body = Adoption { originals: chunk.to_vec() }.encode();
                let entry = RunEntry::new(Kind::Adopt, Some(document), body, now.wall_ms);
                fresh.entry(log).or_default().push(entry);
            }
        }
        self.write(now, fresh, doing)
    }

    /// Who signs: this device, or the root. The root's logs are begun anew each time: nobody who
    /// holds its key on paper knows where they ended.
    pub(super) fn signer(
        &mut self,
        root: Option<&DeviceKeys>,
    ) -> Result<(DeviceKeys, GrantId, Incarnation), CaptureError> {
        let Some(root) = root else {
            if !self.authority.stands(&self.own_grant) {
                return Err(CaptureError::Revoked);
            }
            return Ok((self.keys.clone(), self.own_grant, self.incarnation()));
        };
        let mesh = self.authority.mesh();
        if self.authority.grant(&mesh).is_none_or(|grant| grant.subject != root.device()) {
            return Err(CaptureError::OtherRoot);
        }
        let incarnation = Incarnation { number: 0, nonce: self.entropy.bytes() };
        Ok((root.clone(), mesh, incarnation))
    }

    /// Takes up the grant that has taken the place of this device's own, in a new incarnation, and
    /// publishes again what the new one allows of what the revocation cut off. A grant for another
    /// area is not taken up: its records are not these.
    pub(super) fn take_up_grant(&mut self, now: Now) -> Result<(), StoreError> {
        if self.authority.stands(&self.own_grant) {
            return if self.publish_due { self.publish_again(now) } else { Ok(()) };
        }
        let successor = self
            .authority
            .standing_grants_of(self.device())
            .filter(|(_, grant)| grant.area.contains_area(self.grant.area))
            .max_by_key(|(_, grant)| grant.serial)
            .map(|(id, grant)| (*id, grant.clone()));
        let Some((id, grant)) = successor else { return Ok(()) };
        self.lineage.under(&self.store, &mut self.entropy, id)?;
        (self.own_grant, self.grant, self.publish_due) = (id, grant, true);
        self.publish_again(now)
    }

    fn publish_again(&mut self, now: Now) -> Result<(), StoreError> {
        let (snapshot, device) = (self.store.read()?, self.device());
        let mut erased = Cache::default();
        let mut cut_off: BTreeMap<DivisionCode, BTreeMap<DocumentId, Vec<EntryPlace>>> =
            BTreeMap::new();
        for log in snapshot.logs_in(self.area())? {
            if log.key.device != device || log.grant == self.own_grant {
                continue;
            }
            let reach = self.authority.reach(&log.grant, &log.key);
            snapshot.for_each_entry(log.number, |seq, entry| {
                let entry = entry?;
                let document = entry.header.document.id().filter(|document| {
                    let log = self.log_key(log.key.scope, lane_of(document));
                    crate::counting::allowed(&log, Some(*document), &self.grant).is_ok()
                });
                if let (Kind::Change, Some(document)) = (entry.header.kind, document)
                    && !within(&snapshot, &log, seq, &reach)?
                    // Nothing counts for a file that is erased.
                    && erased.coverage(&snapshot, &self.authority, &log, &entry)?
                        == Coverage::Untouched
                {
                    let place = EntryPlace { log: log.key, seq, hash: entry.header.hash() };
                    let documents = cut_off.entry(log.key.scope).or_default();
                    documents.entry(document).or_default().push(place);
                }
                Ok(())
            })?;
        }
        // Each adoption settles, and settling comes here while this is set.
        self.publish_due = false;
        for (scope, documents) in cut_off {
            for (document, places) in documents {
                let places = BTreeMap::from([(document, places)]);
                match self.vouch(now, scope, places, Doing::OfItself) {
                    Ok(_) => {}
                    Err(CaptureError::Store(error)) => return Err(error),
                    // It stays in quarantine, where it is listed.
                    Err(error) => tracing::warn!(%error, %scope, "own entries stay in quarantine"),
                }
            }
        }
        self.set_meta(setup::PUBLISH_DUE, b"")
    }

    /// Whether this device may act: its grant stands.
    pub fn is_revoked(&self) -> bool {
        !self.authority.stands(&self.own_grant)
    }
}

/// The scopes that lie inside one, and not inside another of them.
fn outermost_inside(scope: DivisionCode, scopes: &[DivisionCode]) -> Vec<DivisionCode> {
    let inside =
        |outer: DivisionCode, inner: DivisionCode| outer != inner && Area(outer).contains(inner);
    let within = || scopes.iter().copied().filter(|inner| inside(scope, *inner));
    within()
        .filter(|inner| !within().any(|between| inside(between, *inner)))
        .take(REVOCATION_APART_MAX)
        .collect()
}

//! What the erasures of an elder's file come to: a pure function of the stored `Erase` entries and
//! of how far their logs count, whatever order they came in.
//!
//! One signature that counts hides what it covers; a second one, by another device, that confirms
//! the first removes the bodies. Entries for the elder that no signature covers are late edits. A purge
//! that counts removes what it covers as well, and makes nothing late.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;

use super::{Moved, within};
use crate::authority::Authority;
use crate::erasure::{Covered, Erasure};
use crate::identity::DeviceId;
use crate::identity::grant::{Grant, Rights};
use crate::log::{Entry, EntryHash, EntryPlace, Lane, LogKey};
use crate::store::erasures::ErasureRead;
use crate::store::rows::{LogRow, Unsettled};
use crate::store::{ChainRead, StoreError};

/// The erasures of one elder in one scope, decided.
#[derive(Clone, Debug, Default)]
pub struct Erased {
    signatures: Vec<EraseSignature>,
    /// Log → where coverage ends, and whether it is signed twice.
    covered: BTreeMap<LogKey, BTreeSet<(u64, EntryHash, bool)>>,
    /// Log → where the coverage of purges ends.
    purged: BTreeMap<LogKey, BTreeSet<(u64, EntryHash)>>,
}

/// One `Erase` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EraseSignature {
    /// Where it stands.
    pub place: EntryPlace,
    /// The log.
    pub log: LogRow,
    /// The author's clock, ms since 1970; for display.
    pub written_at_ms: i64,
    /// What it says.
    pub erasure: Erasure,
    /// Why it does not count, if so.
    pub standing: Option<Unsettled>,
    /// Of a first signature that counts: the devices whose second one counts.
    pub confirmed_by: BTreeSet<DeviceId>,
}

/// What erasures make of an entry for a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Nothing: its elder's file is not erased.
    Untouched,
    /// The file is erased, and nobody who erased it had seen this entry.
    Late,
    /// Left out of documents; the body stays.
    Hidden,
    /// Left out of documents; the body goes.
    Removed,
}

impl Erased {
    /// Reads and decides the erasures of an elder's file.
    pub fn of(
        tables: &impl ChainRead,
        authority: &Authority,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<Self, StoreError> {
        let mut signatures = Vec::new();
        for (number, seq) in tables.erasures_of(scope, elder)? {
            let Some(log) = tables.log_by_number(number)? else { continue };
            let Some(entry) = tables.entry(number, seq)? else { continue };
            let Some(grant) = authority.grant(&log.grant) else { continue };
            let Ok(erasure) = read(&log, &entry, grant) else { continue };
            let reach = authority.reach(&log.grant, &log.key);
            let counts = within(tables, &log, seq, &reach)?;
            signatures.push(EraseSignature {
                place: EntryPlace { log: log.key, seq, hash: entry.header.hash() },
                log,
                written_at_ms: entry.header.written_at_ms,
                erasure,
                standing: (!counts).then_some(Unsettled::Quarantined),
                confirmed_by: BTreeSet::new(),
            });
        }
        let mut erased = Self::decided(scope, signatures);
        for purge in Moved::of(tables, authority, elder)?.purges_in(scope) {
            for end in &purge.said.coverage {
                erased.purged.entry(end.log(scope)).or_default().insert((end.seq, end.hash));
            }
        }
        Ok(erased)
    }

    fn decided(scope: DivisionCode, mut signatures: Vec<EraseSignature>) -> Self {
        signatures.sort_by_key(|signature| signature.place);
        let firsts: BTreeMap<EntryHash, DeviceId> = signatures
            .iter()
            .filter(|signature| signature.standing.is_none())
            .filter(|signature| signature.erasure.confirms.is_none())
            .map(|first| (first.place.hash, first.place.log.device))
            .collect();
        let mut confirmed: BTreeMap<EntryHash, BTreeSet<_>> = BTreeMap::new();
        for signature in &mut signatures {
            let Some(first) = signature.erasure.confirms else { continue };
            if signature.standing.is_some() {
                continue;
            }
            let device = signature.place.log.device;
            match firsts.get(&first) {
                // The first one may still come, or count again.
                None => signature.standing = Some(Unsettled::Pending),
                Some(by) if *by == device => {
                    signature.standing = Some(Unsettled::NotAllowed("erase_same_device".into()));
                }
                Some(_) => drop(confirmed.entry(first).or_default().insert(device)),
            }
        }
        let mut covered: BTreeMap<LogKey, BTreeSet<_>> = BTreeMap::new();
        for first in &mut signatures {
            if !firsts.contains_key(&first.place.hash) {
                continue;
            }
            first.confirmed_by = confirmed.remove(&first.place.hash).unwrap_or_default();
            let twice = !first.confirmed_by.is_empty();
            for end in &first.erasure.coverage {
                covered.entry(end.log(scope)).or_default().insert((end.seq, end.hash, twice));
            }
        }
        Self { signatures, covered, purged: BTreeMap::new() }
    }

    /// Every `Erase` entry for the elder that stands where it belongs.
    pub fn signatures(&self) -> &[EraseSignature] {
        &self.signatures
    }

    /// The first signatures that count.
    pub fn firsts(&self) -> impl Iterator<Item = &EraseSignature> {
        self.signatures
            .iter()
            .filter(|one| one.standing.is_none() && one.erasure.confirms.is_none())
    }

    /// Whether anybody's signature counts.
    pub fn counts(&self) -> bool {
        self.firsts().next().is_some()
    }

    /// Whether coverage ends at this entry of a log: once it is here, more may be known.
    pub fn ends_at(&self, log: &LogKey, seq: u64, hash: EntryHash) -> bool {
        let of_log = self.covered.get(log).into_iter().flatten();
        let purged = self.purged.get(log).is_some_and(|ends| ends.contains(&(seq, hash)));
        purged || of_log.into_iter().any(|(end, end_hash, _)| (*end, *end_hash) == (seq, hash))
    }

    /// What becomes of an entry for the elder that stands in this chain of a log. What ends coverage
    /// and is not here, or is no entry for the elder, says nothing of branches: every entry up to its
    /// number is hidden, and no body goes.
    pub fn coverage(
        &self,
        tables: &impl ChainRead,
        log: &LogRow,
        entry: &Entry,
    ) -> Result<Coverage, StoreError> {
        if self.is_purged(tables, log, entry)? {
            return Ok(Coverage::Removed);
        }
        if !self.counts() {
            return Ok(Coverage::Untouched);
        }
        let seq = entry.header.seq;
        let mut found = Coverage::Late;
        for (end, hash, twice) in self.covered.get(&log.key).into_iter().flatten() {
            if seq > *end {
                continue;
            }
            match reaches(tables, log, entry, (*end, hash))? {
                Some(true) if *twice => return Ok(Coverage::Removed),
                Some(true) | None => found = Coverage::Hidden,
                Some(false) => {}
            }
        }
        Ok(found)
    }

    /// Whether a purge that counts covers an entry. Offers and their answers are never purged: they say
    /// who gave the duty up, and who took it. What ends the coverage and is not here says nothing yet.
    fn is_purged(
        &self,
        tables: &impl ChainRead,
        log: &LogRow,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let document = entry.header.document.id();
        if matches!(document, Some(DocumentId::Elder { part: Part::Transfer(_), .. })) {
            return Ok(false);
        }
        for (end, hash) in self.purged.get(&log.key).into_iter().flatten() {
            if entry.header.seq <= *end && reaches(tables, log, entry, (*end, hash))? == Some(true)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether an entry of a chain is `end`, or an ancestor of it; None where `end` is not here as an
/// entry for the same elder.
fn reaches(
    tables: &impl ChainRead,
    log: &LogRow,
    entry: &Entry,
    end: (u64, &EntryHash),
) -> Result<Option<bool>, StoreError> {
    let (seq, (end_seq, hash)) = (entry.header.seq, end);
    if seq == end_seq && entry.header.hash() == *hash {
        return Ok(Some(true));
    }
    let Some(holder) = tables.find_chain(&log.key, end_seq, hash)? else { return Ok(None) };
    let last = tables.entry(holder.number, end_seq)?;
    if last.as_ref().and_then(elder_of) != elder_of(entry) {
        return Ok(None);
    }
    tables.reaches(log, seq, end)
}

/// What an entry of kind `Erase` says, if it stands where it belongs and its log's grant allows it.
pub fn read(log: &LogRow, entry: &Entry, grant: &Grant) -> Result<Erasure, Unsettled> {
    let refused = |why: &str| Err(Unsettled::NotAllowed(why.to_owned()));
    if log.key.lane != Lane::Routine {
        return refused("erase_lane");
    }
    if !entry.header.document.is_empty() {
        return refused("erase_document");
    }
    if !grant.rights.contains(Rights::ERASE) {
        return refused("erase_right");
    }
    if !grant.area.contains(log.key.scope) {
        return refused("erase_area");
    }
    let body = entry.body.as_deref().unwrap_or_default();
    Erasure::from_bytes(body).map_err(|_| Unsettled::NotAllowed("erase_form".into()))
}

/// What covers every entry of an elder that is here: by log, the last one.
pub fn cover(
    tables: &impl ChainRead,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<Vec<Covered>, StoreError> {
    let mut coverage = Vec::new();
    for log in tables.logs_of(scope)? {
        if !log.key.lane.carries_records() {
            continue;
        }
        let mut last = None;
        tables.for_each_entry(log.number, |seq, entry| {
            let entry = entry?;
            if elder_of(&entry) == Some(elder) {
                last = Some((seq, entry.header.hash()));
            }
            Ok(())
        })?;
        coverage.extend(last.map(|(seq, hash)| Covered::upto(&log.key, seq, hash)));
    }
    Ok(coverage)
}

/// Whose file an `Erase` entry speaks of, if it reads.
pub fn erased_elder(entry: &Entry) -> Option<ElderId> {
    Erasure::from_bytes(entry.body.as_deref()?).ok().map(|erasure| erasure.elder)
}

/// Whose file an entry is for, if it is one that an erasure can cover.
pub fn elder_of(entry: &Entry) -> Option<ElderId> {
    use crate::log::Kind;
    matches!(entry.header.kind, Kind::Change | Kind::Adopt)
        .then(|| entry.header.document.id()?.elder_id())
        .flatten()
}

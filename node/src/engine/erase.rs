//! Erasing an elder's file: the first signature, or the second.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::ElderId;

use super::memory::Doing;
use super::{CaptureError, Engine};
use crate::erasure::{Erasure, ErasureReason};
use crate::gathered::erased::{cover, elder_of};
use crate::gathered::{Coverage, Erased};
use crate::identity::DeviceKeys;
use crate::identity::grant::{GrantId, Rights};
use crate::limits::ERASURE_LOGS_MAX;
use crate::log::run::RunEntry;
use crate::log::{EntryHash, Kind, Lane, LogKey};
use crate::store::erasures::ErasureRead;
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// How the erasure of a file stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EraseReport {
    /// Devices whose signatures count for what is covered: 1 hides, 2 remove. The fewest over all
    /// that is covered.
    pub signatures: u8,
    /// Entries whose bodies are gone.
    pub removed: u64,
    /// Entries that are covered, their bodies gone or not.
    pub covered: u64,
    /// Entries for the file that no erasure covers.
    pub late: u64,
}

/// A file that somebody has signed to erase.
#[derive(Clone, Debug)]
pub struct ErasedFile {
    /// The scope.
    pub scope: DivisionCode,
    /// Whose file.
    pub elder: ElderId,
    /// The signatures.
    pub erased: Erased,
    /// How it stands.
    pub report: EraseReport,
}

/// What one more signature is to be.
enum Next {
    /// A first one.
    First,
    /// The second for these.
    Second(Vec<EntryHash>),
}

impl Engine {
    /// Erases an elder's file: writes the second signature where a first one by another device
    /// waits for it, else the first. The signer is this device, or the root whose keys are given.
    pub fn erase(
        &mut self,
        now: Now,
        scope: DivisionCode,
        elder: ElderId,
        reason: ErasureReason,
        root: Option<&DeviceKeys>,
    ) -> Result<EraseReport, CaptureError> {
        self.settle(now)?;
        let (keys, by, incarnation) = self.signer(root)?;
        self.may_erase(&by, scope)?;
        let snapshot = self.store.read()?;
        let bodies: Vec<Erasure> = match self.next_signature(&snapshot, scope, elder, &keys)? {
            Next::Second(firsts) => firsts
                .into_iter()
                .map(|first| Erasure { elder, reason, confirms: Some(first), coverage: Vec::new() })
                .collect(),
            Next::First => cover(&snapshot, scope, elder)?
                .chunks(ERASURE_LOGS_MAX)
                .map(|chunk| Erasure { elder, reason, confirms: None, coverage: chunk.to_vec() })
                .collect(),
        };
        let log = LogKey { scope, lane: Lane::Routine, device: keys.device(), incarnation };
        let entries = bodies
            .into_iter()
            .map(|body| RunEntry::new(Kind::Erase, None, body.encode(), now.wall_ms))
            .collect();
        self.write_as(now, BTreeMap::from([(log, entries)]), &keys, by, Doing::Person)?;
        self.erasure(scope, elder)
    }

    /// How the erasure of a file stands here.
    pub fn erasure(
        &self,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<EraseReport, CaptureError> {
        let snapshot = self.store.read()?;
        let erased = Erased::of(&snapshot, &self.authority, scope, elder)?;
        let reports = reports(&snapshot, scope, &BTreeMap::from([(elder, erased)]))?;
        Ok(reports.get(&elder).copied().unwrap_or_default())
    }

    /// Every file of this area that anybody has signed to erase, and how that stands.
    pub fn erasures(&self) -> Result<Vec<ErasedFile>, StoreError> {
        let snapshot = self.store.read()?;
        let mut by_scope: BTreeMap<DivisionCode, BTreeMap<ElderId, Erased>> = BTreeMap::new();
        for (scope, elder, ..) in snapshot.erasures_all()? {
            let elders = by_scope.entry(scope).or_default();
            if let Entry::Vacant(place) = elders.entry(elder) {
                place.insert(Erased::of(&snapshot, &self.authority, scope, elder)?);
            }
        }
        let mut files = Vec::new();
        for (scope, erased) in by_scope {
            let reports = reports(&snapshot, scope, &erased)?;
            files.extend(erased.into_iter().map(|(elder, erased)| ErasedFile {
                scope,
                elder,
                report: reports.get(&elder).copied().unwrap_or_default(),
                erased,
            }));
        }
        Ok(files)
    }

    /// What [`Engine::erase`] would come to; nothing is written.
    pub fn would_erase(
        &mut self,
        now: Now,
        scope: DivisionCode,
        elder: ElderId,
        root: Option<&DeviceKeys>,
    ) -> Result<EraseReport, CaptureError> {
        self.settle(now)?;
        let (keys, by, _) = self.signer(root)?;
        self.may_erase(&by, scope)?;
        let report = self.erasure(scope, elder)?;
        Ok(match self.next_signature(&self.store.read()?, scope, elder, &keys)? {
            Next::First => EraseReport {
                signatures: 1,
                covered: report.covered + report.late,
                late: 0,
                ..report
            },
            Next::Second(_) => EraseReport { signatures: 2, removed: report.covered, ..report },
        })
    }

    fn may_erase(&self, by: &GrantId, scope: DivisionCode) -> Result<(), CaptureError> {
        let allowed = self.authority.grant(by).is_some_and(|grant| {
            grant.rights.contains(Rights::ERASE) && grant.area.contains(scope)
        });
        if allowed { Ok(()) } else { Err(CaptureError::Erasure("erase_right")) }
    }

    /// What the next signature by a device would be.
    fn next_signature(
        &self,
        snapshot: &Snapshot,
        scope: DivisionCode,
        elder: ElderId,
        keys: &DeviceKeys,
    ) -> Result<Next, CaptureError> {
        let erased = Erased::of(snapshot, &self.authority, scope, elder)?;
        let waiting: Vec<_> =
            erased.firsts().filter(|first| first.confirmed_by.is_empty()).collect();
        let others: BTreeSet<_> = waiting
            .iter()
            .filter(|first| first.place.log.device != keys.device())
            .map(|first| first.place.hash)
            .collect();
        if !others.is_empty() {
            return Ok(Next::Second(others.into_iter().collect()));
        }
        if !waiting.is_empty() {
            return Err(CaptureError::Erasure("erase_again"));
        }
        let report = self.erasure(scope, elder)?;
        match (report.covered, report.late) {
            (0, 0) => Err(CaptureError::Erasure("erase_nothing")),
            (_, 0) => Err(CaptureError::Erasure("erase_done")),
            _ => Ok(Next::First),
        }
    }
}

/// How the erasures of several files of a scope stand, in one reading of its logs.
fn reports(
    snapshot: &Snapshot,
    scope: DivisionCode,
    erased: &BTreeMap<ElderId, Erased>,
) -> Result<BTreeMap<ElderId, EraseReport>, StoreError> {
    let mut reports: BTreeMap<ElderId, EraseReport> = erased
        .iter()
        .map(|(elder, erased)| {
            let signatures = if erased.counts() { 2 } else { 0 };
            (*elder, EraseReport { signatures, ..EraseReport::default() })
        })
        .collect();
    for log in snapshot.logs_of(scope)? {
        if !log.key.lane.carries_records() {
            continue;
        }
        snapshot.for_each_entry(log.number, |_, entry| {
            let entry = entry?;
            let Some(elder) = elder_of(&entry) else { return Ok(()) };
            let (Some(erased), Some(report)) = (erased.get(&elder), reports.get_mut(&elder)) else {
                return Ok(());
            };
            match erased.coverage(snapshot, &log, &entry)? {
                // Of a file that nobody has erased every entry is still to be covered.
                Coverage::Untouched | Coverage::Late => report.late += 1,
                Coverage::Hidden => {
                    report.covered += 1;
                    report.signatures = 1;
                }
                Coverage::Removed => {
                    report.covered += 1;
                    report.removed += u64::from(entry.body.is_none());
                }
            }
            Ok(())
        })?;
    }
    Ok(reports)
}

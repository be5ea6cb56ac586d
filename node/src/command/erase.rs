//! Erasing an elder's file, and what was erased.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::ElderId;

use super::elder::find;
use super::revoke::read_root;
use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::engine::{CaptureError, Engine, ErasedFile};
use crate::erasure::ErasureReason;
use crate::gathered::erased::EraseSignature;
use crate::identity::DeviceId;
use crate::store::StoreRead;
use crate::store::erasures::ErasureRead;
use crate::store::moves::MovesRead;
use crate::sync::Now;

/// Signs that an elder's file is to be erased. One device's signature hides it; a second, by
/// another device with the right or by the root, removes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ElderErase {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// Why.
    pub reason: ErasureReason,
    /// The root's secret as `init` printed it, where the root signs instead of this device.
    pub root: Option<String>,
    /// Only says what would happen.
    pub dry_run: bool,
}

/// How an erasure stands now, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whose file.
    pub elder_id: ElderId,
    /// The scope.
    pub scope: DivisionCode,
    /// Whether it was only asked what would happen.
    pub dry_run: bool,
    /// 1: hidden, waiting for a second signature. 2: removed.
    pub signatures: u8,
    /// Entries whose bodies are gone.
    pub removed: u64,
    /// Entries that are covered.
    pub entries_covered: u64,
    /// Entries for the file that are not: they were written later, or elsewhere meanwhile.
    pub late: u64,
}

/// Asks for [`ErasuresReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErasureList {}

/// Every file that somebody has signed to erase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasuresReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// By scope and elder.
    pub erasures: Vec<ListedErasure>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedErasure {
    /// Whose file.
    pub elder_id: ElderId,
    /// The scope.
    pub scope: DivisionCode,
    /// 0: no signature counts. 1: hidden, waiting for a second one. 2: removed.
    pub signatures: u8,
    /// Entries whose bodies are gone.
    pub removed: u64,
    /// Entries that are covered.
    pub entries_covered: u64,
    /// Entries for the file that are not.
    pub late: u64,
    /// Who signed, in no order that means anything.
    pub signed: Vec<ErasureSigner>,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureSigner {
    /// The device.
    pub device: DeviceId,
    /// Its name.
    pub device_name: Option<String>,
    /// When (its clock, ms since 1970).
    pub written_at_ms: i64,
    /// Why.
    pub reason: ErasureReason,
    /// Whether it confirms another device's.
    pub confirms: bool,
    /// Why it does not count, if so.
    pub standing: Option<String>,
}

impl Request for ElderErase {
    const NAME: &'static str = "elder_erase";
    type Reply = ErasureReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ErasureReport, CommandError> {
        let root = self.root.as_deref().map(read_root).transpose()?;
        engine.settle(now)?;
        let (elder_id, scopes) = places(engine, &self.elder)?;
        let mut refused: Option<CommandError> = None;
        let mut found: Option<ErasureReport> = None;
        // A file that has moved may have left something in every place where it was.
        for scope in scopes {
            let signed = match self.dry_run {
                true => engine.would_erase(now, scope, elder_id, root.as_ref()),
                false => engine.erase(now, scope, elder_id, self.reason, root.as_ref()),
            };
            let report = match signed {
                Ok(report) => report,
                Err(CaptureError::Erasure(code)) if code != "erase_right" => {
                    refused.get_or_insert_with(|| CaptureError::Erasure(code).into());
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let sum = found.get_or_insert(ErasureReport {
                schema_version: JSON_SCHEMA_VERSION,
                elder_id,
                scope,
                dry_run: self.dry_run,
                signatures: report.signatures,
                removed: 0,
                entries_covered: 0,
                late: 0,
            });
            sum.signatures = sum.signatures.min(report.signatures);
            sum.removed += report.removed;
            sum.entries_covered += report.covered;
            sum.late += report.late;
        }
        let nothing = || CommandError::from(CaptureError::Erasure("erase_nothing"));
        found.ok_or_else(|| refused.unwrap_or_else(nothing))
    }
}

impl Request for ErasureList {
    const NAME: &'static str = "erasure_list";
    type Reply = ErasuresReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ErasuresReport, CommandError> {
        engine.settle(now)?;
        let erasures = engine.erasures()?.into_iter().map(|file| listed(engine, file)).collect();
        Ok(ErasuresReport { schema_version: JSON_SCHEMA_VERSION, erasures })
    }
}

fn listed(engine: &Engine, file: ErasedFile) -> ListedErasure {
    let signer = |signature: &EraseSignature| {
        let grant = engine.authority().grant(&signature.log.grant);
        ErasureSigner {
            device: signature.place.log.device,
            device_name: grant.map(|grant| grant.name.clone()),
            written_at_ms: signature.written_at_ms,
            reason: signature.erasure.reason,
            confirms: signature.erasure.confirms.is_some(),
            standing: signature.standing.as_ref().map(crate::store::rows::Unsettled::code),
        }
    };
    ListedErasure {
        elder_id: file.elder,
        scope: file.scope,
        signatures: file.report.signatures,
        removed: file.report.removed,
        entries_covered: file.report.covered,
        late: file.report.late,
        signed: file.erased.signatures().iter().map(signer).collect(),
    }
}

/// The one file whose id begins like this, and the scopes that have anything of it, the one that shows
/// it first: in the index, or hidden from it by an erasure, or left where it moved away from.
fn places(engine: &Engine, prefix: &str) -> Result<(ElderId, Vec<DivisionCode>), CommandError> {
    let (snapshot, area) = (engine.read()?, engine.area());
    let prefix = prefix.trim().to_ascii_lowercase();
    let shown = snapshot.elder_places(area)?.into_iter();
    let hidden = snapshot.erasures_all()?.into_iter().map(|(scope, elder, ..)| (scope, elder));
    let left = snapshot.elsewhere_in(area)?.into_iter().map(|(scope, elder, _)| (scope, elder));
    let meant = |(_, elder): &(DivisionCode, ElderId)| {
        !prefix.is_empty() && elder.to_string().starts_with(&prefix)
    };
    let all: Vec<(DivisionCode, ElderId)> = shown.chain(hidden).chain(left).filter(meant).collect();
    let elders: BTreeSet<ElderId> = all.iter().map(|(_, elder)| *elder).collect();
    match (all.first(), elders.len()) {
        (Some((_, elder)), 1) => {
            let mut scopes: Vec<DivisionCode> = Vec::new();
            for (scope, _) in &all {
                if !scopes.contains(scope) {
                    scopes.push(*scope);
                }
            }
            Ok((*elder, scopes))
        }
        _ => find(&snapshot, area, &prefix).map(|(scope, elder)| (elder, vec![scope])),
    }
}

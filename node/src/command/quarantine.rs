//! Entries that a revocation has cut off: what they are, and taking them back in.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::change::ParsedChange;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::record::ElderId;

use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::identity::DeviceId;
use crate::log::{EntryHash, EntryPlace, Kind, Lane};
use crate::store::rows::{DocumentKey, Unsettled, UnsettledRow};
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Asks for [`QuarantineReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuarantineList {
    /// Only within this area; None for the whole of ours.
    pub scope: Option<DivisionCode>,
}

/// Vouches for entries in quarantine, so that they count.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuarantineAdopt {
    /// The first digits of the hashes of the entries.
    pub entries: Vec<String>,
    /// All of a device: the first digits of its key.
    pub device: Option<String>,
    /// Only says what would be taken in.
    pub dry_run: bool,
}

/// What is in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The entries.
    pub entries: Vec<QuarantinedEntry>,
}

/// An entry that a revocation has cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedEntry {
    /// Its hash.
    pub entry: EntryHash,
    /// The scope.
    pub scope: DivisionCode,
    /// Its lane.
    pub lane: Lane,
    /// Its number in its log.
    pub seq: u64,
    /// Who wrote it.
    pub device: DeviceId,
    /// The writer's name.
    pub device_name: Option<String>,
    /// When, by the writer's clock.
    pub written_at_ms: i64,
    /// Whose file it is for.
    pub elder_id: Option<ElderId>,
    /// Which part of the file.
    pub part: Option<String>,
    /// Whether it counts all the same, because an honest change was built on it.
    pub vouched: bool,
    /// The kind of entry: `change`, `adopt`, `handover`, `grant`, `revoke`, `erase`,
    /// `purge`.
    pub kind: String,
}

/// What was taken in, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptionReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether it was only asked what would happen.
    pub dry_run: bool,
    /// The entries that are vouched for.
    pub adopted: Vec<QuarantinedEntry>,
    /// The entries that come in with them, because they build on them.
    pub ancestors: Vec<QuarantinedEntry>,
    /// Entries written.
    pub entries: u64,
}

struct Held {
    report: QuarantinedEntry,
    document: Option<DocumentId>,
    place: EntryPlace,
    change: Option<ParsedChange>,
}

impl Request for QuarantineList {
    const NAME: &'static str = "quarantine_list";
    type Reply = QuarantineReport;

    fn execute(self, engine: &mut Engine, _now: Now) -> Result<QuarantineReport, CommandError> {
        let area = self.scope.map_or(engine.area(), Area);
        let entries = held(engine, area)?.into_iter().map(|held| held.report).collect();
        Ok(QuarantineReport { schema_version: JSON_SCHEMA_VERSION, entries })
    }
}

impl Request for QuarantineAdopt {
    const NAME: &'static str = "quarantine_adopt";
    type Reply = AdoptionReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<AdoptionReport, CommandError> {
        let all = held(engine, engine.area())?;
        let chosen = self.chosen(&all)?;
        let ancestors = ancestors(&all, &chosen);
        let mut by_scope: BTreeMap<DivisionCode, BTreeMap<DocumentId, Vec<EntryPlace>>> =
            BTreeMap::new();
        for held in all.iter().filter(|held| chosen.contains(&held.report.entry)) {
            if let Some(document) = held.document {
                let documents = by_scope.entry(held.report.scope).or_default();
                documents.entry(document).or_default().push(held.place);
            }
        }
        let mut entries = 0;
        if !self.dry_run {
            for (scope, documents) in by_scope {
                entries += engine.adopt(now, scope, documents)?;
            }
        }
        let of = |hashes: &BTreeSet<EntryHash>| {
            let these = all.iter().filter(|held| hashes.contains(&held.report.entry));
            these.map(|held| held.report.clone()).collect()
        };
        Ok(AdoptionReport {
            schema_version: JSON_SCHEMA_VERSION,
            dry_run: self.dry_run,
            adopted: of(&chosen),
            ancestors: of(&ancestors),
            entries,
        })
    }
}

impl QuarantineAdopt {
    /// The changes that are meant. A grant or a revocation is not taken in: it is made again.
    fn chosen(&self, all: &[Held]) -> Result<BTreeSet<EntryHash>, CommandError> {
        let mut chosen = BTreeSet::new();
        for prefix in &self.entries {
            let prefix = prefix.trim().to_ascii_lowercase();
            let mut found = all.iter().filter(|held| {
                !prefix.is_empty() && held.report.entry.to_string().starts_with(&prefix)
            });
            let unknown = |code, message| {
                Err(CommandError::new(ErrorKind::NotFound, code, message).with("entry", &prefix))
            };
            match (found.next(), found.next()) {
                (None, _) => return unknown("quarantine_unknown", "nothing begins like this"),
                (Some(_), Some(_)) => {
                    return unknown("quarantine_ambiguous", "several entries begin like this");
                }
                (Some(held), None) if held.change.is_none() => {
                    return unknown("quarantine_no_change", "only changes of files are adopted");
                }
                (Some(held), None) => drop(chosen.insert(held.report.entry)),
            }
        }
        if let Some(prefix) = &self.device {
            let prefix = prefix.trim().to_ascii_lowercase();
            let of_device = all.iter().filter(|held| {
                !prefix.is_empty()
                    && held.change.is_some()
                    && held.report.device.to_string().starts_with(&prefix)
            });
            chosen.extend(of_device.map(|held| held.report.entry));
        }
        match chosen.is_empty() {
            true => Err(CommandError::new(
                ErrorKind::NotFound,
                "quarantine_empty",
                "nothing in quarantine is meant",
            )),
            false => Ok(chosen),
        }
    }
}

/// The entries in quarantine on which the chosen ones build, and that count because of them.
fn ancestors(all: &[Held], chosen: &BTreeSet<EntryHash>) -> BTreeSet<EntryHash> {
    let by_hash: BTreeMap<_, &Held> = all
        .iter()
        .filter_map(|held| held.change.as_ref().map(|change| (change.hash(), held)))
        .collect();
    let mut found = BTreeSet::new();
    let mut next: Vec<&Held> =
        all.iter().filter(|held| chosen.contains(&held.report.entry)).collect();
    while let Some(held) = next.pop() {
        for dep in held.change.iter().flat_map(|change| change.deps()) {
            if let Some(ancestor) = by_hash.get(dep).filter(|held| !held.report.vouched)
                && !chosen.contains(&ancestor.report.entry)
                && found.insert(ancestor.report.entry)
            {
                next.push(ancestor);
            }
        }
    }
    found
}

fn held(engine: &Engine, area: Area) -> Result<Vec<Held>, StoreError> {
    let snapshot = engine.read()?;
    let mut rows: Vec<(EntryHash, UnsettledRow, DocumentKey)> = Vec::new();
    snapshot.for_each_unsettled(|key, hash, row| {
        let row = row?;
        let cut_off = matches!(row.standing, Unsettled::Quarantined | Unsettled::Vouched);
        if cut_off && area.contains(key.scope) {
            rows.push((hash, row, key));
        }
        Ok(())
    })?;
    let mut all = Vec::new();
    for (hash, row, _) in rows {
        all.extend(read(engine, &snapshot, hash, &row)?);
    }
    all.sort_by_key(|held| (held.report.scope, held.report.device, held.report.written_at_ms));
    Ok(all)
}

fn read(
    engine: &Engine,
    snapshot: &Snapshot,
    hash: EntryHash,
    row: &UnsettledRow,
) -> Result<Option<Held>, StoreError> {
    let Some(log) = snapshot.log_by_number(row.log)? else { return Ok(None) };
    let Some(entry) = snapshot.entry(row.log, row.seq)? else { return Ok(None) };
    let document = entry.header.document.id();
    let part = match document {
        Some(DocumentId::Elder { part, .. }) => Some(part.to_string()),
        Some(DocumentId::Directory | DocumentId::Ruleset) | None => None,
    };
    let grant = engine.authority().grant(&log.grant);
    let kind = match entry.header.kind {
        Kind::Change => "change",
        Kind::Adopt => "adopt",
        Kind::Handover => "handover",
        Kind::Purge => "purge",
        Kind::Grant => "grant",
        Kind::Revoke => "revoke",
        Kind::Erase => "erase",
        Kind::Receipt | Kind::Other(_) => "other",
    };
    let change = (entry.header.kind == Kind::Change)
        .then(|| ParsedChange::parse(entry.body.as_deref()?).ok())
        .flatten();
    Ok(Some(Held {
        report: QuarantinedEntry {
            entry: hash,
            scope: log.key.scope,
            lane: log.key.lane,
            seq: row.seq,
            device: log.key.device,
            device_name: grant.map(|grant| grant.name.clone()),
            written_at_ms: entry.header.written_at_ms,
            elder_id: document.and_then(|document| document.elder_id()),
            part,
            vouched: row.standing == Unsettled::Vouched,
            kind: kind.to_owned(),
        },
        document,
        place: EntryPlace { log: log.key, seq: row.seq, hash },
        change,
    }))
}

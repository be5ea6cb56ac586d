//! The entries of documents as counting takes them: gathered from logs, each with its place.

use std::collections::{BTreeMap, BTreeSet};

use automerge::Automerge;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::record::ElderId;

use crate::authority::{Authority, Reach};
use crate::counting::{Candidate, Counted, allowed, count};
use crate::identity::grant::Grant;
use crate::log::{Adoption, Entry, EntryHash, Kind};
use crate::store::rows::{DocumentKey, DocumentRow, LogRow, Unsettled, UnsettledRow};
use crate::store::{ChainRead, StoreError};

pub mod erased;

pub use erased::{Coverage, Erased};

/// Entries by document.
pub type Found = BTreeMap<DocumentKey, Gathered>;

/// Everything that is stored of a document, whatever it comes to.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    changes: Vec<(UnsettledRow, Candidate)>,
    adoptions: Vec<(UnsettledRow, Adopting)>,
    late: Vec<(EntryHash, UnsettledRow)>,
}

/// An adoption as the rules see it.
#[derive(Clone, Debug)]
struct Adopting {
    entry: EntryHash,
    originals: Vec<EntryHash>,
    /// Why it does not count, if so.
    standing: Option<Unsettled>,
}

/// A document decided from all its entries: what it comes to, and where each entry is.
#[derive(Clone, Debug)]
pub struct Decided {
    /// What it comes to.
    pub counted: Counted,
    /// Every entry's place; its standing is in [`Counted::unsettled`].
    pub places: BTreeMap<EntryHash, UnsettledRow>,
}

impl Gathered {
    /// Takes in an entry of the document. Without its body, or covered by an erasure, it says
    /// nothing; a late edit is listed and no more.
    pub fn add(
        &mut self,
        log: &LogRow,
        entry: &Entry,
        grant: &Grant,
        within: bool,
        coverage: Coverage,
    ) {
        match coverage {
            Coverage::Untouched if entry.body.is_some() => {}
            Coverage::Late => return self.late.push((entry.header.hash(), late(log, entry))),
            Coverage::Untouched | Coverage::Hidden | Coverage::Removed => return,
        }
        match entry.header.kind {
            Kind::Change => self.changes.extend(candidate_of(log, entry, grant, within)),
            Kind::Adopt => self.adoptions.push((
                place(log, entry, None),
                Adopting { entry: entry.header.hash(), originals: Vec::new(), standing: None }
                    .judged(log, entry, grant, within),
            )),
            Kind::Grant | Kind::Revoke | Kind::Receipt | Kind::Erase | Kind::Other(_) => {}
        }
    }

    /// Decides the document.
    pub fn decide(mut self, key: &DocumentKey) -> Decided {
        let adopted: BTreeSet<EntryHash> = self
            .adoptions
            .iter()
            .filter(|(_, adopting)| adopting.standing.is_none())
            .flat_map(|(_, adopting)| adopting.originals.iter().copied())
            .collect();
        for (_, candidate) in &mut self.changes {
            candidate.adopted = adopted.contains(&candidate.entry);
        }
        let candidates: Vec<Candidate> =
            self.changes.iter().map(|(_, candidate)| candidate.clone()).collect();
        let mut counted = count(key, &candidates);
        let mut places: BTreeMap<EntryHash, UnsettledRow> =
            self.changes.into_iter().map(|(row, candidate)| (candidate.entry, row)).collect();
        for (row, adopting) in self.adoptions {
            counted.unsettled.extend(adopting.standing.map(|why| (adopting.entry, why)));
            places.insert(adopting.entry, row);
        }
        for (entry, row) in self.late {
            counted.unsettled.insert(entry, row.standing.clone());
            places.insert(entry, row);
        }
        Decided { counted, places }
    }
}

impl Adopting {
    fn judged(mut self, log: &LogRow, entry: &Entry, grant: &Grant, within: bool) -> Self {
        let not_allowed = |what: &str| Some(Unsettled::NotAllowed(what.to_owned()));
        self.standing = match Adoption::from_bytes(entry.body.as_deref().unwrap_or_default()) {
            Err(_) => not_allowed("adopt_form"),
            Ok(adoption) => {
                let scoped = adoption.originals.iter().all(|o| o.log.scope == log.key.scope);
                self.originals = adoption.originals.into_iter().map(|o| o.hash).collect();
                match allowed(&log.key, entry.header.document.id(), grant) {
                    Err(why) => Some(why),
                    Ok(()) if !scoped => not_allowed("adopt_scope"),
                    Ok(()) if !within => Some(Unsettled::Quarantined),
                    Ok(()) => None,
                }
            }
        };
        self
    }
}

/// Reads the logs of an area and gathers the entries of the documents that `found` has keys for.
pub fn collect(
    tables: &impl ChainRead,
    authority: &Authority,
    area: Area,
    found: &mut Found,
) -> Result<(), StoreError> {
    let mut erased = Cache::default();
    for log in tables.logs_in(area)? {
        let Some(grant) = authority.grant(&log.grant) else { continue };
        let reach = authority.reach(&log.grant, &log.key);
        tables.for_each_entry(log.number, |seq, entry| {
            let entry = entry?;
            let key = entry.header.document.id().map(|id| DocumentKey { scope: log.key.scope, id });
            if let Some(gathered) = key.and_then(|key| found.get_mut(&key)) {
                let coverage = erased.coverage(tables, authority, &log, &entry)?;
                let within = within(tables, &log, seq, &reach)?;
                gathered.add(&log, &entry, grant, within, coverage);
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Whether the entry of a log with this number lies within its reach. What ends the reach and is not
/// here says nothing of branches: every entry up to its number does.
pub fn within(
    tables: &impl ChainRead,
    log: &LogRow,
    seq: u64,
    reach: &Reach,
) -> Result<bool, StoreError> {
    let Reach::Upto(ends) = reach else { return Ok(true) };
    for (end, hash) in ends {
        if tables.reaches(log, seq, (*end, hash))?.unwrap_or(seq <= *end) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An entry that carries a change, with its place; None while its body is missing.
pub fn candidate_of(
    log: &LogRow,
    entry: &Entry,
    grant: &Grant,
    within: bool,
) -> Option<(UnsettledRow, Candidate)> {
    let candidate = Candidate::of(entry, grant, within)?;
    Some((place(log, entry, candidate.hash.map(|hash| hash.0)), candidate))
}

/// The row of a late edit.
pub fn late(log: &LogRow, entry: &Entry) -> UnsettledRow {
    UnsettledRow { standing: Unsettled::Late, ..place(log, entry, None) }
}

/// The erasures of several elders, each decided once.
#[derive(Debug, Default)]
pub struct Cache(BTreeMap<(DivisionCode, ElderId), Erased>);

impl Cache {
    /// What erasures make of an entry.
    pub fn coverage(
        &mut self,
        tables: &impl ChainRead,
        authority: &Authority,
        log: &LogRow,
        entry: &Entry,
    ) -> Result<Coverage, StoreError> {
        let Some(elder) = erased::elder_of(entry) else { return Ok(Coverage::Untouched) };
        let erased = self.of(tables, authority, log.key.scope, elder)?;
        erased.coverage(tables, log, entry)
    }

    /// The erasures of an elder's file.
    pub fn of(
        &mut self,
        tables: &impl ChainRead,
        authority: &Authority,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<&Erased, StoreError> {
        use std::collections::btree_map::Entry as Place;
        match self.0.entry((scope, elder)) {
            Place::Occupied(known) => Ok(known.into_mut()),
            Place::Vacant(place) => Ok(place.insert(Erased::of(tables, authority, scope, elder)?)),
        }
    }
}

fn place(log: &LogRow, entry: &Entry, change: Option<[u8; 32]>) -> UnsettledRow {
    let (log, seq) = (log.number, entry.header.seq);
    UnsettledRow { log, seq, change, standing: Unsettled::Pending }
}

/// The row of a document, unless nothing but its genesis is in it.
pub fn document_row(document: &Automerge) -> Option<DocumentRow> {
    if document.get_changes(&[]).len() <= 1 {
        return None;
    }
    let mut heads: Vec<[u8; 32]> = document.get_heads().into_iter().map(|head| head.0).collect();
    heads.sort_unstable();
    Some(DocumentRow { heads, saved: document.save() })
}

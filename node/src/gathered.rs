//! The entries of documents as counting takes them: gathered from logs, each with its place.

use std::collections::{BTreeMap, BTreeSet};

use automerge::Automerge;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::record::ElderId;

use crate::authority::{Authority, Reach};
use crate::counting::{Candidate, Counted, allowed, count, may_carry};
use crate::identity::grant::Grant;
use crate::log::{Adoption, Carried, Entry, EntryHash, Kind, Originals, carried};
use crate::store::rows::{DocumentKey, DocumentRow, LogRow, Unsettled, UnsettledRow};
use crate::store::{ChainRead, StoreError};

pub mod erased;
pub mod moved;
pub mod transfers;

pub use erased::{Coverage, Erased};
pub use moved::Moved;
pub use transfers::Authors;

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
    adopted: Adopted,
    /// Why it does not count, if so.
    standing: Option<Unsettled>,
}

/// What an adoption takes in.
#[derive(Clone, Debug)]
enum Adopted {
    /// Entries of the same scope, which everyone who holds it has.
    Named(Vec<EntryHash>),
    /// Entries of another scope, which it carries.
    Carried(Vec<Candidate>),
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
        authority: &Authority,
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
            Kind::Adopt => self
                .adoptions
                .push((place(log, entry, None), adopting(authority, log, entry, grant, within))),
            Kind::Handover
            | Kind::Grant
            | Kind::Revoke
            | Kind::Receipt
            | Kind::Erase
            | Kind::Purge
            | Kind::Other(_) => {}
        }
    }

    /// Decides the document.
    pub fn decide(self, key: &DocumentKey) -> Decided {
        let counting = self.adoptions.iter().filter(|(_, adopting)| adopting.standing.is_none());
        let named: BTreeSet<EntryHash> = counting
            .flat_map(|(_, adopting)| match &adopting.adopted {
                Adopted::Named(originals) => originals.as_slice(),
                Adopted::Carried(_) => &[],
            })
            .copied()
            .collect();
        let mut places: BTreeMap<EntryHash, UnsettledRow> = BTreeMap::new();
        let mut candidates: Vec<Candidate> = Vec::new();
        for (row, candidate) in self.changes {
            places.insert(candidate.entry, row);
            candidates.push(candidate);
        }
        let mut set_aside: Vec<(EntryHash, Unsettled)> = Vec::new();
        for (row, adopting) in self.adoptions {
            places.insert(adopting.entry, row);
            set_aside.extend(adopting.standing.map(|why| (adopting.entry, why)));
            if let Adopted::Carried(carried) = adopting.adopted {
                candidates.extend(carried);
            }
        }
        for candidate in &mut candidates {
            let by = candidate.carried_by.as_ref();
            candidate.adopted =
                named.contains(&candidate.entry) || by.is_some_and(|by| named.contains(by));
        }
        let mut counted = count(key, &candidates);
        note_carried(&mut counted.unsettled, &candidates);
        counted.unsettled.extend(set_aside);
        for (entry, row) in self.late {
            counted.unsettled.insert(entry, row.standing.clone());
            places.insert(entry, row);
        }
        Decided { counted, places }
    }
}

/// An adoption stands as the first of what it carries that does not count, unwanted before waiting:
/// originals have no place of their own here.
pub fn note_carried(unsettled: &mut BTreeMap<EntryHash, Unsettled>, candidates: &[Candidate]) {
    let native: BTreeSet<EntryHash> = candidates
        .iter()
        .filter(|candidate| candidate.carried_by.is_none())
        .map(|candidate| candidate.entry)
        .collect();
    let mut of_adoptions: BTreeMap<EntryHash, Unsettled> = BTreeMap::new();
    for candidate in candidates {
        let (Some(by), Some(why)) = (candidate.carried_by, unsettled.get(&candidate.entry)) else {
            continue;
        };
        let known = of_adoptions.entry(by).or_insert_with(|| why.clone());
        if (!why.is_unwanted(), why) < (!known.is_unwanted(), known) {
            *known = why.clone();
        }
    }
    for candidate in candidates.iter().filter(|candidate| candidate.carried_by.is_some()) {
        if !native.contains(&candidate.entry) {
            unsettled.remove(&candidate.entry);
        }
    }
    unsettled.extend(of_adoptions);
}

/// What an entry of kind `Adopt` comes to by itself.
fn adopting(
    authority: &Authority,
    log: &LogRow,
    entry: &Entry,
    grant: &Grant,
    within: bool,
) -> Adopting {
    let hash = entry.header.hash();
    let quarantined = || (!within).then_some(Unsettled::Quarantined);
    let (adopted, standing) = match carried_by(authority, log, entry, grant) {
        Some(Ok(originals)) => {
            (Adopted::Carried(Candidate::carried(hash, &originals, within)), None)
        }
        Some(Err(why)) => (Adopted::Carried(Vec::new()), Some(why)),
        None => match named(log, entry, grant) {
            Ok(originals) => (Adopted::Named(originals), quarantined()),
            Err(why) => (Adopted::Named(Vec::new()), Some(why)),
        },
    };
    Adopting { entry: hash, adopted, standing }
}

/// The originals that an adoption carries from another scope, or why they are not believed; None if it
/// is of the other form, or has no body here.
pub fn carried_by(
    authority: &Authority,
    log: &LogRow,
    entry: &Entry,
    grant: &Grant,
) -> Option<Result<Originals, Unsettled>> {
    let body = entry.body.as_deref().filter(|body| body.first() == Some(&carried::VERSION))?;
    let ill_formed = |rule: &str| Unsettled::IllFormed(rule.to_owned());
    let read = Carried::from_bytes(body).map_err(|_| ill_formed("adoption_form"));
    Some(read.and_then(|carried| {
        may_carry(&log.key, entry.header.document.id(), grant)?;
        let author = authority.author_by(&carried.chain);
        carried.prove(author, &entry.header.document).map_err(ill_formed)
    }))
}

/// The entries of the same scope that an adoption names.
fn named(log: &LogRow, entry: &Entry, grant: &Grant) -> Result<Vec<EntryHash>, Unsettled> {
    let adoption = Adoption::from_bytes(entry.body.as_deref().unwrap_or_default())
        .map_err(|_| Unsettled::NotAllowed("adopt_form".into()))?;
    allowed(&log.key, entry.header.document.id(), grant)?;
    match adoption.originals.iter().all(|original| original.log.scope == log.key.scope) {
        true => Ok(adoption.originals.into_iter().map(|original| original.hash).collect()),
        false => Err(Unsettled::NotAllowed("adopt_scope".into())),
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
                gathered.add(authority, &log, &entry, grant, within, coverage);
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
    let candidate = Candidate::of(entry, entry.header.hash(), grant, within)?;
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
    let heads = document.get_heads();
    // Everything else builds on the genesis: what has one head that builds on nothing is the genesis alone.
    // Asking for all changes would write each of them anew.
    let builds_on = |head| document.get_change_meta_by_hash(head).map(|meta| meta.deps.len());
    if let [only] = heads.as_slice()
        && builds_on(only) == Some(0)
    {
        return None;
    }
    let mut heads: Vec<[u8; 32]> = heads.into_iter().map(|head| head.0).collect();
    heads.sort_unstable();
    Some(DocumentRow { heads, saved: document.save_nocompress() })
}

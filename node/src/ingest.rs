//! The one door into storage. Local capture, the network and a USB bundle all come through here:
//! verified runs go in, and entries, heads, documents and index change in the same transaction.
//!
//! *Stored or refused* is decided by form, chain, signature and scope alone. What is stored and
//! does not count is noted with its reason; it never blocks the log behind it.

use std::collections::{BTreeMap, BTreeSet};

use automerge::Automerge;
use shouwang_crdt_schema::change::Ancestry;
use shouwang_crdt_schema::division::Area;
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use thiserror::Error;

use crate::counting::{Candidate, Counted, count, count_onto};
use crate::custody;
use crate::identity::authority::Authority;
use crate::identity::grant::{Grant, GrantId, SignedGrant};
use crate::index::{self, IndexSecret};
use crate::log::{
    Entry, EntryHash, Head, Kind, Lane, LogKey, RunError, UnverifiedRun, VerifiedRun,
};
use crate::replication::replicates;
use crate::store::rows::{DocumentKey, DocumentRow, LogNumber, LogRow, Unsettled, UnsettledRow};
use crate::store::{StoreError, StoreRead, Transaction};

/// One transaction's worth of runs.
pub struct Ingest<'a, 't> {
    tables: &'a mut Transaction<'t>,
    authority: &'a mut Authority,
    area: Area,
    secret: IndexSecret,
    fresh: BTreeMap<DocumentKey, Vec<Fresh>>,
    heads: BTreeMap<LogKey, Head>,
    /// Entries that were set aside at once.
    noted: BTreeMap<LogKey, Vec<SetAside>>,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored: so many entries were new.
    Stored(u64),
    /// All of it was here already.
    Known,
}

/// Why a run is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Chain or signature.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The log's scope and lane are not for this node.
    #[error("the log is of a scope or lane that this node does not hold")]
    OutsideArea,
    /// The log names no grant that holds for its device and scope.
    #[error("the log names no grant that holds for its device and scope")]
    Unproven,
    /// The run and the log here are two branches: nobody's fault but the author's.
    #[error("the run is of another branch of the log")]
    Forked,
}

/// What a transaction came to, once it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// New heads.
    pub heads: BTreeMap<LogKey, Head>,
    /// New entries that are kept and do not count, apart from those that only wait: why.
    pub set_aside: BTreeMap<LogKey, Vec<SetAside>>,
}

/// An entry that is kept and does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The number in its log.
    pub seq: u64,
    /// Its hash.
    pub hash: EntryHash,
    /// Why.
    pub reason: Unsettled,
}

struct Fresh {
    entry: EntryHash,
    log: LogNumber,
    key: LogKey,
    seq: u64,
    candidate: Candidate,
}

impl Refusal {
    /// The name in counts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Run(RunError::Empty) => "empty_run",
            Self::Run(RunError::PastCheckpoint) => "past_checkpoint",
            Self::Run(RunError::Gap { .. }) => "gap",
            Self::Run(RunError::BrokenChain) => "broken_chain",
            Self::Run(RunError::BrokenSignature) => "broken_signature",
            Self::OutsideArea => "outside_area",
            Self::Unproven => "unproven_log",
            Self::Forked => "forked_log",
        }
    }
}

impl<'a, 't> Ingest<'a, 't> {
    /// Begins. `authority` learns grants as they come; if the transaction fails it must be loaded
    /// again.
    pub fn begin(
        tables: &'a mut Transaction<'t>,
        authority: &'a mut Authority,
        area: Area,
        secret: IndexSecret,
    ) -> Self {
        Self {
            tables,
            authority,
            area,
            secret,
            fresh: BTreeMap::new(),
            heads: BTreeMap::new(),
            noted: BTreeMap::new(),
        }
    }

    /// The tables as they stand within the transaction.
    pub fn tables(&self) -> &Transaction<'t> {
        self.tables
    }

    /// Takes in the chain by which a peer has proved itself, so that its own logs are proved before
    /// the entries that carry its grant have come this way.
    pub fn learn_chain(&mut self, chain: Vec<SignedGrant>) -> Result<(), StoreError> {
        for grant in chain {
            if grant.id() != self.authority.mesh() && self.authority.learn(grant.clone()).is_ok() {
                self.tables.put_grant(&grant, false)?;
            }
        }
        Ok(())
    }

    /// Verifies a run against the log here and stores it.
    pub fn receive(&mut self, run: UnverifiedRun) -> Result<Result<Outcome, Refusal>, StoreError> {
        let head = self.tables.head(&run.log)?;
        let run = match &head {
            Some(head) if run.first_seq <= head.seq => {
                if run.last_seq() <= head.seq {
                    let same = self.holds(&run)?;
                    return Ok(if same { Ok(Outcome::Known) } else { Err(Refusal::Forked) });
                }
                // Two peers sent the same stretch. If the rest does not fit what is here, the
                // author has two chains, and whoever carries one is not to blame.
                let known = head.seq + 1 - run.first_seq;
                match run.without_first(known, head.hash).verify(Some(head)) {
                    Ok(run) => run,
                    Err(_) => return Ok(Err(Refusal::Forked)),
                }
            }
            head => match run.verify(head.as_ref()) {
                Ok(run) => run,
                Err(error) => return Ok(Err(error.into())),
            },
        };
        self.store(run)
    }

    /// Stores a verified run.
    pub fn store(&mut self, run: VerifiedRun) -> Result<Result<Outcome, Refusal>, StoreError> {
        let key = run.log();
        if !replicates(self.area, key.scope, key.lane) {
            return Ok(Err(Refusal::OutsideArea));
        }
        let log = match (self.tables.log(&key)?, run.named_grant()) {
            (Some(log), _) => log,
            (None, Some(grant)) if self.proves(&grant, &key) => self.tables.log_for(&key, grant)?,
            (None, _) => return Ok(Err(Refusal::Unproven)),
        };
        let mut head = self.tables.head_of(log.number)?;
        for entry in run.entries() {
            let next = Head::after(head.as_ref(), entry);
            self.tables.append(&log, entry, &next)?;
            self.effect(&log, entry)?;
            head = Some(next);
        }
        self.heads.insert(key, *run.head());
        Ok(Ok(Outcome::Stored(run.entries().len() as u64)))
    }

    /// Decides what the new entries come to and brings documents and index up to date.
    pub fn finish(mut self) -> Result<Ingested, StoreError> {
        let mut set_aside = std::mem::take(&mut self.noted);
        let mut changed: BTreeMap<(_, ElderId), Vec<Part>> = BTreeMap::new();
        let mut undecided: BTreeMap<_, BTreeMap<DocumentKey, Vec<Fresh>>> = BTreeMap::new();
        let mut note = |fresh: &[Fresh], unsettled: &BTreeMap<EntryHash, Unsettled>| {
            for fresh in fresh {
                let reason = unsettled.get(&fresh.entry).filter(|r| **r != Unsettled::Pending);
                if let Some(reason) = reason {
                    let (seq, hash, reason) = (fresh.seq, fresh.entry, reason.clone());
                    set_aside.entry(fresh.key).or_default().push(SetAside { seq, hash, reason });
                }
            }
        };
        for (key, fresh) in std::mem::take(&mut self.fresh) {
            if let DocumentId::Elder { elder, part } = key.id {
                changed.entry((key.scope, elder)).or_default().push(part);
            }
            match self.decide(key, &fresh)? {
                Some(unsettled) => note(&fresh, &unsettled),
                None => {
                    undecided.entry(key.scope).or_default().insert(key, fresh);
                }
            }
        }
        for (scope, documents) in undecided {
            let keys: BTreeSet<DocumentKey> = documents.keys().copied().collect();
            let unsettled = self.decide_from_logs(Area(scope), &keys)?;
            documents.values().for_each(|fresh| note(fresh, &unsettled));
        }
        for ((scope, elder), parts) in changed {
            index::update(self.tables, &self.secret, scope, elder, &parts)?;
        }
        Ok(Ingested { heads: self.heads, set_aside })
    }

    /// Whether the last entry of a run is the one that is here with its number: then all before it
    /// are, too, unless the author has signed two chains that meet, which no hash does.
    fn holds(&self, run: &UnverifiedRun) -> Result<bool, StoreError> {
        let Some(log) = self.tables.log(&run.log)? else { return Ok(false) };
        let stored = self.tables.entry(log.number, run.last_seq())?;
        Ok(stored.zip(run.entries.last()).is_some_and(|(stored, sent)| {
            let header = &stored.header;
            header.kind == sent.kind
                && header.document == sent.document
                && header.written_at_ms == sent.written_at_ms
                && header.tail == sent.tail
                && stored.body == sent.body
        }))
    }

    fn proves(&self, grant: &GrantId, log: &LogKey) -> bool {
        self.authority
            .grant(grant)
            .is_some_and(|grant| grant.subject == log.device && grant.area.contains(log.scope))
    }

    /// What a stored entry does by itself.
    fn effect(&mut self, log: &LogRow, entry: &Entry) -> Result<(), StoreError> {
        let Some(grant) = self.authority.grant(&log.grant) else {
            return Err(StoreError::Corrupt {
                table: "logs-1",
                detail: format!("{:?} names no grant that holds", log.key),
            });
        };
        match (entry.header.kind, entry.header.document.id()) {
            (Kind::Change, Some(id)) => {
                let candidate = Candidate::of(entry, grant);
                let fresh = Fresh {
                    entry: entry.header.hash(),
                    log: log.number,
                    key: log.key,
                    seq: entry.header.seq,
                    candidate,
                };
                let key = DocumentKey { scope: log.key.scope, id };
                self.fresh.entry(key).or_default().push(fresh);
                Ok(())
            }
            (Kind::Change, None) if entry.header.document.is_empty() => {
                self.note(log, entry, Unsettled::NotAllowed("no_document".into()))
            }
            // A document of a later version: carried, like a kind of entry of one.
            (Kind::Change, None) => self.note(log, entry, Unsettled::UnknownKind),
            (Kind::Grant, _) => match learn(self.authority, log, entry) {
                Ok(grant) => {
                    self.authority.note_carried(grant.id());
                    self.tables.put_grant(&grant, true)
                }
                Err(reason) => self.note(log, entry, reason),
            },
            (Kind::Receipt, _) => match custody::judge(self.authority, log, entry) {
                Ok(claims) => claims.iter().try_for_each(|claim| self.tables.put_claim(claim)),
                Err(reason) => self.note(log, entry, reason),
            },
            (Kind::Other(_), _) => self.note(log, entry, Unsettled::UnknownKind),
        }
    }

    /// Notes an entry that is of no document under the scope's directory.
    fn note(&mut self, log: &LogRow, entry: &Entry, standing: Unsettled) -> Result<(), StoreError> {
        let key = DocumentKey { scope: log.key.scope, id: DocumentId::Directory };
        let (seq, hash) = (entry.header.seq, entry.header.hash());
        let aside = SetAside { seq, hash, reason: standing.clone() };
        self.noted.entry(log.key).or_default().push(aside);
        let row = UnsettledRow { log: log.number, seq: entry.header.seq, change: None, standing };
        self.tables.put_unsettled(&key, entry.header.hash(), &row)
    }

    /// Decides a document's new entries together with those that do not count yet. None if that
    /// is not enough: some change claims the place of one that counts.
    fn decide(
        &mut self,
        key: DocumentKey,
        fresh: &[Fresh],
    ) -> Result<Option<BTreeMap<EntryHash, Unsettled>>, StoreError> {
        let stored = self.tables.document(&key)?;
        let document = match &stored {
            None => genesis(key.scope, &key.id),
            Some(row) => index::load(&key, &row.saved)?,
        };
        let mut ancestry = match &stored {
            None => Ancestry::new(key.scope, &key.id),
            Some(_) => Ancestry::from_document(key.scope, &key.id, &document).map_err(|rule| {
                StoreError::Corrupt { table: "documents-1", detail: format!("{}: {rule}", key.id) }
            })?,
        };
        let mut places: BTreeMap<EntryHash, UnsettledRow> = BTreeMap::new();
        let mut candidates: Vec<Candidate> = Vec::new();
        for (hash, row) in self.tables.unsettled_of(&key)? {
            if row.standing == Unsettled::Displaced {
                return Ok(None);
            }
            if let Some((_, candidate)) = candidate(self.tables, self.authority, &row)? {
                candidates.push(candidate);
                places.insert(hash, row);
            }
        }
        for fresh in fresh {
            candidates.push(fresh.candidate.clone());
            let change = fresh.candidate.hash.map(|hash| hash.0);
            let row = UnsettledRow {
                log: fresh.log,
                seq: fresh.seq,
                change,
                standing: Unsettled::Pending,
            };
            places.insert(fresh.entry, row);
        }
        let Some(counted) = count_onto(&document, &mut ancestry, &candidates) else {
            return Ok(None);
        };
        self.put(&key, &counted, places)?;
        Ok(Some(counted.unsettled))
    }

    /// Decides documents of a scope from all their entries; returns why those that do not count do
    /// not.
    fn decide_from_logs(
        &mut self,
        scope: Area,
        documents: &BTreeSet<DocumentKey>,
    ) -> Result<BTreeMap<EntryHash, Unsettled>, StoreError> {
        let mut unsettled = BTreeMap::new();
        let mut found: Found = documents.iter().map(|key| (*key, Vec::new())).collect();
        collect(self.tables, self.authority, scope, &mut found)?;
        for (key, entries) in found {
            let candidates: Vec<Candidate> =
                entries.iter().map(|(_, candidate)| candidate.clone()).collect();
            let counted = count(&key, &candidates);
            let places = entries.into_iter().map(|(row, candidate)| (candidate.entry, row));
            self.put(&key, &counted, places.collect())?;
            unsettled.extend(counted.unsettled);
        }
        Ok(unsettled)
    }

    fn put(
        &mut self,
        key: &DocumentKey,
        counted: &Counted,
        places: BTreeMap<EntryHash, UnsettledRow>,
    ) -> Result<(), StoreError> {
        match document_row(&counted.document) {
            Some(row) => self.tables.put_document(key, &row)?,
            None => self.tables.remove_document(key)?,
        }
        for (entry, row) in places {
            match counted.unsettled.get(&entry) {
                None => self.tables.remove_unsettled(key, entry)?,
                Some(standing) => {
                    let row = UnsettledRow { standing: standing.clone(), ..row };
                    self.tables.put_unsettled(key, entry, &row)?;
                }
            }
        }
        Ok(())
    }
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

/// Entries by document, each with its place.
pub type Found = BTreeMap<DocumentKey, Vec<(UnsettledRow, Candidate)>>;

/// Reads the logs of an area and gathers the changes of the documents that `found` has keys for.
pub fn collect(
    tables: &impl StoreRead,
    authority: &Authority,
    area: Area,
    found: &mut Found,
) -> Result<(), StoreError> {
    for log in tables.logs_in(area)? {
        let Some(grant) = authority.grant(&log.grant) else { continue };
        tables.for_each_entry(log.number, |_, entry| {
            let entry = entry?;
            let key = entry.header.document.id().map(|id| DocumentKey { scope: log.key.scope, id });
            let wanted = key.and_then(|key| found.get_mut(&key));
            if let (Kind::Change, Some(list)) = (entry.header.kind, wanted) {
                list.push(candidate_of(&log, &entry, grant));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// An entry that carries a change, with its place.
pub fn candidate_of(log: &LogRow, entry: &Entry, grant: &Grant) -> (UnsettledRow, Candidate) {
    let candidate = Candidate::of(entry, grant);
    let change = candidate.hash.map(|hash| hash.0);
    let row = UnsettledRow {
        log: log.number,
        seq: entry.header.seq,
        change,
        standing: Unsettled::Pending,
    };
    (row, candidate)
}

/// Reads an unsettled entry again; None for one that is of no document.
fn candidate(
    tables: &impl StoreRead,
    authority: &Authority,
    row: &UnsettledRow,
) -> Result<Option<(UnsettledRow, Candidate)>, StoreError> {
    let Some(log) = tables.log_by_number(row.log)? else { return Ok(None) };
    let Some(entry) = tables.entry(row.log, row.seq)? else { return Ok(None) };
    let grant = authority.grant(&log.grant);
    let of_document = entry.header.kind == Kind::Change && entry.header.document.id().is_some();
    Ok(grant.filter(|_| of_document).map(|grant| candidate_of(&log, &entry, grant)))
}

/// Takes in a grant that an entry carries, if it holds and stands where it belongs.
fn learn(authority: &mut Authority, log: &LogRow, entry: &Entry) -> Result<SignedGrant, Unsettled> {
    let grant = carried_grant(authority, log, entry)?;
    if grant.id() != authority.mesh() {
        authority.learn(grant.clone()).map_err(|_| grant_refused("invalid"))?;
    }
    Ok(grant)
}

/// Why a grant that an entry carries does not count, if so, given all that is known by now.
pub(crate) fn grant_standing(
    authority: &Authority,
    log: &LogRow,
    entry: &Entry,
) -> Option<Unsettled> {
    match carried_grant(authority, log, entry) {
        Ok(grant) if authority.grant(&grant.id()).is_some() => None,
        Ok(_) => Some(grant_refused("invalid")),
        Err(reason) => Some(reason),
    }
}

/// The grant that an entry carries, if it stands where it belongs: in the issuer's own log, written
/// under the grant that it was issued under, in the subject's scope.
fn carried_grant(
    authority: &Authority,
    log: &LogRow,
    entry: &Entry,
) -> Result<SignedGrant, Unsettled> {
    if log.key.lane != Lane::Authority {
        return Err(grant_refused("lane"));
    }
    let grant = SignedGrant::from_bytes(&entry.body).map_err(|_| grant_refused("form"))?;
    if grant.id() == authority.mesh() {
        return Ok(grant);
    }
    if grant.grant.issuer != Some(log.grant) {
        return Err(grant_refused("issuer"));
    }
    if grant.grant.area.0 != log.key.scope {
        return Err(grant_refused("scope"));
    }
    Ok(grant)
}

fn grant_refused(why: &str) -> Unsettled {
    Unsettled::NotAllowed(format!("grant_{why}"))
}

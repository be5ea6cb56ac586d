//! The one door into storage. Local capture, the network and a USB bundle all come through here:
//! verified runs go in, and entries, heads, documents and index change in the same transaction.
//!
//! *Stored or refused* is decided by form, chain, signature and scope alone. What is stored and
//! does not count is noted with its reason; it never blocks the log behind it.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::change::Ancestry;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::document::genesis;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use thiserror::Error;

use crate::authority::{Authority, StatementStanding};
use crate::counting::{Candidate, Counted, count_onto};
use crate::gathered::erased::erased_elder;
use crate::gathered::{Found, Gathered, candidate_of, collect, document_row, within};
use crate::identity::grant::{GrantId, SignedGrant};
use crate::index::{self, IndexSecret};
use crate::log::{
    Entry, EntryHash, EntryPlace, Head, Kind, LogKey, RunError, UnverifiedRun, VerifiedRun,
};
use crate::replication::replicates;
use crate::statement;
use crate::store::rows::{DocumentKey, LogNumber, LogRow, Unsettled, UnsettledRow};
use crate::store::{StoreError, StoreRead, Transaction};

mod erasing;

use erasing::may_be_absent;

/// One transaction's worth of runs.
pub struct Ingest<'a, 't> {
    tables: &'a mut Transaction<'t>,
    authority: &'a mut Authority,
    area: Area,
    secret: IndexSecret,
    fresh: BTreeMap<DocumentKey, Vec<Fresh>>,
    heads: BTreeMap<LogKey, Head>,
    /// Entries that were set aside at once.
    noted: BTreeMap<LogKey, Vec<Unsettled>>,
    /// Who may do what as it was, once anything of it has changed.
    before: Option<Box<Authority>>,
    /// Elders whose erasures have to be decided again.
    erasing: BTreeSet<(DivisionCode, ElderId)>,
    /// `Erase` entries that came in this transaction.
    fresh_erasures: BTreeSet<EntryHash>,
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
    /// An entry came without the body that it cannot be without.
    #[error("an entry came without the body that it cannot be without")]
    AbsentBody,
    /// A body came that is not the one the header names.
    #[error("a body came that is not the one the header names")]
    WrongBody,
}

/// What a transaction came to, once it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// New heads.
    pub heads: BTreeMap<LogKey, Head>,
    /// New entries that are kept and do not count, apart from those that only wait: why.
    pub set_aside: BTreeMap<LogKey, Vec<Unsettled>>,
    /// Whether anything about who may do what has changed.
    pub authority_changed: bool,
}

struct Fresh {
    entry: EntryHash,
    log: LogNumber,
    key: LogKey,
    seq: u64,
    /// None for an adoption: its document is decided from all its entries.
    candidate: Option<Candidate>,
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
            Self::AbsentBody => "absent_body",
            Self::WrongBody => "wrong_body",
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
            before: None,
            erasing: BTreeSet::new(),
            fresh_erasures: BTreeSet::new(),
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
            let id = grant.id();
            if self.authority.grant(&id).is_none() {
                self.authority_changes();
                if self.authority.learn(grant.clone()).is_ok() {
                    self.tables.put_grant(&grant, false)?;
                }
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
        let absent = |entry: &&Entry| entry.body.is_none();
        if run.entries().iter().filter(absent).any(|entry| !may_be_absent(key.lane, entry.header.kind))
        {
            return Ok(Err(Refusal::AbsentBody));
        }
        let log = match (self.tables.log(&key)?, run.named_grant()) {
            (Some(log), _) => log,
            (None, Some(grant)) if self.proves(&grant, &key) => self.tables.log_for(&key, grant)?,
            (None, _) => return Ok(Err(Refusal::Unproven)),
        };
        let mut head = self.tables.head_of(log.number)?;
        for entry in run.entries() {
            let next = Head::after(head.as_ref(), entry);
            let coverage = self.coverage(&log, entry)?;
            let entry = Self::to_be_stored(entry, coverage);
            self.tables.append(&log, &entry, &next)?;
            if !self.is_without_effect(&log, &entry, coverage)? {
                self.effect(&log, &entry)?;
            }
            head = Some(next);
        }
        self.heads.insert(key, *run.head());
        Ok(Ok(Outcome::Stored(run.entries().len() as u64)))
    }

    /// Decides what the new entries come to and brings documents and index up to date.
    pub fn finish(mut self) -> Result<Ingested, StoreError> {
        let mut undecided: BTreeMap<DivisionCode, BTreeMap<DocumentKey, Vec<Fresh>>> =
            BTreeMap::new();
        let authority_changed = self.before.is_some();
        let recounted = self.recount()?;
        for key in recounted.into_iter().chain(self.erase_again()?) {
            undecided.entry(key.scope).or_default().entry(key).or_default();
        }
        let mut set_aside = std::mem::take(&mut self.noted);
        let mut changed: BTreeMap<(_, ElderId), BTreeSet<Part>> = BTreeMap::new();
        let mut note = |fresh: &[Fresh], unsettled: &BTreeMap<EntryHash, Unsettled>| {
            for fresh in fresh {
                let reason = unsettled.get(&fresh.entry).filter(|why| Unsettled::is_unwanted(why));
                if let Some(reason) = reason {
                    set_aside.entry(fresh.key).or_default().push(reason.clone());
                }
            }
        };
        for (key, fresh) in std::mem::take(&mut self.fresh) {
            let again = undecided.get_mut(&key.scope).and_then(|keys| keys.get_mut(&key));
            if let Some(again) = again {
                again.extend(fresh);
                continue;
            }
            match self.decide(key, &fresh)? {
                Some(unsettled) => {
                    if let DocumentId::Elder { elder, part } = key.id {
                        changed.entry((key.scope, elder)).or_default().insert(part);
                    }
                    note(&fresh, &unsettled);
                }
                None => {
                    undecided.entry(key.scope).or_default().insert(key, fresh);
                }
            }
        }
        for (scope, documents) in undecided {
            let keys: BTreeSet<DocumentKey> = documents.keys().copied().collect();
            let unsettled = self.decide_from_logs(Area(scope), &keys)?;
            for (key, fresh) in documents {
                if let DocumentId::Elder { elder, part } = key.id {
                    changed.entry((key.scope, elder)).or_default().insert(part);
                }
                note(&fresh, &unsettled);
            }
        }
        for ((scope, elder), parts) in changed {
            let parts: Vec<Part> = parts.into_iter().collect();
            index::update(self.tables, &self.secret, scope, elder, &parts)?;
        }
        Ok(Ingested { heads: self.heads, set_aside, authority_changed })
    }

    /// Remembers who may do what before it changes.
    fn authority_changes(&mut self) {
        if self.before.is_none() {
            self.before = Some(Box::new(self.authority.clone()));
        }
    }

    /// After authority has changed: notes which statements count, and finds the documents of logs
    /// that now count further, or less far, than before.
    fn recount(&mut self) -> Result<BTreeSet<DocumentKey>, StoreError> {
        let mut documents = BTreeSet::new();
        let Some(before) = self.before.take() else { return Ok(documents) };
        statement::decide(self.tables, self.authority)?;
        let standings: Vec<(EntryPlace, StatementStanding)> =
            self.authority.statements().map(|(place, _, standing)| (*place, standing)).collect();
        let known: BTreeMap<EntryPlace, StatementStanding> =
            before.statements().map(|(place, _, standing)| (*place, standing)).collect();
        for (place, standing) in standings {
            if known.get(&place) != Some(&standing) {
                self.note_statement(&place, standing, known.contains_key(&place))?;
            }
        }
        if !before.has_revocations() && !self.authority.has_revocations() {
            return Ok(documents);
        }
        for log in self.tables.logs_all()? {
            let reach = self.authority.reach(&log.grant, &log.key);
            if reach == before.reach(&log.grant, &log.key) {
                continue;
            }
            let erasing = &mut self.erasing;
            self.tables.for_each_entry(log.number, |_, entry| {
                let entry = entry?;
                if entry.header.kind == Kind::Erase
                    && let Some(elder) = erased_elder(&entry)
                {
                    erasing.insert((log.key.scope, elder));
                }
                let id = entry.header.document.id();
                documents.extend(id.map(|id| DocumentKey { scope: log.key.scope, id }));
                Ok(())
            })?;
        }
        Ok(documents)
    }

    fn note_statement(
        &mut self,
        place: &EntryPlace,
        standing: StatementStanding,
        known: bool,
    ) -> Result<(), StoreError> {
        let Some(log) = self.tables.log(&place.log)? else { return Ok(()) };
        match statement::unsettled(standing) {
            Some(why) => {
                if !known {
                    self.noted.entry(log.key).or_default().push(why.clone());
                }
                let (key, row) = statement::note(&log, place.seq, why);
                self.tables.put_unsettled(&key, place.hash, &row)
            }
            None => {
                let key = DocumentKey { scope: log.key.scope, id: DocumentId::Directory };
                self.tables.remove_unsettled(&key, place.hash)
            }
        }
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
                && header.body_hash == sent.body.hash()
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
            (Kind::Change | Kind::Adopt, Some(id)) => {
                let reach = self.authority.reach(&log.grant, &log.key);
                let within = within(self.tables, log, entry.header.seq, &reach)?;
                let candidate = (entry.header.kind == Kind::Change)
                    .then(|| Candidate::of(entry, grant, within))
                    .flatten();
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
            (Kind::Change | Kind::Adopt, None) if entry.header.document.is_empty() => {
                self.note(log, entry, Unsettled::NotAllowed("no_document".into()))
            }
            // A document of a later version: carried, like a kind of entry of one.
            (Kind::Change | Kind::Adopt, None) => self.note(log, entry, Unsettled::UnknownKind),
            (Kind::Grant | Kind::Revoke, _) => {
                self.authority_changes();
                match statement::read(self.authority, log, entry) {
                    Ok((stated, grant)) => {
                        self.authority.state(statement::place_of(log, entry), log.grant, stated);
                        grant.map_or(Ok(()), |grant| self.tables.put_grant(&grant, true))
                    }
                    Err(reason) => self.note(log, entry, reason),
                }
            }
            (Kind::Erase, _) => self.erase(log, entry),
            (Kind::Other(_), _) => self.note(log, entry, Unsettled::UnknownKind),
        }
    }

    /// Notes an entry that is of no document under the scope's directory.
    fn note(&mut self, log: &LogRow, entry: &Entry, standing: Unsettled) -> Result<(), StoreError> {
        self.noted.entry(log.key).or_default().push(standing.clone());
        let (key, row) = statement::note(log, entry.header.seq, standing);
        self.tables.put_unsettled(&key, entry.header.hash(), &row)
    }

    /// Decides a document's new entries together with those that do not count yet. None if that
    /// is not enough: some change claims the place of one that counts, lies beyond a cut, or is
    /// adopted.
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
            let beyond = [
                Unsettled::Displaced,
                Unsettled::Quarantined,
                Unsettled::Vouched,
                Unsettled::Late,
            ];
            if beyond.contains(&row.standing) {
                return Ok(None);
            }
            if let Some((_, candidate)) = candidate(self.tables, self.authority, &row)? {
                candidates.push(candidate);
                places.insert(hash, row);
            }
        }
        for fresh in fresh {
            let Some(candidate) = &fresh.candidate else { return Ok(None) };
            candidates.push(candidate.clone());
            let change = candidate.hash.map(|hash| hash.0);
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
        let mut found: Found = documents.iter().map(|key| (*key, Gathered::default())).collect();
        collect(self.tables, self.authority, scope, &mut found)?;
        for (key, gathered) in found {
            let decided = gathered.decide(&key);
            // What an erasure covers stands nowhere.
            for (entry, _) in self.tables.unsettled_of(&key)? {
                if key.elder().is_some() && !decided.places.contains_key(&entry) {
                    self.tables.remove_unsettled(&key, entry)?;
                }
            }
            self.put(&key, &decided.counted, decided.places)?;
            unsettled.extend(decided.counted.unsettled);
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

/// Reads an unsettled entry again; None for one that is of no document, or no change.
fn candidate(
    tables: &impl StoreRead,
    authority: &Authority,
    row: &UnsettledRow,
) -> Result<Option<(UnsettledRow, Candidate)>, StoreError> {
    let Some(log) = tables.log_by_number(row.log)? else { return Ok(None) };
    let Some(entry) = tables.entry(row.log, row.seq)? else { return Ok(None) };
    let of_document = entry.header.kind == Kind::Change && entry.header.document.id().is_some();
    let Some(grant) = authority.grant(&log.grant).filter(|_| of_document) else { return Ok(None) };
    let within = within(tables, &log, row.seq, &authority.reach(&log.grant, &log.key))?;
    Ok(candidate_of(&log, &entry, grant, within))
}

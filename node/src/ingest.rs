//! The one door into storage. Local capture, the network and a USB bundle all come through here:
//! verified runs go in, and entries, heads, documents and index change in the same transaction.
//!
//! *Stored or refused* is decided by form, chain, signature and scope alone. What is stored and
//! does not count is noted with its reason; it never blocks the log behind it.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::sync::Arc;

use automerge::Automerge;
use shouwang_crdt_schema::change::Ancestry;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::document::{genesis, genesis_change};
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::PartView;
use thiserror::Error;

use crate::authority::{Authority, Reach, Statement, StatementStanding};
use crate::counting::{Candidate, Counted, count_onto};
use crate::custody;
use crate::gathered::erased::erased_elder;
use crate::gathered::moved::moved_elder;
use crate::gathered::{Found, Gathered, carried_by, collect, document_row, note_carried, within};
use crate::identity::DeviceId;
use crate::identity::grant::{Grant, GrantId, Quota, SignedGrant};
use crate::index::{self, InHand, IndexSecret};
use crate::limits::BRANCHES_MAX;
use crate::log::{
    Entry, EntryHash, EntryPlace, Head, Kind, Lane, LogKey, RunError, UnverifiedRun, VerifiedRun,
};
use crate::replication::replicates;
use crate::statement;
use crate::store::places::ChangePlace;
use crate::store::rows::{DocumentKey, EvidenceRow, LogNumber, LogRow, Unsettled, UnsettledRow};
use crate::store::vectors::VectorRow;
use crate::store::{ChainRead, StoreError, StoreRead, Transaction};

mod attach;
mod erasing;
mod judging;
mod moving;

use attach::Place;
use erasing::may_be_absent;
use moving::Changed;

/// One transaction's worth of runs.
pub struct Ingest<'a, 't> {
    tables: &'a mut Transaction<'t>,
    authority: &'a mut Authority,
    area: Area,
    secret: IndexSecret,
    fresh: BTreeMap<DocumentKey, Vec<Fresh>>,
    /// Logs with new entries, and their chains as they were before.
    logs: BTreeMap<LogKey, Vec<(LogRow, Head)>>,
    evidence: Vec<EvidenceRow>,
    /// Entries that were set aside at once.
    noted: BTreeMap<LogKey, Vec<SetAside>>,
    /// Who may do what as it was, once anything of it has changed.
    before: Option<Box<Authority>>,
    /// Logs with new entries of which not all count: what ends them may have come.
    cut: BTreeSet<LogKey>,
    /// Documents of which an entry was not readable for an earlier version.
    again: BTreeSet<DocumentKey>,
    /// Statements of which an earlier version did not say whether they count.
    stated_again: BTreeSet<EntryPlace>,
    /// Elders whose erasures have to be decided again.
    erasing: BTreeSet<(DivisionCode, ElderId)>,
    /// Elders of whom something went for good in this transaction.
    emptied: BTreeSet<ElderId>,
    /// `Erase` entries that came in this transaction.
    fresh_erasures: BTreeSet<EntryHash>,
    /// Elders whose moves have to be decided again.
    moving: BTreeSet<ElderId>,
    /// `Handover` and `Purge` entries that came in this transaction.
    fresh_moves: BTreeSet<EntryHash>,
    /// Elders that have moved, or are about to, to whom something has happened.
    moved: BTreeSet<ElderId>,
    /// Documents that were decided.
    in_hand: InHand,
}

/// What became of a run that is stored, or was here already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How many entries were new.
    pub new: u64,
    /// The chain that its last entry stands under.
    pub chain: LogNumber,
    /// The number of its last entry.
    pub seq: u64,
    /// The hash of its last entry.
    pub hash: EntryHash,
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
    /// The device has put more into the mesh than its grants allow: nobody's fault but the author's.
    #[error("the device has put more into the mesh than its grants allow")]
    OverQuota {
        /// The hash of the run's last entry.
        end: EntryHash,
    },
    /// The log has as many branches here as any may have, and the run is of another: nobody's fault
    /// but the author's.
    #[error("the run is of one more branch than a log may have")]
    Forked {
        /// The hash of the run's last entry.
        end: EntryHash,
    },
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
    /// Logs with new entries: all chains of each that there were before the transaction, with the
    /// heads that they had.
    pub logs: BTreeMap<LogKey, Vec<(LogRow, Head)>>,
    /// Forks that were found, to be dated and kept.
    pub evidence: Vec<EvidenceRow>,
    /// New entries that are kept and do not count, apart from those that only wait: why.
    pub set_aside: BTreeMap<LogKey, Vec<SetAside>>,
    /// Whether anything about who may do what has changed.
    pub authority_changed: bool,
    /// Elders that have moved, or are about to, to whom something has happened.
    pub moved: BTreeSet<ElderId>,
}

impl Ingested {
    /// The places of which records have come that their own devices had written.
    pub fn heard_of(
        &self,
        tables: &Transaction<'_>,
        authority: &Authority,
    ) -> Result<BTreeSet<DivisionCode>, StoreError> {
        let mut heard = BTreeSet::new();
        for log in self.logs.keys().filter(|log| log.lane.carries_records()) {
            let row = tables.log(log)?;
            let grant = row.and_then(|row| authority.grant(&row.grant));
            if grant.is_some_and(|grant| grant.area.0 == log.scope) {
                heard.insert(log.scope);
            }
        }
        Ok(heard)
    }
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
    /// The change, or those that are carried; None for an adoption that names entries, or is refused:
    /// its document is decided from all its entries.
    candidates: Option<Vec<Candidate>>,
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
            Self::OverQuota { .. } => "over_quota",
            Self::Forked { .. } => "forked_log",
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
            logs: BTreeMap::new(),
            evidence: Vec::new(),
            noted: BTreeMap::new(),
            before: None,
            cut: BTreeSet::new(),
            again: BTreeSet::new(),
            stated_again: BTreeSet::new(),
            erasing: BTreeSet::new(),
            emptied: BTreeSet::new(),
            fresh_erasures: BTreeSet::new(),
            moving: BTreeSet::new(),
            fresh_moves: BTreeSet::new(),
            moved: BTreeSet::new(),
            in_hand: InHand::new(),
        }
    }

    /// The tables as they stand within the transaction.
    pub fn tables(&self) -> &Transaction<'t> {
        self.tables
    }

    /// Keeps something of the node's own in the same transaction.
    pub fn keep(&mut self, name: &'static str, value: &[u8]) -> Result<(), StoreError> {
        self.tables.set_meta(name, value)
    }

    /// Keeps a piece of what a device said in a bundle that it holds.
    pub fn hear_vector(
        &mut self,
        device: DeviceId,
        piece: u32,
        row: &VectorRow,
    ) -> Result<(), StoreError> {
        self.tables.put_vector(device, piece, row)
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

    /// Verifies a run against the log here and stores what of it is new.
    pub fn receive(&mut self, run: UnverifiedRun) -> Result<Result<Outcome, Refusal>, StoreError> {
        let chains = self.tables.chains(&run.log)?;
        match attach::verify(self.tables, &chains, run)? {
            Ok(run) => self.place(&chains, run),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Stores a verified run.
    pub fn store(&mut self, run: VerifiedRun) -> Result<Result<Outcome, Refusal>, StoreError> {
        let chains = self.tables.chains(&run.log())?;
        self.place(&chains, run)
    }

    fn place(
        &mut self,
        chains: &[LogRow],
        run: VerifiedRun,
    ) -> Result<Result<Outcome, Refusal>, StoreError> {
        let key = run.log();
        if !replicates(self.area, key.scope, key.lane) {
            return Ok(Err(Refusal::OutsideArea));
        }
        let absent = |entry: &&Entry| entry.body.is_none();
        let allowed = |entry: &Entry| may_be_absent(key.lane, entry.header.kind);
        if !run.entries().iter().filter(absent).all(allowed) {
            return Ok(Err(Refusal::AbsentBody));
        }
        let place = attach::place(self.tables, chains, &run)?;
        let head = attach::head_before(self.tables, &place)?;
        let (seq, hash) = (run.head().seq, run.head().hash);
        let outcome = |new, chain: &LogRow| Outcome { new, chain: chain.number, seq, hash };
        let (known, is_chain) = match &place {
            Place::Known(_) => (run.entries().len(), false),
            Place::Extends(_, known) => (*known, false),
            Place::New => (0, true),
            Place::Branches { known, .. } => (*known, true),
        };
        if !self.has_quota(&key, run.new_from(known), is_chain)? {
            self.evidence.push(attach::over_quota(&key));
            return Ok(Err(Refusal::OverQuota { end: hash }));
        }
        self.fill_known(&run, known)?;
        let before = match self.logs.contains_key(&key) {
            true => Vec::new(),
            false => self.tables.chain_heads(&key)?,
        };
        let (log, known) = match place {
            Place::Known(chain) => return Ok(Ok(outcome(0, &chain))),
            Place::Extends(chain, known) => (chain, known),
            Place::New => match run.named_grant() {
                Some(grant) if self.proves(&grant, &key) => (self.tables.log_for(&key, grant)?, 0),
                _ => return Ok(Err(Refusal::Unproven)),
            },
            Place::Branches { beside, fork, known } => {
                let (grant, fresh) = (attach::grant_of(&run, &fork, &beside), run.new_from(known));
                if !self.proves(&grant, &key) {
                    return Ok(Err(Refusal::Unproven));
                }
                if chains.len() >= BRANCHES_MAX {
                    self.evidence.extend(fresh.first().map(|first| attach::too_many(&key, first)));
                    return Ok(Err(Refusal::Forked { end: hash }));
                }
                self.evidence.push(attach::evidence(self.tables, &beside, &fork, fresh)?);
                (self.tables.branch(&key, grant, fork)?, known)
            }
        };
        if self.authority.reach(&log.grant, &key) != Reach::Whole {
            self.cut.insert(key);
            if key.lane == Lane::Authority {
                self.authority_changes();
            }
        }
        self.logs.entry(key).or_insert(before);
        let mut fresh = Vec::with_capacity(run.new_from(known).len());
        for entry in run.new_from(known) {
            let coverage = self.coverage(&log, entry)?;
            fresh.push((Self::to_be_stored(entry, coverage), coverage));
        }
        let entries = fresh.iter().map(|(entry, _)| entry.as_ref());
        self.tables.append(&log, head, run.hashes_from(known).zip(entries))?;
        for ((entry, coverage), hash) in fresh.iter().zip(run.hashes_from(known)) {
            if !self.is_without_effect(&log, entry, hash, *coverage)? {
                self.effect(&log, entry, hash)?;
            }
        }
        Ok(Ok(outcome(fresh.len() as u64, &log)))
    }

    /// Decides what the new entries come to and brings documents and index up to date.
    pub fn finish(mut self) -> Result<Ingested, StoreError> {
        let mut undecided: BTreeMap<DivisionCode, BTreeMap<DocumentKey, Vec<Fresh>>> =
            BTreeMap::new();
        let authority_changed = self.before.is_some();
        let recounted = self.recount()?;
        let again = std::mem::take(&mut self.again);
        for key in recounted.into_iter().chain(self.erase_again()?).chain(again) {
            undecided.entry(key.scope).or_default().entry(key).or_default();
        }
        if authority_changed {
            self.judge_reach_again()?;
        }
        let mut set_aside = std::mem::take(&mut self.noted);
        let mut changed = Changed::new();
        let mut note = |fresh: &[Fresh], unsettled: &BTreeMap<EntryHash, Unsettled>| {
            for fresh in fresh {
                let reason = unsettled.get(&fresh.entry).filter(|why| Unsettled::is_unwanted(why));
                if let Some(reason) = reason {
                    let (seq, hash, reason) = (fresh.seq, fresh.entry, reason.clone());
                    set_aside.entry(fresh.key).or_default().push(SetAside { seq, hash, reason });
                }
            }
        };
        for (key, mut fresh) in std::mem::take(&mut self.fresh) {
            let again = undecided.get_mut(&key.scope).and_then(|keys| keys.get_mut(&key));
            if let Some(again) = again {
                again.extend(fresh);
                continue;
            }
            match self.decide(key, &mut fresh)? {
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
        self.move_again(&mut changed)?;
        for (log, asides) in std::mem::take(&mut self.noted) {
            set_aside.entry(log).or_default().extend(asides);
        }
        self.index(changed)?;
        self.forget_drafts()?;
        Ok(Ingested {
            logs: self.logs,
            evidence: self.evidence,
            set_aside,
            authority_changed,
            moved: self.moved,
        })
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
        for key in std::mem::take(&mut self.cut) {
            for chain in self.tables.chains(&key)? {
                self.documents_of(&chain, &mut documents)?;
            }
        }
        let Some(before) = self.before.take() else { return Ok(documents) };
        statement::decide(self.tables, self.authority)?;
        let standings: Vec<(EntryPlace, StatementStanding)> = self
            .authority
            .statements()
            // What a later version says is noted as such, whether it counts or not.
            .filter(|(_, statement, _)| **statement != Statement::Unknown)
            .map(|(place, _, standing)| (*place, standing))
            .collect();
        let known: BTreeMap<EntryPlace, StatementStanding> =
            before.statements().map(|(place, _, standing)| (*place, standing)).collect();
        for (place, standing) in standings {
            if known.get(&place) != Some(&standing) || self.stated_again.contains(&place) {
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
            self.documents_of(&log, &mut documents)?;
        }
        Ok(documents)
    }

    /// The documents that the entries of a chain are of, and the files that they erase.
    fn documents_of(
        &mut self,
        log: &LogRow,
        documents: &mut BTreeSet<DocumentKey>,
    ) -> Result<(), StoreError> {
        let (erasing, moving) = (&mut self.erasing, &mut self.moving);
        self.tables.for_each_entry(log.number, |_, entry| {
            let entry = entry?;
            if entry.header.kind == Kind::Erase {
                let elder = erased_elder(&entry);
                erasing.extend(elder.map(|elder| (log.key.scope, elder)));
            }
            moving.extend(moved_elder(&entry));
            let id = entry.header.document.id();
            documents.extend(id.map(|id| DocumentKey { scope: log.key.scope, id }));
            Ok(())
        })
    }

    /// Entries were judged as they came, by what was known until then of who may do what.
    fn judge_reach_again(&mut self) -> Result<(), StoreError> {
        let mut logs: BTreeMap<LogNumber, Option<(LogRow, Reach)>> = BTreeMap::new();
        for fresh in self.fresh.values_mut().flatten() {
            if let btree_map::Entry::Vacant(log) = logs.entry(fresh.log) {
                let row = self.tables.log_by_number(fresh.log)?;
                log.insert(row.map(|row| (row, self.authority.reach(&row.grant, &row.key))));
            }
            if let Some(Some((log, reach))) = logs.get(&fresh.log) {
                let within = within(self.tables, log, fresh.seq, reach)?;
                let candidates = fresh.candidates.iter_mut().flatten();
                candidates.for_each(|candidate| candidate.within = within);
            }
        }
        Ok(())
    }

    fn note_statement(
        &mut self,
        place: &EntryPlace,
        standing: StatementStanding,
        known: bool,
    ) -> Result<(), StoreError> {
        let found = self.tables.find_chain(&place.log, place.seq, &place.hash)?;
        let Some(log) = found else { return Ok(()) };
        match statement::unsettled(standing) {
            Some(why) => {
                if !known {
                    let aside = SetAside { seq: place.seq, hash: place.hash, reason: why.clone() };
                    self.noted.entry(log.key).or_default().push(aside);
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

    /// Whether the device may put this much more into the mesh, by the widest of its grants. Grants
    /// count here whether they stand or not: what a revoked device wrote is still to be seen.
    fn has_quota(&self, log: &LogKey, fresh: &[Entry], new_log: bool) -> Result<bool, StoreError> {
        let mut bytes: u64 = fresh.iter().map(|entry| u64::from(entry.header.body_length)).sum();
        let (mut logs, mut incarnations, mut known) = (u64::from(new_log), 0u64, false);
        for row in self.tables.usage_of(log.device)? {
            bytes = bytes.saturating_add(row.bytes);
            logs = logs.saturating_add(u64::from(row.logs));
            incarnations += 1;
            known |= row.incarnation == log.incarnation;
        }
        incarnations += u64::from(!known);
        let quotas: Vec<Quota> =
            self.authority.grants_of(log.device).map(|(_, grant)| grant.quota).collect();
        let widest = |of: fn(&Quota) -> u64| quotas.iter().map(of).max();
        // A device without a grant has no log here: what proves a log is checked apart.
        Ok(widest(|quota| quota.bytes).is_none_or(|most| bytes <= most)
            && widest(|quota| quota.logs.into()).is_none_or(|most| logs <= most)
            && widest(|quota| quota.incarnations.into()).is_none_or(|most| incarnations <= most))
    }

    fn proves(&self, grant: &GrantId, log: &LogKey) -> bool {
        self.authority
            .grant(grant)
            .is_some_and(|grant| grant.subject == log.device && grant.area.contains(log.scope))
    }

    /// What a stored entry does by itself.
    fn effect(&mut self, log: &LogRow, entry: &Entry, hash: EntryHash) -> Result<(), StoreError> {
        // Whatever its kind: how far such a log is here says which grants may still come.
        if log.key.lane == Lane::Authority {
            self.authority_changes();
        }
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
                let candidates = candidates_of(self.authority, log, entry, hash, grant, within);
                if entry.header.kind == Kind::Adopt {
                    self.note_authors(log, entry)?;
                }
                let fresh = Fresh {
                    entry: hash,
                    log: log.number,
                    key: log.key,
                    seq: entry.header.seq,
                    candidates,
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
            (Kind::Receipt, _) => match custody::judge(self.authority, log, entry) {
                Ok(claims) => claims.iter().try_for_each(|claim| self.tables.put_claim(claim)),
                Err(reason) => self.note(log, entry, reason),
            },
            (Kind::Erase, _) => self.erase(log, entry),
            (Kind::Handover | Kind::Purge, _) => self.move_elder(log, entry),
            (Kind::Other(_), _) => {
                if log.key.lane == Lane::Authority {
                    self.authority_changes();
                    let place = statement::place_of(log, entry);
                    self.authority.state(place, log.grant, Statement::Unknown);
                }
                self.note(log, entry, Unsettled::UnknownKind)
            }
        }
    }

    /// Notes an entry that is of no document under the scope's directory.
    fn note(&mut self, log: &LogRow, entry: &Entry, standing: Unsettled) -> Result<(), StoreError> {
        let (seq, hash) = (entry.header.seq, entry.header.hash());
        let aside = SetAside { seq, hash, reason: standing.clone() };
        self.noted.entry(log.key).or_default().push(aside);
        let (key, row) = statement::note(log, seq, standing);
        self.tables.put_unsettled(&key, hash, &row)
    }

    /// Decides a document's new entries together with those that do not count yet. None if that
    /// is not enough: some change claims the place of one that counts, lies beyond a cut, or is
    /// adopted.
    fn decide(
        &mut self,
        key: DocumentKey,
        fresh: &mut [Fresh],
    ) -> Result<Option<BTreeMap<EntryHash, Unsettled>>, StoreError> {
        let stored = self.tables.document(&key)?;
        let (document, first) = match &stored {
            None => match genesis_change(key.scope, &key.id) {
                Some(change) => (Automerge::new(), Some(change)),
                None => (genesis(key.scope, &key.id), None),
            },
            Some(row) => (index::load(&key, &row.saved)?, None),
        };
        let mut ancestry = match &stored {
            None => Ancestry::new(key.scope, &key.id),
            Some(_) => Ancestry::from_document(key.scope, &key.id, &document).map_err(|rule| {
                StoreError::Corrupt { table: "documents-2", detail: format!("{}: {rule}", key.id) }
            })?,
        };
        let mut places: BTreeMap<EntryHash, UnsettledRow> = BTreeMap::new();
        let mut candidates: Vec<Candidate> = Vec::new();
        for (hash, row) in self.tables.unsettled_of(&key)? {
            let beyond =
                [Unsettled::Displaced, Unsettled::Quarantined, Unsettled::Vouched, Unsettled::Late];
            if beyond.contains(&row.standing) {
                return Ok(None);
            }
            if let Some(again) = candidates_again(self.tables, self.authority, &row)? {
                candidates.extend(again);
                places.insert(hash, row);
            }
        }
        for fresh in fresh {
            // If it cannot be decided so, it is from the logs.
            let Some(new) = fresh.candidates.take() else { return Ok(None) };
            let of_change = new.iter().find(|candidate| candidate.carried_by.is_none());
            let change = of_change.and_then(|candidate| candidate.hash).map(|hash| hash.0);
            candidates.extend(new);
            let row = UnsettledRow {
                log: fresh.log,
                seq: fresh.seq,
                change,
                standing: Unsettled::Pending,
            };
            places.insert(fresh.entry, row);
        }
        let Some(mut counted) = count_onto(document, first, &mut ancestry, &candidates) else {
            return Ok(None);
        };
        note_carried(&mut counted.unsettled, &candidates);
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
        let row = document_row(&counted.document);
        if let DocumentId::Elder { .. } = key.id {
            let view = row.as_ref().and_then(|_| PartView::read(&counted.document, &key.id));
            self.in_hand.insert(*key, view.map(Arc::new));
        }
        match row {
            Some(row) => self.tables.put_document(key, &row)?,
            None => self.tables.remove_document(key)?,
        }
        let place = |(entry, row): (&EntryHash, &UnsettledRow)| {
            let change = row.change.filter(|_| !counted.unsettled.contains_key(entry))?;
            Some(ChangePlace { change, log: row.log, seq: row.seq })
        };
        let mut standing: Vec<ChangePlace> = places.iter().filter_map(place).collect();
        standing.sort_unstable_by_key(|place| (place.log, place.seq));
        self.tables.note_places(key, &standing)?;
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

/// The changes of an entry of a document; None where they alone do not decide.
fn candidates_of(
    authority: &Authority,
    log: &LogRow,
    entry: &Entry,
    hash: EntryHash,
    grant: &Grant,
    within: bool,
) -> Option<Vec<Candidate>> {
    if entry.header.kind == Kind::Change {
        return Candidate::of(entry, hash, grant, within).map(|candidate| vec![candidate]);
    }
    let originals = carried_by(authority, log, entry, grant)?.ok()?;
    Some(Candidate::carried(hash, &originals, within))
}

/// The changes of an unsettled entry; None for one that is of no document, or brings none.
fn candidates_again(
    tables: &impl ChainRead,
    authority: &Authority,
    row: &UnsettledRow,
) -> Result<Option<Vec<Candidate>>, StoreError> {
    let Some(log) = tables.log_by_number(row.log)? else { return Ok(None) };
    let Some(entry) = tables.entry(row.log, row.seq)? else { return Ok(None) };
    let of_document = matches!(entry.header.kind, Kind::Change | Kind::Adopt)
        && entry.header.document.id().is_some();
    let Some(grant) = authority.grant(&log.grant).filter(|_| of_document) else { return Ok(None) };
    let within = within(tables, &log, row.seq, &authority.reach(&log.grant, &log.key))?;
    let hash = entry.header.hash();
    Ok(candidates_of(authority, &log, &entry, hash, grant, within))
}

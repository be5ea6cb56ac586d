//! Reading everything again: every header, body and signature, every document rebuilt from the
//! logs, every row of the index, every count. Whatever is wrong is named; nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::record::ElderId;

use crate::authority::Authority;
use crate::custody;
use crate::gathered::erased;
use crate::gathered::{Cache, Coverage, Decided, Found, document_row, within};
use crate::identity::DeviceId;
use crate::index::{self, IndexSecret};
use crate::json::JSON_SCHEMA_VERSION;
use crate::log::{Entry, EntryHash, Head, Incarnation, Kind, LogKey};
use crate::progress::Progress;
use crate::statement;
use crate::store::audit::AuditRead;
use crate::store::custody::{Claim, CustodyRead};
use crate::store::digests::Family;
use crate::store::drafts::DraftRead;
use crate::store::erasures::{ErasurePlace, ErasureRead};
use crate::store::facts::FactsRead;
use crate::store::incidents::IncidentRead;
use crate::store::moves::HandoverPlace;
use crate::store::names::{NameRow, NamesRead};
use crate::store::rows::{DocumentKey, Fork, LogRow, ScopeRow, Unsettled, UnsettledRow, UsageRow};
use crate::store::{ChainRead, DigestRead, Snapshot, StoreError, StoreRead};

mod moves;

/// What was read, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// See [`JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Logs read.
    pub logs: u64,
    /// Entries read.
    pub entries: u64,
    /// Signatures checked.
    pub signatures: u64,
    /// Documents rebuilt.
    pub documents: u64,
    /// Rows of the index compared.
    pub elders: u64,
    /// Bodies that are missing: listed, and asked of every peer.
    #[serde(default)]
    pub missing: u64,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where: log and number, document, or elder.
    pub place: String,
    /// A code of the catalogue.
    pub code: String,
    /// What exactly.
    pub detail: String,
}

/// Reads everything that the store holds.
pub fn run(snapshot: &Snapshot, authority: &Authority, secret: &IndexSecret) -> VerifyReport {
    run_telling(snapshot, authority, secret, &Progress::default())
}

/// As [`run`], saying how far it is: a step for each entry and each elder.
pub fn run_telling(
    snapshot: &Snapshot,
    authority: &Authority,
    secret: &IndexSecret,
    progress: &Progress,
) -> VerifyReport {
    // What is damaged is named where it is read, and not here.
    let steps = std::panic::catch_unwind(AssertUnwindSafe(|| steps(snapshot)));
    progress.begin(steps.ok().and_then(Result::ok).unwrap_or_default());
    let mut check = Check {
        snapshot,
        progress,
        authority,
        report: VerifyReport {
            schema_version: JSON_SCHEMA_VERSION,
            ok: false,
            logs: 0,
            entries: 0,
            signatures: 0,
            documents: 0,
            elders: 0,
            missing: 0,
            faults: Vec::new(),
        },
        found: Found::new(),
        erased: Cache::default(),
        erasures: BTreeSet::new(),
        handovers: BTreeSet::new(),
        scopes: BTreeMap::new(),
        usage: BTreeMap::new(),
        standings: BTreeMap::new(),
        claims: BTreeMap::new(),
    };
    check.step("logs", |check| check.logs());
    check.step("documents", |check| check.documents());
    check.step("standings", |check| check.unsettled());
    check.step("custody", |check| check.custody());
    check.step("index", |check| check.elders(secret));
    check.step("moves", |check| check.moves());
    check.step("counts", |check| check.counts());
    check.step("digests", |check| check.digests());
    check.step("rest", |check| check.rest());
    check.report.ok = check.report.faults.is_empty();
    check.report
}

fn steps(snapshot: &Snapshot) -> Result<u64, StoreError> {
    let mut steps = snapshot.elders_with_documents()?.len() as u64;
    for log in snapshot.logs_all()? {
        let first = log.branch.map_or(0, |branch| branch.first_seq);
        let end = snapshot.head_of(log.number)?.map_or(0, |head| head.seq + 1);
        steps += end.saturating_sub(first);
    }
    Ok(steps)
}

struct Check<'a> {
    snapshot: &'a Snapshot,
    progress: &'a Progress,
    authority: &'a Authority,
    report: VerifyReport,
    found: Found,
    erased: Cache,
    /// `Erase` entries that read, by place.
    erasures: BTreeSet<ErasurePlace>,
    /// `Handover` and `Purge` entries that read, by place.
    handovers: BTreeSet<HandoverPlace>,
    scopes: BTreeMap<DivisionCode, ScopeRow>,
    /// What each device has put in, as it follows from the logs.
    usage: BTreeMap<(DeviceId, Incarnation), UsageRow>,
    /// By document, the entries that do not count as they follow from the logs.
    standings: BTreeMap<DocumentKey, BTreeMap<EntryHash, UnsettledRow>>,
    /// What receipts say, by holder, its lineage and log, as it follows from the logs.
    claims: BTreeMap<(DeviceId, Incarnation, LogKey), Vec<Claim>>,
}

impl Check<'_> {
    /// Runs one step. A page that the disk has changed may make the database fail or panic: that
    /// is named like any other fault, and the other steps go on.
    fn step(&mut self, place: &str, work: impl FnOnce(&mut Self) -> Result<(), StoreError>) {
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| work(self)));
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fault(place.to_owned(), "unreadable", &error),
            Err(_) => self.fault(place.to_owned(), "unreadable", &"a page of the store is damaged"),
        }
    }

    /// Whether a row reads, and says this.
    fn reads_as<T: PartialEq>(row: Result<Option<T>, StoreError>, expected: &T) -> bool {
        row.is_ok_and(|row| row.as_ref() == Some(expected))
    }

    fn fault(&mut self, place: String, code: &str, detail: &dyn ToString) {
        let (code, detail) = (code.to_owned(), detail.to_string());
        self.report.faults.push(Fault { place, code, detail });
    }

    fn logs(&mut self) -> Result<(), StoreError> {
        for log in self.snapshot.logs_all()? {
            self.report.logs += 1;
            if let Err(error) = self.log(&log) {
                self.fault(format!("{:?}", log.key), "unreadable", &error);
            }
        }
        Ok(())
    }

    fn log(&mut self, log: &LogRow) -> Result<(), StoreError> {
        if !self.snapshot.chains(&log.key)?.contains(log) {
            self.fault(format!("{:?}", log.key), "log_number", &"two tables disagree");
        }
        let grant = self.authority.grant(&log.grant);
        let grant = grant
            .filter(|grant| grant.subject == log.key.device && grant.area.contains(log.key.scope));
        if grant.is_none() {
            self.fault(format!("{:?}", log.key), "unproven_log", &"no grant here proves the log");
        }
        let last = match self.snapshot.head_of(log.number) {
            Ok(last) => last,
            Err(error) => {
                self.fault(format!("{:?}", log.key), "head", &error);
                None
            }
        };
        self.usage_of(&log.key).logs += 1;
        let reach = self.authority.reach(&log.grant, &log.key);
        let (snapshot, mut head, mut expected): (_, Option<Head>, u64) = (self.snapshot, None, 0);
        if let Some(branch) = log.branch {
            expected = branch.first_seq;
            head = self.parting(log, &branch)?;
        }
        snapshot.for_each_entry(log.number, |seq, entry| {
            let place = format!("{:?}/{seq}", log.key);
            if seq != expected {
                self.fault(place.clone(), "missing_entry", &format!("{expected} does not follow"));
                head = None;
            }
            expected = seq.saturating_add(1);
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.fault(place, "unreadable", &error);
                    head = None;
                    return Ok(());
                }
            };
            self.report.entries += 1;
            self.progress.step();
            self.scopes.entry(log.key.scope).or_default().entries += 1;
            self.usage_of(&log.key).bytes += u64::from(entry.header.body_length);
            let is_head = last.is_some_and(|last| last.seq == seq);
            self.entry(log, seq, head.as_ref(), &entry, is_head, &place);
            let coverage = self.erased.coverage(snapshot, self.authority, log, &entry)?;
            self.body(log, &entry, coverage, &place)?;
            head = Some(Head::after(head.as_ref(), &entry, entry.header.hash()));
            match (entry.header.kind, entry.header.document.id(), grant) {
                (Kind::Change | Kind::Adopt, Some(id), Some(grant)) => {
                    let key = DocumentKey { scope: log.key.scope, id };
                    let within = within(snapshot, log, seq, &reach)?;
                    let found = self.found.entry(key).or_default();
                    found.add(self.authority, log, &entry, grant, within, coverage);
                }
                _ => self.note_other(log, &entry)?,
            }
            Ok(())
        })?;
        if head != last {
            self.fault(format!("{:?}", log.key), "head", &"the head is not the last entry's");
        }
        Ok(())
    }

    fn usage_of(&mut self, log: &LogKey) -> &mut UsageRow {
        let (device, incarnation) = (log.device, log.incarnation);
        let none = UsageRow { device, incarnation, bytes: 0, logs: 0 };
        self.usage.entry((device, incarnation)).or_insert(none)
    }

    /// What stands where a chain leaves its parent's path; it has to go on otherwise.
    fn parting(&mut self, log: &LogRow, branch: &Fork) -> Result<Option<Head>, StoreError> {
        let Some(parent) = self.snapshot.log_by_number(branch.parent)? else {
            self.fault(format!("{:?}", log.key), "log_number", &"a branch of nothing");
            return Ok(None);
        };
        let first = self.snapshot.hash_at(log, branch.first_seq)?;
        if first.is_some() && first == self.snapshot.hash_at(&parent, branch.first_seq)? {
            self.fault(format!("{:?}", log.key), "log_number", &"a branch that does not differ");
        }
        match branch.first_seq.checked_sub(1) {
            None => Ok(None),
            Some(before) => self.snapshot.head_at(&parent, before),
        }
    }

    fn entry(
        &mut self,
        log: &LogRow,
        seq: u64,
        head: Option<&Head>,
        entry: &Entry,
        is_head: bool,
        place: &str,
    ) {
        let header = &entry.header;
        let previous = match seq {
            0 => Some(EntryHash::of_grant(log.grant)),
            _ => head.map(|head| head.hash),
        };
        if header.log != log.key || header.seq != seq {
            self.fault(place.to_owned(), "header", &"the header is another entry's");
        }
        if previous.is_some_and(|previous| previous != header.previous) {
            self.fault(place.to_owned(), "broken_chain", &"the header names another previous one");
        }
        if entry
            .body
            .as_ref()
            .is_some_and(|body| *blake3::hash(body).as_bytes() != header.body_hash)
        {
            self.fault(place.to_owned(), "body", &"the body is not the one the header names");
        }
        match &entry.signature {
            Some(signature) => {
                self.report.signatures += 1;
                if !log.key.device.verify(&header.hash().0, signature) {
                    self.fault(place.to_owned(), "broken_signature", &"not the device's signature");
                }
            }
            None if is_head => {
                self.fault(place.to_owned(), "broken_signature", &"the head is not signed");
            }
            None => {}
        }
    }

    /// Entries that are of no document that this version knows stand under the directory.
    fn note_other(&mut self, log: &LogRow, entry: &Entry) -> Result<(), StoreError> {
        let standing = match entry.header.kind {
            Kind::Grant | Kind::Revoke => match statement::standing(self.authority, log, entry) {
                Some(standing) => standing,
                None => return Ok(()),
            },
            Kind::Erase => match self.erasure(log, entry)? {
                Some(standing) => standing,
                None => return Ok(()),
            },
            Kind::Handover | Kind::Purge => match self.handover(log, entry)? {
                Some(standing) => standing,
                None => return Ok(()),
            },
            Kind::Receipt => match custody::judge(self.authority, log, entry) {
                Err(standing) => standing,
                Ok(claims) => {
                    for claim in claims {
                        self.claims.entry(claim_key(&claim)).or_default().push(claim);
                    }
                    return Ok(());
                }
            },
            Kind::Change | Kind::Adopt if entry.header.document.is_empty() => {
                Unsettled::NotAllowed("no_document".into())
            }
            Kind::Change | Kind::Adopt | Kind::Other(_) => Unsettled::UnknownKind,
        };
        let key = DocumentKey { scope: log.key.scope, id: DocumentId::Directory };
        let row = UnsettledRow { log: log.number, seq: entry.header.seq, change: None, standing };
        self.standings.entry(key).or_default().insert(entry.header.hash(), row);
        Ok(())
    }

    /// Why an entry of kind `Erase` does not count, if so.
    fn erasure(&mut self, log: &LogRow, entry: &Entry) -> Result<Option<Unsettled>, StoreError> {
        let grant = self.authority.grant(&log.grant);
        let Some(grant) = grant else { return Ok(None) };
        let elder = match erased::read(log, entry, grant) {
            Ok(erasure) => erasure.elder,
            Err(why) => return Ok(Some(why)),
        };
        self.erasures.insert((log.key.scope, elder, log.number, entry.header.seq));
        let erased = self.erased.of(self.snapshot, self.authority, log.key.scope, elder)?;
        let hash = entry.header.hash();
        let signature = erased.signatures().iter().find(|found| found.place.hash == hash);
        Ok(signature.and_then(|signature| signature.standing.clone()))
    }

    /// A body is there, or was erased by two, or is listed as missing.
    fn body(
        &mut self,
        log: &LogRow,
        entry: &Entry,
        coverage: Coverage,
        place: &str,
    ) -> Result<(), StoreError> {
        let listed = self.snapshot.is_missing(log.number, entry.header.seq)?;
        let removed = coverage == Coverage::Removed;
        if entry.body.is_some() && removed {
            self.fault(place.to_owned(), "erased_body", &"two have signed, and it is still here");
        }
        if listed != (entry.body.is_none() && !removed) {
            self.fault(place.to_owned(), "missing_body", &"not listed as what it is");
        }
        self.report.missing += u64::from(listed);
        Ok(())
    }

    fn documents(&mut self) -> Result<(), StoreError> {
        for (key, entries) in std::mem::take(&mut self.found) {
            self.report.documents += 1;
            let place = format!("{}/{}", key.scope, key.id);
            let Decided { counted, places } = entries.decide(&key);
            let rebuilt = document_row(&counted.document);
            match self.snapshot.document(&key) {
                Err(error) => self.fault(place.clone(), "unreadable", &error),
                Ok(stored) => {
                    let heads = |row: &crate::store::rows::DocumentRow| row.heads.clone();
                    if stored.as_ref().map(heads) != rebuilt.as_ref().map(heads) {
                        self.fault(place.clone(), "document", &"not what the logs come to");
                    } else if let Some(row) = stored
                        && index::load(&key, &row.saved).is_ok_and(|document| {
                            document.get_heads() != counted.document.get_heads()
                        })
                    {
                        self.fault(place.clone(), "document", &"other heads than it says");
                    }
                }
            }
            let rebuilt: BTreeMap<EntryHash, UnsettledRow> = places
                .into_iter()
                .filter_map(|(entry, row)| {
                    let standing = counted.unsettled.get(&entry)?.clone();
                    Some((entry, UnsettledRow { standing, ..row }))
                })
                .collect();
            self.standings.entry(key).or_default().extend(rebuilt);
        }
        Ok(())
    }

    /// What does not count, and why: the rows that are there against those that follow from the
    /// logs.
    fn unsettled(&mut self) -> Result<(), StoreError> {
        let expected = std::mem::take(&mut self.standings);
        let mut stored: BTreeMap<DocumentKey, BTreeMap<EntryHash, UnsettledRow>> = BTreeMap::new();
        self.snapshot.for_each_unsettled(|key, hash, row| {
            match row {
                Ok(row) => drop(stored.entry(key).or_default().insert(hash, row)),
                Err(error) => {
                    let place = format!("{}/{} {hash:?}", key.scope, key.id);
                    self.fault(place, "unreadable", &error);
                }
            }
            Ok(())
        })?;
        let keys: BTreeSet<DocumentKey> = stored.keys().chain(expected.keys()).copied().collect();
        for key in keys {
            let none = BTreeMap::new();
            let (found, follows) =
                (stored.get(&key).unwrap_or(&none), expected.get(&key).unwrap_or(&none));
            if found != follows {
                let place = format!("{}/{}", key.scope, key.id);
                self.fault(place, "standing", &"other entries count than the rules say");
            }
        }
        Ok(())
    }

    /// What receipts say: every row says what some receipt says, and no last word is left out.
    fn custody(&mut self) -> Result<(), StoreError> {
        let mut stored: BTreeMap<_, Vec<Claim>> = BTreeMap::new();
        for claim in self.snapshot.claims_all()? {
            stored.entry(claim_key(&claim)).or_default().push(claim);
        }
        let said = std::mem::take(&mut self.claims);
        let follows = stored.iter().all(|(key, rows)| {
            said.get(key).is_some_and(|said| rows.iter().all(|row| said.contains(row)))
        });
        let whole = said.iter().all(|(key, said)| {
            let last = said.iter().map(|claim| claim.receipt_seq).max();
            let kept = stored.get(key).into_iter().flatten();
            kept.map(|claim| claim.receipt_seq).max() == last
        });
        if !follows || !whole {
            self.fault("custody".to_owned(), "custody", &"not what the receipts come to");
        }
        Ok(())
    }

    fn elders(&mut self, secret: &IndexSecret) -> Result<(), StoreError> {
        let mut stored: BTreeMap<(DivisionCode, ElderId), _> = BTreeMap::new();
        for (scope, elder) in self.snapshot.elder_places_all()? {
            stored.insert((scope, elder), self.snapshot.elder(scope, elder));
        }
        let mut incidents = match self.snapshot.incidents_all() {
            Ok(incidents) => incidents.into_iter().collect::<BTreeMap<_, _>>(),
            Err(error) => {
                self.fault("incidents".to_owned(), "unreadable", &error);
                BTreeMap::new()
            }
        };
        for (scope, elder) in self.snapshot.elders_with_documents()? {
            self.report.elders += 1;
            self.progress.step();
            if index::elsewhere(self.snapshot, scope, elder)?.is_some() {
                continue;
            }
            let place = format!("{scope}/{elder}");
            let rebuilt = match index::view(self.snapshot, scope, elder) {
                Ok(view) => {
                    for (place, row) in index::incidents(scope, &view) {
                        if incidents.remove(&place).as_ref() != Some(&row) {
                            let place = format!("{scope}/{elder}/{}", place.incident);
                            self.fault(place, "index", &"not what the documents come to");
                        }
                    }
                    let row = index::row(secret, scope, &view);
                    let facts = index::facts::row(&row, &view);
                    if !Self::reads_as(self.snapshot.facts_of(scope, elder), &facts)
                        || !Self::reads_as(self.snapshot.name_of(scope, elder), &NameRow::of(&row))
                    {
                        self.fault(place.clone(), "index", &"facts are not what the documents say");
                    }
                    row
                }
                Err(error) => {
                    self.fault(place, "unreadable", &error);
                    continue;
                }
            };
            let counts = self.scopes.entry(scope).or_default();
            counts.elders += u64::from(rebuilt.says_anything());
            counts.conflicts += rebuilt.conflict_count();
            counts.differs += rebuilt.differs;
            counts.merged += u64::from(rebuilt.is_merged());
            match stored.remove(&(scope, elder)) {
                Some(Ok(Some(row))) if row == rebuilt => {}
                Some(Err(error)) => self.fault(place, "unreadable", &error),
                _ => self.fault(place, "index", &"not what the documents come to"),
            }
            for key in &rebuilt.keys {
                if !self.snapshot.elders_by_key(*key)?.contains(&(scope, elder)) {
                    self.fault(format!("{scope}/{elder}"), "index", &"a secondary key is missing");
                }
            }
        }
        for (scope, elder) in stored.into_keys() {
            self.fault(format!("{scope}/{elder}"), "index", &"there is no document");
        }
        for place in incidents.into_keys() {
            let place = format!("{}/{}/{}", place.scope, place.elder, place.incident);
            self.fault(place, "index", &"there is no document");
        }
        Ok(())
    }

    fn counts(&mut self) -> Result<(), StoreError> {
        for row in self.snapshot.unsettled_all()? {
            if let Some(log) = self.snapshot.log_by_number(row.log)? {
                self.scopes.entry(log.key.scope).or_default().unsettled += 1;
            }
        }
        for (scope, rebuilt) in std::mem::take(&mut self.scopes) {
            match self.snapshot.scope(scope) {
                Ok(stored) if (ScopeRow { heard_ms: None, ..stored }) == rebuilt => {}
                Ok(_) => self.fault(scope.to_string(), "counts", &"not what the rows come to"),
                Err(error) => self.fault(scope.to_string(), "unreadable", &error),
            }
        }
        Ok(())
    }

    /// What other nodes are told by digest.
    fn digests(&mut self) -> Result<(), StoreError> {
        let (stored, rebuilt) =
            (self.snapshot.divisions_all()?, self.snapshot.divisions_rebuilt()?);
        let places: BTreeSet<DivisionCode> = stored.keys().chain(rebuilt.keys()).copied().collect();
        for place in places {
            if stored.get(&place) != rebuilt.get(&place) {
                self.fault(place.to_string(), "counts", &"its digest is not what the logs come to");
            }
            let documents = Family::ALL.map(|family| self.snapshot.documents_digest(place, family));
            let [authority, records] = documents;
            if [authority?, records?] != self.snapshot.documents_digests_rebuilt(place)? {
                let detail = "its digest is not what the documents come to";
                self.fault(place.to_string(), "counts", &detail);
            }
        }
        Ok(())
    }

    fn rest(&mut self) -> Result<(), StoreError> {
        let usage: Vec<UsageRow> = std::mem::take(&mut self.usage).into_values().collect();
        if self.snapshot.usage_all()? != usage {
            self.fault("usage".to_owned(), "counts", &"not what the logs come to");
        }
        self.snapshot.check_meta()?;
        for (grant, _) in self.snapshot.grants_all()? {
            if self.authority.grant(&grant.id()).is_none() {
                self.fault(format!("grant {:?}", grant.id()), "grant", &"it does not hold");
            }
        }
        let erasures: BTreeSet<ErasurePlace> = self.snapshot.erasures_all()?.into_iter().collect();
        if erasures != std::mem::take(&mut self.erasures) {
            let place = "erasures".to_owned();
            self.fault(place, "erasure_index", &"not the entries that are here");
        }
        if self.snapshot.missing_count()? != self.report.missing {
            let place = "missing".to_owned();
            self.fault(place, "missing_body", &"rows without an entry");
        }
        self.snapshot.peers_all()?;
        self.snapshot.evidence_all()?;
        self.snapshot.audit_all()?;
        self.snapshot.drafts_all()?;
        Ok(())
    }
}

fn claim_key(claim: &Claim) -> (DeviceId, Incarnation, LogKey) {
    (claim.holder, claim.incarnation, claim.place.log)
}

//! Everything that writes the store, within one transaction.

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadableTable, Table, WriteTransaction};
use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::{ElderId, IncidentId};

use super::blocks::{Blocks, RecentBlocks};
use super::chains::ChainRead;
use super::digests::Unsummed;
use super::documents::encode_document;
use super::elders::encode_elder;
use super::encoding::{self, encode_checked, encode_unsettled, encode_usage};
use super::incidents::IncidentPlace;
use super::rows::{
    DocumentKey, DocumentRow, ElderRow, EvidenceRow, Fork, LogNumber, LogRow, PeerRow, ScopeRow,
    UnsettledRow, UsageRow, elder_bytes,
};
use super::tables::{self, StoreRead};
use super::{REWRITE_DUE, StoreError};
use crate::codec::Writer;
use crate::identity::DeviceId;
use crate::identity::grant::{GrantId, SignedGrant};
use crate::limits::{EVIDENCE_BYTES_MAX, EVIDENCE_ROWS_MAX};
use crate::log::{Entry, EntryHash, Head, LogKey};

type Bytes = &'static [u8];

/// What there is more of than before a transaction, and a person may want to hear of.
#[derive(Debug, Default)]
pub struct Growth {
    /// By whose file and which, where they are now: those that were not there before.
    incidents: BTreeMap<(ElderId, IncidentId), DivisionCode>,
    /// Those that have left a place.
    left: BTreeSet<(ElderId, IncidentId)>,
    conflicts: BTreeMap<DivisionCode, i64>,
}

impl Growth {
    pub(super) fn came(&mut self, place: IncidentPlace) {
        self.incidents.insert((place.elder, place.incident), place.scope);
    }

    pub(super) fn left(&mut self, place: IncidentPlace) {
        self.left.insert((place.elder, place.incident));
    }

    fn conflicts(&mut self, scope: DivisionCode, before: u64, after: u64) {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        *self.conflicts.entry(scope).or_default() += signed(after) - signed(before);
    }

    /// Places with new incidents, and how many. What an elder who moves takes along is not new.
    pub fn new_incidents(&self) -> BTreeMap<DivisionCode, u64> {
        let mut counts = BTreeMap::new();
        for (_, scope) in self.incidents.iter().filter(|(which, _)| !self.left.contains(which)) {
            *counts.entry(*scope).or_default() += 1;
        }
        counts
    }

    /// Places with concurrent values in more fields than before, and how many more.
    pub fn more_conflicts(&self) -> impl Iterator<Item = (DivisionCode, u64)> {
        let more = |(scope, by): (&DivisionCode, &i64)| Some((*scope, u64::try_from(*by).ok()?));
        self.conflicts.iter().filter_map(more).filter(|(_, by)| *by > 0)
    }
}

/// The tables, open for writing.
pub struct Transaction<'t> {
    pub(super) blocks: Blocks,
    pub(super) meta_rows: Table<'t, &'static str, Bytes>,
    pub(super) logs: Table<'t, u32, Bytes>,
    pub(super) log_numbers: Table<'t, Bytes, u32>,
    pub(super) heads: Table<'t, u32, Bytes>,
    pub(super) entries: Table<'t, (u32, u64), Bytes>,
    pub(super) documents: Table<'t, Bytes, Bytes>,
    pub(super) unsettled: Table<'t, Bytes, Bytes>,
    pub(super) elders: Table<'t, Bytes, Bytes>,
    pub(super) elder_keys: Table<'t, Bytes, ()>,
    pub(super) scopes: Table<'t, u64, Bytes>,
    pub(super) grants: Table<'t, Bytes, Bytes>,
    pub(super) usage: Table<'t, Bytes, Bytes>,
    pub(super) peers: Table<'t, Bytes, Bytes>,
    pub(super) evidence: Table<'t, u64, Bytes>,
    pub(super) custody: Table<'t, Bytes, Bytes>,
    pub(super) audit: Table<'t, u64, Bytes>,
    /// Whether this transaction has asked for a rewrite.
    pub(super) rewrite_due: bool,
    pub(super) growth: Growth,
    pub(super) erasures: Table<'t, Bytes, ()>,
    pub(super) missing: Table<'t, (u32, u64), ()>,
    pub(super) incidents: Table<'t, Bytes, Bytes>,
    pub(super) handovers: Table<'t, Bytes, ()>,
    pub(super) transfers: Table<'t, Bytes, Bytes>,
    pub(super) moved: Table<'t, Bytes, Bytes>,
    pub(super) elsewhere: Table<'t, Bytes, Bytes>,
    pub(super) authors: Table<'t, Bytes, Bytes>,
    pub(super) facts: Table<'t, Bytes, Bytes>,
    pub(super) names: Table<'t, Bytes, Bytes>,
    pub(super) digests: Table<'t, u64, Bytes>,
    pub(super) document_digests: Table<'t, Bytes, Bytes>,
    /// What digests have still to take in.
    pub(super) unsummed: Unsummed,
    pub(super) places: Table<'t, Bytes, Bytes>,
    pub(super) vectors: Table<'t, Bytes, Bytes>,
    pub(super) drafts: Table<'t, &'static str, Bytes>,
}

impl<'t> Transaction<'t> {
    pub(super) fn open(
        transaction: &'t WriteTransaction,
        recent: &RecentBlocks,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            blocks: Blocks::new(recent),
            meta_rows: transaction.open_table(tables::META)?,
            logs: transaction.open_table(tables::LOGS)?,
            log_numbers: transaction.open_table(tables::LOG_NUMBERS)?,
            heads: transaction.open_table(tables::HEADS)?,
            entries: transaction.open_table(tables::ENTRIES)?,
            documents: transaction.open_table(tables::DOCUMENTS)?,
            unsettled: transaction.open_table(tables::UNSETTLED)?,
            elders: transaction.open_table(tables::ELDERS)?,
            elder_keys: transaction.open_table(tables::ELDER_KEYS)?,
            scopes: transaction.open_table(tables::SCOPES)?,
            grants: transaction.open_table(tables::GRANTS)?,
            usage: transaction.open_table(tables::USAGE)?,
            peers: transaction.open_table(tables::PEERS)?,
            evidence: transaction.open_table(tables::EVIDENCE)?,
            custody: transaction.open_table(tables::CUSTODY)?,
            audit: transaction.open_table(tables::AUDIT)?,
            rewrite_due: false,
            growth: Growth::default(),
            erasures: transaction.open_table(tables::ERASURES)?,
            missing: transaction.open_table(tables::MISSING)?,
            incidents: transaction.open_table(tables::INCIDENTS)?,
            handovers: transaction.open_table(tables::HANDOVERS)?,
            transfers: transaction.open_table(tables::TRANSFERS)?,
            moved: transaction.open_table(tables::MOVED)?,
            elsewhere: transaction.open_table(tables::ELSEWHERE)?,
            authors: transaction.open_table(tables::AUTHORS)?,
            facts: transaction.open_table(tables::FACTS)?,
            names: transaction.open_table(tables::NAMES)?,
            digests: transaction.open_table(tables::DIGESTS)?,
            document_digests: transaction.open_table(tables::DOCUMENT_DIGESTS)?,
            unsummed: Unsummed::default(),
            places: transaction.open_table(tables::PLACES)?,
            vectors: transaction.open_table(tables::VECTORS)?,
            drafts: transaction.open_table(tables::DRAFTS)?,
        })
    }

    /// What there is more of than before, so far.
    pub fn growth(&self) -> &Growth {
        &self.growth
    }

    /// Sets a value of the node itself.
    pub fn set_meta(&mut self, name: &'static str, value: &[u8]) -> Result<(), StoreError> {
        self.meta_rows.insert(name, encode_checked(value).as_slice())?;
        self.rewrite_due |= name == REWRITE_DUE;
        Ok(())
    }

    /// Counts what was made durable: tests and measurements ask.
    pub(super) fn count_commit(&mut self) -> Result<(), StoreError> {
        let number = self.meta_number("commit_number")? + 1;
        self.set_meta("commit_number", &number.to_be_bytes())
    }

    /// The first chain of the log with this key, given a number if it is new here.
    pub fn log_for(&mut self, key: &LogKey, grant: GrantId) -> Result<LogRow, StoreError> {
        match self.log(key)? {
            Some(log) => Ok(log),
            None => self.new_chain(key, grant, None, 0),
        }
    }

    /// A further chain of a log, which branches off another. The caller has checked that there is
    /// room for it and that it differs.
    pub fn branch(
        &mut self,
        key: &LogKey,
        grant: GrantId,
        fork: Fork,
    ) -> Result<LogRow, StoreError> {
        let nth = u8::try_from(self.chains(key)?.len()).unwrap_or(u8::MAX);
        self.new_chain(key, grant, Some(fork), nth)
    }

    fn new_chain(
        &mut self,
        key: &LogKey,
        grant: GrantId,
        branch: Option<Fork>,
        nth: u8,
    ) -> Result<LogRow, StoreError> {
        let number = self.logs.last()?.map_or(0, |(number, _)| number.value() + 1);
        let mut writer = Writer::new();
        key.write(&mut writer).bytes(&grant.0);
        match branch {
            None => writer.u8(0),
            Some(fork) => writer.u8(1).u32(fork.parent.0).u64(fork.first_seq),
        };
        self.logs.insert(number, writer.finish().as_slice())?;
        self.log_numbers.insert(tables::chain_key(key, nth).as_slice(), number)?;
        self.use_quota(key, 0, 1)?;
        Ok(LogRow { number: LogNumber(number), key: *key, grant, branch })
    }

    /// Appends entries with their hashes after one with this head, and moves the chain's head. The caller
    /// has checked that they fit.
    pub fn append<'e>(
        &mut self,
        log: &LogRow,
        after: Option<Head>,
        entries: impl Iterator<Item = (EntryHash, &'e Entry)>,
    ) -> Result<(), StoreError> {
        // Of a branch that begins nothing stands yet, whatever it branches off from.
        let (mut stands, mut head) = (self.head_of(log.number)?, after);
        let (mut count, mut bytes) = (0_u64, 0_u64);
        for (hash, entry) in entries {
            let next = Head::after(head.as_ref(), entry, hash);
            self.add_to_block(log, entry, stands.as_ref(), &next)?;
            count += 1;
            bytes = bytes.saturating_add(entry.header.body_length.into());
            (stands, head) = (Some(next), Some(next));
        }
        let Some(head) = stands.filter(|_| count > 0) else { return Ok(()) };
        let row = Writer::new()
            .u64(head.seq)
            .bytes(&head.hash.0)
            .u64(head.since_checkpoint_bytes)
            .i64(head.written_at_ms)
            .finish();
        self.heads.insert(log.number.0, row.as_slice())?;
        self.use_quota(&log.key, bytes, 0)?;
        self.logs_changed(log.key.scope);
        self.count(log.key.scope, |counts| counts.entries += count)
    }

    /// Counts what a log's device puts into the mesh.
    fn use_quota(&mut self, log: &LogKey, bytes: u64, logs: u32) -> Result<(), StoreError> {
        let (device, incarnation) = (log.device, log.incarnation);
        let known = self.usage_in(device, incarnation)?;
        let mut row = known.unwrap_or(UsageRow { device, incarnation, bytes: 0, logs: 0 });
        row.bytes = row.bytes.saturating_add(bytes);
        row.logs = row.logs.saturating_add(logs);
        let (key, value) = encode_usage(&row);
        self.usage.insert(key.as_slice(), value.as_slice())?;
        Ok(())
    }

    /// Changes the counts of a scope.
    pub fn count(
        &mut self,
        scope: DivisionCode,
        change: impl FnOnce(&mut ScopeRow),
    ) -> Result<(), StoreError> {
        let before = self.scope(scope)?;
        let mut counts = before;
        change(&mut counts);
        if counts != before {
            self.growth.conflicts(scope, before.conflicts, counts.conflicts);
            self.scopes.insert(scope.number(), json(&counts)?.as_slice())?;
        }
        Ok(())
    }

    /// Stores a document.
    pub fn put_document(&mut self, key: &DocumentKey, row: &DocumentRow) -> Result<(), StoreError> {
        self.document_changes(key, Some(&row.heads))?;
        self.documents.insert(key.to_bytes().as_slice(), encode_document(row).as_slice())?;
        Ok(())
    }

    /// Takes a document away: nothing of it counts.
    pub fn remove_document(&mut self, key: &DocumentKey) -> Result<(), StoreError> {
        self.document_changes(key, None)?;
        self.documents.remove(key.to_bytes().as_slice())?;
        self.forget_places(key)
    }

    /// Notes that an entry does not count, and why.
    pub fn put_unsettled(
        &mut self,
        key: &DocumentKey,
        entry: EntryHash,
        row: &UnsettledRow,
    ) -> Result<(), StoreError> {
        let place = [&key.to_bytes()[..], &entry.0].concat();
        let known =
            self.unsettled.insert(place.as_slice(), encode_unsettled(row).as_slice())?.is_some();
        if !known {
            self.count(key.scope, |counts| counts.unsettled += 1)?;
        }
        Ok(())
    }

    /// Notes that an entry counts.
    pub fn remove_unsettled(
        &mut self,
        key: &DocumentKey,
        entry: EntryHash,
    ) -> Result<(), StoreError> {
        let place = [&key.to_bytes()[..], &entry.0].concat();
        let known = self.unsettled.remove(place.as_slice())?.is_some();
        if known {
            self.count(key.scope, |counts| {
                counts.unsettled = counts.unsettled.saturating_sub(1);
            })?;
        }
        Ok(())
    }

    /// Stores an elder's row and its secondary keys, and counts.
    pub fn put_elder(
        &mut self,
        scope: DivisionCode,
        elder: ElderId,
        row: &ElderRow,
    ) -> Result<(), StoreError> {
        let place = elder_bytes(scope, elder);
        let before = self.elder(scope, elder)?;
        if before.as_ref() == Some(row) {
            return Ok(());
        }
        for key in before.iter().flat_map(|before| &before.keys) {
            self.elder_keys.remove([&key.0[..], &place].concat().as_slice())?;
        }
        for key in &row.keys {
            self.elder_keys.insert([&key.0[..], &place].concat().as_slice(), ())?;
        }
        self.elders.insert(place.as_slice(), encode_elder(row).as_slice())?;
        self.put_name(scope, elder, Some(row))?;
        self.count(scope, |counts| {
            before.as_ref().inspect(|before| discount(counts, before));
            counts.elders += u64::from(row.says_anything());
            counts.conflicts = counts.conflicts.saturating_add(row.conflict_count());
            counts.differs = counts.differs.saturating_add(row.differs);
            counts.merged += u64::from(row.is_merged());
        })
    }

    /// Takes an elder's row away.
    pub fn remove_elder(&mut self, scope: DivisionCode, elder: ElderId) -> Result<(), StoreError> {
        let Some(before) = self.elder(scope, elder)? else { return Ok(()) };
        let place = elder_bytes(scope, elder);
        for key in &before.keys {
            self.elder_keys.remove([&key.0[..], &place].concat().as_slice())?;
        }
        self.elders.remove(place.as_slice())?;
        self.put_name(scope, elder, None)?;
        self.count(scope, |counts| discount(counts, &before))
    }

    /// Keeps a grant that holds, and whether it stands in an entry here.
    pub fn put_grant(&mut self, grant: &SignedGrant, carried: bool) -> Result<(), StoreError> {
        let id = grant.id();
        let carried = carried || self.is_carried(&id)?;
        let row = [&[u8::from(carried)][..], &grant.encode()].concat();
        self.grants.insert(id.0.as_slice(), encode_checked(&row).as_slice())?;
        Ok(())
    }

    /// Keeps what is known of a peer.
    pub fn put_peer(&mut self, device: DeviceId, row: &PeerRow) -> Result<(), StoreError> {
        self.peers.insert(device.0.as_slice(), json(row)?.as_slice())?;
        Ok(())
    }

    /// As [`Transaction::put_evidence`], unless the same thing is kept already. Returns whether it
    /// was new.
    pub fn put_evidence_once(&mut self, row: EvidenceRow) -> Result<bool, StoreError> {
        let same = |known: &EvidenceRow| known.code == row.code && known.detail == row.detail;
        if self.evidence_all()?.iter().any(same) {
            return Ok(false);
        }
        self.put_evidence(row)?;
        Ok(true)
    }

    /// As [`Transaction::put_evidence`], in place of what is kept of the same peer and code.
    pub fn put_refusal(&mut self, row: EvidenceRow) -> Result<(), StoreError> {
        let mut same = |known: &EvidenceRow| (known.peer, &known.code) == (row.peer, &row.code);
        while let Some(place) = self.first_evidence(&mut same)? {
            self.evidence.remove(place)?;
        }
        self.put_evidence(row)
    }

    /// Where the oldest evidence of some sort stands.
    fn first_evidence(
        &self,
        mut wanted: impl FnMut(&EvidenceRow) -> bool,
    ) -> Result<Option<u64>, StoreError> {
        for row in self.evidence.iter()? {
            let (place, row) = row?;
            if wanted(&encoding::json("evidence-1", row.value())?) {
                return Ok(Some(place.value()));
            }
        }
        Ok(None)
    }

    /// Keeps something refused to be shown. When there is too much, the oldest that tells of a peer
    /// goes; where none does, the oldest of all.
    pub fn put_evidence(&mut self, mut row: EvidenceRow) -> Result<(), StoreError> {
        row.bytes.truncate(EVIDENCE_BYTES_MAX);
        let next = self.evidence.last()?.map_or(0, |(count, _)| count.value() + 1);
        self.evidence.insert(next, json(&row)?.as_slice())?;
        while self.evidence_count()? > EVIDENCE_ROWS_MAX {
            match self.first_evidence(|row| row.peer.is_some())? {
                Some(place) => drop(self.evidence.remove(place)?),
                None => drop(self.evidence.pop_first()?),
            }
        }
        Ok(())
    }
}

/// Takes an elder's row out of the counts of its scope.
fn discount(counts: &mut ScopeRow, row: &ElderRow) {
    counts.elders = counts.elders.saturating_sub(u64::from(row.says_anything()));
    counts.conflicts = counts.conflicts.saturating_sub(row.conflict_count());
    counts.differs = counts.differs.saturating_sub(row.differs);
    counts.merged = counts.merged.saturating_sub(u64::from(row.is_merged()));
}

pub(super) fn json<T: Serialize>(row: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(row)
        .map(|json| encode_checked(&json))
        .map_err(|error| StoreError::Corrupt { table: "json", detail: error.to_string() })
}

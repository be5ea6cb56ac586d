//! What sync reads of the store.

use shouwang_crdt_schema::division::Area;

use crate::authority::Authority;
use crate::identity::grant::GrantId;
use crate::limits::CHECKPOINT_ENTRIES;
use crate::log::run::cut;
use crate::log::{EntryHash, Head, LogKey, UnverifiedRun, is_checkpoint};
use crate::store::rows::{LogNumber, LogRow};
use crate::store::erasures::ErasureRead;
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Replica;
use crate::sync::wire::LogPosition;

/// A snapshot of the store together with who may do what.
pub struct View<'a> {
    snapshot: &'a Snapshot,
    authority: &'a Authority,
    own_grant: GrantId,
    epoch: (u64, u64),
}

impl<'a> View<'a> {
    /// A view of this snapshot.
    pub fn new(
        snapshot: &'a Snapshot,
        authority: &'a Authority,
        own_grant: GrantId,
        epoch: (u64, u64),
    ) -> Self {
        Self { snapshot, authority, own_grant, epoch }
    }

    fn position(&self, log: &LogRow) -> Result<Option<(LogKey, Head)>, StoreError> {
        Ok(self.snapshot.head_of(log.number)?.map(|head| (log.key, head)))
    }

    /// Body bytes since the last checkpoint at the entry with this number: what cutting the next
    /// run starts from. Read back to the checkpoint before, at most 31 entries.
    fn head_at(&self, log: LogNumber, seq: u64) -> Result<Option<Head>, StoreError> {
        let first = seq - seq % CHECKPOINT_ENTRIES;
        let entries = self.snapshot.entries_from(log, first, (seq - first + 1) as usize)?;
        let mut bytes = 0;
        for entry in &entries {
            bytes += u64::from(entry.header.body_length);
            if is_checkpoint(entry.header.seq, bytes) {
                bytes = 0;
            }
        }
        let last = entries.last().filter(|entry| entry.header.seq == seq);
        Ok(last.map(|entry| Head { seq, hash: entry.header.hash(), since_checkpoint_bytes: bytes }))
    }
}

impl Replica for View<'_> {
    fn authority(&self) -> &Authority {
        self.authority
    }

    fn own_grant(&self) -> GrantId {
        self.own_grant
    }

    fn epoch(&self) -> (u64, u64) {
        self.epoch
    }

    fn heads(&self, area: Area) -> Result<Vec<(LogKey, Head)>, StoreError> {
        let mut heads = Vec::new();
        for log in self.snapshot.logs_in(area)? {
            heads.extend(self.position(&log)?);
        }
        let mut above = area.0.parent();
        while let Some(scope) = above {
            for log in self.snapshot.logs_of(scope)? {
                heads.extend(self.position(&log)?);
            }
            above = scope.parent();
        }
        Ok(heads)
    }

    fn head(&self, log: &LogKey) -> Result<Option<Head>, StoreError> {
        self.snapshot.head(log)
    }

    fn grant_of(&self, log: &LogKey) -> Result<Option<GrantId>, StoreError> {
        Ok(self.snapshot.log(log)?.map(|row| row.grant))
    }

    fn hash_at(&self, log: &LogKey, seq: u64) -> Result<Option<EntryHash>, StoreError> {
        let Some(row) = self.snapshot.log(log)? else { return Ok(None) };
        match self.snapshot.head_of(row.number)? {
            Some(head) if head.seq == seq => Ok(Some(head.hash)),
            Some(head) if head.seq > seq => {
                let entry = self.snapshot.entry(row.number, seq)?;
                Ok(entry.map(|entry| entry.header.hash()))
            }
            _ => Ok(None),
        }
    }

    fn run_after(
        &self,
        log: &LogKey,
        after: Option<u64>,
    ) -> Result<Option<UnverifiedRun>, StoreError> {
        let Some(row) = self.snapshot.log(log)? else { return Ok(None) };
        let first = after.map_or(0, |after| after.saturating_add(1));
        let before = match after {
            None => None,
            Some(after) => self.head_at(row.number, after)?,
        };
        let limit = CHECKPOINT_ENTRIES as usize;
        let entries = self.snapshot.entries_from(row.number, first, limit)?;
        Ok(cut(&entries, before.as_ref()))
    }

    fn missing(
        &self,
        limit: usize,
        mut wanted: impl FnMut(&LogKey, u64) -> bool,
    ) -> Result<Vec<LogPosition>, StoreError> {
        let mut last: Option<LogRow> = None;
        let mut found = Vec::new();
        self.snapshot.missing_where(limit, |log, seq| {
            if last.is_none_or(|last| last.number != log) {
                last = self.snapshot.log_by_number(log)?;
            }
            let Some(row) = last.filter(|row| wanted(&row.key, seq)) else { return Ok(false) };
            let Some(entry) = self.snapshot.entry(log, seq)? else { return Ok(false) };
            found.push(LogPosition { log: row.key, seq, hash: entry.header.hash() });
            Ok(true)
        })?;
        Ok(found)
    }

    fn is_missing(&self, log: &LogKey, seq: u64) -> Result<bool, StoreError> {
        match self.snapshot.log(log)? {
            Some(row) => self.snapshot.is_missing(row.number, seq),
            None => Ok(false),
        }
    }

    fn body(&self, place: &LogPosition) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(row) = self.snapshot.log(&place.log)? else { return Ok(None) };
        let entry = self.snapshot.entry(row.number, place.seq)?;
        Ok(entry.filter(|entry| entry.header.hash() == place.hash).and_then(|entry| entry.body))
    }
}

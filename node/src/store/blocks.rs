//! Rows of entries: blocks, and those of them that a reader has unpacked or a transaction is filling.
//!
//! A row of `entries-2` is a block (`store/block.rs`) under the number of its first entry. A block that
//! is closed is never written again but to take bodies away or bring them. Of its signatures the last
//! entry's is kept, which covers all the others. The last block of a chain may
//! be open: it is written anew with each transaction that adds to it, at most 31 entries again, which
//! is one page of the file like a row of its own would be.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::ReadableTable;

use super::block::{self, begins_block, ends_block};
use super::rows::{LogNumber, LogRow};
use super::tables::StoreRead;
use super::{StoreError, Transaction, corrupt};
use crate::codec::CodecError;
use crate::limits::BLOCKS_RECENT_MAX;
use crate::log::{Entry, Head};

pub(super) const TABLE: &str = "entries-2";

/// The blocks at hand: those read last, and in a transaction the open ones.
#[derive(Debug, Default)]
pub struct Blocks {
    recent: RecentBlocks,
    open: BTreeMap<LogNumber, OpenBlock>,
}

/// Blocks that were unpacked last, shared by all that read one store. Each is known by its row's checksum,
/// so what an older view has read is never taken for what a newer one has.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentBlocks(Arc<Mutex<Recent>>);

/// A block's entries.
type Unpacked = Arc<Vec<Entry>>;

/// The one used last first.
type Recent = VecDeque<(BlockName, Unpacked)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BlockName {
    log: LogNumber,
    first: u64,
    checksum: [u8; 8],
}

impl RecentBlocks {
    fn locked(&self) -> MutexGuard<'_, Recent> {
        // Whoever panicked left whole blocks.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block, by what it was unpacked to or by unpacking it.
    fn get(
        &self,
        name: BlockName,
        unpack: impl FnOnce() -> Result<Vec<Entry>, StoreError>,
    ) -> Result<Unpacked, StoreError> {
        let mut recent = self.locked();
        let known = recent.iter().position(|(known, _)| *known == name);
        let block = match known.and_then(|at| recent.remove(at)) {
            Some((_, block)) => block,
            None => Arc::new(unpack()?),
        };
        recent.truncate(BLOCKS_RECENT_MAX - 1);
        recent.push_front((name, Arc::clone(&block)));
        Ok(block)
    }
}

impl Blocks {
    pub(super) fn new(recent: &RecentBlocks) -> Self {
        Self { recent: recent.clone(), open: BTreeMap::new() }
    }
}

/// The last block of a chain, as it is in the transaction.
#[derive(Debug)]
struct OpenBlock {
    first: u64,
    entries: Vec<Entry>,
}

impl OpenBlock {
    fn get(&self, seq: u64) -> Option<&Entry> {
        let nth = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.entries.get(nth)
    }
}

/// An entry that stands under this number.
pub(super) fn entry(
    tables: &impl StoreRead,
    log: LogNumber,
    seq: u64,
) -> Result<Option<Entry>, StoreError> {
    if let Some(open) = tables.blocks().open.get(&log).filter(|open| open.first <= seq) {
        return Ok(open.get(seq).cloned());
    }
    let Some((first, entries)) = block_of(tables, log, seq)? else { return Ok(None) };
    let nth = seq.checked_sub(first).and_then(|nth| usize::try_from(nth).ok());
    Ok(nth.and_then(|nth| entries.get(nth)).cloned())
}

/// Entries from `first` on, at most `limit`.
pub(super) fn entries_from(
    tables: &impl StoreRead,
    log: LogNumber,
    first: u64,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let mut found = Vec::new();
    if limit > 0 {
        walk(tables, log, first, |entry| {
            found.push(entry.clone());
            Ok(found.len() < limit)
        })?;
    }
    Ok(found)
}

/// Goes along entries from `first` on, while `with` asks for more.
pub(super) fn walk(
    tables: &impl StoreRead,
    log: LogNumber,
    first: u64,
    mut with: impl FnMut(&Entry) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let open = tables.blocks().open.get(&log);
    let end = open.map_or(u64::MAX, |open| open.first);
    let block = tables.entries().range((log.0, 0)..=(log.0, first))?.next_back().transpose()?;
    let start = block.map_or(first, |(key, _)| key.value().1).min(end);
    for row in tables.entries().range((log.0, start)..(log.0, end))? {
        let (key, value) = row?;
        let at = key.value().1;
        let skip = usize::try_from(first.saturating_sub(at)).unwrap_or(usize::MAX);
        for entry in unpacked(tables, log, at, value.value())?.iter().skip(skip) {
            if !with(entry)? {
                return Ok(());
            }
        }
    }
    let rest = open.map(|open| open.entries.as_slice()).unwrap_or_default();
    for entry in rest.iter().filter(|entry| entry.header.seq >= first) {
        if !with(entry)? {
            break;
        }
    }
    Ok(())
}

/// All entries that there are rows for, in order: see [`StoreRead::for_each_entry`].
pub(super) fn for_each_entry(
    tables: &impl StoreRead,
    log: LogNumber,
    mut with: impl FnMut(u64, Result<Entry, StoreError>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let open = tables.blocks().open.get(&log);
    let key = tables.log_by_number(log)?.map(|row| row.key);
    for row in tables.entries().range((log.0, 0)..=(log.0, u64::MAX))? {
        let (at, value) = row?;
        let first = at.value().1;
        if open.is_some_and(|open| open.first == first) {
            continue;
        }
        let key = key.as_ref().ok_or_else(|| corrupt("logs-1")(CodecError::Number))?;
        match block::decode(key, first, value.value()) {
            Ok(entries) => {
                for (seq, entry) in (first..).zip(entries) {
                    with(seq, Ok(entry))?;
                }
            }
            Err(error) => with(first, Err(corrupt(TABLE)(error)))?,
        }
    }
    for (seq, entry) in open.into_iter().flat_map(|open| (open.first..).zip(&open.entries)) {
        with(seq, Ok(entry.clone()))?;
    }
    Ok(())
}

/// The block in which an entry would stand by its number, and the block's first number.
fn block_of(
    tables: &impl StoreRead,
    log: LogNumber,
    seq: u64,
) -> Result<Option<(u64, Unpacked)>, StoreError> {
    let Some(row) = tables.entries().range((log.0, 0)..=(log.0, seq))?.next_back() else {
        return Ok(None);
    };
    let (key, value) = row?;
    let first = key.value().1;
    unpacked(tables, log, first, value.value()).map(|entries| Some((first, entries)))
}

fn unpacked(
    tables: &impl StoreRead,
    log: LogNumber,
    first: u64,
    row: &[u8],
) -> Result<Unpacked, StoreError> {
    let checksum = *row.first_chunk().ok_or_else(|| corrupt(TABLE)(CodecError::Truncated))?;
    tables.blocks().recent.get(BlockName { log, first, checksum }, || {
        let key = tables.log_by_number(log)?.map(|row| row.key);
        let key = key.ok_or_else(|| corrupt("logs-1")(CodecError::Number))?;
        block::decode(&key, first, row).map_err(corrupt(TABLE))
    })
}

impl Transaction<'_> {
    /// Adds an entry to the last block of a chain. `before` is the head as it was.
    pub(super) fn add_to_block(
        &mut self,
        log: &LogRow,
        entry: &Entry,
        before: Option<&Head>,
        head: &Head,
    ) -> Result<(), StoreError> {
        let (number, seq) = (log.number, entry.header.seq);
        let open = match self.blocks.open.remove(&number) {
            Some(open) => open,
            None if begins_block(seq, before) => OpenBlock { first: seq, entries: Vec::new() },
            None => match block_of(self, number, seq)? {
                Some((first, entries)) => {
                    OpenBlock { first, entries: Arc::unwrap_or_clone(entries) }
                }
                None => OpenBlock { first: seq, entries: Vec::new() },
            },
        };
        let OpenBlock { first, mut entries } = open;
        entries.push(entry.clone());
        if ends_block(head) {
            drop_covered(&mut entries);
            return self.put_block(number, first, &entries);
        }
        self.blocks.open.insert(number, OpenBlock { first, entries });
        Ok(())
    }

    /// Puts an entry in the place of the one that stands there.
    pub(super) fn replace_in_block(
        &mut self,
        log: LogNumber,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let seq = entry.header.seq;
        let open = self.blocks.open.get_mut(&log).filter(|open| open.first <= seq);
        if let Some(open) = open {
            return replace(open.first, &mut open.entries, entry);
        }
        let Some((first, entries)) = block_of(self, log, seq)? else {
            return Err(corrupt(TABLE)(CodecError::Number));
        };
        let mut entries = Arc::unwrap_or_clone(entries);
        replace(first, &mut entries, entry)?;
        self.put_block(log, first, &entries)
    }

    /// Writes the blocks that are open: before the transaction is committed.
    pub(super) fn put_open_blocks(&mut self) -> Result<(), StoreError> {
        for (log, open) in std::mem::take(&mut self.blocks.open) {
            self.put_block(log, open.first, &open.entries)?;
        }
        Ok(())
    }

    fn put_block(
        &mut self,
        log: LogNumber,
        first: u64,
        entries: &[Entry],
    ) -> Result<(), StoreError> {
        self.entries.insert((log.0, first), block::encode(entries).as_slice())?;
        Ok(())
    }
}

/// Takes signatures away that a later one covers: of a block that a signed entry ends, only that one's
/// stays. Every entry that was written or pushed by itself came with 64 bytes that nothing asks for any
/// more, because runs end at checkpoints.
fn drop_covered(entries: &mut [Entry]) {
    if let Some((last, covered)) = entries.split_last_mut()
        && last.signature.is_some()
    {
        covered.iter_mut().for_each(|entry| entry.signature = None);
    }
}

fn replace(first: u64, entries: &mut [Entry], entry: &Entry) -> Result<(), StoreError> {
    let nth = entry.header.seq.checked_sub(first).and_then(|nth| usize::try_from(nth).ok());
    let place = nth.and_then(|nth| entries.get_mut(nth));
    *place.ok_or_else(|| corrupt(TABLE)(CodecError::Number))? = entry.clone();
    Ok(())
}

#[cfg(test)]
mod tests;

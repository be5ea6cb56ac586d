//! Chains: the branches of a log whose author wrote two entries of one number.
//!
//! A log is a tree of headers. Each *chain* is the path from the log's first entry to one of its
//! leaves; its number names the entries from its own `first_seq` on, and before that its parent's
//! are its own. Every entry is stored once. Which chain holds the common part depends on which came
//! first; hashes, heads and everything that leaves the node do not.

use super::erasures::ErasureRead;
use super::rows::{LogNumber, LogRow};
use super::tables::StoreRead;
use super::{Snapshot, StoreError, Transaction, corrupt};
use crate::codec::CodecError;
use crate::limits::{BRANCHES_MAX, CHECKPOINT_ENTRIES};
use crate::log::{Entry, EntryHash, Head, LogKey, is_checkpoint};

/// A stretch of a chain's path: entries `first..end` stand under `number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    number: LogNumber,
    first: u64,
    end: u64,
}

/// Everything that reads the branches of logs.
pub trait ChainRead: StoreRead + Sized {
    /// All chains of a log, the first that came first; none if the log is not here.
    fn chains(&self, key: &LogKey) -> Result<Vec<LogRow>, StoreError> {
        let bytes = key.to_bytes();
        let (low, high) = ([&bytes[..], &[0]].concat(), [&bytes[..], &[u8::MAX]].concat());
        let mut found = Vec::new();
        for row in redb::ReadableTable::range(self.log_numbers(), low.as_slice()..=high.as_slice())?
        {
            found.extend(self.log_by_number(LogNumber(row?.1.value()))?);
        }
        Ok(found)
    }

    /// All chains of a log, each with its head.
    fn chain_heads(&self, key: &LogKey) -> Result<Vec<(LogRow, Head)>, StoreError> {
        let mut found = Vec::new();
        for chain in self.chains(key)? {
            found.extend(self.head_of(chain.number)?.map(|head| (chain, head)));
        }
        Ok(found)
    }

    /// The entry with this number on a chain's path.
    fn entry_at(&self, chain: &LogRow, seq: u64) -> Result<Option<Entry>, StoreError> {
        match owner(self, chain, seq)? {
            Some(number) => self.entry(number, seq),
            None => Ok(None),
        }
    }

    /// The hash of the entry with this number on a chain's path.
    fn hash_at(&self, chain: &LogRow, seq: u64) -> Result<Option<EntryHash>, StoreError> {
        let Some(number) = owner(self, chain, seq)? else { return Ok(None) };
        match self.head_of(number)? {
            Some(head) if head.seq == seq => Ok(Some(head.hash)),
            Some(head) if head.seq > seq => {
                Ok(self.entry(number, seq)?.map(|entry| entry.header.hash()))
            }
            _ => Ok(None),
        }
    }

    /// Entries of a chain's path from `first` on, at most `limit`.
    fn path_from(
        &self,
        chain: &LogRow,
        first: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        for stretch in path(self, chain)? {
            let from = first.max(stretch.first);
            if from >= stretch.end || found.len() >= limit {
                continue;
            }
            let room = u64::try_from(limit - found.len()).unwrap_or(u64::MAX);
            let most = room.min(stretch.end - from);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            found.extend(self.entries_from(stretch.number, from, most)?);
        }
        Ok(found)
    }

    /// What stands at the entry with this number of a chain's path: where the next run starts from.
    /// Read back to the checkpoint before, at most 31 entries.
    fn head_at(&self, chain: &LogRow, seq: u64) -> Result<Option<Head>, StoreError> {
        if let Some(head) = self.head_of(chain.number)?.filter(|head| head.seq == seq) {
            return Ok(Some(head));
        }
        let first = seq - seq % CHECKPOINT_ENTRIES;
        let limit = usize::try_from(seq - first + 1).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let entries = self.path_from(chain, first, limit)?;
        for entry in &entries {
            bytes += u64::from(entry.header.body_length);
            if is_checkpoint(entry.header.seq, bytes) {
                bytes = 0;
            }
        }
        let last = entries.last().filter(|entry| entry.header.seq == seq);
        Ok(last.map(|entry| Head {
            seq,
            hash: entry.header.hash(),
            since_checkpoint_bytes: bytes,
            written_at_ms: entry.header.written_at_ms,
        }))
    }

    /// The chain under which the entry with this number and hash stands, if it is here. All chains
    /// that branch off after it have it on their paths too.
    fn find_chain(
        &self,
        key: &LogKey,
        seq: u64,
        hash: &EntryHash,
    ) -> Result<Option<LogRow>, StoreError> {
        self.find_chain_where(key, seq, |found| found == hash)
    }

    /// As [`ChainRead::find_chain`], by anything that can be said of a hash.
    fn find_chain_where(
        &self,
        key: &LogKey,
        seq: u64,
        mut fits: impl FnMut(&EntryHash) -> bool,
    ) -> Result<Option<LogRow>, StoreError> {
        for chain in self.chains(key)? {
            let own = chain.branch.is_none_or(|branch| branch.first_seq <= seq);
            if own && self.hash_at(&chain, seq)?.is_some_and(|found| fits(&found)) {
                return Ok(Some(chain));
            }
        }
        Ok(None)
    }

    /// The number from which on two chains of one log differ; None for one and the same.
    fn parting(&self, one: &LogRow, two: &LogRow) -> Result<Option<u64>, StoreError> {
        if one.number == two.number {
            return Ok(None);
        }
        let (one, two) = (path(self, one)?, path(self, two)?);
        let mut parting = 0;
        for (one, two) in one.iter().zip(&two) {
            if one.number != two.number {
                break;
            }
            parting = one.end.min(two.end);
        }
        Ok(Some(parting))
    }

    /// The first entry of a chain's path whose body is missing: it is not held here, and whatever
    /// says what is held ends before it.
    fn first_missing(&self, chain: &LogRow) -> Result<Option<u64>, StoreError> {
        for stretch in path(self, chain)? {
            let seq = self.missing_from(stretch.number, stretch.first)?;
            if let Some(seq) = seq.filter(|seq| *seq < stretch.end) {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }

    /// Whether entry `seq` of a chain is `end` or one of its ancestors, where `end` is the number
    /// and hash of an entry of the same log. None where no chain here holds `end`.
    fn reaches(
        &self,
        log: &LogRow,
        seq: u64,
        end: (u64, &EntryHash),
    ) -> Result<Option<bool>, StoreError> {
        let Some(holder) = self.find_chain(&log.key, end.0, end.1)? else { return Ok(None) };
        let shared = self.parting(log, &holder)?.is_none_or(|parting| seq < parting);
        Ok(Some(shared && seq <= end.0))
    }
}

impl ChainRead for Snapshot {}
impl ChainRead for Transaction<'_> {}

/// The stretches of a chain's path, from the log's first entry on. Rows that lead nowhere or round
/// in a circle are corrupt.
fn path(tables: &impl StoreRead, chain: &LogRow) -> Result<Vec<Stretch>, StoreError> {
    let (mut stretches, mut at, mut end) = (Vec::new(), *chain, u64::MAX);
    for _ in 0..BRANCHES_MAX {
        let first = at.branch.map_or(0, |branch| branch.first_seq);
        stretches.push(Stretch { number: at.number, first, end });
        let Some(branch) = at.branch else {
            stretches.reverse();
            return Ok(stretches);
        };
        end = end.min(branch.first_seq);
        at = tables
            .log_by_number(branch.parent)?
            .filter(|parent| parent.key == chain.key)
            .ok_or_else(|| corrupt("logs-1")(CodecError::Number))?;
    }
    Err(corrupt("logs-1")(CodecError::TooLong))
}

/// The number under which an entry of a chain's path stands.
fn owner(
    tables: &impl StoreRead,
    chain: &LogRow,
    seq: u64,
) -> Result<Option<LogNumber>, StoreError> {
    if chain.branch.is_none_or(|branch| branch.first_seq <= seq) {
        return Ok(Some(chain.number));
    }
    let path = path(tables, chain)?;
    Ok(path
        .into_iter()
        .find(|stretch| (stretch.first..stretch.end).contains(&seq))
        .map(|stretch| stretch.number))
}

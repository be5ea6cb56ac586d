//! Tables of what is erased and what is missing: where the `Erase` entries of each elder are, and
//! the entries that are here without a body that no erasure covers.

use redb::{ReadableTable, ReadableTableMetadata};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::ElderId;

use super::rows::{LogNumber, LogRow, elder_bytes, elder_from_bytes};
use super::tables::TableAccess;
use super::{StoreError, Transaction, corrupt};
use crate::codec::CodecError;
use crate::log::Entry;

/// A place of an `Erase` entry: scope, elder, log and number.
pub type ErasurePlace = (DivisionCode, ElderId, LogNumber, u64);

/// Reads what is erased and what is missing.
pub trait ErasureRead: TableAccess {
    /// Where the `Erase` entries for an elder are.
    fn erasures_of(
        &self,
        scope: DivisionCode,
        elder: ElderId,
    ) -> Result<Vec<(LogNumber, u64)>, StoreError> {
        let low = elder_bytes(scope, elder).to_vec();
        let high = [&low[..], &[0xff; 13]].concat();
        let mut found = Vec::new();
        for row in self.erasures().range(low.as_slice()..high.as_slice())? {
            let (_, _, log, seq) = place(row?.0.value())?;
            found.push((log, seq));
        }
        Ok(found)
    }

    /// All `Erase` entries, by scope and elder.
    fn erasures_all(&self) -> Result<Vec<ErasurePlace>, StoreError> {
        self.erasures().iter()?.map(|row| place(row?.0.value())).collect()
    }

    /// The first entry of a chain's own, from this number on, whose body is missing.
    fn missing_from(&self, log: LogNumber, first: u64) -> Result<Option<u64>, StoreError> {
        let mut rows = self.missing().range((log.0, first)..=(log.0, u64::MAX))?;
        Ok(rows.next().transpose()?.map(|(key, _)| key.value().1))
    }

    /// The entries of a log whose bodies are missing.
    fn missing_of(&self, log: LogNumber) -> Result<Vec<u64>, StoreError> {
        let rows = self.missing().range((log.0, 0)..=(log.0, u64::MAX))?;
        rows.map(|row| Ok(row?.0.value().1)).collect()
    }

    /// Whether the body of an entry is missing.
    fn is_missing(&self, log: LogNumber, seq: u64) -> Result<bool, StoreError> {
        Ok(self.missing().get((log.0, seq))?.is_some())
    }

    /// How many bodies are missing.
    fn missing_count(&self) -> Result<u64, StoreError> {
        Ok(self.missing().len()?)
    }

    /// The first entries whose bodies are missing, of those that `wanted` takes, at most `limit`.
    fn missing_where(
        &self,
        limit: usize,
        mut wanted: impl FnMut(LogNumber, u64) -> Result<bool, StoreError>,
    ) -> Result<Vec<(LogNumber, u64)>, StoreError> {
        let mut found = Vec::new();
        for row in self.missing().iter()? {
            let (log, seq) = row?.0.value();
            if found.len() >= limit {
                break;
            }
            if wanted(LogNumber(log), seq)? {
                found.push((LogNumber(log), seq));
            }
        }
        Ok(found)
    }
}

impl<T: TableAccess> ErasureRead for T {}

impl Transaction<'_> {
    /// Notes where an `Erase` entry for an elder is.
    pub fn put_erasure(
        &mut self,
        log: &LogRow,
        seq: u64,
        elder: ElderId,
    ) -> Result<(), StoreError> {
        let elder = elder_bytes(log.key.scope, elder);
        let place = [&elder[..], &log.number.0.to_be_bytes(), &seq.to_be_bytes()].concat();
        self.erasures.insert(place.as_slice(), ())?;
        Ok(())
    }

    /// Notes that the body of an entry is missing, or is not any more.
    pub fn set_missing(
        &mut self,
        log: LogNumber,
        seq: u64,
        missing: bool,
    ) -> Result<(), StoreError> {
        match missing {
            true => drop(self.missing.insert((log.0, seq), ())?),
            false => drop(self.missing.remove((log.0, seq))?),
        }
        self.missing_changed(log)
    }

    /// Stores an entry again whose body has come, or has gone. Header and signature stay.
    pub fn put_entry(&mut self, log: LogNumber, entry: &Entry) -> Result<(), StoreError> {
        self.replace_in_block(log, entry)
    }

    /// Has the file rewritten, so that no free page keeps what was taken away.
    pub fn set_rewrite_due(&mut self) -> Result<(), StoreError> {
        self.set_meta(super::REWRITE_DUE, &[1])
    }
}

fn place(key: &[u8]) -> Result<ErasurePlace, StoreError> {
    let read = || {
        let (rest, seq) = key.split_last_chunk::<8>()?;
        let (elder, log) = rest.split_last_chunk::<4>()?;
        let (scope, elder) = elder_from_bytes(elder)?;
        Some((scope, elder, LogNumber(u32::from_be_bytes(*log)), u64::from_be_bytes(*seq)))
    };
    read().ok_or_else(|| corrupt("erasures-1")(CodecError::Truncated))
}

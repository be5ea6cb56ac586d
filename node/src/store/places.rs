//! Where the last changes of a document stand in the logs, so that a peer can be told what a change
//! builds on by log and number instead of by hash.

use redb::ReadableTable;

use super::encoding::checksum;
use super::rows::{DocumentKey, LogNumber};
use super::tables::TableAccess;
use super::{StoreError, Transaction, corrupt};
use crate::codec::{CodecError, Reader, Writer};
use crate::limits::PLACES_MAX;

/// The first bytes of a change's hash. The entry itself says whether it is the one.
const MARK_BYTES: usize = 4;

/// A change of a document, and where its entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangePlace {
    /// The change's hash.
    pub change: [u8; 32],
    /// The chain under which the entry stands.
    pub log: LogNumber,
    /// The entry's number.
    pub seq: u64,
}

type Row = Vec<([u8; MARK_BYTES], LogNumber, u64)>;

/// Everything that reads places.
pub trait PlaceRead: TableAccess {
    /// Where a change of a document stands, if it is among the last ones. Marks are short: the caller
    /// looks at the entry.
    fn place_of_change(
        &self,
        document: &DocumentKey,
        change: &[u8; 32],
    ) -> Result<Option<(LogNumber, u64)>, StoreError> {
        let Some(row) = self.places().get(document.to_bytes().as_slice())? else { return Ok(None) };
        let row = decode(row.value()).map_err(corrupt("places-1"))?;
        let found = row.into_iter().rev().find(|(mark, ..)| change.starts_with(mark));
        Ok(found.map(|(_, log, seq)| (log, seq)))
    }

    /// Checks that every row reads.
    fn check_places(&self) -> Result<(), StoreError> {
        for row in self.places().iter()? {
            decode(row?.1.value()).map_err(corrupt("places-1"))?;
        }
        Ok(())
    }
}

impl<T: TableAccess> PlaceRead for T {}

impl Transaction<'_> {
    /// Notes where new changes of a document stand; the oldest are forgotten.
    pub fn note_places(
        &mut self,
        document: &DocumentKey,
        fresh: &[ChangePlace],
    ) -> Result<(), StoreError> {
        if fresh.is_empty() {
            return Ok(());
        }
        let key = document.to_bytes();
        let known = match self.places.get(key.as_slice())? {
            Some(row) => decode(row.value()).map_err(corrupt("places-1"))?,
            None => Row::new(),
        };
        let fresh = fresh.iter().filter_map(|place| {
            Some((*place.change.first_chunk::<MARK_BYTES>()?, place.log, place.seq))
        });
        let mut row = known;
        for place in fresh {
            row.retain(|known| (known.1, known.2) != (place.1, place.2));
            row.push(place);
        }
        let gone = row.len().saturating_sub(PLACES_MAX);
        self.places
            .insert(key.as_slice(), encode(row.get(gone..).unwrap_or_default()).as_slice())?;
        Ok(())
    }

    /// Forgets where the changes of a document stand.
    pub fn forget_places(&mut self, document: &DocumentKey) -> Result<(), StoreError> {
        self.places.remove(document.to_bytes().as_slice())?;
        Ok(())
    }
}

fn encode(row: &[([u8; MARK_BYTES], LogNumber, u64)]) -> Vec<u8> {
    let mut writer = Writer::new();
    for (mark, log, seq) in row {
        writer.bytes(mark).leb(log.0.into()).leb(*seq);
    }
    let row = writer.finish();
    [&checksum(&row)[..SUM_BYTES], &row].concat()
}

/// Nothing but a detour follows from a wrong place, so the checksum is short.
const SUM_BYTES: usize = 2;

fn decode(bytes: &[u8]) -> Result<Row, CodecError> {
    let (sum, row) = bytes.split_at_checked(SUM_BYTES).ok_or(CodecError::Truncated)?;
    if *sum != checksum(row)[..SUM_BYTES] {
        return Err(CodecError::Tag);
    }
    let mut reader = Reader::new(row);
    let mut places = Row::new();
    while !reader.is_empty() {
        let mark = reader.array()?;
        let log = u32::try_from(reader.leb()?).map_err(|_| CodecError::Number)?;
        places.push((mark, LogNumber(log), reader.leb()?));
    }
    Ok(places)
}

//! Columns of run lengths. A run is refused by the number it begins with, before a single row of
//! it is made: a few bytes cannot become more rows than the limit.

use super::IllFormed;
use super::bytes::Bytes;
use super::chunk::Column;

/// How many rows a column may have, and what it means to have more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) rows: usize,
    pub(super) error: IllFormed,
}

impl Limit {
    /// Makes room for `more` rows, or says that there is none.
    fn room(self, rows: usize, more: u64) -> Result<usize, IllFormed> {
        usize::try_from(more)
            .ok()
            .filter(|more| *more <= self.rows.saturating_sub(rows))
            .ok_or(self.error)
    }
}

/// Rows of values or nulls: a positive count repeats one value, a negative one announces so many
/// different values, zero announces nulls.
pub(super) fn values<'a, T: Clone>(
    bytes: &'a [u8],
    limit: Limit,
    mut read: impl FnMut(&mut Bytes<'a>) -> Result<T, IllFormed>,
) -> Result<Vec<Option<T>>, IllFormed> {
    let mut bytes = Bytes::new(bytes);
    let mut rows = Vec::new();
    while !bytes.is_empty() {
        match bytes.signed()? {
            0 => {
                let more = bytes.unsigned()?;
                let more = limit.room(rows.len(), more)?;
                rows.resize(rows.len() + more, None);
            }
            count if count > 0 => {
                let more = limit.room(rows.len(), count.unsigned_abs())?;
                let value = read(&mut bytes)?;
                rows.resize(rows.len() + more, Some(value));
            }
            count => {
                for _ in 0..limit.room(rows.len(), count.unsigned_abs())? {
                    rows.push(Some(read(&mut bytes)?));
                }
            }
        }
    }
    Ok(rows)
}

/// Rows of numbers that are written as differences from the row before. None of them is negative
/// or wider than 32 bits: Automerge's operation ids are not.
pub(super) fn differences(bytes: &[u8], limit: Limit) -> Result<Vec<Option<u32>>, IllFormed> {
    let mut sum: i64 = 0;
    values(bytes, limit, |bytes| bytes.signed())?
        .into_iter()
        .map(|row| {
            let Some(difference) = row else { return Ok(None) };
            sum = sum.checked_add(difference).ok_or(IllFormed::Reference)?;
            u32::try_from(sum).map(Some).map_err(|_| IllFormed::Reference)
        })
        .collect()
}

/// Rows of flags: how often false, how often true, and so on in turn.
pub(super) fn flags(bytes: &[u8], limit: Limit) -> Result<Vec<bool>, IllFormed> {
    let mut bytes = Bytes::new(bytes);
    let mut rows = Vec::new();
    let mut flag = false;
    while !bytes.is_empty() {
        let more = bytes.unsigned()?;
        let more = limit.room(rows.len(), more)?;
        rows.resize(rows.len() + more, flag);
        flag = !flag;
    }
    Ok(rows)
}

/// Brings a column to the number of rows that all have: one of nulls alone is left out of the
/// chunk, any other has them all.
pub(super) fn fill<T: Clone>(
    mut rows: Vec<Option<T>>,
    count: usize,
    column: Column,
) -> Result<Vec<Option<T>>, IllFormed> {
    if rows.is_empty() {
        rows.resize(count, None);
    }
    if rows.len() == count { Ok(rows) } else { Err(IllFormed::ColumnRows(column as u32)) }
}

//! Columns of run lengths. A run is refused by the number it begins with, before a single row of
//! it is made: a few bytes cannot become more rows than the limit.
//!
//! The same rows can be spelled in many ways, of which Automerge writes one: as few runs as there can be,
//! equal neighbours in a run of their own, and no column where all rows are null. Any other spelling is
//! refused, because it would not come out of a saved document as it went in (`docs/well-formed.md`).

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

/// What a run is of, as the one after it has to know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Repeated,
    Literal,
    Nulls,
}

/// Rows of values or nulls: a positive count repeats one value, a negative one announces so many
/// values of which no two neighbours are equal, zero announces nulls.
pub(super) fn values<'a, T: Clone + PartialEq>(
    bytes: &'a [u8],
    limit: Limit,
    mut read: impl FnMut(&mut Bytes<'a>) -> Result<T, IllFormed>,
) -> Result<Vec<Option<T>>, IllFormed> {
    let mut bytes = Bytes::new(bytes);
    let mut rows: Vec<Option<T>> = Vec::new();
    let mut before = None;
    while !bytes.is_empty() {
        let count = bytes.signed()?;
        let run = match count {
            0 => Run::Nulls,
            1 => return Err(IllFormed::NotCanonical),
            2.. => Run::Repeated,
            _ => Run::Literal,
        };
        if run != Run::Repeated && before == Some(run) {
            return Err(IllFormed::NotCanonical);
        }
        before = Some(run);
        let more = if run == Run::Nulls { bytes.unsigned()? } else { count.unsigned_abs() };
        let more = limit.room(rows.len(), more)?;
        match run {
            Run::Nulls if more == 0 => return Err(IllFormed::NotCanonical),
            Run::Nulls => rows.resize(rows.len() + more, None),
            Run::Repeated => {
                let value = differs(&rows, read(&mut bytes)?)?;
                rows.resize(rows.len() + more, Some(value));
            }
            Run::Literal => {
                for _ in 0..more {
                    let value = differs(&rows, read(&mut bytes)?)?;
                    rows.push(Some(value));
                }
            }
        }
    }
    if before == Some(Run::Nulls) && rows.iter().all(Option::is_none) {
        return Err(IllFormed::NotCanonical);
    }
    Ok(rows)
}

/// A value that is not the one before it.
fn differs<T: PartialEq>(rows: &[Option<T>], value: T) -> Result<T, IllFormed> {
    match rows.last() {
        Some(Some(before)) if *before == value => Err(IllFormed::NotCanonical),
        _ => Ok(value),
    }
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
        if more == 0 && (flag || !rows.is_empty()) {
            return Err(IllFormed::NotCanonical);
        }
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

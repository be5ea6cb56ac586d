//! A change taken apart: into what many changes have in common, its *template*, and what is its own.
//!
//! Two visits differ in who came and when, not in how a visit is written down. The template has the
//! columns of the change as they stand, but for counters, which are said relative to the change, and
//! for values. Together with the rest it gives the very bytes back ([`Template::rebuild`]): whoever
//! takes a change apart checks that it does, and sends it whole where it does not
//! (`docs/protocol.md`, compact runs).

use sha2::Digest;

use super::bytes::Bytes;
use super::chunk::{COLUMNS, Chunk, Column, MAGIC, UNCOMPRESSED_CHANGE};
use super::column::{self, Limit};
use super::{
    ACTOR_BYTES, CHANGE_ACTORS_MAX, CHANGE_BYTES_MAX, CHANGE_DEPENDENCIES_MAX,
    CHANGE_OPERATIONS_MAX, IllFormed, KEY_BYTES_MAX, OPERATION_COUNTER_MAX,
};
use crate::document::GENESIS_ACTOR;

/// The most bytes of a template: its columns have at most those of a change, and each counter and type
/// at most five.
pub const TEMPLATE_BYTES_MAX: usize = CHANGE_BYTES_MAX + 20 * CHANGE_OPERATIONS_MAX;

const ROWS: Limit = Limit { rows: CHANGE_OPERATIONS_MAX, error: IllFormed::TooManyOperations };

/// What many changes have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    bytes: Vec<u8>,
    /// Whether an operation names one of the genesis.
    names_genesis: bool,
    /// Columns that stand as they are, in the order of [`PLAIN`].
    plain: [Vec<u8>; PLAIN.len()],
    /// Counters of objects, keys and predecessors.
    counters: [Vec<Option<Counter>>; COUNTERS.len()],
    /// Types of values.
    types: Vec<u8>,
    /// The keys under which values stand; empty for elements of lists.
    keys: Vec<Vec<u8>>,
}

/// What of a change is its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// The changes that the author had seen, ascending.
    pub deps: Vec<[u8; 32]>,
    /// Who wrote it.
    pub actor: [u8; ACTOR_BYTES],
    /// Its number among its actor's.
    pub seq: u64,
    /// The counter of its first operation.
    pub start_op: u64,
    /// The other actors that its operations name, without that of geneses.
    pub others: Vec<[u8; ACTOR_BYTES]>,
    /// How far before its first operation those of other changes lie that it names.
    pub distances: Vec<u64>,
    /// The values, one for each of [`Template::keys`].
    pub values: Vec<Vec<u8>>,
}

/// A counter as a template says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counter {
    /// Of a genesis, as it is.
    Genesis(u64),
    /// Of the change itself, from its first operation.
    Within(u64),
    /// Of another change.
    Outside,
}

const PLAIN: [Column; 8] = [
    Column::ObjectActor,
    Column::KeyActor,
    Column::KeyText,
    Column::Insert,
    Column::Action,
    Column::PredecessorCount,
    Column::PredecessorActor,
    Column::ValueMeta,
];

/// Columns of counters, each with the one that has their actors, and whether they are differences.
const COUNTERS: [(Column, Column, bool); 3] = [
    (Column::ObjectCounter, Column::ObjectActor, false),
    (Column::KeyCounter, Column::KeyActor, true),
    (Column::PredecessorCounter, Column::PredecessorActor, true),
];

/// Which of [`PLAIN`] is not kept as it stands: types and lengths of values are told apart.
const VALUE_META: usize = 7;
/// Which of [`PLAIN`] has the keys.
const KEY_TEXT: usize = 2;

const NULL: u8 = 0;

impl Template {
    /// Takes a change apart. None if its bytes are not those of an honest change, or would not come
    /// back as they are.
    pub fn of(bytes: &[u8]) -> Option<(Self, Own)> {
        let (template, own) = take_apart(bytes).ok()?;
        (template.rebuild(&own).as_deref() == Some(bytes)).then_some((template, own))
    }

    /// Reads [`Template::as_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > TEMPLATE_BYTES_MAX {
            return None;
        }
        read_template(bytes).ok()
    }

    /// Its bytes: one form for each template.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The keys under which its values stand, in order; empty for an element of a list.
    pub fn keys(&self) -> &[Vec<u8>] {
        &self.keys
    }

    /// How many counters lie in other changes.
    pub fn distances(&self) -> usize {
        self.counters.iter().flatten().filter(|row| **row == Some(Counter::Outside)).count()
    }

    /// How many operations a change of this template has.
    pub fn operations(&self) -> u64 {
        self.types.len() as u64
    }

    /// The bytes of a change. None if what is its own does not fit.
    pub fn rebuild(&self, own: &Own) -> Option<Vec<u8>> {
        let fits = own.values.len() == self.keys.len()
            && own.deps.len() <= CHANGE_DEPENDENCIES_MAX
            && own.others.len() <= CHANGE_ACTORS_MAX
            && (1..=OPERATION_COUNTER_MAX).contains(&own.start_op);
        if !fits {
            return None;
        }
        let mut content = Content::default();
        content.unsigned(own.deps.len() as u64);
        own.deps.iter().for_each(|dep| content.0.extend_from_slice(dep));
        content.piece(&own.actor);
        content.unsigned(own.seq);
        content.unsigned(own.start_op);
        content.0.extend([0, 0]);
        // The genesis' actor is shorter than all others and zero: it comes first.
        content.unsigned(own.others.len() as u64 + u64::from(self.names_genesis));
        if self.names_genesis {
            content.piece(&GENESIS_ACTOR);
        }
        own.others.iter().for_each(|other| content.piece(other));
        let columns = self.columns(own)?;
        let present = columns.iter().filter(|column| !column.is_empty()).count();
        content.unsigned(present as u64);
        for (column, bytes) in COLUMNS.iter().zip(&columns) {
            if !bytes.is_empty() {
                content.unsigned(u64::from(*column as u32));
                content.unsigned(bytes.len() as u64);
            }
        }
        columns.iter().for_each(|column| content.0.extend_from_slice(column));
        chunk(&content.0)
    }

    fn columns(&self, own: &Own) -> Option<[Vec<u8>; COLUMNS.len()]> {
        let mut distances = own.distances.iter();
        let mut found: [Vec<u8>; COLUMNS.len()] = Default::default();
        let mut put = |column: Column, bytes: Vec<u8>| {
            let at = COLUMNS.iter().position(|known| *known == column);
            if let Some(place) = at.and_then(|at| found.get_mut(at)) {
                *place = bytes;
            }
        };
        for (column, bytes) in PLAIN.iter().zip(&self.plain) {
            put(*column, bytes.clone());
        }
        for ((column, _, differences), rows) in COUNTERS.iter().zip(&self.counters) {
            let mut counters = Vec::with_capacity(rows.len());
            for row in rows {
                counters.push(match row {
                    None => None,
                    Some(Counter::Genesis(counter)) => Some(*counter),
                    Some(Counter::Within(from)) => Some(own.start_op.checked_add(*from)?),
                    Some(Counter::Outside) => Some(own.start_op.checked_sub(*distances.next()?)?),
                });
            }
            put(*column, if *differences { deltas(&counters) } else { unsigned(&counters) });
        }
        if distances.next().is_some() {
            return None;
        }
        let mut values = own.values.iter();
        let mut metas = Vec::with_capacity(self.types.len());
        for kind in &self.types {
            let length = if *kind == NULL { 0 } else { values.next()?.len() };
            metas.push(Some((length as u64) << 4 | u64::from(*kind)));
        }
        put(Column::ValueMeta, unsigned(&metas));
        put(Column::Value, own.values.concat());
        Some(found)
    }
}

/// The chunk with this content, if it is short enough.
fn chunk(content: &[u8]) -> Option<Vec<u8>> {
    let mut hashed = Content(vec![UNCOMPRESSED_CHANGE]);
    hashed.unsigned(content.len() as u64);
    hashed.0.extend_from_slice(content);
    let hash: [u8; 32] = sha2::Sha256::digest(&hashed.0).into();
    let (checksum, _) = hash.split_first_chunk::<4>()?;
    let bytes = [&MAGIC[..], checksum, &hashed.0].concat();
    (bytes.len() <= CHANGE_BYTES_MAX).then_some(bytes)
}

fn take_apart(bytes: &[u8]) -> Result<(Template, Own), IllFormed> {
    let chunk = Chunk::read(bytes)?;
    let mut actors = chunk.actors.iter().map(|actor| actor.to_bytes()).peekable();
    let own_actor = actors.next().and_then(|own| <[u8; ACTOR_BYTES]>::try_from(own).ok());
    let actor = own_actor.ok_or(IllFormed::Actor)?;
    let names_genesis = actors.next_if_eq(&&GENESIS_ACTOR[..]).is_some();
    let other = |other: &[u8]| other.try_into().map_err(|_| IllFormed::OtherActors);
    let others = actors.map(other).collect::<Result<Vec<[u8; ACTOR_BYTES]>, _>>()?;
    let mut own = Own {
        deps: chunk.deps.iter().map(|dep| dep.0).collect(),
        actor,
        seq: chunk.seq,
        start_op: chunk.start_op,
        others,
        ..Own::default()
    };
    let mut counters: [Vec<Option<Counter>>; COUNTERS.len()] = Default::default();
    for ((column, actors, differences), counters) in COUNTERS.iter().zip(&mut counters) {
        let rows = match differences {
            true => column::differences(chunk.column(*column), ROWS)?
                .into_iter()
                .map(|row| row.map(u64::from))
                .collect(),
            false => column::values(chunk.column(*column), ROWS, Bytes::unsigned)?,
        };
        let actors = column::values(chunk.column(*actors), ROWS, Bytes::unsigned)?;
        for (at, row) in rows.into_iter().enumerate() {
            counters.push(row.map(|counter| match actors.get(at).copied().flatten() {
                Some(0) if counter >= own.start_op => Counter::Within(counter - own.start_op),
                // Of the head of a list there is no actor.
                Some(1) if names_genesis => Counter::Genesis(counter),
                None => Counter::Genesis(counter),
                Some(_) => {
                    own.distances.push(own.start_op.wrapping_sub(counter));
                    Counter::Outside
                }
            }));
        }
    }
    let mut types = Vec::new();
    let (mut rest, metas) = (chunk.column(Column::Value), chunk.column(Column::ValueMeta));
    for meta in column::values(metas, ROWS, Bytes::unsigned)? {
        let meta = meta.ok_or(IllFormed::Value)?;
        let kind = (meta & 0xf) as u8;
        let length = usize::try_from(meta >> 4).map_err(|_| IllFormed::Value)?;
        types.push(kind);
        let (value, after) = rest.split_at_checked(length).ok_or(IllFormed::Value)?;
        rest = after;
        if kind != NULL {
            own.values.push(value.to_vec());
        }
    }
    let plain = PLAIN.map(|column| match column {
        Column::ValueMeta => Vec::new(),
        column => chunk.column(column).to_vec(),
    });
    Ok((template(names_genesis, plain, counters, types)?, own))
}

/// A template of these columns, with its bytes.
fn template(
    names_genesis: bool,
    plain: [Vec<u8>; PLAIN.len()],
    counters: [Vec<Option<Counter>>; COUNTERS.len()],
    types: Vec<u8>,
) -> Result<Template, IllFormed> {
    let mut bytes = Content(vec![u8::from(names_genesis)]);
    plain.iter().take(VALUE_META).for_each(|column| bytes.piece(column));
    for rows in &counters {
        bytes.unsigned(rows.len() as u64);
        for row in rows {
            bytes.unsigned(match row {
                None => 0,
                Some(Counter::Outside) => 1,
                Some(Counter::Genesis(counter)) => 2 + 2 * bounded(*counter)?,
                Some(Counter::Within(from)) => 3 + 2 * bounded(*from)?,
            });
        }
    }
    bytes.piece(&types);
    let names = column::values(&plain[KEY_TEXT], ROWS, |bytes| {
        let length = bytes.unsigned()?;
        if length > KEY_BYTES_MAX as u64 { Err(IllFormed::KeyText) } else { bytes.take(length) }
    })?;
    let name = |at: usize| names.get(at).copied().flatten().unwrap_or_default().to_vec();
    let valued = types.iter().enumerate().filter(|(_, kind)| **kind != NULL);
    let keys = valued.map(|(at, _)| name(at)).collect();
    Ok(Template { bytes: bytes.0, names_genesis, plain, counters, types, keys })
}

/// A counter that no operation can have makes no template.
fn bounded(counter: u64) -> Result<u64, IllFormed> {
    if counter > OPERATION_COUNTER_MAX { Err(IllFormed::OperationCounter) } else { Ok(counter) }
}

fn read_template(bytes: &[u8]) -> Result<Template, IllFormed> {
    let mut reader = Bytes::new(bytes);
    let names_genesis = match reader.array()? {
        [0] => false,
        [1] => true,
        _ => return Err(IllFormed::OtherActors),
    };
    let mut plain: [Vec<u8>; PLAIN.len()] = Default::default();
    for column in plain.iter_mut().take(VALUE_META) {
        *column = piece(&mut reader)?.to_vec();
    }
    let mut counters: [Vec<Option<Counter>>; COUNTERS.len()] = Default::default();
    for rows in &mut counters {
        let count = reader.unsigned()?;
        if count > CHANGE_OPERATIONS_MAX as u64 {
            return Err(IllFormed::TooManyOperations);
        }
        for _ in 0..count {
            rows.push(match reader.unsigned()? {
                0 => None,
                1 => Some(Counter::Outside),
                number if number.is_multiple_of(2) => Some(Counter::Genesis((number - 2) / 2)),
                number => Some(Counter::Within((number - 3) / 2)),
            });
        }
    }
    let types = piece(&mut reader)?.to_vec();
    let small = types.len() <= CHANGE_OPERATIONS_MAX && types.iter().all(|kind| *kind < 16);
    if !small || !reader.is_empty() {
        return Err(IllFormed::Value);
    }
    template(names_genesis, plain, counters, types)
}

fn piece<'a>(reader: &mut Bytes<'a>) -> Result<&'a [u8], IllFormed> {
    let length = reader.unsigned()?;
    reader.take(length)
}

/// Bytes as Automerge writes them.
#[derive(Default)]
struct Content(Vec<u8>);

impl Content {
    fn unsigned(&mut self, mut number: u64) {
        loop {
            let byte = (number & 0x7f) as u8;
            number >>= 7;
            if number == 0 {
                return self.0.push(byte);
            }
            self.0.push(byte | 0x80);
        }
    }

    fn signed(&mut self, mut number: i64) {
        loop {
            let byte = (number & 0x7f) as u8;
            number >>= 7;
            if (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0) {
                return self.0.push(byte);
            }
            self.0.push(byte | 0x80);
        }
    }

    fn piece(&mut self, bytes: &[u8]) {
        self.unsigned(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
}

fn unsigned(rows: &[Option<u64>]) -> Vec<u8> {
    run_lengths(rows, |content, value| content.unsigned(*value))
}

fn deltas(rows: &[Option<u64>]) -> Vec<u8> {
    let mut last = 0i64;
    let difference = |row: &Option<u64>| {
        row.map(|row| {
            // Counters are below 2^31, or the bytes would not come back.
            let row = i64::try_from(row).unwrap_or(i64::MAX);
            let difference = row.wrapping_sub(last);
            last = row;
            difference
        })
    };
    let rows: Vec<Option<i64>> = rows.iter().map(difference).collect();
    run_lengths(&rows, |content, value| content.signed(*value))
}

/// Rows as run lengths in the form in which Automerge writes them: equal rows as a count and one,
/// unlike ones as a negative count and all, nulls as zero and a count; a column of nulls is empty.
fn run_lengths<T: PartialEq>(rows: &[Option<T>], write: impl Fn(&mut Content, &T)) -> Vec<u8> {
    let mut content = Content::default();
    if rows.iter().all(Option::is_none) {
        return content.0;
    }
    let run = |at: usize| {
        let first = rows.get(at);
        rows.iter().skip(at).take_while(|row| Some(*row) == first).count()
    };
    let mut at = 0;
    while let Some(row) = rows.get(at) {
        let count = run(at);
        match row {
            None => {
                content.unsigned(0);
                content.unsigned(count as u64);
                at += count;
            }
            Some(value) if count > 1 => {
                content.signed(count as i64);
                write(&mut content, value);
                at += count;
            }
            Some(_) => {
                let mut end = at;
                while rows.get(end).is_some_and(Option::is_some) && run(end) == 1 {
                    end += 1;
                }
                content.signed(-((end - at) as i64));
                rows.iter()
                    .take(end)
                    .skip(at)
                    .flatten()
                    .for_each(|value| write(&mut content, value));
                at = end;
            }
        }
    }
    content.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What could not be written down as a number is said whole, not as another.
    #[test]
    fn counters_that_no_operation_can_have_make_no_template() {
        let with = |counter| {
            let mut counters: [Vec<Option<Counter>>; COUNTERS.len()] = Default::default();
            counters[0].push(Some(counter));
            template(false, Default::default(), counters, Vec::new())
        };
        let largest = with(Counter::Genesis(OPERATION_COUNTER_MAX)).unwrap();
        assert_eq!(read_template(largest.as_bytes()).unwrap(), largest);
        for counter in [OPERATION_COUNTER_MAX + 1, 1 << 63, u64::MAX] {
            for counter in [Counter::Genesis(counter), Counter::Within(counter)] {
                assert!(with(counter).is_err());
            }
        }
    }
}

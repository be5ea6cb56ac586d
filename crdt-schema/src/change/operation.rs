use std::str;

use automerge::ActorId;

use super::bytes::Bytes;
use super::chunk::{Chunk, Column};
use super::column::{self, Limit};
use super::{CHANGE_OPERATIONS_MAX, IllFormed, KEY_BYTES_MAX};

/// One operation of a change, in the words of the change itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The object it works on; None is the root.
    pub object: Option<Reference>,
    /// Where in the object.
    pub key: Key,
    /// Whether it puts a new element behind the one that the key names.
    pub insert: bool,
    /// What it does there.
    pub action: Action,
    /// The operations that it replaces, ascending, each once.
    pub predecessors: Vec<Reference>,
    /// What it writes, if that is a text of at most 32 bytes: enough to know the words of
    /// vocabularies, by which rights may differ.
    pub word: Option<String>,
}

/// The longest text that is looked at when an operation is judged, bytes: the longest word of a
/// vocabulary has 21.
pub(super) const WORD_BYTES_MAX: usize = 32;

/// An operation named in a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Which of [`ParsedChange::actors`](super::ParsedChange::actors).
    pub actor: usize,
    /// The operation's counter, from 1.
    pub counter: u32,
}

/// Where in an object an operation works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A key of a map.
    Name(String),
    /// The place before the first element of a list.
    Head,
    /// An element of a list, by the operation that inserted it.
    Element(Reference),
}

/// What an operation does. Automerge knows more; schema 1 does not use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes a map.
    MakeMap,
    /// Writes a single value.
    Put,
    /// Makes a list.
    MakeList,
    /// Takes away what it replaces.
    Delete,
}

const OPERATIONS: Limit =
    Limit { rows: CHANGE_OPERATIONS_MAX, error: IllFormed::TooManyOperations };
const PREDECESSORS: Limit =
    Limit { rows: CHANGE_OPERATIONS_MAX, error: IllFormed::TooManyPredecessors };

/// Unpacks the operations of a chunk. The number of rows of the action column is the number of
/// operations, as it is for Automerge.
pub(super) fn read(chunk: &Chunk<'_>) -> Result<Vec<Operation>, IllFormed> {
    let actions = read_actions(chunk)?;
    let count = actions.len();
    let objects = read_objects(chunk, count)?;
    let keys = read_keys(chunk, count)?;
    let inserts = column::flags(chunk.column(Column::Insert), OPERATIONS)?;
    if inserts.len() != count {
        return Err(IllFormed::ColumnRows(Column::Insert as u32));
    }
    let values = read_values(chunk, count)?;
    let predecessors = read_predecessors(chunk, count)?;

    let mut operations = Vec::with_capacity(count);
    for (((((action, object), key), insert), predecessors), value) in
        actions.into_iter().zip(objects).zip(keys).zip(inserts).zip(predecessors).zip(values)
    {
        let replaces = action == Action::Delete || !predecessors.is_empty();
        if insert && (replaces || matches!(key, Key::Name(_))) {
            return Err(IllFormed::Insertion);
        }
        let ReadValue { is_null, word } = value;
        // Automerge writes no value with the others, whatever stood there.
        if action != Action::Put && !is_null {
            return Err(IllFormed::NotCanonical);
        }
        operations.push(Operation { object, key, insert, action, predecessors, word });
    }
    match names_all(&chunk.actors, &operations) {
        true => Ok(operations),
        false => Err(IllFormed::NotCanonical),
    }
}

/// Whether operations name every actor besides the author: Automerge lists no others.
fn names_all(actors: &[ActorId], operations: &[Operation]) -> bool {
    if actors.len() == 1 {
        return true;
    }
    let mut named = vec![false; actors.len()];
    for operation in operations {
        let key = match &operation.key {
            Key::Element(element) => Some(element),
            Key::Name(_) | Key::Head => None,
        };
        for reference in operation.object.iter().chain(key).chain(&operation.predecessors) {
            if let Some(named) = named.get_mut(reference.actor) {
                *named = true;
            }
        }
    }
    named.into_iter().skip(1).all(|named| named)
}

fn read_actions(chunk: &Chunk<'_>) -> Result<Vec<Action>, IllFormed> {
    let rows = unsigned(chunk, Column::Action, OPERATIONS)?;
    if rows.is_empty() {
        return Err(IllFormed::NoOperations);
    }
    rows.into_iter()
        .map(|row| match row {
            Some(0) => Ok(Action::MakeMap),
            Some(1) => Ok(Action::Put),
            Some(2) => Ok(Action::MakeList),
            Some(3) => Ok(Action::Delete),
            Some(other) => Err(IllFormed::Action(other)),
            None => Err(IllFormed::ColumnRows(Column::Action as u32)),
        })
        .collect()
}

fn read_objects(chunk: &Chunk<'_>, count: usize) -> Result<Vec<Option<Reference>>, IllFormed> {
    let actors = unsigned(chunk, Column::ObjectActor, OPERATIONS)?;
    let actors = column::fill(actors, count, Column::ObjectActor)?;
    let counters = unsigned(chunk, Column::ObjectCounter, OPERATIONS)?;
    let counters = column::fill(counters, count, Column::ObjectCounter)?;
    actors
        .into_iter()
        .zip(counters)
        .map(|pair| match pair {
            (None, None) => Ok(None),
            (Some(actor), Some(counter)) => {
                let counter = u32::try_from(counter).map_err(|_| IllFormed::Reference)?;
                Reference::new(&chunk.actors, actor, counter).map(Some)
            }
            _ => Err(IllFormed::Reference),
        })
        .collect()
}

fn read_keys(chunk: &Chunk<'_>, count: usize) -> Result<Vec<Key>, IllFormed> {
    let actors = unsigned(chunk, Column::KeyActor, OPERATIONS)?;
    let actors = column::fill(actors, count, Column::KeyActor)?;
    let counters = column::differences(chunk.column(Column::KeyCounter), OPERATIONS)?;
    let counters = column::fill(counters, count, Column::KeyCounter)?;
    let names = column::values(chunk.column(Column::KeyText), OPERATIONS, read_name)?;
    let names = column::fill(names, count, Column::KeyText)?;
    actors
        .into_iter()
        .zip(counters)
        .zip(names)
        .map(|row| match row {
            ((None, None), Some(name)) => Ok(Key::Name(name.to_owned())),
            ((None, Some(0)), None) => Ok(Key::Head),
            ((Some(actor), Some(counter)), None) => {
                Reference::new(&chunk.actors, actor, counter).map(Key::Element)
            }
            _ => Err(IllFormed::Key),
        })
        .collect()
}

fn read_name<'a>(bytes: &mut Bytes<'a>) -> Result<&'a str, IllFormed> {
    let length = bytes.unsigned()?;
    if !(1..=KEY_BYTES_MAX as u64).contains(&length) {
        return Err(IllFormed::KeyText);
    }
    str::from_utf8(bytes.take(length)?).map_err(|_| IllFormed::KeyText)
}

/// What is known of a value.
struct ReadValue {
    is_null: bool,
    /// A short text.
    word: Option<String>,
}

/// The values, as far as they are looked at. Texts are left to Automerge: what it does not read, it
/// refuses. Types and lengths are checked here, because it adds up lengths that it has not checked;
/// and that numbers have their one form, because it reads others and writes that one.
fn read_values(chunk: &Chunk<'_>, count: usize) -> Result<Vec<ReadValue>, IllFormed> {
    let rows = unsigned(chunk, Column::ValueMeta, OPERATIONS)?;
    if rows.len() != count {
        return Err(IllFormed::ColumnRows(Column::ValueMeta as u32));
    }
    let column = chunk.column(Column::Value);
    let mut values = Vec::with_capacity(count);
    let mut total: u64 = 0;
    for row in rows {
        let meta = row.ok_or(IllFormed::ColumnRows(Column::ValueMeta as u32))?;
        // Null, false, true, unsigned, signed, float, text, bytes, time. Not 8: a counter is of
        // no use without increments, and Automerge treats whatever replaces one differently.
        if !matches!(meta & 0xf, 0..=7 | 9) {
            return Err(IllFormed::Value);
        }
        let (begin, length) = (total, meta >> 4);
        total = total.saturating_add(length);
        let range = usize::try_from(begin).ok().zip(usize::try_from(total).ok());
        let bytes = range.and_then(|(begin, end)| column.get(begin..end));
        let bytes = bytes.ok_or(IllFormed::Value)?;
        if !has_one_form(meta & 0xf, bytes) {
            return Err(IllFormed::NotCanonical);
        }
        let is_word = meta & 0xf == TEXT && bytes.len() <= WORD_BYTES_MAX;
        let word = if is_word { str::from_utf8(bytes).ok().map(str::to_owned) } else { None };
        values.push(ReadValue { is_null: meta == 0, word });
    }
    if total == column.len() as u64 { Ok(values) } else { Err(IllFormed::Value) }
}

/// Whether the bytes are those that Automerge writes for a value of this type.
fn has_one_form(kind: u64, bytes: &[u8]) -> bool {
    let mut number = Bytes::new(bytes);
    match kind {
        0..=2 => bytes.is_empty(),
        3 => number.unsigned().is_ok() && number.is_empty(),
        4 | 9 => number.signed().is_ok() && number.is_empty(),
        5 => bytes.len() == size_of::<f64>(),
        _ => true,
    }
}

/// The type of a text in the column of values.
const TEXT: u64 = 6;

fn read_predecessors(chunk: &Chunk<'_>, count: usize) -> Result<Vec<Vec<Reference>>, IllFormed> {
    let counts = unsigned(chunk, Column::PredecessorCount, OPERATIONS)?;
    if counts.len() != count {
        return Err(IllFormed::ColumnRows(Column::PredecessorCount as u32));
    }
    let actors = unsigned(chunk, Column::PredecessorActor, PREDECESSORS)?;
    let counters = column::differences(chunk.column(Column::PredecessorCounter), PREDECESSORS)?;
    if actors.len() != counters.len() {
        return Err(IllFormed::ColumnRows(Column::PredecessorCounter as u32));
    }
    let mut references = actors.into_iter().zip(counters).map(|pair| match pair {
        (Some(actor), Some(counter)) => Reference::new(&chunk.actors, actor, counter),
        _ => Err(IllFormed::Reference),
    });
    let predecessors: Vec<_> = counts
        .into_iter()
        .map(|row| {
            let row = row.ok_or(IllFormed::ColumnRows(Column::PredecessorCount as u32))?;
            let row = usize::try_from(row).ok().filter(|row| *row <= PREDECESSORS.rows);
            let row = row.ok_or(IllFormed::TooManyPredecessors)?;
            let group = references.by_ref().take(row).collect::<Result<Vec<_>, _>>()?;
            if group.len() != row {
                return Err(IllFormed::ColumnRows(Column::PredecessorActor as u32));
            }
            let rank = |reference: &Reference| (reference.counter, &chunk.actors[reference.actor]);
            if !group.is_sorted_by(|one, next| rank(one) < rank(next)) {
                return Err(IllFormed::PredecessorOrder);
            }
            Ok(group)
        })
        .collect::<Result<_, _>>()?;
    match references.next() {
        None => Ok(predecessors),
        Some(_) => Err(IllFormed::ColumnRows(Column::PredecessorActor as u32)),
    }
}

fn unsigned(
    chunk: &Chunk<'_>,
    column: Column,
    limit: Limit,
) -> Result<Vec<Option<u64>>, IllFormed> {
    column::values(chunk.column(column), limit, |bytes| bytes.unsigned())
}

impl Reference {
    /// A reference to one of the listed actors. Counter 0 is the root's and the head's alone.
    fn new(actors: &[ActorId], actor: u64, counter: u32) -> Result<Self, IllFormed> {
        let actor = usize::try_from(actor).ok().filter(|actor| *actor < actors.len());
        match actor {
            Some(actor) if counter > 0 => Ok(Self { actor, counter }),
            _ => Err(IllFormed::Reference),
        }
    }
}

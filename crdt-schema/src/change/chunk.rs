use automerge::{ActorId, ChangeHash};

use super::bytes::Bytes;
use super::{
    ACTOR_BYTES, CHANGE_ACTORS_MAX, CHANGE_BYTES_MAX, CHANGE_DEPENDENCIES_MAX, IllFormed,
    OPERATION_COUNTER_MAX,
};
use crate::document::GENESIS_ACTOR;

pub(super) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
pub(super) const UNCOMPRESSED_CHANGE: u8 = 1;
/// The bit of a column's number that says the column is compressed.
const DEFLATED: u32 = 0b1000;
/// The footer that `set_author` appends begins so.
const AUTHOR_FOOTER: u8 = 1;

/// The columns of a change: identity and type in one number, as they stand in the chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Column {
    ObjectActor = 0x01,
    ObjectCounter = 0x02,
    KeyActor = 0x11,
    KeyCounter = 0x13,
    KeyText = 0x15,
    Insert = 0x34,
    Action = 0x42,
    ValueMeta = 0x56,
    Value = 0x57,
    PredecessorCount = 0x70,
    PredecessorActor = 0x71,
    PredecessorCounter = 0x73,
}

pub(super) const COLUMNS: [Column; 12] = [
    Column::ObjectActor,
    Column::ObjectCounter,
    Column::KeyActor,
    Column::KeyCounter,
    Column::KeyText,
    Column::Insert,
    Column::Action,
    Column::ValueMeta,
    Column::Value,
    Column::PredecessorCount,
    Column::PredecessorActor,
    Column::PredecessorCounter,
];

/// An uncompressed change chunk taken apart, nothing in it unpacked yet.
#[derive(Clone, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) checksum: [u8; 4],
    pub(super) deps: Vec<ChangeHash>,
    pub(super) seq: u64,
    /// The author's, then those that the operations name besides.
    pub(super) actors: Vec<ActorId>,
    pub(super) start_op: u64,
    columns: [&'a [u8]; COLUMNS.len()],
}

impl<'a> Chunk<'a> {
    /// Reads the container. Allocates no more than the bytes themselves account for.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, IllFormed> {
        if bytes.len() > CHANGE_BYTES_MAX {
            return Err(IllFormed::TooLong(bytes.len()));
        }
        let mut bytes = Bytes::new(bytes);
        if bytes.array()? != MAGIC {
            return Err(IllFormed::Magic);
        }
        let checksum = bytes.array()?;
        let [chunk_type] = bytes.array()?;
        if chunk_type != UNCOMPRESSED_CHANGE {
            return Err(IllFormed::ChunkType(chunk_type));
        }
        if bytes.unsigned()? != bytes.len() as u64 {
            return Err(IllFormed::ChunkLength);
        }

        let deps = read_dependencies(&mut bytes)?;
        let own = actor(&mut bytes)?;
        if own.to_bytes().len() != ACTOR_BYTES {
            return Err(IllFormed::Actor);
        }
        let seq = bytes.unsigned()?;
        if seq == 0 {
            return Err(IllFormed::Sequence);
        }
        let start_op = bytes.unsigned()?;
        if !(1..=OPERATION_COUNTER_MAX).contains(&start_op) {
            return Err(IllFormed::OperationCounter);
        }
        if bytes.signed()? != 0 {
            return Err(IllFormed::Time);
        }
        if bytes.unsigned()? != 0 {
            return Err(IllFormed::Message);
        }
        let actors = read_actors(&mut bytes, own)?;
        let columns = read_columns(&mut bytes)?;
        match bytes.rest() {
            [] => Ok(Self { checksum, deps, seq, actors, start_op, columns }),
            [AUTHOR_FOOTER, ..] => Err(IllFormed::Author),
            _ => Err(IllFormed::ExtraBytes),
        }
    }

    /// The bytes of a column; none if the chunk does not have it.
    pub(super) fn column(&self, column: Column) -> &'a [u8] {
        COLUMNS
            .iter()
            .zip(self.columns)
            .find_map(|(candidate, bytes)| (*candidate == column).then_some(bytes))
            .unwrap_or_default()
    }
}

/// Only the form is checked here: the parsed change has the hashes.
fn read_dependencies(bytes: &mut Bytes<'_>) -> Result<Vec<ChangeHash>, IllFormed> {
    let count = bytes.unsigned()?;
    if count == 0 {
        return Err(IllFormed::NoDependencies);
    }
    if count > CHANGE_DEPENDENCIES_MAX as u64 {
        return Err(IllFormed::TooManyDependencies);
    }
    let mut deps: Vec<ChangeHash> = Vec::new();
    for _ in 0..count {
        let hash = ChangeHash(bytes.array()?);
        if deps.last().is_some_and(|last| *last >= hash) {
            return Err(IllFormed::DependencyOrder);
        }
        deps.push(hash);
    }
    Ok(deps)
}

fn read_actors(bytes: &mut Bytes<'_>, own: ActorId) -> Result<Vec<ActorId>, IllFormed> {
    let count = bytes.unsigned()?;
    if count > CHANGE_ACTORS_MAX as u64 {
        return Err(IllFormed::OtherActors);
    }
    let mut actors = vec![own];
    for _ in 0..count {
        let other = actor(bytes)?;
        let known_length = other.to_bytes().len() == ACTOR_BYTES;
        let genesis = other.to_bytes() == GENESIS_ACTOR.as_slice();
        let ascending = actors.len() == 1 || actors.last() < Some(&other);
        if !(known_length || genesis) || !ascending || other == actors[0] {
            return Err(IllFormed::OtherActors);
        }
        actors.push(other);
    }
    Ok(actors)
}

fn read_columns<'a>(bytes: &mut Bytes<'a>) -> Result<[&'a [u8]; COLUMNS.len()], IllFormed> {
    let count = bytes.unsigned()?;
    let mut lengths = [0; COLUMNS.len()];
    let mut next = 0;
    for _ in 0..count {
        let number = u32::try_from(bytes.unsigned()?).map_err(|_| IllFormed::Number)?;
        if number & DEFLATED != 0 {
            return Err(IllFormed::CompressedColumn(number));
        }
        let length = bytes.unsigned()?;
        let at = (next..COLUMNS.len())
            .find(|at| COLUMNS[*at] as u32 == number)
            .filter(|_| length > 0)
            .ok_or(IllFormed::Column(number))?;
        lengths[at] = length;
        next = at + 1;
    }
    let mut columns = [&[][..]; COLUMNS.len()];
    for (column, length) in columns.iter_mut().zip(lengths) {
        *column = bytes.take(length)?;
    }
    Ok(columns)
}

fn actor(bytes: &mut Bytes<'_>) -> Result<ActorId, IllFormed> {
    let length = bytes.unsigned()?;
    Ok(ActorId::from(bytes.take(length)?))
}

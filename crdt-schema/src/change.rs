//! A change from a peer: hostile bytes until it is parsed, and a stranger until it is judged.
//!
//! Automerge 0.12 trusts the changes it is given: some panic when applied, some apply and leave a
//! document that no longer loads, some unpack a few bytes into millions of operations. So a body
//! is read by this module first. [`ParsedChange::parse`] judges what the bytes alone say;
//! [`Ancestry`] judges what they say about the changes before them. Nothing else reaches
//! `apply_changes`.
//!
//! ```text
//! &[u8] ──parse──► ParsedChange ──Ancestry::admit──► Judgement::WellFormed ──► apply_changes
//! ```
//!
//! The rules are listed in `docs/well-formed.md`; [`IllFormed`] has one variant for each.

mod ancestry;
mod bytes;
mod chunk;
mod column;
mod ill_formed;
mod operation;
mod site;
mod template;

use automerge::{ActorId, Change, ChangeHash};

pub use ancestry::{Ancestry, Judgement};
pub use ill_formed::IllFormed;
pub use operation::{Action, Key, Operation, Reference};
pub use template::{Own, TEMPLATE_BYTES_MAX, Template};

use chunk::Chunk;

/// The most bytes of a change. An entry holds 16 KiB; half of it is room for what proves a change in
/// another scope (`node/src/limits.rs`). A full registration is under 3 KiB.
pub const CHANGE_BYTES_MAX: usize = 8 * 1024;

/// The most operations of a change, and the most predecessors of all of them together.
///
/// A full registration takes about 60. The smallest honest operation that a run length cannot
/// fold, a short text under a short key, takes eight bytes, so 8 KiB have no room for more than
/// 1,024: whatever claims more is unpacking, not saying something.
pub const CHANGE_OPERATIONS_MAX: usize = 1_000;

/// The most dependencies of a change: what fits in the bytes at 32 for each. A smaller limit
/// would let one device with a grant lock a document by writing that many concurrent changes.
pub const CHANGE_DEPENDENCIES_MAX: usize = CHANGE_BYTES_MAX / 32;

/// The most actors that a change may name besides its own: what fits at 17 bytes for each.
pub const CHANGE_ACTORS_MAX: usize = CHANGE_BYTES_MAX / 17;

/// The highest counter of an operation. Automerge keeps counters in 32 bits and panics beyond, so
/// half of them are out of reach: every honest edit upon a well-formed document still has room.
pub const OPERATION_COUNTER_MAX: u64 = 1 << 31;

/// The most bytes of a key of a map.
pub const KEY_BYTES_MAX: usize = 64;

/// The bytes of an actor.
pub const ACTOR_BYTES: usize = 16;

/// A change whose bytes are in order by themselves. Whether it fits a document is for
/// [`Ancestry`] to say.
#[derive(Clone, Debug)]
pub struct ParsedChange {
    change: Change,
    actors: Vec<ActorId>,
    operations: Vec<Operation>,
}

impl ParsedChange {
    /// Reads the body of an entry.
    pub fn parse(bytes: &[u8]) -> Result<Self, IllFormed> {
        let chunk = Chunk::read(bytes)?;
        let operations = operation::read(&chunk)?;
        // Cannot overflow: both are small by now.
        if chunk.start_op + operations.len() as u64 - 1 > OPERATION_COUNTER_MAX {
            return Err(IllFormed::OperationCounter);
        }

        // From here on Automerge may look at the bytes: every count, length and reference that
        // its parser unwraps has been checked.
        let change = Change::from_bytes(bytes.to_vec()).map_err(|_| IllFormed::Refused)?;
        // `from_bytes` computes the hash but leaves the checksum alone.
        if change.hash().0[..4] != chunk.checksum {
            return Err(IllFormed::Checksum);
        }
        if change.len() != operations.len() {
            return Err(IllFormed::NotCanonical);
        }
        // A saved document keeps operations, not chunks: loading it writes every chunk anew and
        // compares the hashes. A change with two spellings would apply and then never load. What has
        // been read so far lets one spelling through; writing every change anew to compare would take
        // as long as everything else here.
        debug_assert_eq!(
            Change::from(automerge::ExpandedChange::from(&change)).raw_bytes(),
            bytes,
            "a change that Automerge spells otherwise"
        );
        Ok(Self { change, actors: chunk.actors, operations })
    }

    /// Takes a change that Automerge has just written itself, out of a document that it has
    /// loaded: what it writes is canonical and its checksum right, so only the content is read.
    fn written(change: Change) -> Result<Self, IllFormed> {
        let chunk = Chunk::read(change.raw_bytes())?;
        let operations = operation::read(&chunk)?;
        Ok(Self { actors: chunk.actors, operations, change })
    }

    /// The hash that a chunk of these bytes has in Automerge, well-formed or not: others name their
    /// ancestors by it, and whoever descends from an ill-formed change has to be known by name.
    /// The hash covers the chunk's type, length and contents, which follow on magic and checksum.
    pub fn claimed_hash(bytes: &[u8]) -> Option<ChangeHash> {
        use sha2::Digest;
        let chunk = bytes.get(8..)?;
        Some(ChangeHash(sha2::Sha256::digest(chunk).into()))
    }

    /// The hash by which other changes name this one.
    pub fn hash(&self) -> ChangeHash {
        self.change.hash()
    }

    /// The changes that the author had seen, ascending, each once.
    pub fn deps(&self) -> &[ChangeHash] {
        self.change.deps()
    }

    /// Who wrote it: sixteen bytes.
    pub fn actor(&self) -> &ActorId {
        self.change.actor_id()
    }

    /// All actors that the operations name, the author first: what [`Reference::actor`] counts.
    pub fn actors(&self) -> &[ActorId] {
        &self.actors
    }

    /// The number of the change among its actor's, from 1.
    pub fn seq(&self) -> u64 {
        self.change.seq()
    }

    /// The counter of the first operation.
    pub fn start_op(&self) -> u64 {
        self.change.start_op().get()
    }

    /// The counter of the last operation.
    pub fn max_op(&self) -> u64 {
        // There is at least one operation: `parse` refuses a change without.
        self.start_op() + self.operations.len() as u64 - 1
    }

    /// What it does, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The change as Automerge applies it.
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// The change as Automerge applies it.
    pub fn into_change(self) -> Change {
        self.change
    }
}

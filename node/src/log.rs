//! Logs: append-only chains of signed entries, one for each (scope, lane, device, incarnation).

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use crate::codec::{CodecError, Reader, Writer};
use crate::identity::DeviceId;
use crate::limits::{CHAIN_GRANTS_MAX, CHECKPOINT_BYTES, CHECKPOINT_ENTRIES};

/// Grants of a chain below the root.
const SIGNED_PIECE_GRANTS_MAX: usize = CHAIN_GRANTS_MAX - 1;

pub mod adoption;
pub mod carried;
pub mod entry;
pub mod run;

pub use adoption::Adoption;
pub use carried::{Carried, Originals};
pub use entry::{DocumentField, Entry, EntryHash, Header, Kind};
pub use run::{Body, RunError, UnverifiedRun, VerifiedRun};

/// Order of priority on a thin link: authority first, so that what follows can be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Grants and revocations.
    Authority,
    /// Incidents.
    Urgent,
    /// Rulesets, directories, receipts: what flows down.
    Notice,
    /// Everything else.
    Routine,
}

/// The lineage of a device's logs: minted at its first start, and anew at a new grant, after a
/// rollback, or where two homes turn out to be one. The nonce keeps two clones apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation {
    /// Counts the device's lineages.
    pub number: u32,
    /// Random.
    pub nonce: [u8; 8],
}

/// What tells a log from every other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    /// The place that the log belongs to.
    pub scope: DivisionCode,
    /// Its priority.
    pub lane: Lane,
    /// Who writes it.
    pub device: DeviceId,
    /// The writer's lineage.
    pub incarnation: Incarnation,
}

/// Which entry: a place in a log, and what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryPlace {
    /// The log.
    pub log: LogKey,
    /// The number.
    pub seq: u64,
    /// The hash.
    pub hash: EntryHash,
}

/// The last entry of a log, and what is needed to append to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: EntryHash,
    /// Body bytes since the last checkpoint, it included unless it is one.
    pub since_checkpoint_bytes: u64,
    /// When it was written, by its author's clock, ms since 1970.
    pub written_at_ms: i64,
}

impl Lane {
    /// All lanes in order of priority.
    pub const ALL: [Self; 4] = [Self::Authority, Self::Urgent, Self::Notice, Self::Routine];

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Authority => 0,
            Self::Urgent => 1,
            Self::Notice => 2,
            Self::Routine => 3,
        }
    }

    pub(crate) fn from_number(number: u8) -> Result<Self, CodecError> {
        Self::ALL.into_iter().find(|lane| lane.number() == number).ok_or(CodecError::Tag)
    }

    /// Whether the lane carries records (which flow up) rather than authority and notices.
    pub fn carries_records(self) -> bool {
        matches!(self, Self::Urgent | Self::Routine)
    }
}

impl LogKey {
    /// Bytes of [`LogKey::to_bytes`].
    pub const BYTES: usize = 53;

    /// Scope, lane, device, incarnation, all big-endian: keys sort by place first.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let written = self.write(&mut Writer::new()).finish();
        bytes.copy_from_slice(&written);
        bytes
    }

    pub(crate) fn write<'w>(&self, writer: &'w mut Writer) -> &'w mut Writer {
        writer
            .u64(self.scope.number())
            .u8(self.lane.number())
            .bytes(&self.device.0)
            .u32(self.incarnation.number)
            .bytes(&self.incarnation.nonce)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            scope: DivisionCode::from_number(reader.u64()?).map_err(|_| CodecError::Number)?,
            lane: Lane::from_number(reader.u8()?)?,
            device: DeviceId(reader.array()?),
            incarnation: Incarnation { number: reader.u32()?, nonce: reader.array()? },
        })
    }

    /// Reads [`LogKey::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let key = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(key)
    }

    /// The first half of every Automerge actor that writes in this log: an entry that carries a
    /// change by another actor is somebody else's work under this log's name.
    pub fn actor_prefix(&self) -> [u8; 8] {
        let mut prefix = [0; 8];
        ACTOR_PREFIX.clone().update(&self.to_bytes()).finalize_xof().fill(&mut prefix);
        prefix
    }
}

/// What hashes for [`LogKey::actor_prefix`] begin with: every change that is judged asks.
static ACTOR_PREFIX: LazyLock<blake3::Hasher> =
    LazyLock::new(|| blake3::Hasher::new_derive_key("shouwang 2026 actor prefix 1"));

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{:?}/{:?}/{}-{}",
            self.scope,
            self.lane,
            self.device,
            self.incarnation.number,
            hex::encode(&self.incarnation.nonce[..2])
        )
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, hex::encode(self.nonce))
    }
}

impl Head {
    /// The head after one more entry, whose hash is known.
    pub fn after(previous: Option<&Self>, entry: &Entry, hash: EntryHash) -> Self {
        let header = &entry.header;
        let bytes =
            previous.map_or(0, |head| head.since_checkpoint_bytes) + u64::from(header.body_length);
        let checkpoint = is_checkpoint(header.seq, bytes);
        Self {
            seq: header.seq,
            hash,
            since_checkpoint_bytes: if checkpoint { 0 } else { bytes },
            written_at_ms: header.written_at_ms,
        }
    }
}

/// Whether the entry with this number ends a stretch: every 32nd entry, and whenever 16 KiB of
/// bodies have gathered since the last checkpoint (`bytes` counts the entry itself). Everyone
/// finds the same checkpoints from the log alone.
pub fn is_checkpoint(seq: u64, bytes: u64) -> bool {
    seq % CHECKPOINT_ENTRIES == CHECKPOINT_ENTRIES - 1 || bytes >= CHECKPOINT_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_and_sort_by_place() {
        let key = |scope: &str, lane| LogKey {
            scope: scope.parse().unwrap(),
            lane,
            device: DeviceId([9; 32]),
            incarnation: Incarnation { number: 1, nonce: [2; 8] },
        };
        let (near, far) =
            (key("990121101203", Lane::Routine), key("990121200201", Lane::Authority));
        assert!(near.to_bytes() < far.to_bytes());
        assert_eq!(LogKey::from_bytes(&near.to_bytes()), Ok(near));
        assert!(LogKey::from_bytes(&near.to_bytes()[1..]).is_err());
        assert_ne!(near.actor_prefix(), far.actor_prefix());
    }
}

//! An erasure: that an elder's file is to go, and what of it, as one device signs it.
//!
//! The first signature names, by log, the last entry that is covered; a second one, by another
//! device, confirms it. It stands in the `Routine` lane of the elder's scope. The header names no
//! document: what is left of an erased file is the elder's random id and nothing else.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::ElderId;

use crate::codec::{CodecError, Reader, Writer};
use crate::identity::DeviceId;
use crate::limits::ERASURE_LOGS_MAX;
use crate::log::run::read_seq;
use crate::log::{EntryHash, Incarnation, Lane, LogKey};

const VERSION: u8 = 1;

/// The body of an `Erase` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Whose file.
    pub elder: ElderId,
    /// Why; for display.
    pub reason: ErasureReason,
    /// Which entry it adds its signature to; None for a first signature.
    pub confirms: Option<EntryHash>,
    /// What a first signature covers.
    pub coverage: Vec<Covered>,
}

/// Why a file is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureReason {
    /// The person, or whoever acts for them, asked for it.
    RightToErasure,
    /// It was kept for as long as it may be.
    Retention,
    /// It should never have been written.
    Mistake,
    /// One that a later version names.
    Other(u8),
}

/// The last entry that is covered of one log of the erasure's own scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Covered {
    /// The log's lane.
    pub lane: Lane,
    /// Who writes the log.
    pub device: DeviceId,
    /// The log's incarnation.
    pub incarnation: Incarnation,
    /// The entry's number.
    pub seq: u64,
    /// The entry's hash.
    pub hash: EntryHash,
}

impl Covered {
    /// The end of what is covered of a log.
    pub fn upto(log: &LogKey, seq: u64, hash: EntryHash) -> Self {
        let LogKey { lane, device, incarnation, .. } = *log;
        Self { lane, device, incarnation, seq, hash }
    }

    /// The log, of a scope.
    pub fn log(&self, scope: DivisionCode) -> LogKey {
        let Self { lane, device, incarnation, .. } = *self;
        LogKey { scope, lane, device, incarnation }
    }
}

impl Erasure {
    /// The bytes of the body (`docs/protocol.md`, "Erase").
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VERSION).bytes(&self.elder.0).u8(self.reason.number());
        match &self.confirms {
            None => writer.u8(0),
            Some(first) => writer.u8(1).bytes(&first.0),
        };
        write_coverage(&mut writer, &self.coverage);
        writer.finish()
    }

    /// Reads [`Erasure::encode`] and nothing more. A confirmation covers nothing of its own.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(CodecError::Tag);
        }
        let elder = ElderId(reader.array()?);
        let reason = ErasureReason::from_number(reader.u8()?);
        let confirms = match reader.u8()? {
            0 => None,
            1 => Some(EntryHash(reader.array()?)),
            _ => return Err(CodecError::Tag),
        };
        let coverage = read_coverage(&mut reader)?;
        reader.finish()?;
        if confirms.is_some() && !coverage.is_empty() {
            return Err(CodecError::Tag);
        }
        Ok(Self { elder, reason, confirms, coverage })
    }
}

/// Writes what is covered: a count, then lane, device, incarnation, number and hash of each.
pub fn write_coverage(writer: &mut Writer, coverage: &[Covered]) {
    writer.count(coverage.len());
    for covered in coverage {
        writer
            .u8(covered.lane.number())
            .bytes(&covered.device.0)
            .u32(covered.incarnation.number)
            .bytes(&covered.incarnation.nonce)
            .leb(covered.seq)
            .bytes(&covered.hash.0);
    }
}

/// Reads [`write_coverage`]. Only lanes of records are covered.
pub fn read_coverage(reader: &mut Reader<'_>) -> Result<Vec<Covered>, CodecError> {
    let count = reader.count(ERASURE_LOGS_MAX)?;
    (0..count)
        .map(|_| {
            let lane = Lane::from_number(reader.u8()?)?;
            if !lane.carries_records() {
                return Err(CodecError::Tag);
            }
            Ok(Covered {
                lane,
                device: DeviceId(reader.array()?),
                incarnation: Incarnation { number: reader.u32()?, nonce: reader.array()? },
                seq: read_seq(reader)?,
                hash: EntryHash(reader.array()?),
            })
        })
        .collect()
}

impl ErasureReason {
    /// Every reason that a person may give.
    pub const ALL: [Self; 3] = [Self::RightToErasure, Self::Retention, Self::Mistake];

    /// The name on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RightToErasure => "right_to_erasure",
            Self::Retention => "retention",
            Self::Mistake => "mistake",
            Self::Other(_) => "other",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::RightToErasure => 1,
            Self::Retention => 2,
            Self::Mistake => 3,
            Self::Other(number) => number,
        }
    }

    fn from_number(number: u8) -> Self {
        match number {
            1 => Self::RightToErasure,
            2 => Self::Retention,
            3 => Self::Mistake,
            number => Self::Other(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{BODY_BYTES_MAX, SEQ_MAX};

    fn covered(lane: Lane) -> Covered {
        Covered {
            lane,
            device: DeviceId([1; 32]),
            incarnation: Incarnation { number: u32::MAX, nonce: [2; 8] },
            seq: SEQ_MAX,
            hash: EntryHash([3; 32]),
        }
    }

    fn first(coverage: Vec<Covered>) -> Erasure {
        let (elder, reason) = (ElderId([4; 16]), ErasureReason::Retention);
        Erasure { elder, reason, confirms: None, coverage }
    }

    #[test]
    fn the_fullest_fits_an_entry_and_reads_back() {
        let full = first(vec![covered(Lane::Urgent); ERASURE_LOGS_MAX]);
        let bytes = full.encode();
        assert!(bytes.len() <= BODY_BYTES_MAX, "{}", bytes.len());
        assert_eq!(Erasure::from_bytes(&bytes), Ok(full));
        for length in 0..bytes.len() {
            assert!(Erasure::from_bytes(&bytes[..length]).is_err());
        }
        let more = first(vec![covered(Lane::Urgent); ERASURE_LOGS_MAX + 1]);
        assert_eq!(Erasure::from_bytes(&more.encode()), Err(CodecError::TooLong));
    }

    #[test]
    fn authority_is_never_covered_and_a_confirmation_covers_nothing() {
        for lane in [Lane::Authority, Lane::Notice] {
            let read = Erasure::from_bytes(&first(vec![covered(lane)]).encode());
            assert_eq!(read, Err(CodecError::Tag), "{lane:?}");
        }
        let second = Erasure { confirms: Some(EntryHash([5; 32])), ..first(Vec::new()) };
        assert_eq!(Erasure::from_bytes(&second.encode()), Ok(second.clone()));
        let both = Erasure { coverage: vec![covered(Lane::Routine)], ..second };
        assert_eq!(Erasure::from_bytes(&both.encode()), Err(CodecError::Tag));
    }

    #[test]
    fn reasons_of_a_later_version_keep_their_number() {
        for number in 0..=255 {
            assert_eq!(ErasureReason::from_number(number).number(), number);
        }
    }
}

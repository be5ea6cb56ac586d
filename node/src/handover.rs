//! Handing an elder's file over from one scope to another: the manifest that closes a move, and the
//! purge of what is left in the old scope.
//!
//! Both are written by a device that holds both scopes (an *executor*), in `Routine` logs, without a
//! document in the header. A manifest stands with the same bytes in every scope concerned
//! (`docs/protocol.md`, "Handover" and "Purge").

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{ElderId, TransferId};

use crate::codec::{CodecError, Reader, Writer};
use crate::erasure::{Covered, read_coverage, write_coverage};
use crate::limits::{HANDOVER_DOCUMENTS_MAX, MOVES_MAX};

const VERSION: u8 = 1;
const STEP_CONTEXT: &str = "shouwang 2026 handover step 1";
const CHANGES_CONTEXT: &str = "shouwang 2026 handover changes 1";

/// Which step of which elder's way this is: the hash of what a manifest says of it. Two executors
/// that close the same move, each having seen other changes, take the same step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(#[serde(with = "hex")] pub [u8; 32]);

/// The body of a `Handover` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Whose file.
    pub elder: ElderId,
    /// The scope that had the duty.
    pub from: DivisionCode,
    /// The scope that has it now.
    pub to: DivisionCode,
    /// The offer and acceptance that it carries out.
    pub transfer: TransferId,
    /// The steps of this elder's way before, the first move first.
    pub path: Vec<StepId>,
    /// What the executor had seen of each document.
    pub documents: BTreeMap<Part, Seen>,
}

/// What an executor had seen of a document when it closed a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How many changes, the genesis not among them.
    pub changes: u64,
    /// A hash over their hashes in ascending order.
    pub hash: [u8; 32],
}

/// The body of a `Purge` entry: what of a file that was handed over goes from the old scope. Offers
/// and answers stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// Whose file.
    pub elder: ElderId,
    /// The step that took it away.
    pub step: StepId,
    /// By log of the purge's own scope, the last entry that goes.
    pub coverage: Vec<Covered>,
}

impl Handover {
    /// Which step it is.
    pub fn step(&self) -> StepId {
        let mut writer = Writer::new();
        self.write_step(&mut writer);
        StepId(blake3::derive_key(STEP_CONTEXT, &writer.finish()))
    }

    /// The elder's whole way, this step last.
    pub fn way(&self) -> Vec<StepId> {
        self.path.iter().copied().chain([self.step()]).collect()
    }

    fn write_step(&self, writer: &mut Writer) {
        writer
            .bytes(&self.elder.0)
            .u64(self.from.number())
            .u64(self.to.number())
            .bytes(&self.transfer.0)
            .count(self.path.len());
        for step in &self.path {
            writer.bytes(&step.0);
        }
    }

    /// The bytes of the body.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.write_step(writer.u8(VERSION));
        writer.count(self.documents.len());
        for (part, seen) in &self.documents {
            let id = DocumentId::elder(self.elder, *part).to_bytes();
            // The elder is named above: the tag and what follows the elder are left.
            let (tag, tail) = (id.first().copied(), id.get(17..));
            let short = [tag.as_slice(), tail.unwrap_or_default()].concat();
            writer.piece(&short).leb(seen.changes).bytes(&seen.hash);
        }
        writer.finish()
    }

    /// Reads [`Handover::encode`] and nothing more: documents in their order, none twice.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(CodecError::Tag);
        }
        let elder = ElderId(reader.array()?);
        let (from, to) = (read_code(&mut reader)?, read_code(&mut reader)?);
        let transfer = TransferId(reader.array()?);
        let count = reader.count(MOVES_MAX - 1)?;
        let path = (0..count).map(|_| Ok(StepId(reader.array()?))).collect::<Result<_, _>>()?;
        let mut documents: BTreeMap<Part, Seen> = BTreeMap::new();
        for _ in 0..reader.count(HANDOVER_DOCUMENTS_MAX)? {
            let part = read_part(&mut reader, elder)?;
            let seen = Seen { changes: reader.leb()?, hash: reader.array()? };
            if documents.last_key_value().is_some_and(|(last, _)| *last >= part) {
                return Err(CodecError::Tag);
            }
            documents.insert(part, seen);
        }
        reader.finish()?;
        if from == to {
            return Err(CodecError::Tag);
        }
        Ok(Self { elder, from, to, transfer, path, documents })
    }
}

impl Seen {
    /// Of these changes, in any order.
    pub fn of(hashes: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let mut hashes: Vec<[u8; 32]> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        let hash = blake3::derive_key(CHANGES_CONTEXT, &hashes.concat());
        Self { changes: hashes.len() as u64, hash }
    }
}

impl Purge {
    /// The bytes of the body.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VERSION).bytes(&self.elder.0).bytes(&self.step.0);
        write_coverage(&mut writer, &self.coverage);
        writer.finish()
    }

    /// Reads [`Purge::encode`] and nothing more.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(CodecError::Tag);
        }
        let (elder, step) = (ElderId(reader.array()?), StepId(reader.array()?));
        let coverage = read_coverage(&mut reader)?;
        reader.finish()?;
        Ok(Self { elder, step, coverage })
    }
}

impl fmt::Debug for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

fn read_code(reader: &mut Reader<'_>) -> Result<DivisionCode, CodecError> {
    DivisionCode::from_number(reader.u64()?).map_err(|_| CodecError::Number)
}

fn read_part(reader: &mut Reader<'_>, elder: ElderId) -> Result<Part, CodecError> {
    let short = reader.piece(DocumentId::BYTES_MAX)?;
    let (tag, tail) = short.split_first().ok_or(CodecError::Truncated)?;
    let whole = [&[*tag][..], &elder.0, tail].concat();
    match DocumentId::from_bytes(&whole) {
        Ok(DocumentId::Elder { part, .. }) => Ok(part),
        Ok(DocumentId::Directory | DocumentId::Ruleset) | Err(_) => Err(CodecError::Tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::DeviceId;
    use crate::limits::{BODY_BYTES_MAX, ERASURE_LOGS_MAX, SEQ_MAX};
    use crate::log::{EntryHash, Incarnation, Lane};
    use proptest::prelude::*;
    use shouwang_crdt_schema::record::IncidentId;

    fn code(text: &str) -> DivisionCode {
        text.parse().unwrap()
    }

    fn seen(n: u64) -> Seen {
        Seen { changes: u64::MAX - n, hash: [7; 32] }
    }

    fn small() -> Handover {
        Handover {
            elder: ElderId([1; 16]),
            from: code("990121101203"),
            to: code("990121101204"),
            transfer: TransferId([2; 16]),
            path: vec![StepId([3; 32])],
            documents: [
                (Part::Card, seen(0)),
                (Part::Journal(2026), seen(1)),
                (Part::Transfer(TransferId([2; 16])), seen(2)),
            ]
            .into(),
        }
    }

    fn fullest() -> Handover {
        let incidents = (0..HANDOVER_DOCUMENTS_MAX as u128)
            .map(|n| (Part::Incident(IncidentId(n.to_be_bytes())), seen(0)));
        let path = vec![StepId([3; 32]); MOVES_MAX - 1];
        Handover { path, documents: incidents.collect(), ..small() }
    }

    #[test]
    fn manifests_read_back_and_every_cut_is_refused() {
        for handover in [small(), fullest()] {
            let bytes = handover.encode();
            assert!(bytes.len() <= BODY_BYTES_MAX, "{}", bytes.len());
            assert_eq!(Handover::from_bytes(&bytes), Ok(handover));
            for length in 0..bytes.len() {
                assert!(Handover::from_bytes(&bytes[..length]).is_err());
            }
            assert!(Handover::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        }
        let nowhere = Handover { to: small().from, ..small() };
        assert_eq!(Handover::from_bytes(&nowhere.encode()), Err(CodecError::Tag));
        let longer = Handover { path: vec![StepId([3; 32]); MOVES_MAX], ..small() };
        assert_eq!(Handover::from_bytes(&longer.encode()), Err(CodecError::TooLong));
    }

    #[test]
    fn a_step_is_the_same_whatever_was_seen_and_another_for_another_way() {
        let step = small().step();
        assert_eq!(Handover { documents: BTreeMap::new(), ..small() }.step(), step);
        for other in [
            Handover { to: code("990121101205"), ..small() },
            Handover { path: Vec::new(), ..small() },
            Handover { transfer: TransferId([9; 16]), ..small() },
            Handover { elder: ElderId([9; 16]), ..small() },
        ] {
            assert_ne!(other.step(), step);
        }
        assert_eq!(Seen::of([[2; 32], [1; 32]]), Seen::of([[1; 32], [2; 32], [1; 32]]));
    }

    #[test]
    fn purges_read_back_and_fit_an_entry() {
        let covered = Covered {
            lane: Lane::Routine,
            device: DeviceId([1; 32]),
            incarnation: Incarnation { number: u32::MAX, nonce: [2; 8] },
            seq: SEQ_MAX,
            hash: EntryHash([3; 32]),
        };
        let coverage = vec![covered; ERASURE_LOGS_MAX];
        let full = Purge { elder: ElderId([4; 16]), step: StepId([5; 32]), coverage };
        let bytes = full.encode();
        assert!(bytes.len() <= BODY_BYTES_MAX, "{}", bytes.len());
        assert_eq!(Purge::from_bytes(&bytes), Ok(full));
        for length in 0..bytes.len() {
            assert!(Purge::from_bytes(&bytes[..length]).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(handover) = Handover::from_bytes(&bytes) {
                prop_assert_eq!(handover.encode(), bytes.clone());
            }
            if let Ok(purge) = Purge::from_bytes(&bytes) {
                prop_assert_eq!(purge.encode(), bytes);
            }
        }

        #[test]
        fn any_altered_manifest_has_one_form(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = small().encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(handover) = Handover::from_bytes(&bytes) {
                prop_assert_eq!(handover.encode(), bytes);
            }
        }
    }
}

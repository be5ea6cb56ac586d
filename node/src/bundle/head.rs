//! The clear head of a part: which part of which bundle, of whom, for whom. Nothing of it is believed;
//! what counts of it stands in every sealed segment once more, under the sender's signature. It says no
//! scope, no name and no number of elders.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::codec::{CodecError, Reader, Writer};
use crate::identity::DeviceId;
use crate::identity::grant::GrantId;
use crate::limits::{BUNDLE_PARTS_MAX, BUNDLE_RECEIVERS_MAX};

/// What every part begins with.
pub const MAGIC: [u8; 8] = *b"SWBUNDLE";

/// The version of the form.
pub const VERSION: u8 = 1;

const CONTEXT: &str = "shouwang 2026 bundle head checksum 1";

/// Magic, version, length of what follows without the checksum.
const BEFORE: usize = 8 + 1 + 4;
const CHECKSUM: usize = 8;
const BODY_MAX: usize = 16 + 4 + 4 + 32 + 32 + 4 + 8 + 2 + 32 * BUNDLE_RECEIVERS_MAX;

/// Which bundle: random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BundleId(#[serde(with = "hex")] pub [u8; 16]);

/// What stands in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHead {
    /// The bundle.
    pub bundle: BundleId,
    /// Which part, from 1.
    pub part: u32,
    /// Of how many.
    pub parts: u32,
    /// The mesh.
    pub mesh: GrantId,
    /// Who wrote it.
    pub sender: DeviceId,
    /// For whom.
    pub receivers: Vec<DeviceId>,
    /// Segments that follow.
    pub segments: u32,
    /// Their bytes.
    pub bytes: u64,
}

impl PartHead {
    /// The most bytes that a head takes.
    pub const BYTES_MAX: usize = BEFORE + BODY_MAX + CHECKSUM;

    /// The bytes. Their number depends on that of the receivers alone, so that a head can be written
    /// last in the place that was kept for it.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Writer::new();
        body.bytes(&self.bundle.0).u32(self.part).u32(self.parts);
        body.bytes(&self.mesh.0).bytes(&self.sender.0).u32(self.segments).u64(self.bytes);
        body.u16(u16::try_from(self.receivers.len()).unwrap_or(u16::MAX));
        for receiver in &self.receivers {
            body.bytes(&receiver.0);
        }
        let body = body.finish();
        let mut writer = Writer::new();
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        writer.bytes(&MAGIC).u8(VERSION).u32(length).bytes(&body);
        writer.bytes(&checksum(&body)).finish()
    }

    /// Reads a head from the front of a file's first bytes, [`PartHead::BYTES_MAX`] of them or all.
    /// Returns how many it took.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), Fault> {
        let shared = bytes.len().min(MAGIC.len());
        if bytes.is_empty() || bytes.get(..shared) != MAGIC.get(..shared) {
            return Err(Fault::NotABundle);
        }
        let mut reader = Reader::new(bytes);
        let torn = |_: CodecError| Fault::Torn;
        reader.array::<8>().map_err(torn)?;
        if reader.u8().map_err(torn)? != VERSION {
            return Err(Fault::BundleVersion);
        }
        let length = usize::try_from(reader.u32().map_err(torn)?).unwrap_or(usize::MAX);
        if length > BODY_MAX {
            return Err(Fault::Altered);
        }
        let body = reader.bytes(length).map_err(torn)?;
        if reader.array::<CHECKSUM>().map_err(torn)? != checksum(body) {
            return Err(Fault::Altered);
        }
        let head = Self::read(body).map_err(|_| Fault::Altered)?;
        // A part that was never finished.
        if head.segments == 0 || head.parts == 0 {
            return Err(Fault::Torn);
        }
        if head.part == 0 || head.part > head.parts || head.parts > BUNDLE_PARTS_MAX {
            return Err(Fault::Altered);
        }
        Ok((head, BEFORE + length + CHECKSUM))
    }

    fn read(body: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(body);
        let head = Self {
            bundle: BundleId(reader.array()?),
            part: reader.u32()?,
            parts: reader.u32()?,
            mesh: GrantId(reader.array()?),
            sender: DeviceId(reader.array()?),
            segments: reader.u32()?,
            bytes: reader.u64()?,
            receivers: {
                let count = usize::from(reader.u16()?);
                if count > BUNDLE_RECEIVERS_MAX {
                    return Err(CodecError::TooLong);
                }
                let receivers = (0..count).map(|_| Ok(DeviceId(reader.array()?)));
                receivers.collect::<Result<_, CodecError>>()?
            },
        };
        reader.finish()?;
        Ok(head)
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&blake3::derive_key(CONTEXT, body)[..CHECKSUM]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> PartHead {
        PartHead {
            bundle: BundleId([1; 16]),
            part: 2,
            parts: 3,
            mesh: GrantId([2; 32]),
            sender: DeviceId([3; 32]),
            receivers: vec![DeviceId([4; 32]), DeviceId([5; 32])],
            segments: 7,
            bytes: 70_000,
        }
    }

    #[test]
    fn heads_read_back_and_every_cut_or_flip_has_its_name() {
        let bytes = head().encode();
        assert_eq!(PartHead::decode(&bytes), Ok((head(), bytes.len())));
        for length in 0..bytes.len() {
            let fault = PartHead::decode(&bytes[..length]).unwrap_err();
            let expected = if length == 0 { Fault::NotABundle } else { Fault::Torn };
            assert_eq!(fault, expected, "{length}");
        }
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 0x10;
            assert!(PartHead::decode(&altered).is_err(), "{at}");
        }
        assert_eq!(PartHead::decode(b"PK\x03\x04 some workbook"), Err(Fault::NotABundle));
        let unfinished = PartHead { parts: 0, segments: 0, ..head() };
        assert_eq!(PartHead::decode(&unfinished.encode()), Err(Fault::Torn));
    }

    #[test]
    fn a_head_takes_as_much_room_before_it_is_finished() {
        let unfinished = PartHead { parts: 0, segments: 0, bytes: 0, ..head() };
        assert_eq!(unfinished.encode().len(), head().encode().len());
        let most = PartHead { receivers: vec![DeviceId([1; 32]); BUNDLE_RECEIVERS_MAX], ..head() };
        assert!(most.encode().len() <= PartHead::BYTES_MAX);
    }
}

//! A segment: what is sealed to exactly the receivers that may hold it, and signed by the sender.
//!
//! ```text
//!  4  length of what follows          sealed (age) to those receivers:
//!  8  checksum                         1  version = 1        8  time written
//!  ~  leb count, that many receivers  16  bundle             1  dictionary
//!     by their number in the head      4  part               ~  items, one zstd frame (piece)
//!     (leb each, rising)               4  number            64  signature over the hash of all before
//!  ~  sealed                          32  mesh
//!                                     32  sender
//!                                     32  sender's grant
//! ```
//!
//! The checksum is over bundle, part, number, receivers and sealed bytes, so that damage has its name
//! before anything is opened, also for those who cannot open it, and a piece that was moved is found. What is believed is
//! the signature.

use zstd::bulk::{Compressor, Decompressor};

use super::seal::{self, SealError};
use super::{BundleId, Fault, Item, PartHead};
use crate::codec::{CodecError, Reader, Writer};
use crate::dictionary;
use crate::identity::grant::GrantId;
use crate::identity::{DeviceId, DeviceKeys, SealingKey, Signature};
use crate::limits::{
    BUNDLE_LEVEL, BUNDLE_RECEIVERS_MAX, SEGMENT_BYTES_MAX, SEGMENT_PLAIN_BYTES_MAX, STREAM_VERSION,
};

const VERSION: u8 = 1;
const CONTEXT: &str = "shouwang 2026 bundle segment 1";
const CHECKSUM_CONTEXT: &str = "shouwang 2026 bundle segment checksum 1";
const CHECKSUM: usize = 8;

/// Bytes of the length before a segment.
pub const LENGTH_BYTES: usize = 4;

/// What a segment says of itself, under the sender's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The bundle.
    pub bundle: BundleId,
    /// The part, from 1.
    pub part: u32,
    /// The number in the part, from 0.
    pub number: u32,
    /// The mesh.
    pub mesh: GrantId,
    /// Who wrote it.
    pub sender: DeviceId,
    /// Under which grant.
    pub grant: GrantId,
    /// When, by the sender's clock, ms since 1970: for display.
    pub written_at_ms: i64,
}

/// A segment that is packed and signed, and not sealed yet.
#[derive(Clone, Debug)]
pub struct SignedSegment(Vec<u8>);

/// A segment of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is sealed to others.
    ForOthers,
    /// It was opened.
    Ours(Segment, Vec<Item>),
}

impl Segment {
    /// Seals items, written one after another by [`Item::write`], to the receivers with these numbers.
    /// The bytes are as they stand in the file.
    pub fn seal(
        &self,
        items: &[u8],
        to: &[(u16, SealingKey)],
        keys: &DeviceKeys,
    ) -> Result<Vec<u8>, SealError> {
        self.sign(items, keys)?.seal(self, to)
    }

    /// Packs and signs items: what is left to do depends on chance.
    pub fn sign(&self, items: &[u8], keys: &DeviceKeys) -> Result<SignedSegment, SealError> {
        let dictionary = dictionary::stream(STREAM_VERSION);
        let packed = Compressor::with_dictionary(BUNDLE_LEVEL, dictionary)
            .and_then(|mut compressor| compressor.compress(items))
            .map_err(|_| SealError)?;
        let mut writer = Writer::new();
        writer.u8(VERSION).bytes(&self.bundle.0).u32(self.part).u32(self.number);
        writer.bytes(&self.mesh.0).bytes(&self.sender.0).bytes(&self.grant.0);
        writer.i64(self.written_at_ms).u8(STREAM_VERSION).piece(&packed);
        let mut plain = writer.finish();
        let signature = keys.sign(&blake3::derive_key(CONTEXT, &plain));
        plain.extend(signature.0);
        Ok(SignedSegment(plain))
    }

    /// Checks a segment without opening it: whether it is whole, and where it belongs. Returns the
    /// numbers of its receivers and what is sealed.
    pub fn check<'a>(
        head: &PartHead,
        number: u32,
        bytes: &'a [u8],
    ) -> Result<(Vec<usize>, &'a [u8]), Fault> {
        if bytes.len() > LENGTH_BYTES + SEGMENT_BYTES_MAX {
            return Err(Fault::Altered);
        }
        let mut reader = Reader::new(bytes);
        let altered = |_: CodecError| Fault::Altered;
        reader.u32().map_err(altered)?;
        let sum = reader.array::<CHECKSUM>().map_err(altered)?;
        if sum != checksum(head.bundle, head.part, number, reader.clone().rest()) {
            return Err(Fault::Altered);
        }
        let count = reader.count(BUNDLE_RECEIVERS_MAX).map_err(altered)?;
        let mut to = Vec::new();
        for _ in 0..count {
            let receiver = reader.count(BUNDLE_RECEIVERS_MAX).map_err(altered)?;
            if receiver >= head.receivers.len() || to.last().is_some_and(|last| *last >= receiver) {
                return Err(Fault::Altered);
            }
            to.push(receiver);
        }
        Ok((to, reader.rest()))
    }

    /// Opens a segment, if it is for this device, and checks that it is the sender's, and that of this
    /// place in this part of this bundle.
    pub fn open(
        head: &PartHead,
        number: u32,
        bytes: &[u8],
        keys: &DeviceKeys,
    ) -> Result<Opened, Fault> {
        let (to, sealed) = Self::check(head, number, bytes)?;
        let own = keys.device();
        if !to.iter().any(|receiver| head.receivers.get(*receiver) == Some(&own)) {
            return Ok(Opened::ForOthers);
        }
        let plain = seal::open(sealed, keys).map_err(|_| Fault::Altered)?;
        let (signed, signature) = plain
            .len()
            .checked_sub(64)
            .and_then(|at| plain.split_at_checked(at))
            .ok_or(Fault::Altered)?;
        let (segment, packed, dictionary) = Self::read(signed)?;
        let expected = (head.bundle, head.part, number, head.mesh, head.sender);
        let found = (segment.bundle, segment.part, segment.number, segment.mesh, segment.sender);
        let signature = <[u8; 64]>::try_from(signature).map_err(|_| Fault::Altered)?;
        let hash = blake3::derive_key(CONTEXT, signed);
        if found != expected || !segment.sender.verify(&hash, &Signature(signature)) {
            return Err(Fault::Altered);
        }
        let items = Decompressor::with_dictionary(dictionary::stream(dictionary))
            .and_then(|mut unpacker| unpacker.decompress(packed, SEGMENT_PLAIN_BYTES_MAX))
            .map_err(|_| Fault::Altered)?;
        Ok(Opened::Ours(segment, Item::read_all(&items)?))
    }

    fn read(signed: &[u8]) -> Result<(Self, &[u8], u8), Fault> {
        let mut reader = Reader::new(signed);
        match reader.u8() {
            Ok(VERSION) => {}
            Ok(_) => return Err(Fault::BundleVersion),
            Err(_) => return Err(Fault::Altered),
        }
        let read = |reader: &mut Reader<'_>| {
            Ok(Self {
                bundle: BundleId(reader.array()?),
                part: reader.u32()?,
                number: reader.u32()?,
                mesh: GrantId(reader.array()?),
                sender: DeviceId(reader.array()?),
                grant: GrantId(reader.array()?),
                written_at_ms: reader.i64()?,
            })
        };
        let altered = |_: CodecError| Fault::Altered;
        let segment = read(&mut reader).map_err(altered)?;
        let dictionary = reader.u8().map_err(altered)?;
        if dictionary > STREAM_VERSION {
            return Err(Fault::BundleVersion);
        }
        let packed = reader.piece(SEGMENT_BYTES_MAX).map_err(altered)?;
        reader.finish().map_err(altered)?;
        Ok((segment, packed, dictionary))
    }
}

impl SignedSegment {
    /// The most bytes that it takes in the file, sealed to so many.
    pub fn bytes_max(&self, receivers: usize) -> usize {
        // The number of receivers is one of at most two bytes, as that of each is.
        LENGTH_BYTES + CHECKSUM + 2 + seal::bytes_max(self.0.len(), receivers)
    }

    /// Seals it to the receivers with these numbers. The bytes are as they stand in the file.
    pub fn seal(&self, segment: &Segment, to: &[(u16, SealingKey)]) -> Result<Vec<u8>, SealError> {
        let sealing: Vec<SealingKey> = to.iter().map(|(_, key)| *key).collect();
        let sealed = seal::seal(&self.0, &sealing)?;
        let mut rest = Writer::new();
        rest.count(to.len());
        for (number, _) in to {
            rest.leb(u64::from(*number));
        }
        let rest = rest.bytes(&sealed).finish();
        let sum = checksum(segment.bundle, segment.part, segment.number, &rest);
        let length = u32::try_from(CHECKSUM + rest.len()).map_err(|_| SealError)?;
        Ok(Writer::new().u32(length).bytes(&sum).bytes(&rest).finish())
    }
}

fn checksum(bundle: BundleId, part: u32, number: u32, rest: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = blake3::Hasher::new_derive_key(CHECKSUM_CONTEXT);
    hasher.update(&bundle.0).update(&part.to_be_bytes()).update(&number.to_be_bytes());
    hasher.update(rest);
    let mut sum = [0; CHECKSUM];
    hasher.finalize_xof().fill(&mut sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(n: u8) -> DeviceKeys {
        DeviceKeys::from_secret(&[n; 64])
    }

    fn sealed(items: &[u8]) -> (PartHead, Segment, Vec<u8>) {
        let segment = Segment {
            bundle: BundleId([7; 16]),
            part: 1,
            number: 4,
            mesh: GrantId([1; 32]),
            sender: keys(1).device(),
            grant: GrantId([2; 32]),
            written_at_ms: 5,
        };
        let head = PartHead {
            bundle: segment.bundle,
            part: 1,
            parts: 1,
            mesh: segment.mesh,
            sender: segment.sender,
            receivers: [2, 3, 4].map(|n| keys(n).device()).to_vec(),
            segments: 9,
            bytes: 0,
        };
        let to = [(0, keys(2).sealing_key()), (2, keys(4).sealing_key())];
        let bytes = segment.seal(items, &to, &keys(1)).unwrap();
        (head, segment, bytes)
    }

    fn items() -> Vec<u8> {
        let mut writer = Writer::new();
        Item::Chain(Vec::new()).write(&mut writer);
        writer.finish()
    }

    #[test]
    fn those_it_is_sealed_to_read_it_in_its_place_only() {
        let (head, segment, bytes) = sealed(&items());
        let ours = Opened::Ours(segment, vec![Item::Chain(Vec::new())]);
        assert_eq!(Segment::open(&head, 4, &bytes, &keys(2)), Ok(ours.clone()));
        assert_eq!(Segment::open(&head, 4, &bytes, &keys(4)), Ok(ours));
        assert_eq!(Segment::open(&head, 4, &bytes, &keys(3)), Ok(Opened::ForOthers));
        assert_eq!(Segment::open(&head, 5, &bytes, &keys(2)), Err(Fault::Altered));
        let other = PartHead { part: 2, parts: 2, ..head.clone() };
        assert_eq!(Segment::open(&other, 4, &bytes, &keys(2)), Err(Fault::Altered));
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            // The length is what the file is cut by, and says nothing by itself.
            if at >= LENGTH_BYTES {
                assert_eq!(Segment::open(&head, 4, &altered, &keys(2)), Err(Fault::Altered));
            }
            assert_eq!(Segment::open(&head, 4, &bytes[..at], &keys(2)), Err(Fault::Altered));
        }
    }

    #[test]
    fn a_checksum_that_was_made_to_fit_helps_nobody() {
        let (head, segment, _) = sealed(&items());
        // Somebody else signs in the sender's name.
        let to = [(0, keys(2).sealing_key())];
        let forged = segment.seal(&items(), &to, &keys(9)).unwrap();
        assert_eq!(Segment::open(&head, 4, &forged, &keys(2)), Err(Fault::Altered));
        // A segment for one of them is passed off as one for another.
        let passed = segment.seal(&items(), &[(1, keys(2).sealing_key())], &keys(1)).unwrap();
        assert_eq!(Segment::open(&head, 4, &passed, &keys(3)), Err(Fault::Altered));
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let (head, _, bytes) = sealed(&vec![0; SEGMENT_PLAIN_BYTES_MAX + 1]);
        assert!(bytes.len() < 4_000);
        assert_eq!(Segment::open(&head, 4, &bytes, &keys(2)), Err(Fault::Altered));
    }
}

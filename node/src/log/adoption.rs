//! An adoption: entries of other logs that the adopter vouches for.
//!
//! It names the originals and does not carry them: all nodes that hold the scope hold them too, for
//! quarantined entries are stored and passed on like any other (`docs/decisions.md`). Document,
//! author and rights are judged from the original; the adoption only lifts a cut.

use super::{EntryHash, EntryPlace, LogKey};
use crate::codec::{CodecError, Reader, Writer};
use crate::limits::ADOPTED_ENTRIES_MAX;
use crate::log::run::read_seq;

const VERSION: u8 = 1;

/// The body of an `Adopt` entry. All originals are of the document that its header names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// The entries adopted.
    pub originals: Vec<EntryPlace>,
}

impl Adoption {
    /// The bytes of the body: a version, a count, and key, number and hash of each original.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VERSION).count(self.originals.len());
        for original in &self.originals {
            original.log.write(&mut writer).leb(original.seq).bytes(&original.hash.0);
        }
        writer.finish()
    }

    /// Reads [`Adoption::encode`] and nothing more.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(CodecError::Tag);
        }
        let count = reader.count(ADOPTED_ENTRIES_MAX)?;
        let originals = (0..count)
            .map(|_| {
                Ok(EntryPlace {
                    log: LogKey::read(&mut reader)?,
                    seq: read_seq(&mut reader)?,
                    hash: EntryHash(reader.array()?),
                })
            })
            .collect::<Result<_, CodecError>>()?;
        reader.finish()?;
        Ok(Self { originals })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::DeviceId;
    use crate::limits::BODY_BYTES_MAX;
    use crate::log::{Incarnation, Lane};

    #[test]
    fn the_fullest_fits_an_entry_and_reads_back() {
        let place = EntryPlace {
            log: LogKey {
                scope: "990121101203".parse().unwrap(),
                lane: Lane::Routine,
                device: DeviceId([1; 32]),
                incarnation: Incarnation { number: u32::MAX, nonce: [2; 8] },
            },
            seq: crate::limits::SEQ_MAX,
            hash: EntryHash([3; 32]),
        };
        let full = Adoption { originals: vec![place; ADOPTED_ENTRIES_MAX] };
        let bytes = full.encode();
        assert!(bytes.len() <= BODY_BYTES_MAX, "{}", bytes.len());
        assert_eq!(Adoption::from_bytes(&bytes), Ok(full.clone()));
        for length in 0..bytes.len() {
            assert!(Adoption::from_bytes(&bytes[..length]).is_err());
        }
        let more = Adoption { originals: vec![place; ADOPTED_ENTRIES_MAX + 1] };
        assert_eq!(Adoption::from_bytes(&more.encode()), Err(CodecError::TooLong));
    }
}

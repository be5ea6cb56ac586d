//! Packed values: bytes that say much in few, behind a checksum.
//!
//! ```text
//! 8  checksum over all that follows
//! 1  number of the dictionary that the text is packed with; 0: it stands as it is
//! –  length of the plain bytes (LEB128), and they: keys, hashes and signatures, which nothing packs,
//!    and beside which the rest would be packed worse
//! –  the text: one zstd frame
//! ```

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::CParameter;

use super::encoding::{decode_checked, encode_checked};
use crate::codec::{CodecError, Reader, Writer};
use crate::dictionary::{Dictionary, STORE_DOCUMENTS, STORE_ENTRIES};
use crate::limits::{PACKED_BYTES_MAX, PACKED_LEVEL};

/// What a dictionary is ready for, once in a process.
struct Prepared {
    id: u8,
    encoder: EncoderDictionary<'static>,
    decoder: DecoderDictionary<'static>,
}

impl Prepared {
    fn new(dictionary: Dictionary) -> Option<Self> {
        Some(Self {
            id: dictionary.id,
            encoder: EncoderDictionary::try_copy(dictionary.bytes, PACKED_LEVEL).ok()?,
            decoder: DecoderDictionary::try_copy(dictionary.bytes).ok()?,
        })
    }
}

static PREPARED: LazyLock<Vec<Prepared>> = LazyLock::new(|| {
    [STORE_ENTRIES, STORE_DOCUMENTS].into_iter().filter_map(Prepared::new).collect()
});

/// Contexts of zstd: costly to make, so each thread keeps its own.
struct Contexts {
    id: u8,
    compressor: Compressor<'static>,
    decompressor: Decompressor<'static>,
}

thread_local! {
    static CONTEXTS: RefCell<Vec<Contexts>> = const { RefCell::new(Vec::new()) };
}

impl Contexts {
    fn new(id: u8) -> Option<Self> {
        let prepared = PREPARED.iter().find(|prepared| prepared.id == id)?;
        let mut compressor = Compressor::with_prepared_dictionary(&prepared.encoder).ok()?;
        // The number stands before the frame.
        compressor.set_parameter(CParameter::DictIdFlag(false)).ok()?;
        let decompressor = Decompressor::with_prepared_dictionary(&prepared.decoder).ok()?;
        Some(Self { id, compressor, decompressor })
    }

    /// Runs something with this thread's contexts of a dictionary; None for one that is not known.
    fn with<T>(id: u8, work: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        CONTEXTS.with_borrow_mut(|all| {
            let known = match all.iter().position(|contexts| contexts.id == id) {
                Some(known) => known,
                None => {
                    all.push(Self::new(id)?);
                    all.len() - 1
                }
            };
            all.get_mut(known).and_then(work)
        })
    }
}

/// Packs a text behind plain bytes.
pub(super) fn pack(dictionary: Dictionary, plain: &[u8], text: &[u8]) -> Vec<u8> {
    let frame = (text.len() <= PACKED_BYTES_MAX)
        .then(|| Contexts::with(dictionary.id, |each| each.compressor.compress(text).ok()))
        .flatten();
    // Its magic number stays: so whoever has to show that nothing of a file is left on a disk finds what
    // is packed in pages that nothing refers to.
    let packed = frame.as_deref().filter(|packed| packed.len() < text.len());
    let mut writer = Writer::new();
    match packed {
        Some(packed) => writer.u8(dictionary.id).piece(plain).bytes(packed),
        None => writer.u8(0).piece(plain).bytes(text),
    };
    encode_checked(&writer.finish())
}

/// Reads [`pack`]: the plain bytes and the text.
pub(super) fn unpack(row: &[u8]) -> Result<(&[u8], Vec<u8>), CodecError> {
    let mut reader = Reader::new(decode_checked(row).ok_or(CodecError::Checksum)?);
    let id = reader.u8()?;
    let plain = reader.piece(PACKED_BYTES_MAX)?;
    let packed = reader.rest();
    if id == 0 {
        return Ok((plain, packed.to_vec()));
    }
    let text = Contexts::with(id, |contexts| {
        contexts.decompressor.decompress(packed, PACKED_BYTES_MAX).ok()
    });
    Ok((plain, text.ok_or(CodecError::Packed)?))
}

/// The plain bytes of [`pack`] alone.
pub(super) fn plain_of(row: &[u8]) -> Result<&[u8], CodecError> {
    let mut reader = Reader::new(decode_checked(row).ok_or(CodecError::Checksum)?);
    reader.u8()?;
    reader.piece(PACKED_BYTES_MAX)
}

/// All that a packed row says, its text first: for whoever searches one, or trains a dictionary.
pub fn unpacked_row(row: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    unpack(row).ok().map(|(plain, text)| (text, plain.to_vec()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            plain in prop::collection::vec(any::<u8>(), 0..200),
            text in prop::collection::vec(0..4u8, 0..4_000),
        ) {
            for dictionary in [STORE_ENTRIES, STORE_DOCUMENTS] {
                let row = pack(dictionary, &plain, &text);
                prop_assert!(row.len() <= 12 + plain.len() + text.len());
                let (read, unpacked) = unpack(&row).unwrap();
                prop_assert_eq!(read, &plain[..]);
                prop_assert_eq!(unpacked, text.clone());
            }
        }

        #[test]
        fn any_altered_byte_is_found(at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut row = pack(STORE_ENTRIES, &[7; 32], "探访 2026-09-01".repeat(9).as_bytes());
            let at = at.index(row.len());
            row[at] ^= 1 << bit;
            prop_assert!(unpack(&row).is_err());
        }

        /// Behind a checksum that fits, anything may stand: it is read or refused.
        #[test]
        fn any_bytes_are_read_or_refused(rest in prop::collection::vec(any::<u8>(), 0..300)) {
            for id in 0..4 {
                let row = encode_checked(&[&[id, 0][..], &rest].concat());
                if let Ok((_, text)) = unpack(&row) {
                    prop_assert!(text.len() <= PACKED_BYTES_MAX);
                }
            }
        }
    }

    #[test]
    fn what_would_fill_the_memory_is_refused() {
        let zeros = vec![0; PACKED_BYTES_MAX + 1];
        let frame = zstd::bulk::compress(&zeros, 1).unwrap();
        assert!(frame.len() < 10_000);
        let bomb = encode_checked(&[&[STORE_ENTRIES.id, 0], &frame[..]].concat());
        assert_eq!(unpack(&bomb), Err(CodecError::Packed));
        // What is longer of itself stands as it is.
        assert_eq!(unpack(&pack(STORE_ENTRIES, &[], &zeros)).unwrap().1, zeros);
    }

    #[test]
    fn the_dictionary_of_a_later_version_is_not_guessed() {
        let row = encode_checked(&[200, 0, 1, 2, 3]);
        assert_eq!(unpack(&row), Err(CodecError::Packed));
    }
}

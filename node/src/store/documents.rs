//! How documents stand in the store: Automerge's saved form, taken apart and packed.
//!
//! ```text
//! plain –   count of heads (LEB128), the heads 32 each, sorted
//!       –   of a saved form that is taken apart its checksum 4, and its actors one behind the other
//! text  1   1 the saved form is taken apart; 0 it stands as it is
//!       –   count of actors (LEB128), the length of each (LEB128); what follows the heads in it
//! ```
//!
//! The heads of a saved form stand in it once more; only where they are not the same is it left whole.

use super::packed::{pack, plain_of, unpack};
use super::rows::DocumentRow;
use crate::codec::{CodecError, Reader, Writer};
use crate::dictionary::STORE_DOCUMENTS;
use crate::limits::PACKED_BYTES_MAX;

/// What every Automerge chunk begins with.
const CHUNK_MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const DOCUMENT_CHUNK: u8 = 0;

pub(super) fn encode_document(row: &DocumentRow) -> Vec<u8> {
    let (mut plain, mut text) = (Writer::new(), Writer::new());
    plain.count(row.heads.len());
    for head in &row.heads {
        plain.bytes(head);
    }
    match Saved::read(&row.saved).filter(|saved| saved.heads == row.heads) {
        Some(saved) => {
            plain.bytes(&saved.checksum);
            text.u8(1).count(saved.actors.len());
            for actor in &saved.actors {
                plain.bytes(actor);
                text.count(actor.len());
            }
            text.bytes(saved.rest)
        }
        None => text.u8(0).bytes(&row.saved),
    };
    pack(STORE_DOCUMENTS, &plain.finish(), &text.finish())
}

pub(super) fn decode_document(row: &[u8]) -> Result<DocumentRow, CodecError> {
    let (plain, text) = unpack(row)?;
    let (mut plain, mut text) = (Reader::new(plain), Reader::new(&text));
    let heads = read_heads(&mut plain)?;
    let saved = match text.u8()? {
        0 => text.rest().to_vec(),
        1 => {
            let checksum = plain.array()?;
            let count = text.count(PACKED_BYTES_MAX)?;
            let mut actors = Vec::new();
            for _ in 0..count {
                actors.push(plain.bytes(text.count(PACKED_BYTES_MAX)?)?);
            }
            let saved = Saved { checksum, actors, heads, rest: text.rest() };
            plain.finish()?;
            return Ok(DocumentRow { saved: saved.write(), heads: saved.heads });
        }
        _ => return Err(CodecError::Tag),
    };
    plain.finish()?;
    Ok(DocumentRow { heads, saved })
}

/// The heads of a document alone, without unpacking it.
pub(super) fn decode_heads(row: &[u8]) -> Result<Vec<[u8; 32]>, CodecError> {
    read_heads(&mut Reader::new(plain_of(row)?))
}

fn read_heads(reader: &mut Reader<'_>) -> Result<Vec<[u8; 32]>, CodecError> {
    let count = reader.count(PACKED_BYTES_MAX / 32)?;
    (0..count).map(|_| reader.array()).collect()
}

/// A saved form, taken apart.
struct Saved<'a> {
    checksum: [u8; 4],
    actors: Vec<&'a [u8]>,
    heads: Vec<[u8; 32]>,
    rest: &'a [u8],
}

impl<'a> Saved<'a> {
    /// None where it is not one chunk of a document, in the form that [`Saved::write`] gives it.
    fn read(saved: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(saved.strip_prefix(&CHUNK_MAGIC)?);
        let checksum = reader.array().ok()?;
        if reader.u8().ok()? != DOCUMENT_CHUNK {
            return None;
        }
        let content = reader.piece(PACKED_BYTES_MAX).ok()?;
        reader.finish().ok()?;
        let mut reader = Reader::new(content);
        let mut actors = Vec::new();
        for _ in 0..reader.count(content.len()).ok()? {
            actors.push(reader.piece(content.len()).ok()?);
        }
        let count = reader.count(content.len() / 32).ok()?;
        let heads = (0..count).map(|_| reader.array()).collect::<Result<_, _>>().ok()?;
        Some(Self { checksum, actors, heads, rest: reader.rest() })
    }

    fn write(&self) -> Vec<u8> {
        let mut content = Writer::new();
        content.count(self.actors.len());
        for actor in &self.actors {
            content.piece(actor);
        }
        content.count(self.heads.len());
        for head in &self.heads {
            content.bytes(head);
        }
        let content = content.bytes(self.rest).finish();
        let mut writer = Writer::new();
        writer.bytes(&CHUNK_MAGIC).bytes(&self.checksum).u8(DOCUMENT_CHUNK).piece(&content).finish()
    }
}

#[cfg(test)]
mod tests {
    use automerge::transaction::Transactable;
    use automerge::{ActorId, AutoCommit, ROOT};
    use proptest::prelude::*;

    use super::*;

    /// A document that several have written at once, so many of them at the end.
    fn document(writers: u8, heads: u8, words: &str) -> AutoCommit {
        let mut whole = AutoCommit::new().with_actor(ActorId::from([9; 16]));
        whole.put(ROOT, "name", words).unwrap();
        let mut forks: Vec<AutoCommit> = (0..writers)
            .map(|nth| {
                let mut fork = whole.fork().with_actor(ActorId::from([nth; 16]));
                fork.put(ROOT, format!("field {nth}"), words.repeat(usize::from(nth))).unwrap();
                fork
            })
            .collect();
        for fork in &mut forks {
            whole.merge(fork).unwrap();
        }
        if heads == 0 {
            whole.put(ROOT, "name", "all").unwrap();
        }
        whole
    }

    proptest! {
        #[test]
        fn documents_read_back_byte_by_byte(writers in 0..5u8, heads in 0..2u8, words in ".{0,40}") {
            let mut document = document(writers, heads, &words);
            let mut heads: Vec<[u8; 32]> =
                document.get_heads().into_iter().map(|head| head.0).collect();
            heads.sort_unstable();
            for saved in [document.save(), document.save_nocompress()] {
                let row = DocumentRow { heads: heads.clone(), saved };
                prop_assert!(Saved::read(&row.saved).is_some(), "taken apart");
                let packed = encode_document(&row);
                prop_assert_eq!(decode_heads(&packed).unwrap(), heads.clone());
                prop_assert_eq!(decode_document(&packed).unwrap(), row);
            }
        }

        /// Whatever a document is, it comes back.
        #[test]
        fn any_bytes_read_back(
            heads in prop::collection::vec(any::<[u8; 32]>(), 0..3),
            chunk in any::<bool>(),
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let start: &[u8] = if chunk { &[0x85, 0x6f, 0x4a, 0x83, 1, 2, 3, 4, 0] } else { &[] };
            let row = DocumentRow { heads, saved: [start, &rest].concat() };
            prop_assert_eq!(decode_document(&encode_document(&row)).unwrap(), row);
        }
    }
}

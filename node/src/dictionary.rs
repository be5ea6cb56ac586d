//! Dictionaries of compression: what our bytes have in common, known to both who packs and who unpacks.
//!
//! A dictionary never changes once it is released: whatever was packed with it names it by number. A
//! better one gets another number, and the old one stays for what was packed before. They are made of
//! invented records: those of the store by `node/examples/train_dictionaries.rs`, that of streams by
//! `shouwang-bench dictionary`.

/// Bytes that a compressor and a decompressor know beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dictionary {
    /// Its number, for good. 0 stands for none.
    pub id: u8,
    /// As zstd has trained it.
    pub bytes: &'static [u8],
}

/// Blocks of entries in the store.
pub const STORE_ENTRIES: Dictionary =
    Dictionary { id: 1, bytes: include_bytes!("dictionary/store-entries-1.dict") };

/// Documents in the store.
pub const STORE_DOCUMENTS: Dictionary =
    Dictionary { id: 2, bytes: include_bytes!("dictionary/store-documents-1.dict") };

/// Streams between peers.
pub const STREAM: Dictionary =
    Dictionary { id: 3, bytes: include_bytes!("dictionary/stream-2.dict") };

/// The dictionary of a version of streams. The first has none; one that is not known here is never
/// agreed on.
pub fn stream(version: u8) -> &'static [u8] {
    match version {
        2 => STREAM.bytes,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::DICTIONARY_BYTES_MAX;

    #[test]
    fn each_has_a_number_of_its_own_and_is_small() {
        let all = [STORE_ENTRIES, STORE_DOCUMENTS, STREAM];
        for (nth, dictionary) in all.iter().enumerate() {
            assert!(dictionary.id > 0 && dictionary.bytes.len() <= DICTIONARY_BYTES_MAX);
            assert!(all[..nth].iter().all(|before| before.id != dictionary.id));
        }
    }
}

//! Dictionaries of compression: what our bytes have in common, known to both who packs and who unpacks.
//!
//! A dictionary never changes once it is released: whatever was packed with it names it by number. A
//! better one gets another number, and the old one stays for what was packed before. They are made of
//! invented records by `node/examples/train_dictionaries.rs`.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::DICTIONARY_BYTES_MAX;

    #[test]
    fn each_has_a_number_of_its_own_and_is_small() {
        let all = [STORE_ENTRIES, STORE_DOCUMENTS];
        for (nth, dictionary) in all.iter().enumerate() {
            assert!(dictionary.id > 0 && dictionary.bytes.len() <= DICTIONARY_BYTES_MAX);
            assert!(all[..nth].iter().all(|before| before.id != dictionary.id));
        }
    }
}

//! The values that stood last under a key: what people write is mostly what was written before.

use std::collections::BTreeMap;

use crate::codec::{CodecError, Reader, Writer};
use crate::limits::{RECENT_KEYS_MAX, RECENT_VALUE_BYTES_MAX, RECENT_VALUES_MAX};

/// By key, the last different values, the newest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    keys: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
}

impl Recent {
    /// Writes a value: which of the last it is, or its length and itself.
    pub(super) fn write(&mut self, key: &[u8], value: &[u8], to: &mut Writer) {
        let values = self.values(key);
        match values.iter().position(|known| known == value) {
            Some(at) => {
                to.count(at);
                values[..=at].rotate_right(1);
            }
            None => {
                to.count(RECENT_VALUES_MAX + value.len()).bytes(value);
                remember(values, value);
            }
        }
    }

    /// Reads what [`Recent::write`] has written, of at most `limit` bytes.
    pub(super) fn read(
        &mut self,
        key: &[u8],
        limit: usize,
        from: &mut Reader<'_>,
    ) -> Result<Vec<u8>, CodecError> {
        let code = from.count(RECENT_VALUES_MAX + limit)?;
        let values = self.values(key);
        match code.checked_sub(RECENT_VALUES_MAX) {
            None => {
                let value = values.get(code).cloned().ok_or(CodecError::Tag)?;
                values[..=code].rotate_right(1);
                Ok(value)
            }
            Some(length) => {
                let value = from.bytes(length)?;
                // One form for each value.
                if values.iter().any(|known| known == value) {
                    return Err(CodecError::Tag);
                }
                remember(values, value);
                Ok(value.to_vec())
            }
        }
    }

    /// When there are too many keys the others share one place.
    fn values(&mut self, key: &[u8]) -> &mut Vec<Vec<u8>> {
        let shared = self.keys.len() >= RECENT_KEYS_MAX && !self.keys.contains_key(key);
        self.keys.entry(if shared { Vec::new() } else { key.to_vec() }).or_default()
    }
}

fn remember(values: &mut Vec<Vec<u8>>, value: &[u8]) {
    if value.len() <= RECENT_VALUE_BYTES_MAX {
        values.truncate(RECENT_VALUES_MAX - 1);
        values.insert(0, value.to_vec());
    }
}

//! Sealing: age (age-encryption.org/v1) to the X25519 keys that grants name.
//!
//! age draws its file keys from the operating system, and a line of random length that nobody reads.
//! Nothing that is stored or decided depends on them, so the core stays a function of what is put into
//! it: where a length decides, it is [`bytes_max`].

use std::io::{Read, Write};

use age::x25519;
use bech32::{Bech32, Hrp};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::identity::{DeviceKeys, SealingKey};
use crate::limits::{SEGMENT_SEAL_BYTES_MAX, SEGMENT_SEAL_OWN_BYTES, SEGMENT_SEAL_RECEIVER_BYTES};

/// age seals so many bytes at once, and adds a tag to each such chunk.
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNK_TAG_BYTES: usize = 16;

/// What the lines that say to whom something is sealed end with.
const HEADER_END: &[u8] = b"\n---";

/// It could not be sealed: a grant names a key that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it cannot be sealed to such a key")]
pub struct SealError;

/// It does not open with these keys, or not to what was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it does not open")]
pub struct OpenError;

/// Seals to all of these keys.
pub fn seal(plain: &[u8], to: &[SealingKey]) -> Result<Vec<u8>, SealError> {
    let recipients: Vec<x25519::Recipient> = to.iter().map(recipient).collect::<Result<_, _>>()?;
    let keys = recipients.iter().map(|key| key as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(keys).map_err(|_| SealError)?;
    let mut sealed = Vec::with_capacity(plain.len() + 1024);
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|_| SealError)?;
    writer.write_all(plain).map_err(|_| SealError)?;
    writer.finish().map_err(|_| SealError)?;
    Ok(sealed)
}

/// The most bytes that so many sealed to so many take.
pub fn bytes_max(plain_bytes: usize, receivers: usize) -> usize {
    let chunks = plain_bytes / CHUNK_BYTES + 1;
    plain_bytes
        + chunks * CHUNK_TAG_BYTES
        + receivers * SEGMENT_SEAL_RECEIVER_BYTES
        + SEGMENT_SEAL_OWN_BYTES
}

/// Of so many bytes as they stand in a file those that are not age's head, whose length is by chance.
pub fn content_bytes(sealed: &[u8]) -> usize {
    let before = sealed.get(..SEGMENT_SEAL_BYTES_MAX).unwrap_or(sealed);
    let head = before.windows(HEADER_END.len()).position(|window| window == HEADER_END);
    sealed.len() - head.unwrap_or_default()
}

/// Opens what was sealed to this device.
pub fn open(sealed: &[u8], keys: &DeviceKeys) -> Result<Vec<u8>, OpenError> {
    // The lines are read again for each one that follows: their length is bounded first.
    let before = sealed.get(..SEGMENT_SEAL_BYTES_MAX).unwrap_or(sealed);
    if !before.windows(HEADER_END.len()).any(|window| window == HEADER_END) {
        return Err(OpenError);
    }
    let decryptor = age::Decryptor::new_buffered(sealed).map_err(|_| OpenError)?;
    if decryptor.is_scrypt() {
        return Err(OpenError);
    }
    let identity = identity(keys)?;
    let mut reader = decryptor
        .decrypt(std::iter::once(&identity as &dyn age::Identity))
        .map_err(|_| OpenError)?;
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).map_err(|_| OpenError)?;
    Ok(plain)
}

fn recipient(key: &SealingKey) -> Result<x25519::Recipient, SealError> {
    let prefix = Hrp::parse("age").map_err(|_| SealError)?;
    let text = bech32::encode::<Bech32>(prefix, &key.0).map_err(|_| SealError)?;
    text.parse().map_err(|_| SealError)
}

fn identity(keys: &DeviceKeys) -> Result<x25519::Identity, OpenError> {
    let secret = Zeroizing::new(keys.secret());
    let prefix = Hrp::parse("age-secret-key-").map_err(|_| OpenError)?;
    let sealing = secret.get(32..).ok_or(OpenError)?;
    let text = bech32::encode_upper::<Bech32>(prefix, sealing).map_err(|_| OpenError)?;
    Zeroizing::new(text).parse().map_err(|_| OpenError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_it_is_sealed_to_open_it_and_only_as_it_was() {
        let [one, two, other] = [1, 2, 3].map(|n| DeviceKeys::from_secret(&[n; 64]));
        let plain = vec![7; 70_000];
        let sealed = seal(&plain, &[one.sealing_key(), two.sealing_key()]).unwrap();
        assert_eq!(open(&sealed, &one), Ok(plain.clone()));
        assert_eq!(open(&sealed, &two), Ok(plain.clone()));
        assert_eq!(open(&sealed, &other), Err(OpenError));
        for at in (0..sealed.len()).step_by(97) {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(open(&altered, &one), Err(OpenError), "{at}");
            assert_eq!(open(&sealed[..at], &one), Err(OpenError), "{at}");
        }
    }

    #[test]
    fn what_is_sealed_is_never_longer_than_was_reckoned() {
        let keys: Vec<SealingKey> =
            (1..20).map(|n| DeviceKeys::from_secret(&[n; 64]).sealing_key()).collect();
        for receivers in [1, 2, 19] {
            for length in [0, 1, 4_000, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
                // The line of random length is drawn anew each time.
                for _ in 0..20 {
                    let to = keys.get(..receivers).unwrap();
                    let sealed = seal(&vec![1; length], to).unwrap().len();
                    assert!(sealed <= bytes_max(length, receivers), "{sealed}");
                }
            }
        }
    }

    #[test]
    fn a_seal_without_end_is_refused_at_once() {
        let mut endless = b"age-encryption.org/v1\n".to_vec();
        endless.extend(b"-> x y\n\n".repeat(100_000));
        assert_eq!(open(&endless, &DeviceKeys::from_secret(&[1; 64])), Err(OpenError));
    }
}

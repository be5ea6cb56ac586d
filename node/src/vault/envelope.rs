//! The envelope: the key of a store, wrapped by what its owner knows or has.
//!
//! ```text
//!  8  "SWENVLP1"                     one of
//!  1  lock: 1 passphrase,             1: memory KiB 4, passes 4, lanes 4, salt 16 (Argon2id)
//!     2 key file                      2: –
//! 24  nonce
//! 80  the volume key (64) and its tag (16), XChaCha20-Poly1305; all before the nonce is vouched for
//!  8  checksum over all before
//! ```

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use thiserror::Error;
use zeroize::Zeroizing;

use super::secret::Secret;
use crate::codec::{CodecError, Reader, Writer};
use crate::limits::{
    ARGON2_LANES_MAX, ARGON2_MEMORY_KIB, ARGON2_MEMORY_KIB_MAX, ARGON2_PASSES, ARGON2_PASSES_MAX,
    ENVELOPE_BYTES_MAX,
};

const MAGIC: &[u8; 8] = b"SWENVLP1";
const KEY_FILE_CONTEXT: &str = "shouwang 2026 key file 1";
const CHECKSUM_CONTEXT: &str = "shouwang 2026 envelope checksum 1";

/// The key that a store's sectors are encrypted with. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct VolumeKey(Zeroizing<[[u8; 32]; 2]>);

/// What locks an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// A passphrase.
    Passphrase,
    /// A key file.
    KeyFile,
}

/// A wrapped [`VolumeKey`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    derivation: Derivation,
    nonce: [u8; 24],
    wrapped: Vec<u8>,
}

/// Randomness for one wrapping.
pub struct Fresh {
    /// For a passphrase.
    pub salt: [u8; 16],
    /// For the wrapping.
    pub nonce: [u8; 24],
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Derivation {
    Argon2id { memory_kib: u32, passes: u32, lanes: u32, salt: [u8; 16] },
    KeyFile,
}

/// Why an envelope does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Torn, changed, or no envelope at all.
    #[error("the envelope of the store's key is damaged")]
    Damaged,
    /// Another passphrase locked it.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// Another key file locked it.
    #[error("the key file is another one")]
    WrongKeyFile,
    /// It is locked with a passphrase, and a key file was brought.
    #[error("the store is locked with a passphrase, not with a key file")]
    NeedsPassphrase,
    /// It is locked with a key file, and a passphrase was brought.
    #[error("the store is locked with a key file, not with a passphrase")]
    NeedsKeyFile,
    /// There is not the memory that the derivation takes.
    #[error("there is not enough memory to try the passphrase")]
    Memory,
}

impl VolumeKey {
    /// The key of these random bytes.
    pub fn new(bytes: [u8; 64]) -> Self {
        let bytes = Zeroizing::new(bytes);
        let mut halves = Zeroizing::new([[0; 32]; 2]);
        halves.as_flattened_mut().copy_from_slice(bytes.as_slice());
        Self(halves)
    }

    /// The halves for data and tweaks.
    pub(super) fn halves(&self) -> (&[u8; 32], &[u8; 32]) {
        let [data, tweak] = &*self.0;
        (data, tweak)
    }
}

impl fmt::Debug for VolumeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VolumeKey")
    }
}

impl Envelope {
    /// Wraps a key.
    pub fn seal(key: &VolumeKey, secret: &Secret, fresh: &Fresh) -> Result<Self, EnvelopeError> {
        let derivation = match secret {
            Secret::Passphrase(_) => Derivation::Argon2id {
                memory_kib: ARGON2_MEMORY_KIB,
                passes: ARGON2_PASSES,
                lanes: 1,
                salt: fresh.salt,
            },
            Secret::KeyFile(_) => Derivation::KeyFile,
        };
        let mut envelope = Self { derivation, nonce: fresh.nonce, wrapped: Vec::new() };
        let wrapping = envelope.wrapping(secret)?;
        let (nonce, head) = (XNonce::from(envelope.nonce), envelope.head());
        let payload = Payload { msg: key.0.as_flattened(), aad: &head };
        envelope.wrapped = XChaCha20Poly1305::new(&Key::from(*wrapping))
            .encrypt(&nonce, payload)
            .map_err(|_| EnvelopeError::Damaged)?;
        Ok(envelope)
    }

    /// What locks it.
    pub fn lock(&self) -> Lock {
        match self.derivation {
            Derivation::Argon2id { .. } => Lock::Passphrase,
            Derivation::KeyFile => Lock::KeyFile,
        }
    }

    /// Unwraps the key.
    pub fn open(&self, secret: &Secret) -> Result<VolumeKey, EnvelopeError> {
        let wrapping = self.wrapping(secret)?;
        let head = self.head();
        let payload = Payload { msg: &self.wrapped, aad: &head };
        let opened = XChaCha20Poly1305::new(&Key::from(*wrapping))
            .decrypt(&XNonce::from(self.nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| match secret {
                Secret::Passphrase(_) => EnvelopeError::WrongPassphrase,
                Secret::KeyFile(_) => EnvelopeError::WrongKeyFile,
            })?;
        let key: &[u8; 64] = opened.as_slice().try_into().map_err(|_| EnvelopeError::Damaged)?;
        Ok(VolumeKey::new(*key))
    }

    /// As it stands in the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.wrapped);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }

    /// Reads what [`Envelope::encode`] wrote, whoever wrote it since.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or(EnvelopeError::Damaged)?;
        if bytes.len() > ENVELOPE_BYTES_MAX || *sum != checksum(body) {
            return Err(EnvelopeError::Damaged);
        }
        Self::read(body).map_err(|_| EnvelopeError::Damaged)
    }

    fn read(body: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(body);
        if reader.array()? != *MAGIC {
            return Err(CodecError::Tag);
        }
        let derivation = match reader.u8()? {
            1 => {
                let mut bounded = |least: u32, most: u32| {
                    let value = reader.u32()?;
                    match (least..=most).contains(&value) {
                        true => Ok(value),
                        false => Err(CodecError::Number),
                    }
                };
                let memory_kib = bounded(8 * ARGON2_LANES_MAX, ARGON2_MEMORY_KIB_MAX)?;
                let passes = bounded(1, ARGON2_PASSES_MAX)?;
                let lanes = bounded(1, ARGON2_LANES_MAX)?;
                Derivation::Argon2id { memory_kib, passes, lanes, salt: reader.array()? }
            }
            2 => Derivation::KeyFile,
            _ => return Err(CodecError::Tag),
        };
        let nonce = reader.array()?;
        let wrapped = reader.bytes(64 + 16)?.to_vec();
        reader.finish()?;
        Ok(Self { derivation, nonce, wrapped })
    }

    fn head(&self) -> Vec<u8> {
        let writer = &mut Writer::new();
        let writer = writer.bytes(MAGIC);
        match &self.derivation {
            Derivation::Argon2id { memory_kib, passes, lanes, salt } => {
                writer.u8(1).u32(*memory_kib).u32(*passes).u32(*lanes).bytes(salt).finish()
            }
            Derivation::KeyFile => writer.u8(2).finish(),
        }
    }

    /// The key that wraps.
    fn wrapping(&self, secret: &Secret) -> Result<Zeroizing<[u8; 32]>, EnvelopeError> {
        let mut key = Zeroizing::new([0; 32]);
        match (&self.derivation, secret) {
            (
                Derivation::Argon2id { memory_kib, passes, lanes, salt },
                Secret::Passphrase(text),
            ) => {
                let params = Params::new(*memory_kib, *passes, *lanes, Some(32))
                    .map_err(|_| EnvelopeError::Damaged)?;
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(text.as_bytes(), salt, key.as_mut_slice())
                    .map_err(|_| EnvelopeError::Memory)?;
            }
            (Derivation::KeyFile, Secret::KeyFile(bytes)) => {
                *key = blake3::derive_key(KEY_FILE_CONTEXT, bytes.as_slice());
            }
            (Derivation::Argon2id { .. }, Secret::KeyFile(_)) => {
                return Err(EnvelopeError::NeedsPassphrase);
            }
            (Derivation::KeyFile, Secret::Passphrase(_)) => {
                return Err(EnvelopeError::NeedsKeyFile);
            }
        }
        Ok(key)
    }
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    let mut sum = [0; 8];
    let mut hasher = blake3::Hasher::new_derive_key(CHECKSUM_CONTEXT);
    hasher.update(bytes).finalize_xof().fill(&mut sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(seed: u8) -> Fresh {
        Fresh { salt: [seed; 16], nonce: [seed; 24] }
    }

    fn passphrase(text: &str) -> Secret {
        Secret::Passphrase(Zeroizing::new(text.to_owned()))
    }

    fn key_file(seed: u8) -> Secret {
        Secret::KeyFile(Zeroizing::new([seed; 32]))
    }

    #[test]
    fn only_the_secret_that_locked_it_opens_it() {
        let key = VolumeKey::new([7; 64]);
        let kept = Envelope::seal(&key, &passphrase("雾中的松树"), &fresh(1)).unwrap();
        let kept = Envelope::decode(&kept.encode()).unwrap();
        assert_eq!(kept.lock(), Lock::Passphrase);
        assert_eq!(kept.open(&passphrase("雾中的松树")).unwrap().0, key.0);
        let wrong = kept.open(&passphrase("雾中的松鼠")).unwrap_err();
        assert_eq!(wrong, EnvelopeError::WrongPassphrase);
        assert_eq!(kept.open(&key_file(1)).unwrap_err(), EnvelopeError::NeedsPassphrase);

        let kept = Envelope::seal(&key, &key_file(1), &fresh(1)).unwrap();
        let kept = Envelope::decode(&kept.encode()).unwrap();
        assert_eq!(kept.lock(), Lock::KeyFile);
        assert_eq!(kept.open(&key_file(1)).unwrap().0, key.0);
        assert_eq!(kept.open(&key_file(2)).unwrap_err(), EnvelopeError::WrongKeyFile);
        assert_eq!(kept.open(&passphrase("雾")).unwrap_err(), EnvelopeError::NeedsKeyFile);
    }

    #[test]
    fn every_changed_or_missing_byte_is_named_as_damage() {
        let sealed = Envelope::seal(&VolumeKey::new([7; 64]), &key_file(1), &fresh(1)).unwrap();
        let bytes = sealed.encode();
        for at in 0..bytes.len() {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1;
            assert_eq!(Envelope::decode(&spoilt), Err(EnvelopeError::Damaged), "byte {at}");
            assert_eq!(Envelope::decode(&bytes[..at]), Err(EnvelopeError::Damaged), "cut at {at}");
        }
    }

    #[test]
    fn hostile_parameters_are_refused_before_they_cost_anything() {
        for (memory, passes, lanes) in [
            (u32::MAX, 1, 1),
            (64, u32::MAX, 1),
            (64, 1, u32::MAX),
            (64, 0, 1),
            (0, 1, 1),
            (64, 1, 0),
        ] {
            let mut body = Writer::new()
                .bytes(MAGIC)
                .u8(1)
                .u32(memory)
                .u32(passes)
                .u32(lanes)
                .bytes(&[0; 16 + 24 + 80])
                .finish();
            let sum = checksum(&body);
            body.extend_from_slice(&sum);
            assert_eq!(
                Envelope::decode(&body),
                Err(EnvelopeError::Damaged),
                "{memory} {passes} {lanes}"
            );
        }
    }

    #[test]
    fn a_change_in_what_is_vouched_for_does_not_open_even_with_a_right_checksum() {
        let sealed = Envelope::seal(&VolumeKey::new([7; 64]), &key_file(1), &fresh(1)).unwrap();
        let bytes = sealed.encode();
        for at in 9..bytes.len() - 8 {
            let mut body = bytes[..bytes.len() - 8].to_vec();
            body[at] ^= 1;
            let sum = checksum(&body);
            body.extend_from_slice(&sum);
            let opened = Envelope::decode(&body).and_then(|read| read.open(&key_file(1)));
            assert_eq!(opened.unwrap_err(), EnvelopeError::WrongKeyFile, "byte {at}");
        }
    }
}

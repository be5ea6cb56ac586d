//! Who a device is: an ed25519 key pair to sign and to speak, an X25519 pair to open sealed
//! bundles; and by what right it acts: [`grant`].

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub mod grant;
pub mod token;

/// A device's ed25519 public key. It is also its libp2p identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceId(pub [u8; 32]);

/// A device's X25519 public key: what is sealed to it only it can open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealingKey(pub [u8; 32]);

/// An ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// A device's secret keys.
#[derive(Clone)]
pub struct DeviceKeys {
    signing: SigningKey,
    sealing: x25519_dalek::StaticSecret,
}

/// Why a text names no device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a device id has 64 hexadecimal digits")]
pub struct DeviceIdError;

impl DeviceKeys {
    /// Keys from 64 random bytes: the signing seed and the sealing secret. The bytes must come from
    /// the operating system's generator and are kept as they are.
    pub fn from_secret(secret: &[u8; 64]) -> Self {
        let (mut seed, mut sealing) = ([0; 32], [0; 32]);
        seed.copy_from_slice(&secret[..32]);
        sealing.copy_from_slice(&secret[32..]);
        Self { signing: SigningKey::from_bytes(&seed), sealing: sealing.into() }
    }

    /// The 64 bytes that [`DeviceKeys::from_secret`] takes.
    pub fn secret(&self) -> [u8; 64] {
        let mut secret = [0; 64];
        secret[..32].copy_from_slice(&self.signing.to_bytes());
        secret[32..].copy_from_slice(&self.sealing.to_bytes());
        secret
    }

    /// The public signing key.
    pub fn device(&self) -> DeviceId {
        DeviceId(self.signing.verifying_key().to_bytes())
    }

    /// The public sealing key.
    pub fn sealing_key(&self) -> SealingKey {
        SealingKey(x25519_dalek::PublicKey::from(&self.sealing).to_bytes())
    }

    /// Signs a 32-byte hash; nothing else is ever signed.
    pub fn sign(&self, hash: &[u8; 32]) -> Signature {
        Signature(self.signing.sign(hash).to_bytes())
    }
}

impl DeviceId {
    /// Whether the signature over the hash is this device's. Strict: no weak keys, one form of
    /// every signature.
    pub fn verify(&self, hash: &[u8; 32], signature: &Signature) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| {
            key.verify_strict(hash, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok()
        })
    }

    /// Four hexadecimal digits for screens.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..2])
    }

    /// What two people compare aloud: five groups of four digits from a hash of the key.
    pub fn fingerprint(&self) -> String {
        let hash = blake3::derive_key("shouwang 2026 device fingerprint 1", &self.0);
        let group = |pair: &[u8]| format!("{:04}", u16::from_be_bytes([pair[0], pair[1]]) % 10_000);
        hash[..10].chunks_exact(2).map(group).collect::<Vec<_>>().join("-")
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl FromStr for DeviceId {
    type Err = DeviceIdError;

    fn from_str(text: &str) -> Result<Self, DeviceIdError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| DeviceIdError)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for DeviceId {
    type Error = DeviceIdError;

    fn try_from(text: String) -> Result<Self, DeviceIdError> {
        text.parse()
    }
}

impl From<DeviceId> for String {
    fn from(id: DeviceId) -> Self {
        id.to_string()
    }
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKeys({})", self.device().short())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", hex::encode(&self.0[..2]))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", hex::encode(&self.0[..4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_one_devices_and_one_hashs() {
        let (one, two) = (DeviceKeys::from_secret(&[1; 64]), DeviceKeys::from_secret(&[2; 64]));
        let signature = one.sign(&[7; 32]);
        assert!(one.device().verify(&[7; 32], &signature));
        assert!(!one.device().verify(&[8; 32], &signature));
        assert!(!two.device().verify(&[7; 32], &signature));
        assert!(!DeviceId([0; 32]).verify(&[7; 32], &signature));
    }

    #[test]
    fn keys_come_back_from_their_secret() {
        let keys = DeviceKeys::from_secret(&[3; 64]);
        assert_eq!(DeviceKeys::from_secret(&keys.secret()).device(), keys.device());
        assert_eq!(keys.device().to_string().parse(), Ok(keys.device()));
        assert_eq!(keys.device().fingerprint().len(), 24);
        assert!(!format!("{keys:?}").contains("03030303"));
    }
}

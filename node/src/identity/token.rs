//! What people carry between two devices: a request, an invite, the root key. Text in bech32m,
//! which survives being read aloud and finds slips of the pen.

use bech32::primitives::checksum::Checksum;
use bech32::{Bech32m, Hrp};
use thiserror::Error;

use super::grant::{GrantError, SignedGrant};
use super::{DeviceId, DeviceKeys, SealingKey};
use crate::codec::{CodecError, Reader, Writer};
use crate::limits::{CHAIN_GRANTS_MAX, FALLBACK_ADDRESSES_MAX};

const VERSION: u8 = 1;
/// Addresses of the granting office in an invite.
pub(crate) const ADDRESSES_MAX: usize = 16;
const ADDRESS_BYTES_MAX: usize = 200;

/// What a new device shows to whoever may grant: its two public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The device.
    pub device: DeviceId,
    /// Its sealing key.
    pub sealing_key: SealingKey,
}

/// The answer: the chain from the root to the new device's grant, and where to find the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// From the root's own grant to the new device's.
    pub chain: Vec<SignedGrant>,
    /// libp2p multiaddresses of nodes to dial.
    pub addresses: Vec<String>,
    /// Those of nodes further above, to dial only while nobody answers at [`Invite::addresses`]: at
    /// most [`FALLBACK_ADDRESSES_MAX`].
    pub fallback: Vec<String>,
}

/// Why a text is no token of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Not bech32m, or its checksum is wrong: a slip of the pen.
    #[error("the text is damaged: its checksum is wrong")]
    Damaged,
    /// A token, but of another kind.
    #[error("this is not a {0}")]
    Kind(&'static str),
    /// Made by a later version.
    #[error("the token was made by a later version of this program")]
    Version,
    /// The bytes do not read.
    #[error("the token does not read")]
    Codec(#[from] CodecError),
    /// A grant in it does not read.
    #[error("a grant in the token does not read")]
    Grant(#[from] GrantError),
}

/// bech32m without its limit on length. Its promise to find any four wrong characters ends at 1,023;
/// beyond that one damage in a billion passes, and the signatures inside do not.
enum LongBech32m {}

impl Checksum for LongBech32m {
    type MidstateRepr = <Bech32m as Checksum>::MidstateRepr;
    type CorrectionField = <Bech32m as Checksum>::CorrectionField;
    const ROOT_GENERATOR: Self::CorrectionField = Bech32m::ROOT_GENERATOR;
    const ROOT_EXPONENTS: std::ops::RangeInclusive<usize> = Bech32m::ROOT_EXPONENTS;
    const CODE_LENGTH: usize = 16_384;
    const CHECKSUM_LENGTH: usize = Bech32m::CHECKSUM_LENGTH;
    const GENERATOR_SH: [Self::MidstateRepr; 5] = Bech32m::GENERATOR_SH;
    const TARGET_RESIDUE: Self::MidstateRepr = Bech32m::TARGET_RESIDUE;
}

impl Request {
    const PREFIX: &str = "swreq";

    /// The text.
    pub fn to_text(&self) -> String {
        let mut writer = Writer::new();
        writer.u8(VERSION).bytes(&self.device.0).bytes(&self.sealing_key.0);
        encode(Self::PREFIX, &writer.finish())
    }

    /// Reads [`Request::to_text`]; spaces, hyphens and line breaks are ignored.
    pub fn from_text(text: &str) -> Result<Self, TokenError> {
        let bytes = decode(Self::PREFIX, "request", text)?;
        let mut reader = version(&bytes)?;
        let request =
            Self { device: DeviceId(reader.array()?), sealing_key: SealingKey(reader.array()?) };
        reader.finish()?;
        Ok(request)
    }
}

impl Invite {
    const PREFIX: &str = "swinv";

    /// The text.
    pub fn to_text(&self) -> String {
        let mut writer = Writer::new();
        writer.u8(VERSION).count(self.chain.len());
        for grant in &self.chain {
            writer.bytes(&grant.encode());
        }
        for addresses in [&self.addresses, &self.fallback] {
            writer.count(addresses.len());
            for address in addresses {
                writer.piece(address.as_bytes());
            }
        }
        encode(Self::PREFIX, &writer.finish())
    }

    /// Reads [`Invite::to_text`]; spaces and line breaks are ignored.
    pub fn from_text(text: &str) -> Result<Self, TokenError> {
        let bytes = decode(Self::PREFIX, "invite", text)?;
        let mut reader = version(&bytes)?;
        let grants = reader.count(CHAIN_GRANTS_MAX)?;
        let chain =
            (0..grants).map(|_| SignedGrant::decode(&mut reader)).collect::<Result<_, _>>()?;
        let mut list = |most| -> Result<Vec<String>, CodecError> {
            let count = reader.count(most)?;
            (0..count).map(|_| reader.text(ADDRESS_BYTES_MAX).map(str::to_owned)).collect()
        };
        let (addresses, fallback) = (list(ADDRESSES_MAX)?, list(FALLBACK_ADDRESSES_MAX)?);
        reader.finish()?;
        Ok(Self { chain, addresses, fallback })
    }
}

const ROOT_PREFIX: &str = "swroot";

/// The root's secret as text, to be written on paper or to a file that is locked away.
pub fn root_to_text(root: &DeviceKeys) -> String {
    let mut writer = Writer::new();
    writer.u8(VERSION).bytes(&root.secret());
    encode(ROOT_PREFIX, &writer.finish())
}

/// Reads [`root_to_text`].
pub fn root_from_text(text: &str) -> Result<DeviceKeys, TokenError> {
    let bytes = decode(ROOT_PREFIX, "root key", text)?;
    let mut reader = version(&bytes)?;
    let keys = DeviceKeys::from_secret(&reader.array()?);
    reader.finish()?;
    Ok(keys)
}

fn encode(prefix: &str, bytes: &[u8]) -> String {
    // The prefixes are valid, and every token is far below the code length.
    Hrp::parse(prefix)
        .ok()
        .and_then(|hrp| bech32::encode::<LongBech32m>(hrp, bytes).ok())
        .unwrap_or_default()
}

fn decode(prefix: &str, kind: &'static str, text: &str) -> Result<Vec<u8>, TokenError> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<LongBech32m>(&text)
        .map_err(|_| TokenError::Damaged)?;
    if checked.hrp().to_lowercase() != prefix {
        return Err(TokenError::Kind(kind));
    }
    let bytes: Vec<u8> = checked.byte_iter().collect();
    // What is left of the last character beside the bytes says nothing, and is zero: one token, one text.
    match encode(prefix, &bytes) == text.to_lowercase() {
        true => Ok(bytes),
        false => Err(TokenError::Damaged),
    }
}

fn version(bytes: &[u8]) -> Result<Reader<'_>, TokenError> {
    let mut reader = Reader::new(bytes);
    if reader.u8()? != VERSION {
        return Err(TokenError::Version);
    }
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::grant::{Grant, Quota, Role};
    use shouwang_crdt_schema::division::Area;

    #[test]
    fn tokens_read_back_and_slips_are_found() {
        let keys = DeviceKeys::from_secret(&[5; 64]);
        let request = Request { device: keys.device(), sealing_key: keys.sealing_key() };
        let text = request.to_text();
        assert_eq!(Request::from_text(&text), Ok(request));
        let spoken = text.as_bytes().chunks(4).map(|c| std::str::from_utf8(c).unwrap());
        assert_eq!(Request::from_text(&spoken.collect::<Vec<_>>().join(" ")), Ok(request));
        let slip = text.replacen('q', "p", 1);
        assert_ne!(slip, text);
        assert_eq!(Request::from_text(&slip), Err(TokenError::Damaged));
        assert_eq!(Invite::from_text(&text), Err(TokenError::Kind("invite")));
        // 65 bytes are 104 characters; here is one more, which says nothing.
        let more = "swreq1qyqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50p7gppyg3jgffxyu5zj23t9skjutes\
                    xyerxdp4xcmnswf68v7r603lq6n6vwy";
        assert_eq!(Request::from_text(more), Err(TokenError::Damaged), "one token, one text");
        assert_eq!(root_from_text(&root_to_text(&keys)).map(|k| k.device()), Ok(keys.device()));
    }

    fn address(last: u8) -> String {
        format!("/ip4/10.0.0.{last}/tcp/4420")
    }

    #[test]
    fn a_long_invite_reads_back() {
        let keys = DeviceKeys::from_secret(&[5; 64]);
        let grant = Grant {
            subject: keys.device(),
            sealing_key: keys.sealing_key(),
            name: "上禾村 守望".into(),
            area: Area("990121101203".parse().unwrap()),
            role: Role::Clerk,
            rights: Role::Clerk.rights(),
            quota: Quota::DEFAULT,
            depth: 3,
            issuer: None,
            serial: 7,
            written_at_ms: 1,
        }
        .sign(&keys);
        let invite = Invite {
            chain: vec![grant; 4],
            addresses: vec![address(1)],
            fallback: vec![address(2)],
        };
        let text = invite.to_text();
        assert!(text.len() > 1_023);
        assert_eq!(Invite::from_text(&text), Ok(invite.clone()));
        // As much as fits, and no more of either.
        let full = Invite {
            addresses: vec!["/".repeat(ADDRESS_BYTES_MAX); ADDRESSES_MAX],
            fallback: vec!["/".repeat(ADDRESS_BYTES_MAX); FALLBACK_ADDRESSES_MAX],
            ..invite.clone()
        };
        assert_eq!(Invite::from_text(&full.to_text()), Ok(full.clone()));
        for too_much in [
            Invite { addresses: vec![address(1); ADDRESSES_MAX + 1], ..invite.clone() },
            Invite { fallback: vec![address(1); FALLBACK_ADDRESSES_MAX + 1], ..invite.clone() },
            Invite { fallback: vec!["/".repeat(ADDRESS_BYTES_MAX + 1)], ..invite.clone() },
        ] {
            let read = Invite::from_text(&too_much.to_text());
            assert!(matches!(read, Err(TokenError::Codec(_))), "{read:?}");
        }
        // Whatever bytes a text of the right checksum carries, they read or they do not.
        let bytes = decode(Invite::PREFIX, "invite", &text).unwrap();
        for at in 0..bytes.len() {
            assert!(Invite::from_text(&encode(Invite::PREFIX, &bytes[..at])).is_err(), "{at}");
            let mut other = bytes.clone();
            other[at] ^= 0x80;
            if let Ok(read) = Invite::from_text(&encode(Invite::PREFIX, &other)) {
                assert_ne!(read, invite, "{at}");
            }
        }
    }
}

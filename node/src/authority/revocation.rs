//! A revocation: what of a grant still counts.
//!
//! It stands in the `Authority` lane of a scope inside the revoked grant's area and speaks of that
//! scope and everything inside it. It names, for each log of that very scope, the last entry that
//! still counts; nothing counts in a log that it does not name. A device's logs in other scopes are
//! cut by entries there, so that a village's copy does not grow with its county. The scopes inside
//! that have entries of their own are set apart: whoever has this entry and not yet those must not
//! take everything there for cut off, or it would turn away the very peers that bring them.

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use crate::codec::{CodecError, Reader, Writer};
use crate::identity::grant::GrantId;
use crate::limits::{REVOCATION_APART_MAX, REVOCATION_CUTS_MAX};
use crate::log::run::read_seq;
use crate::log::{EntryHash, Incarnation, Lane};

const VERSION: u8 = 1;

/// The body of a `Revoke` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The grant.
    pub grant: GrantId,
    /// Why; for display.
    pub reason: RevocationReason,
    /// What still counts.
    pub cuts: Vec<Cut>,
    /// Scopes inside this one of which, and of everything inside them, this entry does not speak.
    pub apart: Vec<DivisionCode>,
}

/// Why a grant is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// The device is lost or stolen.
    Lost,
    /// Its keys are in the wrong hands.
    Compromised,
    /// Its holder has another task now; a new grant takes this one's place.
    RoleChanged,
    /// It is taken out of use.
    Retired,
    /// One that a later version names.
    Other(u8),
}

/// The last entry that counts of one log: of the revoked grant's device, in the entry's own scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    /// The log's lane.
    pub lane: Lane,
    /// The log's incarnation.
    pub incarnation: Incarnation,
    /// The entry's number.
    pub seq: u64,
    /// The entry's hash.
    pub hash: EntryHash,
}

impl Revocation {
    /// The bytes of the body (`docs/protocol.md`, "Revoke").
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u8(VERSION).bytes(&self.grant.0).u8(self.reason.number()).count(self.cuts.len());
        for cut in &self.cuts {
            writer
                .u8(cut.lane.number())
                .u32(cut.incarnation.number)
                .bytes(&cut.incarnation.nonce)
                .leb(cut.seq)
                .bytes(&cut.hash.0);
        }
        writer.count(self.apart.len());
        for scope in &self.apart {
            writer.u64(scope.number());
        }
        writer.finish()
    }

    /// Reads [`Revocation::encode`] and nothing more.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != VERSION {
            return Err(CodecError::Tag);
        }
        let grant = GrantId(reader.array()?);
        let reason = RevocationReason::from_number(reader.u8()?);
        let count = reader.count(REVOCATION_CUTS_MAX)?;
        let cuts = (0..count)
            .map(|_| {
                Ok(Cut {
                    lane: Lane::from_number(reader.u8()?)?,
                    incarnation: Incarnation { number: reader.u32()?, nonce: reader.array()? },
                    seq: read_seq(&mut reader)?,
                    hash: EntryHash(reader.array()?),
                })
            })
            .collect::<Result<_, CodecError>>()?;
        let count = reader.count(REVOCATION_APART_MAX)?;
        let apart = (0..count)
            .map(|_| DivisionCode::from_number(reader.u64()?).map_err(|_| CodecError::Number))
            .collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { grant, reason, cuts, apart })
    }
}

impl RevocationReason {
    /// The name on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Compromised => "compromised",
            Self::RoleChanged => "role_changed",
            Self::Retired => "retired",
            Self::Other(_) => "other",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Lost => 1,
            Self::Compromised => 2,
            Self::RoleChanged => 3,
            Self::Retired => 4,
            Self::Other(number) => number,
        }
    }

    fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Lost,
            2 => Self::Compromised,
            3 => Self::RoleChanged,
            4 => Self::Retired,
            number => Self::Other(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{BODY_BYTES_MAX, SEQ_MAX};

    #[test]
    fn the_fullest_fits_an_entry_and_reads_back() {
        let cut = Cut {
            lane: Lane::Routine,
            incarnation: Incarnation { number: u32::MAX, nonce: [1; 8] },
            seq: SEQ_MAX,
            hash: EntryHash([2; 32]),
        };
        let full = Revocation {
            grant: GrantId([3; 32]),
            reason: RevocationReason::Lost,
            cuts: vec![cut; REVOCATION_CUTS_MAX],
            apart: vec!["990121101203".parse().unwrap(); REVOCATION_APART_MAX],
        };
        let bytes = full.encode();
        assert!(bytes.len() <= BODY_BYTES_MAX, "{}", bytes.len());
        assert_eq!(Revocation::from_bytes(&bytes), Ok(full.clone()));
        for length in 0..bytes.len() {
            assert!(Revocation::from_bytes(&bytes[..length]).is_err());
        }
        let more = Revocation { cuts: vec![cut; REVOCATION_CUTS_MAX + 1], ..full.clone() };
        assert_eq!(Revocation::from_bytes(&more.encode()), Err(CodecError::TooLong));
        let apart = [&full.apart[..], &full.apart[..1]].concat();
        let more = Revocation { apart, ..full };
        assert_eq!(Revocation::from_bytes(&more.encode()), Err(CodecError::TooLong));
    }

    #[test]
    fn reasons_of_a_later_version_keep_their_number() {
        for number in 0..=255 {
            assert_eq!(RevocationReason::from_number(number).number(), number);
        }
    }
}

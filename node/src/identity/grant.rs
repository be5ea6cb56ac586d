//! A grant: a signed statement that a device may do these things in this area.
//!
//! Valid if its chain reaches the pinned root with every area inside its issuer's, every right
//! held by its issuer, and depth rising by one ([`crate::authority::Authority`]). Grants do not
//! expire, they are revoked: village laptops have dead clock batteries.

use std::fmt;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::parts::PartKind;
use shouwang_crdt_schema::writer::{Writer as Office, Writers};
use thiserror::Error;

use super::{DeviceId, DeviceKeys, SealingKey, Signature};
use crate::codec::{CodecError, Reader, Writer};
use crate::limits::{CHAIN_GRANTS_MAX, NAME_BYTES_MAX};

const CONTEXT: &str = "shouwang 2026 grant 1";
const VERSION: u8 = 1;

/// The hash of a grant; what a log's first header names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantId(#[serde(with = "hex")] pub [u8; 32]);

/// What a device may do. A set of bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(pub u16);

/// A named bundle of rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The mesh's own key: on paper, not on any disk.
    Root,
    /// County civil-affairs bureau.
    Registrar,
    /// Township civil-affairs office.
    Manager,
    /// Village cadre.
    Clerk,
    /// Paired helper.
    Helper,
    /// Sharing department.
    Department,
    /// Service firm or elders' association.
    Provider,
    /// A machine that only carries.
    Relay,
    /// One that a later version names; its rights say what it may do.
    Other(u8),
}

/// The most that a grant lets a device put into the mesh; beyond it entries neither count nor
/// replicate until the quota is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Body bytes.
    pub bytes: u64,
    /// Logs.
    pub logs: u32,
    /// Incarnations.
    pub incarnations: u32,
}

/// What is granted to whom, by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The device.
    pub subject: DeviceId,
    /// Its sealing key.
    pub sealing_key: SealingKey,
    /// What screens call it.
    pub name: String,
    /// Where it may act.
    pub area: Area,
    /// The bundle that the rights came from; for display.
    pub role: Role,
    /// What it may do.
    pub rights: Rights,
    /// How much.
    pub quota: Quota,
    /// 0 for the root, one more at each delegation.
    pub depth: u8,
    /// The grant under which it was issued; None for the root's own.
    pub issuer: Option<GrantId>,
    /// The issuer's count of grants, so that two like grants differ.
    pub serial: u32,
    /// The issuer's clock, ms since 1970; for display only.
    pub written_at_ms: i64,
}

/// A grant and its issuer's signature over its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedGrant {
    /// The grant.
    pub grant: Grant,
    /// The issuer's signature.
    pub signature: Signature,
}

/// Why bytes are no grant, or a grant does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GrantError {
    /// The bytes do not read.
    #[error("the grant does not read")]
    Codec(#[from] CodecError),
    /// An unknown version of the encoding.
    #[error("the grant has an unknown version")]
    Version,
    /// A field holds something impossible.
    #[error("the grant's {0} is impossible")]
    Field(&'static str),
    /// The issuer's grant is not known here.
    #[error("the grant's issuer is not known here")]
    UnknownIssuer,
    /// It names no issuer, and is not the pinned root.
    #[error("the grant is of another mesh")]
    OtherMesh,
    /// The signature is not the issuer's.
    #[error("the grant's signature is not its issuer's")]
    Signature,
    /// The area is not inside the issuer's.
    #[error("the grant's area is not inside its issuer's")]
    Area,
    /// A right that the issuer lacks.
    #[error("the grant gives a right that its issuer lacks")]
    Rights,
    /// The issuer may not delegate.
    #[error("the grant's issuer may not delegate")]
    NoDelegation,
    /// The depth is not the issuer's plus one, or the chain would be too long to be shown.
    #[error("the grant's depth does not follow its issuer's, or is too great")]
    Depth,
}

impl Rights {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Receive the records of the area.
    pub const REPLICATE: Self = Self(1 << 5);
    /// Grant, revoke and name places within the area.
    pub const DELEGATE: Self = Self(1 << 6);
    /// Acknowledge incidents.
    pub const ACKNOWLEDGE: Self = Self(1 << 7);
    /// Carry circuits for others.
    pub const RELAY: Self = Self(1 << 8);
    /// Erase elders' files.
    pub const ERASE: Self = Self(1 << 9);
    /// What it takes to move elders between scopes: to hold them, and to write what villages and
    /// townships write.
    pub const CARRY: Self =
        Self::REPLICATE.and(Self::write(PartKind::Card)).and(Self::write(PartKind::Ledger));
    /// Everything that version 1 knows.
    pub const ALL: Self = Self((1 << 10) - 1);

    /// The right to write parts of a kind.
    pub const fn write(kind: PartKind) -> Self {
        Self(match kind {
            // Offer and answer of a move are the business of whoever keeps the card.
            PartKind::Card | PartKind::Transfer => 1,
            PartKind::Ledger => 1 << 1,
            PartKind::Registry => 1 << 2,
            PartKind::Journal => 1 << 3,
            PartKind::Incident => 1 << 4,
        })
    }

    /// Both sets together.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({:#012b})", self.0)
    }
}

impl Role {
    /// All roles that can be granted by name.
    pub const GRANTABLE: [Self; 7] = [
        Self::Registrar,
        Self::Manager,
        Self::Clerk,
        Self::Helper,
        Self::Department,
        Self::Provider,
        Self::Relay,
    ];

    /// The rights in the bundle (`docs/architecture.md`, "Who may do what").
    pub fn rights(self) -> Rights {
        use PartKind::{Card, Incident, Journal, Ledger, Registry};
        let write = |kinds: &[PartKind]| {
            kinds.iter().fold(Rights::NONE, |rights, kind| rights.and(Rights::write(*kind)))
        };
        match self {
            Self::Root => Rights::ALL,
            Self::Registrar => Rights::ALL,
            Self::Manager => write(&[Card, Ledger, Journal, Incident])
                .and(Rights::REPLICATE)
                .and(Rights::DELEGATE)
                .and(Rights::ACKNOWLEDGE)
                .and(Rights::RELAY),
            Self::Clerk => {
                write(&[Card, Journal, Incident]).and(Rights::REPLICATE).and(Rights::ACKNOWLEDGE)
            }
            Self::Helper => write(&[Journal, Incident]).and(Rights::REPLICATE),
            Self::Department => write(&[Registry, Incident]).and(Rights::REPLICATE),
            Self::Provider => write(&[Journal, Incident]),
            Self::Relay => Rights::RELAY,
            Self::Other(_) => Rights::NONE,
        }
    }

    /// The offices for which the device writes: what decides within a part
    /// ([`shouwang_crdt_schema::writer`]). A role of a later version is judged by its rights alone.
    pub fn writers(self) -> Writers {
        match self {
            Self::Root => Writers::ALL,
            Self::Other(_) => Writers::ALL.without(Office::Acknowledger),
            Self::Registrar => Office::County.acts_for(),
            Self::Manager => Office::Township.acts_for(),
            Self::Clerk | Self::Helper => Office::Village.acts_for(),
            Self::Department => Office::Department.acts_for(),
            Self::Provider => Office::Provider.acts_for(),
            Self::Relay => Writers::NONE,
        }
    }

    /// The name on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Registrar => "registrar",
            Self::Manager => "manager",
            Self::Clerk => "clerk",
            Self::Helper => "helper",
            Self::Department => "department",
            Self::Provider => "provider",
            Self::Relay => "relay",
            Self::Other(_) => "other",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Root => 0,
            Self::Registrar => 1,
            Self::Manager => 2,
            Self::Clerk => 3,
            Self::Helper => 4,
            Self::Department => 5,
            Self::Provider => 6,
            Self::Relay => 7,
            Self::Other(number) => number,
        }
    }

    fn from_number(number: u8) -> Self {
        let known = Self::GRANTABLE.into_iter().find(|role| role.number() == number);
        match number {
            0 => Self::Root,
            number => known.unwrap_or(Self::Other(number)),
        }
    }
}

impl Quota {
    /// What a grant gives unless it says otherwise: a village writes 1.5 MB a year
    /// (`docs/records.md`, sizes), a township's import a few MB; 256 MB last for decades and still
    /// bound what a stolen device can pour in.
    pub const DEFAULT: Self = Self { bytes: 256 << 20, logs: 20_000, incarnations: 1_000 };
}

impl Grant {
    /// The offices for which the device writes, and whether it may acknowledge incidents.
    pub fn writers(&self) -> Writers {
        match self.rights.contains(Rights::ACKNOWLEDGE) {
            true => self.role.writers().and(Writers::of(&[Office::Acknowledger])),
            false => self.role.writers().without(Office::Acknowledger),
        }
    }

    /// The one encoding (`docs/protocol.md`, "Grant").
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer
            .u8(VERSION)
            .bytes(&self.subject.0)
            .bytes(&self.sealing_key.0)
            .piece(self.name.as_bytes())
            .u64(self.area.0.number())
            .u8(self.role.number())
            .u16(self.rights.0)
            .leb(self.quota.bytes)
            .leb(u64::from(self.quota.logs))
            .leb(u64::from(self.quota.incarnations))
            .u8(self.depth);
        match self.issuer {
            None => writer.u8(0),
            Some(issuer) => writer.u8(1).bytes(&issuer.0),
        };
        writer.u32(self.serial).i64(self.written_at_ms).finish()
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, GrantError> {
        if reader.u8()? != VERSION {
            return Err(GrantError::Version);
        }
        let small = |number: u64| u32::try_from(number).map_err(|_| GrantError::Field("quota"));
        Ok(Self {
            subject: DeviceId(reader.array()?),
            sealing_key: SealingKey(reader.array()?),
            name: reader.text(NAME_BYTES_MAX)?.to_owned(),
            area: Area(
                DivisionCode::from_number(reader.u64()?).map_err(|_| GrantError::Field("area"))?,
            ),
            role: Role::from_number(reader.u8()?),
            rights: Rights(reader.u16()?),
            quota: Quota {
                bytes: reader.leb()?,
                logs: small(reader.leb()?)?,
                incarnations: small(reader.leb()?)?,
            },
            depth: reader.u8()?,
            issuer: match reader.u8()? {
                0 => None,
                1 => Some(GrantId(reader.array()?)),
                _ => return Err(GrantError::Field("issuer")),
            },
            serial: reader.u32()?,
            written_at_ms: reader.i64()?,
        })
    }

    /// Reads [`Grant::encode`] and nothing more.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, GrantError> {
        let mut reader = Reader::new(bytes);
        let grant = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(grant)
    }

    /// The grant's id: a hash of its encoding.
    pub fn id(&self) -> GrantId {
        GrantId(blake3::derive_key(CONTEXT, &self.encode()))
    }

    /// Signs the grant as its issuer.
    pub fn sign(self, issuer: &DeviceKeys) -> SignedGrant {
        let signature = issuer.sign(&self.id().0);
        SignedGrant { grant: self, signature }
    }
}

impl SignedGrant {
    /// The grant's id.
    pub fn id(&self) -> GrantId {
        self.grant.id()
    }

    /// The grant's encoding and the signature.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.grant.encode();
        bytes.extend_from_slice(&self.signature.0);
        bytes
    }

    /// Reads [`SignedGrant::encode`] from the front of the reader.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, GrantError> {
        let grant = Grant::decode(reader)?;
        Ok(Self { grant, signature: Signature(reader.array()?) })
    }

    /// Reads [`SignedGrant::encode`] and nothing more.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, GrantError> {
        let mut reader = Reader::new(bytes);
        let grant = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(grant)
    }

    /// Whether the grant holds, given its issuer's grant, which holds.
    pub fn check(&self, issuer: &Grant) -> Result<(), GrantError> {
        if !issuer.subject.verify(&self.id().0, &self.signature) {
            return Err(GrantError::Signature);
        }
        self.grant.check_within(issuer)
    }
}

impl Grant {
    /// Whether the grant stays within what its issuer's grant allows.
    pub fn check_within(&self, issuer: &Self) -> Result<(), GrantError> {
        if !issuer.rights.contains(Rights::DELEGATE) {
            Err(GrantError::NoDelegation)
        } else if !issuer.area.contains_area(self.area) {
            Err(GrantError::Area)
        } else if !issuer.rights.contains(self.rights) {
            Err(GrantError::Rights)
        } else if Some(self.depth) != issuer.depth.checked_add(1)
            || usize::from(self.depth) >= CHAIN_GRANTS_MAX
        {
            Err(GrantError::Depth)
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

//! An entry: header, body, and perhaps a signature. The only thing that travels.
//!
//! The envelope is frozen: an entry of an unknown kind is stored, relayed and does not count, so
//! old nodes carry for new ones. Bytes are drawn in `docs/protocol.md`.

use std::fmt;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::parts::DocumentId;

use super::LogKey;
use crate::codec::{CodecError, Reader, Writer};
use crate::identity::grant::GrantId;
use crate::identity::{DeviceKeys, Signature};
use crate::limits::{DOCUMENT_BYTES_MAX, TAIL_BYTES_MAX};

const VERSION: u8 = 1;
const CONTEXT: &str = "shouwang 2026 entry header 1";

/// The hash of a header: what is signed, and what the next header names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryHash(#[serde(with = "hex")] pub [u8; 32]);

/// What an entry carries. The numbers are part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An Automerge change of one document.
    Change,
    /// Entries of other logs that their adopter vouches for ([`super::Adoption`]), or brings from
    /// another scope ([`super::Carried`]).
    Adopt,
    /// An elder's file has gone from one scope to another ([`crate::handover::Handover`]).
    Handover,
    /// A signed grant.
    Grant,
    /// What of a grant still counts ([`crate::authority::Revocation`]).
    Revoke,
    /// How far a device holds the logs of a scope: a receipt.
    Receipt,
    /// An elder's file is to be erased ([`crate::erasure::Erasure`]).
    Erase,
    /// What has been handed over is to go from the old scope ([`crate::handover::Purge`]).
    Purge,
    /// One that this version does not know, or does not act on yet.
    Other(u8),
}

/// Everything about an entry but its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The log.
    pub log: LogKey,
    /// The entry's number, from 0.
    pub seq: u64,
    /// The previous header's hash; of the first entry, the id of the grant it is written under.
    pub previous: EntryHash,
    /// The author's clock, ms since 1970. For display, trusted by nothing.
    pub written_at_ms: i64,
    /// What the body is.
    pub kind: Kind,
    /// The document it is for, where that applies.
    pub document: DocumentField,
    /// The body's length, bytes.
    pub body_length: u32,
    /// The body's BLAKE3 hash.
    pub body_hash: [u8; 32],
    /// For later versions: carried and signed, not understood.
    pub tail: Vec<u8>,
}

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The header.
    pub header: Header,
    /// The body; None where it was erased, or has still to come.
    pub body: Option<Vec<u8>>,
    /// The author's signature over the header's hash, where this node has it: at checkpoints and
    /// at every entry that was once a head here.
    pub signature: Option<Signature>,
}

impl Kind {
    /// The number in the header.
    pub fn number(self) -> u8 {
        match self {
            Self::Change => 1,
            Self::Adopt => 2,
            Self::Handover => 3,
            Self::Grant => 4,
            Self::Revoke => 5,
            Self::Receipt => 6,
            Self::Erase => 7,
            Self::Purge => 8,
            Self::Other(number) => number,
        }
    }

    /// The kind with this number.
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Change,
            2 => Self::Adopt,
            3 => Self::Handover,
            4 => Self::Grant,
            5 => Self::Revoke,
            6 => Self::Receipt,
            7 => Self::Erase,
            8 => Self::Purge,
            number => Self::Other(number),
        }
    }
}

impl EntryHash {
    /// What the first header of a log names in place of a previous one.
    pub fn of_grant(grant: GrantId) -> Self {
        Self(grant.0)
    }
}

impl Header {
    /// The fixed canonical encoding: one byte string for each header.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.log.write(writer.u8(VERSION));
        writer
            .u64(self.seq)
            .bytes(&self.previous.0)
            .i64(self.written_at_ms)
            .u8(self.kind.number())
            .piece(self.document.as_bytes())
            .u32(self.body_length)
            .bytes(&self.body_hash)
            .piece(&self.tail)
            .finish()
    }

    /// Reads [`Header::encode`] from the front of the reader.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        if reader.u8()? != VERSION {
            return Err(CodecError::Tag);
        }
        Ok(Self {
            log: LogKey::read(reader)?,
            seq: reader.u64()?,
            previous: EntryHash(reader.array()?),
            written_at_ms: reader.i64()?,
            kind: Kind::from_number(reader.u8()?),
            document: DocumentField::read(reader)?,
            body_length: reader.u32()?,
            body_hash: reader.array()?,
            tail: reader.piece(TAIL_BYTES_MAX)?.to_vec(),
        })
    }

    /// BLAKE3 in its own context over the encoding. It, and nothing else, is what is signed.
    pub fn hash(&self) -> EntryHash {
        EntryHash(blake3::derive_key(CONTEXT, &self.encode()))
    }
}

/// The name of a document as it stands in a header: opaque bytes, so that entries of documents that
/// a later version knows are stored and carried by this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentField(Vec<u8>);

impl DocumentField {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the entry is of no document.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The document, if this version knows it.
    pub fn id(&self) -> Option<DocumentId> {
        DocumentId::from_bytes(&self.0).ok()
    }

    /// A name of at most [`DOCUMENT_BYTES_MAX`].
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, CodecError> {
        if bytes.len() > DOCUMENT_BYTES_MAX { Err(CodecError::TooLong) } else { Ok(Self(bytes)) }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self(reader.piece(DOCUMENT_BYTES_MAX)?.to_vec()))
    }
}

impl From<Option<DocumentId>> for DocumentField {
    fn from(document: Option<DocumentId>) -> Self {
        Self(document.map(|document| document.to_bytes()).unwrap_or_default())
    }
}

impl Entry {
    /// Signs the header, so that the entry can end a run.
    pub(super) fn sign(mut self, keys: &DeviceKeys) -> Self {
        self.signature = Some(keys.sign(&self.header.hash().0));
        self
    }
}

impl fmt::Display for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

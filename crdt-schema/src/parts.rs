//! The parts of an elder's file, and the documents of an area.
//!
//! Each part is one small Automerge document: what a level may write is a whole part, so rights
//! are checked on the entry that carries a change, before anything is merged.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::record::{ElderId, IncidentId, TransferId};

/// One document of an elder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// 一档一卡: what the village keeps.
    Card,
    /// 管理台账: what the township adds.
    Ledger,
    /// 信息库: what the county and its departments certify.
    Registry,
    /// Visits and reviews of one calendar year.
    Journal(u16),
    /// One special situation.
    Incident(IncidentId),
    /// One move between villages: offer and answer.
    Transfer(TransferId),
}

/// What kind of part; rights to write are given by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PartKind {
    /// See [`Part::Card`].
    Card,
    /// See [`Part::Ledger`].
    Ledger,
    /// See [`Part::Registry`].
    Registry,
    /// See [`Part::Journal`].
    Journal,
    /// See [`Part::Incident`].
    Incident,
    /// See [`Part::Transfer`].
    Transfer,
}

/// The name of a document within a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentId {
    /// A part of an elder's file.
    Elder {
        /// Whose file.
        elder: ElderId,
        /// Which part.
        part: Part,
    },
    /// The names of the places directly inside the scope, and the scope's own name.
    Directory,
    /// The rules that a county sets for all its places.
    Ruleset,
}

/// Bytes that name no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("these bytes name no document")]
pub struct DocumentIdError;

/// Documents of an area; those of an elder count from 1.
const DIRECTORY_TAG: u8 = 0;
const RULESET_TAG: u8 = 0x80;

impl Part {
    /// The kind of part.
    pub fn kind(self) -> PartKind {
        match self {
            Self::Card => PartKind::Card,
            Self::Ledger => PartKind::Ledger,
            Self::Registry => PartKind::Registry,
            Self::Journal(_) => PartKind::Journal,
            Self::Incident(_) => PartKind::Incident,
            Self::Transfer(_) => PartKind::Transfer,
        }
    }
}

impl PartKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Card, Self::Ledger, Self::Registry, Self::Journal, Self::Incident, Self::Transfer];
}

impl DocumentId {
    /// The longest form of [`DocumentId::to_bytes`].
    pub const BYTES_MAX: usize = 33;

    /// The document of this elder's part.
    pub fn elder(elder: ElderId, part: Part) -> Self {
        Self::Elder { elder, part }
    }

    /// Whose file the document belongs to, if it is an elder's.
    pub fn elder_id(&self) -> Option<ElderId> {
        match self {
            Self::Elder { elder, .. } => Some(*elder),
            Self::Directory | Self::Ruleset => None,
        }
    }

    /// A tag, the elder, and the year (big-endian) or the incident: the form in headers and keys.
    /// All documents of an elder share a prefix only after the tag; see [`DocumentId::key`].
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Directory => vec![DIRECTORY_TAG],
            Self::Ruleset => vec![RULESET_TAG],
            Self::Elder { elder, part } => {
                let (tag, tail) = part_bytes(*part);
                [&[tag][..], &elder.0, &tail].concat()
            }
        }
    }

    /// Reads [`DocumentId::to_bytes`]; there is exactly one form for each document.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DocumentIdError> {
        let (tag, rest) = bytes.split_first().ok_or(DocumentIdError)?;
        match (*tag, rest) {
            (DIRECTORY_TAG, []) => return Ok(Self::Directory),
            (RULESET_TAG, []) => return Ok(Self::Ruleset),
            _ => {}
        }
        let (elder, tail) = rest.split_first_chunk::<16>().ok_or(DocumentIdError)?;
        let part = match (tag, tail) {
            (1, []) => Part::Card,
            (2, []) => Part::Ledger,
            (3, []) => Part::Registry,
            (4, tail) => {
                Part::Journal(u16::from_be_bytes(tail.try_into().map_err(|_| DocumentIdError)?))
            }
            (5, tail) => Part::Incident(IncidentId(tail.try_into().map_err(|_| DocumentIdError)?)),
            (6, tail) => Part::Transfer(TransferId(tail.try_into().map_err(|_| DocumentIdError)?)),
            _ => return Err(DocumentIdError),
        };
        Ok(Self::Elder { elder: ElderId(*elder), part })
    }

    /// The form that sorts all documents of an elder together: the elder, then tag and tail. Area
    /// documents come under sixteen zero bytes.
    pub fn key(&self) -> Vec<u8> {
        match self {
            Self::Directory => [&[0; 16][..], &[DIRECTORY_TAG]].concat(),
            Self::Ruleset => [&[0; 16][..], &[RULESET_TAG]].concat(),
            Self::Elder { elder, part } => {
                let (tag, tail) = part_bytes(*part);
                [&elder.0[..], &[tag], &tail].concat()
            }
        }
    }

    /// Reads [`DocumentId::key`].
    pub fn from_key(key: &[u8]) -> Result<Self, DocumentIdError> {
        let (elder, rest) = key.split_first_chunk::<16>().ok_or(DocumentIdError)?;
        let (tag, tail) = rest.split_first().ok_or(DocumentIdError)?;
        if matches!(*tag, DIRECTORY_TAG | RULESET_TAG) {
            return if *elder == [0; 16] { Self::from_bytes(rest) } else { Err(DocumentIdError) };
        }
        Self::from_bytes(&[&[*tag][..], elder, tail].concat())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card => f.write_str("Card"),
            Self::Ledger => f.write_str("Ledger"),
            Self::Registry => f.write_str("Registry"),
            Self::Journal(year) => write!(f, "Journal/{year}"),
            Self::Incident(id) => write!(f, "Incident/{id}"),
            Self::Transfer(id) => write!(f, "Transfer/{id}"),
        }
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elder { elder, part } => write!(f, "{elder}/{part}"),
            Self::Directory => f.write_str("Directory"),
            Self::Ruleset => f.write_str("Ruleset"),
        }
    }
}

fn part_bytes(part: Part) -> (u8, Vec<u8>) {
    match part {
        Part::Card => (1, vec![]),
        Part::Ledger => (2, vec![]),
        Part::Registry => (3, vec![]),
        Part::Journal(year) => (4, year.to_be_bytes().to_vec()),
        Part::Incident(id) => (5, id.0.to_vec()),
        Part::Transfer(id) => (6, id.0.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_read_back_and_nothing_else_does() {
        let elder = ElderId([7; 16]);
        for part in [
            Part::Card,
            Part::Ledger,
            Part::Registry,
            Part::Journal(2026),
            Part::Incident(IncidentId([9; 16])),
            Part::Transfer(TransferId([9; 16])),
        ] {
            let id = DocumentId::elder(elder, part);
            assert_eq!(DocumentId::from_bytes(&id.to_bytes()), Ok(id));
            assert_eq!(DocumentId::from_key(&id.key()), Ok(id));
            assert!(id.to_bytes().len() <= DocumentId::BYTES_MAX);
            let mut longer = id.to_bytes();
            longer.push(0);
            assert_eq!(DocumentId::from_bytes(&longer), Err(DocumentIdError));
        }
        for id in [DocumentId::Directory, DocumentId::Ruleset] {
            assert_eq!(DocumentId::from_bytes(&id.to_bytes()), Ok(id));
            assert_eq!(DocumentId::from_key(&id.key()), Ok(id));
        }
        for bytes in [&[][..], &[7], &[6], &[1, 2], &[0, 0], &[0; 17][..]] {
            assert_eq!(DocumentId::from_bytes(bytes), Err(DocumentIdError));
        }
    }
}

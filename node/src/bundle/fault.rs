//! Why a bundle, or the rest of one, is refused.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a bundle, or what of it follows, is refused. What came before it in the file is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Some other file.
    #[error("this is not a bundle")]
    NotABundle,
    /// Written by another version of this program.
    #[error("the bundle is of another version")]
    BundleVersion,
    /// Of another mesh.
    #[error("the bundle is of another mesh")]
    OtherMesh,
    /// For other devices.
    #[error("the bundle is for other devices")]
    NotForUs,
    /// It ends too early.
    #[error("the bundle ends too early")]
    Torn,
    /// Its bytes are not those that its sender wrote.
    #[error("the bundle's bytes are not those that its sender wrote")]
    Altered,
    /// Its sender proves no grant of this mesh.
    #[error("the bundle's sender proves no grant of this mesh")]
    UnknownSender,
    /// Its sender's grant is revoked.
    #[error("the grant of the bundle's sender is revoked")]
    Revoked,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NotABundle,
        Self::BundleVersion,
        Self::OtherMesh,
        Self::NotForUs,
        Self::Torn,
        Self::Altered,
        Self::UnknownSender,
        Self::Revoked,
    ];

    /// The name in JSON and in messages.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotABundle => "not_a_bundle",
            Self::BundleVersion => "bundle_version",
            Self::OtherMesh => "other_mesh",
            Self::NotForUs => "not_for_us",
            Self::Torn => "torn",
            Self::Altered => "altered",
            Self::UnknownSender => "unknown_sender",
            Self::Revoked => "revoked",
        }
    }
}

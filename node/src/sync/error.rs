//! Errors between peers: whose fault, and what follows. Decided here and nowhere else.

use thiserror::Error;

use crate::codec::CodecError;
use crate::ingest::Refusal;

/// Why a session ends, or what a peer did wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PeerError {
    /// Bytes that do not read as a frame.
    #[error("malformed frame: {0}")]
    Malformed(#[from] CodecError),
    /// A frame longer than any may be.
    #[error("a frame of {0} bytes was announced, which is more than any may have")]
    Oversized(u64),
    /// A frame of an unknown type.
    #[error("a frame of unknown type {0}")]
    UnknownFrame(u8),
    /// A frame that has no place at this point.
    #[error("{0} has no place at this point")]
    OutOfTurn(&'static str),
    /// More than a bound allows.
    #[error("more {0} than any peer may send")]
    TooMany(&'static str),
    /// A packet that refers to what was never said, or is not here: it happens between honest peers, and
    /// the next session refers to nothing.
    #[error("a reference leads nowhere")]
    WrongReference,
    /// A run that cannot be believed or does not belong here.
    #[error("a run was refused: {0}")]
    Run(Refusal),
    /// Another version of the protocol.
    #[error("the peer speaks version {0} of the protocol")]
    Version(u16),
    /// Another mesh.
    #[error("the peer is of another mesh")]
    OtherMesh,
    /// It shows no chain of grants that holds, or one of another device.
    #[error("the peer shows no grant that holds")]
    NoGrant,
    /// Its grant is revoked, or was issued by one whose grant was revoked by then.
    #[error("the peer's grant is revoked")]
    Revoked,
    /// Its grant was replaced by another: a new session begins under that one.
    #[error("the peer's grant has been replaced by another")]
    GrantChanged,
    /// Its area and ours have nothing in common.
    #[error("the peer's area and ours have nothing in common")]
    NothingInCommon,
    /// As many sessions as there may be.
    #[error("there are as many sessions as there may be")]
    Busy,
    /// Nothing came for too long.
    #[error("nothing came for {0} ms")]
    Silence(u64),
    /// More waits to be written to it than any peer that reads leaves waiting.
    #[error("the peer does not read what is sent")]
    Unread,
    /// Another connection to the same peer took this one's place.
    #[error("another connection to the peer took over")]
    Replaced,
    /// The peer said that it hangs up, and why.
    #[error("the peer hung up: {0}")]
    Told(String),
}

/// Whose fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Bytes that are not the protocol's: a broken peer or link.
    Malformed,
    /// The protocol's bytes, saying what no honest peer says.
    Misbehaved,
    /// An honest peer of another kind.
    Incompatible,
    /// A peer that may not take part.
    Refused,
    /// Nobody's: a link, a busy machine.
    Link,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Hang up; trying again soon may help.
    RetrySoon,
    /// Hang up; somebody has to do something first, so try again only now and then.
    RetryLater,
}

impl PeerError {
    /// The name in counts and messages.
    pub fn code(&self) -> String {
        match self {
            Self::Malformed(_) => "malformed_frame".into(),
            Self::Oversized(_) => "oversized_frame".into(),
            Self::UnknownFrame(_) => "unknown_frame".into(),
            Self::OutOfTurn(_) => "out_of_turn".into(),
            Self::TooMany(_) => "too_many".into(),
            Self::WrongReference => "wrong_reference".into(),
            Self::Run(refusal) => refusal.code().into(),
            Self::Version(_) => "wrong_version".into(),
            Self::OtherMesh => "other_mesh".into(),
            Self::NoGrant => "no_grant".into(),
            Self::Revoked => "revoked".into(),
            Self::GrantChanged => "grant_changed".into(),
            Self::NothingInCommon => "nothing_in_common".into(),
            Self::Busy => "busy".into(),
            Self::Silence(_) => "silence".into(),
            Self::Unread => "unread".into(),
            Self::Replaced => "replaced".into(),
            Self::Told(code) => code.clone(),
        }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Malformed(_) | Self::Oversized(_) | Self::UnknownFrame(_) => Fault::Malformed,
            Self::OutOfTurn(_) | Self::TooMany(_) | Self::Run(_) => Fault::Misbehaved,
            Self::Version(_) | Self::OtherMesh => Fault::Incompatible,
            Self::NoGrant | Self::Revoked | Self::NothingInCommon => Fault::Refused,
            Self::Busy
            | Self::Silence(_)
            | Self::Unread
            | Self::Replaced
            | Self::GrantChanged
            | Self::WrongReference => Fault::Link,
            // What it tells is its own judgement; see `disposition`.
            Self::Told(_) => Fault::Refused,
        }
    }

    /// Whether to try again soon.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Told(code)
                if matches!(
                    code.as_str(),
                    "busy" | "silence" | "replaced" | "grant_changed" | "wrong_reference"
                ) =>
            {
                Disposition::RetrySoon
            }
            _ if self.fault() == Fault::Link => Disposition::RetrySoon,
            _ => Disposition::RetryLater,
        }
    }

    /// Whether it counts against the peer rather than the link.
    pub fn counts_as_refused(&self) -> bool {
        self.fault() != Fault::Link && !matches!(self, Self::Told(_))
    }
}

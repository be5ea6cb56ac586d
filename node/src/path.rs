//! How a session reaches its peer.

use serde::{Deserialize, Serialize};

/// By what bytes go to a peer and come from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A network of an office's own: addresses that are not routed on the internet (RFC 1918, 4193).
    Lan,
    /// The wide area.
    Wan,
    /// Another node of the mesh, which carries what it cannot read.
    Relayed,
}

impl Via {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lan, Self::Wan, Self::Relayed];

    /// Its word in catalogues and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::Wan => "wan",
            Self::Relayed => "relayed",
        }
    }
}

/// What the transport knows of the way of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// By what; None where there are several connections with the peer, of different kinds.
    pub via: Option<Via>,
    /// Whether discovery has found the peer in this network, where bytes cost nothing.
    pub is_near: bool,
    /// The address that this node has dialled, with the peer's name, if it was the one to dial.
    pub dialled: Option<String>,
}

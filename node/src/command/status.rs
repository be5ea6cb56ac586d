//! How the node is, and how its peers are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;

use super::Request;
use crate::identity::DeviceId;
use crate::identity::grant::{GrantId, Role};

/// Asks for [`StatusReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {}

/// Asks for [`PeersReport`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peers {}

/// How the node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// This device.
    pub device: OwnDevice,
    /// This device's area.
    pub area: DivisionCode,
    /// The area's name, where a directory names it.
    pub area_name: Option<String>,
    /// Every scope in the area of which this node holds something.
    pub scopes: Vec<ScopeStatus>,
    /// Every peer that this node has met.
    pub peers: Vec<PeerStatus>,
    /// Entries that are kept and do not count, by reason.
    pub unsettled: BTreeMap<String, u64>,
    /// Pieces of evidence of refused things.
    pub evidence: u64,
    /// Whether there is an authority entry of a kind that this version does not know.
    pub update_needed: bool,
}

/// This device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDevice {
    /// Its key.
    pub id: DeviceId,
    /// What people compare aloud.
    pub fingerprint: String,
    /// Its name in the grant.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The mesh.
    pub mesh: GrantId,
}

/// What a node holds of one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeStatus {
    /// The place.
    pub code: DivisionCode,
    /// Its name, where a directory names it.
    pub name: Option<String>,
    /// Over the heads of `Urgent` and `Routine` logs and of counting documents: two nodes that hold
    /// the scope agree on it exactly when they have converged.
    pub digest: String,
    /// Over the heads of `Authority` and `Notice` logs.
    pub authority_digest: String,
    /// Elders with a file in the scope.
    pub elders: u64,
    /// Entries in all lanes.
    pub entries: u64,
    /// Fields in which concurrent values stand.
    pub conflicts: u64,
    /// Entries that are kept and do not count.
    pub unsettled: u64,
}

/// How it stands with one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Its key.
    pub device: DeviceId,
    /// Its name in its grant, once proved.
    pub name: Option<String>,
    /// Its area, once proved.
    pub area: Option<DivisionCode>,
    /// Its role, once proved.
    pub role: Option<Role>,
    /// How it stands.
    pub state: PeerState,
    /// When it was last heard of (this node's clock, ms since 1970).
    pub last_seen_ms: Option<i64>,
    /// When an exchange was last complete.
    pub last_done_ms: Option<i64>,
    /// Whether the exchange under way is complete.
    pub done: bool,
    /// Entries that it lacks, as far as is known now.
    pub they_lack: Option<u64>,
    /// Entries that we lack, as far as is known now.
    pub we_lack: Option<u64>,
    /// What ended the last failed session.
    pub last_error: Option<PeerFailure>,
    /// What it sent that was refused or set aside, by name.
    pub refused: BTreeMap<String, u64>,
    /// Sessions begun.
    pub sessions: u64,
    /// Frame bytes sent to it, ever.
    pub bytes_sent: u64,
    /// Frame bytes received from it, ever.
    pub bytes_received: u64,
    /// Entries sent to it, ever.
    pub entries_sent: u64,
    /// Entries received from it and stored, ever.
    pub entries_received: u64,
}

/// How it stands with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// In a session now.
    Online,
    /// Met before.
    Seen,
    /// Known by grant or address only.
    Never,
    /// Turned away: it cannot prove a grant.
    Refused,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerFailure {
    /// The name of the error.
    pub code: String,
    /// Whether trying again may help without anybody doing anything.
    pub retry: bool,
    /// Whether the peer said it, rather than we.
    pub said_by_peer: bool,
    /// When (this node's clock, ms since 1970).
    pub at_ms: i64,
}

/// The peers alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeersReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Every peer that this node has met.
    pub peers: Vec<PeerStatus>,
}

impl Request for Status {
    const NAME: &'static str = "status";
    type Reply = StatusReport;
}

impl Request for Peers {
    const NAME: &'static str = "peers";
    type Reply = PeersReport;
}

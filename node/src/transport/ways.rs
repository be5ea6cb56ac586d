//! Which connections there are with whom.

use std::collections::BTreeMap;

use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;

use super::address::{is_circuit, naming, peer_id_of, via};
use crate::identity::DeviceId;
use crate::path::{Path, Via};

/// All connections that stand.
#[derive(Debug, Default)]
pub(super) struct Ways(BTreeMap<DeviceId, BTreeMap<ConnectionId, Way>>);

#[derive(Debug)]
struct Way {
    via: Via,
    /// The address, where this node has dialled it.
    dialled: Option<String>,
}

impl Ways {
    /// A connection stands.
    pub(super) fn opened(&mut self, peer: DeviceId, id: ConnectionId, end: &ConnectedPoint) {
        let way = match end {
            ConnectedPoint::Dialer { address, .. } => {
                let named = peer_id_of(peer).map(|peer| naming(address, peer).to_string());
                Way { via: via(address), dialled: named }
            }
            ConnectedPoint::Listener { local_addr, .. } if is_circuit(local_addr) => {
                Way { via: Via::Relayed, dialled: None }
            }
            ConnectedPoint::Listener { send_back_addr, .. } => {
                Way { via: via(send_back_addr), dialled: None }
            }
        };
        self.0.entry(peer).or_default().insert(id, way);
    }

    /// It is gone.
    pub(super) fn closed(&mut self, peer: DeviceId, id: ConnectionId) {
        if let Some(ways) = self.0.get_mut(&peer) {
            ways.remove(&id);
            if ways.is_empty() {
                self.0.remove(&peer);
            }
        }
    }

    /// The connections that this node has dialled.
    pub(super) fn dialled(&self, peer: DeviceId) -> Vec<ConnectionId> {
        let ways = self.0.get(&peer).into_iter().flatten();
        ways.filter(|(_, way)| way.dialled.is_some()).map(|(id, _)| *id).collect()
    }

    /// All connections with a peer, the oldest first.
    pub(super) fn connections(&self, peer: DeviceId) -> Vec<ConnectionId> {
        self.0.get(&peer).map(|ways| ways.keys().copied().collect()).unwrap_or_default()
    }

    /// The way of a substream that this node, or the peer, has just opened. Whoever opens one has
    /// dialled; where it has done so twice, the way is known only if both are alike.
    pub(super) fn path(&self, peer: DeviceId, is_ours: bool) -> Path {
        let Some(ways) = self.0.get(&peer) else { return Path::default() };
        let mut fitting = ways.values().filter(|way| way.dialled.is_some() == is_ours);
        let Some(first) = fitting.next() else { return Path::default() };
        let alike = fitting.all(|way| way.via == first.via);
        let via = alike.then_some(first.via);
        Path { via, is_near: false, dialled: first.dialled.clone() }
    }
}

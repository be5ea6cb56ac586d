//! What an address says of whom it leads to.

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use super::TransportError;
use crate::identity::DeviceId;
use crate::path::Via;

/// Reads an address.
pub(crate) fn check_address(text: &str) -> Result<Multiaddr, TransportError> {
    text.parse().map_err(|_| TransportError::Address(text.to_owned()))
}

/// The peer that an address names as the one who answers, if it does: the last one, after the relay.
pub(crate) fn peer_in(address: &Multiaddr) -> Option<DeviceId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => device_of(&peer),
        _ => None,
    }
}

/// Whether it leads through a relay.
pub(super) fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::P2pCircuit))
}

/// Whether it is of this machine only.
pub(super) fn is_loopback(address: &Multiaddr) -> bool {
    !is_circuit(address)
        && address.iter().any(|part| match part {
            Protocol::Ip4(ip) => ip.is_loopback(),
            Protocol::Ip6(ip) => ip.is_loopback(),
            _ => false,
        })
}

/// By what an address leads to its peer. Addresses that are not routed on the internet are of the
/// same building, or of a network that an office pays for as one.
pub(super) fn via(address: &Multiaddr) -> Via {
    let near = |part| match part {
        Protocol::Ip4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        Protocol::Ip6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
        _ => false,
    };
    match () {
        () if is_circuit(address) => Via::Relayed,
        () if address.iter().any(near) => Via::Lan,
        () => Via::Wan,
    }
}

/// The address with the peer's name at its end.
pub(super) fn naming(address: &Multiaddr, peer: PeerId) -> Multiaddr {
    match address.iter().last() {
        Some(Protocol::P2p(_)) => address.clone(),
        _ => address.clone().with(Protocol::P2p(peer)),
    }
}

/// Whether two addresses differ at most in naming the peer.
pub(super) fn same_place(one: &Multiaddr, two: &Multiaddr) -> bool {
    let place = |address: &Multiaddr| {
        let mut place = address.clone();
        // Through a relay it is the peer's name alone that tells one place from another.
        if !is_circuit(address) && matches!(address.iter().last(), Some(Protocol::P2p(_))) {
            place.pop();
        }
        place
    };
    place(one) == place(two)
}

/// The libp2p peer id of a device.
pub(super) fn peer_id_of(device: DeviceId) -> Option<PeerId> {
    let key = libp2p::identity::ed25519::PublicKey::try_from_bytes(&device.0).ok()?;
    Some(libp2p::identity::PublicKey::from(key).to_peer_id())
}

/// The device whose key a libp2p peer id holds.
pub(crate) fn device_of(peer: &PeerId) -> Option<DeviceId> {
    let bytes = peer.to_bytes();
    // An identity multihash: code 0, length, and the public key itself.
    let key = match bytes.as_slice() {
        [0, _, key @ ..] => libp2p::identity::PublicKey::try_decode_protobuf(key).ok()?,
        _ => return None,
    };
    Some(DeviceId(key.try_into_ed25519().ok()?.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::DeviceKeys;

    #[test]
    fn an_address_through_a_relay_leads_to_its_last_peer() {
        let device = |seed| DeviceKeys::from_secret(&[seed; 64]).device();
        let name = |seed| peer_id_of(device(seed)).unwrap();
        let relay = format!("/ip4/10.0.0.1/tcp/4420/p2p/{}", name(1));
        let read = |text: &str| check_address(text).unwrap();
        let to = |seed| read(&format!("{relay}/p2p-circuit/p2p/{}", name(seed)));
        assert_eq!(peer_in(&read(&relay)), Some(device(1)));
        assert_eq!(peer_in(&to(2)), Some(device(2)));
        assert_eq!(peer_in(&read(&format!("{relay}/p2p-circuit"))), None);
        assert!(same_place(&read(&relay), &read("/ip4/10.0.0.1/tcp/4420")));
        assert!(same_place(&to(2), &to(2)) && !same_place(&to(2), &to(3)));
        assert!(!same_place(&to(2), &read(&relay)));
        assert_eq!([&to(2), &read(&relay)].map(via), [Via::Relayed, Via::Lan]);
        assert_eq!(via(&read("/ip4/203.0.113.7/tcp/4420")), Via::Wan);
        assert_eq!(naming(&read("/ip4/10.0.0.1/tcp/4420"), name(1)), read(&relay));
    }
}

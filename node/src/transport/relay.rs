//! Circuits: nodes that may relay carry others' connections; any node can be reached through one.
//!
//! A circuit ends in two nodes that prove their keys to one another as over any connection (Noise,
//! end to end), so whoever carries it sees who talks to whom and how much, and no records.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libp2p::core::transport::ListenerId;
use libp2p::relay::RateLimiter;
use libp2p::{Multiaddr, PeerId, Swarm, relay};
use tokio::time::Instant;

use super::address::device_of;
use super::swarm::Behaviour;
use crate::identity::DeviceId;
use crate::limits::{
    REDIAL_MAX_MS, REDIAL_MIN_MS, RELAY_CIRCUIT_BYTES_MAX, RELAY_CIRCUIT_MS_MAX,
    RELAY_CIRCUITS_MAX, RELAY_CIRCUITS_PER_PEER_MAX, RELAY_RESERVATION_MS, RELAY_RESERVATIONS_MAX,
};

/// Who may be carried: devices whose grants stand, as far as this node knows. Their keys are proved
/// by the connection over which they ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guests(Arc<Mutex<BTreeSet<DeviceId>>>);

impl Guests {
    /// These, and no others. Returns who is none any more.
    pub(crate) fn set(&self, guests: BTreeSet<DeviceId>) -> Vec<DeviceId> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *known, guests);
        before.difference(&known).copied().collect()
    }

    fn has(&self, peer: &PeerId) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        device_of(peer).is_some_and(|device| known.contains(&device))
    }
}

impl RateLimiter for Guests {
    fn try_next(&mut self, peer: PeerId, _: &Multiaddr, _: std::time::Instant) -> bool {
        self.has(&peer)
    }
}

/// What carries circuits for these guests, and for nobody else.
pub(super) fn carrier(own: PeerId, guests: &Guests) -> relay::Behaviour {
    let guests = || Box::new(guests.clone()) as Box<dyn RateLimiter>;
    let config = relay::Config {
        max_reservations: RELAY_RESERVATIONS_MAX,
        // Beside one that a broken connection may still hold.
        max_reservations_per_peer: 2,
        reservation_duration: Duration::from_millis(RELAY_RESERVATION_MS),
        // How often is not limited by address: a county's villages come out of one carrier's NAT.
        reservation_rate_limiters: vec![guests()],
        max_circuits: RELAY_CIRCUITS_MAX,
        max_circuits_per_peer: RELAY_CIRCUITS_PER_PEER_MAX,
        max_circuit_duration: Duration::from_millis(RELAY_CIRCUIT_MS_MAX),
        max_circuit_bytes: RELAY_CIRCUIT_BYTES_MAX,
        circuit_src_rate_limiters: vec![guests()],
    };
    // A device on a link that breaks each minute asks again each minute; a broken program does not
    // keep the relay busy.
    let burst = NonZeroU32::MIN.saturating_add(59);
    let config = config
        .reservation_rate_per_peer(burst, Duration::from_secs(15))
        .circuit_src_per_peer(burst, Duration::from_secs(15));
    relay::Behaviour::new(own, config)
}

/// Where this node wants to be reachable through relays.
#[derive(Debug, Default)]
pub(super) struct Reservations(Vec<Reservation>);

#[derive(Debug)]
struct Reservation {
    /// `/…/p2p/RELAY/p2p-circuit`
    address: Multiaddr,
    listener: Option<ListenerId>,
    due: Option<Instant>,
    wait: Duration,
}

impl Reservations {
    pub(super) fn new(addresses: Vec<Multiaddr>) -> Self {
        let reservation = |address| Reservation {
            address,
            listener: None,
            due: Some(Instant::now()),
            wait: Duration::from_millis(REDIAL_MIN_MS),
        };
        Self(addresses.into_iter().map(reservation).collect())
    }

    /// When one has to be asked for.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.iter().filter_map(|reservation| reservation.due).min()
    }

    /// Asks for what is due.
    pub(super) fn ask(&mut self, swarm: &mut Swarm<Behaviour>) {
        let now = Instant::now();
        for reservation in self.0.iter_mut().filter(|one| one.due.is_some_and(|at| at <= now)) {
            match swarm.listen_on(reservation.address.clone()) {
                Ok(listener) => {
                    reservation.listener = Some(listener);
                    reservation.due = None;
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot be reached through a relay");
                    reservation.retry();
                }
            }
        }
    }

    /// One is granted: whether it was one of these. Another wait begins short.
    pub(super) fn granted(&mut self, listener: ListenerId) -> bool {
        let mut these = self.0.iter_mut();
        let of_it = these.find(|reservation| reservation.listener == Some(listener));
        of_it.map(|one| one.wait = Duration::from_millis(REDIAL_MIN_MS)).is_some()
    }

    /// One is refused, or gone with its connection: it is asked for again.
    pub(super) fn lost(&mut self, listener: ListenerId) {
        let mut these = self.0.iter_mut();
        if let Some(one) = these.find(|reservation| reservation.listener == Some(listener)) {
            tracing::debug!(address = %one.address, "no reservation");
            one.listener = None;
            one.retry();
        }
    }

    /// Something shows that there is a network again.
    pub(super) fn link_is_back(&mut self) {
        for reservation in self.0.iter_mut().filter(|one| one.listener.is_none()) {
            reservation.due = Some(Instant::now());
        }
    }
}

impl Reservation {
    fn retry(&mut self) {
        self.due = Some(Instant::now() + self.wait);
        self.wait = (self.wait * 2).min(Duration::from_millis(REDIAL_MAX_MS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::DeviceKeys;

    #[test]
    fn whoever_is_no_guest_any_more_is_named() {
        let [one, two] = [1, 2].map(|seed| DeviceKeys::from_secret(&[seed; 64]).device());
        let guests = Guests::default();
        assert_eq!(guests.set([one, two].into()), []);
        assert_eq!(guests.set([two].into()), [one]);
        let peer = |device| super::super::address::peer_id_of(device).unwrap();
        assert!(guests.has(&peer(two)) && !guests.has(&peer(one)));
    }
}

//! Whom to dial, and when again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::swarm::DialError;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::peer_in;
use crate::identity::DeviceId;
use crate::limits::{REDIAL_MAX_MS, REDIAL_MIN_MS, REDIAL_REFUSED_MS, TURN_MS};

/// How it stands with one address.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct DialState {
    /// Who answers there, once known.
    pub(crate) peer: Option<DeviceId>,
    /// Attempts that have ended since everything was last dialled anew.
    pub(crate) attempts: u64,
    /// Why the last one failed; None while under way or connected.
    pub(crate) error: Option<String>,
    /// Whether there is a substream now.
    pub(crate) online: bool,
}

#[derive(Debug)]
struct Dial {
    state: DialState,
    due: Option<Instant>,
    wait: Duration,
    /// Found by discovery: forgotten when it expires.
    discovered: bool,
}

/// All addresses.
#[derive(Debug, Default)]
pub(crate) struct Dials {
    addresses: BTreeMap<Multiaddr, Dial>,
    shown: Arc<Mutex<BTreeMap<String, DialState>>>,
}

/// Why a dial came to nothing: nobody answers.
const UNREACHABLE: &str = "unreachable";

/// Why a substream ended: nobody said.
pub(super) const LINK_LOST: &str = "link_lost";

/// When nothing is due.
const FAR: Duration = Duration::from_secs(3_600);

impl Dials {
    /// These addresses, and a view of them for others.
    pub(crate) fn new(
        addresses: impl IntoIterator<Item = Multiaddr>,
    ) -> (Self, Arc<Mutex<BTreeMap<String, DialState>>>) {
        let mut dials = Self::default();
        for address in addresses {
            dials.add(address);
        }
        let shown = dials.shown.clone();
        (dials, shown)
    }

    /// Dials an address from now on.
    pub(crate) fn add(&mut self, address: Multiaddr) {
        let state = DialState { peer: peer_in(&address), ..DialState::default() };
        let wait = Duration::from_millis(REDIAL_MIN_MS);
        let dial = Dial { state, due: Some(Instant::now()), wait, discovered: false };
        self.addresses.entry(address).or_insert(dial);
        self.show();
    }

    /// Discovery found an address.
    pub(crate) fn discovered(&mut self, address: Multiaddr) {
        let known = self.addresses.contains_key(&address);
        self.add(address.clone());
        if let Some(dial) = self.addresses.get_mut(&address).filter(|_| !known) {
            dial.discovered = true;
        }
    }

    /// Discovery has not seen an address for long.
    pub(crate) fn expired(&mut self, address: &Multiaddr) {
        if self.addresses.get(address).is_some_and(|dial| dial.discovered) {
            self.addresses.remove(address);
            self.show();
        }
    }

    /// When the next address is due.
    pub(crate) fn next_due(&self) -> Instant {
        let due = self.addresses.values().filter_map(|dial| dial.due).min();
        due.unwrap_or_else(|| Instant::now() + FAR)
    }

    /// The addresses that are due; each is under way until it is reported on.
    pub(crate) fn due(&mut self) -> Vec<Multiaddr> {
        let now = Instant::now();
        let mut due = Vec::new();
        for (address, dial) in &mut self.addresses {
            if dial.due.is_some_and(|at| at <= now) {
                dial.due = None;
                due.push(address.clone());
            }
        }
        due
    }

    /// Everything that is not connected is due now.
    pub(crate) fn all_now(&mut self) {
        for dial in self.addresses.values_mut().filter(|dial| !dial.state.online) {
            dial.due = dial.due.map(|_| Instant::now());
            dial.wait = Duration::from_millis(REDIAL_MIN_MS);
            dial.state.attempts = 0;
        }
        self.show();
    }

    /// Something shows that there is a network again: what could not be reached is due now. What was
    /// refused, or is another machine's turn, is not.
    pub(crate) fn link_is_back(&mut self) {
        let soon = Instant::now();
        for dial in self.addresses.values_mut() {
            let unreachable = matches!(dial.state.error.as_deref(), Some(UNREACHABLE | LINK_LOST));
            if unreachable && !dial.state.online && dial.due.is_some() {
                dial.due = Some(soon);
                dial.wait = Duration::from_millis(REDIAL_MIN_MS);
            }
        }
    }

    /// A connection to an address stands; who answers is known now.
    pub(crate) fn reached(&mut self, address: &Multiaddr, peer: DeviceId) {
        for (known, dial) in &mut self.addresses {
            if same_place(known, address) {
                dial.state.peer = Some(peer);
            }
        }
        self.show();
    }

    /// The address' peer has a substream already.
    pub(crate) fn connected(&mut self, address: &Multiaddr) {
        if let Some(dial) = self.addresses.get_mut(address) {
            dial.state.online = true;
        }
        self.show();
    }

    /// A substream with the peer stands. Where nobody could be reached before, others can be now.
    pub(crate) fn online(&mut self, peer: DeviceId) {
        if !self.addresses.values().any(|dial| dial.state.online) {
            self.link_is_back();
        }
        for dial in self.of(peer) {
            dial.state.online = true;
            dial.state.error = None;
            dial.due = None;
        }
        self.show();
    }

    /// A substream with the peer has lasted: the next wait begins short.
    pub(crate) fn stable(&mut self, peer: DeviceId) {
        for dial in self.of(peer) {
            dial.wait = Duration::from_millis(REDIAL_MIN_MS);
        }
    }

    /// A substream ended, or could not be opened; trying again soon may help.
    pub(crate) fn failed(&mut self, peer: DeviceId, error: &str) {
        for dial in self.of(peer) {
            dial.retry(error);
        }
        self.show();
    }

    /// Another machine with our key has the peer's ear. Both get turns: whoever was turned out waits
    /// for a time that nobody knows beforehand, and long enough for the other to get something done.
    pub(crate) fn replaced(&mut self, peer: DeviceId) {
        for dial in self.of(peer) {
            dial.wait = Duration::from_millis(TURN_MS);
            dial.retry("replaced");
            dial.wait = Duration::from_millis(TURN_MS);
        }
        self.show();
    }

    /// A peer refused us, or we it: somebody has to do something first.
    pub(crate) fn refused(&mut self, peer: DeviceId, error: &str) {
        for dial in self.of(peer) {
            dial.retry(error);
            dial.due = Some(Instant::now() + Duration::from_millis(REDIAL_REFUSED_MS));
        }
        self.show();
    }

    /// An address cannot be dialled at all.
    pub(crate) fn failed_address(&mut self, address: &Multiaddr, error: &str) {
        if let Some(dial) = self.addresses.get_mut(address) {
            dial.retry(error);
        }
        self.show();
    }

    /// A dial came to nothing.
    pub(crate) fn dial_failed(&mut self, peer: Option<DeviceId>, error: &DialError) {
        let code = match error {
            DialError::WrongPeerId { .. } => "other_device_answers",
            _ => UNREACHABLE,
        };
        let tried: Vec<&Multiaddr> = match error {
            DialError::Transport(attempts) => attempts.iter().map(|(address, _)| address).collect(),
            DialError::WrongPeerId { address, .. } => vec![address],
            _ => Vec::new(),
        };
        for (address, dial) in &mut self.addresses {
            let named = tried.iter().any(|tried| same_place(tried, address))
                || (tried.is_empty() && peer.is_some() && dial.state.peer == peer);
            if named && !dial.state.online {
                dial.retry(code);
            }
        }
        self.show();
    }

    fn of(&mut self, peer: DeviceId) -> impl Iterator<Item = &mut Dial> {
        self.addresses.values_mut().filter(move |dial| dial.state.peer == Some(peer))
    }

    fn show(&self) {
        let states = self.addresses.iter().map(|(a, dial)| (a.to_string(), dial.state.clone()));
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = states.collect();
    }
}

impl Dial {
    /// Waits, twice as long each time, with a third more or less so that villages that lost the
    /// same mast do not come back in step.
    fn retry(&mut self, error: &str) {
        self.state.online = false;
        self.state.attempts += 1;
        self.state.error = Some(error.to_owned());
        let mut random = [0];
        // Without randomness the wait is only less even.
        let _ = getrandom::fill(&mut random);
        let spread = self.wait.mul_f64(2.0 / 3.0 + f64::from(random[0]) / 255.0 * 2.0 / 3.0);
        self.due = Some(Instant::now() + spread);
        self.wait = (self.wait * 2).min(Duration::from_millis(REDIAL_MAX_MS));
    }
}

/// Whether two addresses differ at most in naming the peer.
fn same_place(one: &Multiaddr, two: &Multiaddr) -> bool {
    use libp2p::multiaddr::Protocol;
    let place = |address: &Multiaddr| -> Vec<String> {
        let parts = address.iter().filter(|part| !matches!(part, Protocol::P2p(_)));
        parts.map(|part| part.to_string()).collect()
    };
    place(one) == place(two)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_another_machine_has_replaced_gives_it_a_turn_each_time() {
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/4001".parse().unwrap();
        let (mut dials, _) = Dials::new([address.clone()]);
        let peer = DeviceId([7; 32]);
        dials.reached(&address, peer);
        for _ in 0..5 {
            // A turn that lasted does not make the next wait a short one.
            dials.online(peer);
            dials.stable(peer);
            let now = Instant::now();
            dials.replaced(peer);
            let wait = dials.next_due() - now;
            let turn = Duration::from_millis(TURN_MS);
            assert!(wait > turn / 2 && wait < turn * 3 / 2, "{wait:?}");
        }
        // Any other end is retried soon.
        dials.online(peer);
        dials.stable(peer);
        let now = Instant::now();
        dials.failed(peer, LINK_LOST);
        assert!(dials.next_due() - now < Duration::from_secs(3));
    }

    /// Two addresses, of which nobody could be reached for long.
    fn cut_off() -> (Dials, DeviceId, DeviceId) {
        let addresses: [Multiaddr; 2] = ["/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/4002"]
            .map(|text| text.parse().unwrap());
        let (mut dials, _) = Dials::new(addresses.clone());
        let peers = [DeviceId([7; 32]), DeviceId([8; 32])];
        for (address, peer) in addresses.iter().zip(peers) {
            dials.reached(address, peer);
            for _ in 0..9 {
                dials.failed(peer, LINK_LOST);
            }
        }
        assert!(dials.next_due() - Instant::now() > Duration::from_secs(60));
        (dials, peers[0], peers[1])
    }

    #[test]
    fn a_link_that_comes_back_is_used_at_once() {
        let (mut dials, ..) = cut_off();
        dials.link_is_back();
        assert_eq!(dials.due().len(), 2);
        // Where one is reached the other can be too; but nobody is dialled because of a second one.
        let (mut dials, one, other) = cut_off();
        dials.online(one);
        assert_eq!(dials.due().len(), 1);
        dials.failed(other, LINK_LOST);
        dials.failed(other, LINK_LOST);
        dials.online(one);
        assert_eq!(dials.due().len(), 0);
    }

    #[test]
    fn whoever_refused_is_not_asked_again_because_of_a_network() {
        let (mut dials, one, other) = cut_off();
        dials.refused(one, "revoked");
        dials.replaced(other);
        dials.link_is_back();
        assert_eq!(dials.due().len(), 0);
    }
}

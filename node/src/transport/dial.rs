//! Whom to dial, and when again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::swarm::DialError;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::address::{is_circuit, peer_in, same_place};
use crate::identity::DeviceId;
use crate::limits::{
    FALLBACK_AFTER_DIALS, FALLBACK_AFTER_MS, REDIAL_MAX_MS, REDIAL_MIN_MS, REDIAL_REFUSED_MS,
    TURN_MS,
};

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
    /// Whether it is not dialled because better ways have not failed.
    pub(crate) standby: bool,
}

impl DialState {
    fn is_unanswered(&self) -> bool {
        !self.online && !self.standby && self.error.is_some()
    }
}

/// Where nobody answers: addresses without who is expected there, each once.
pub(crate) fn unanswered(dials: &BTreeMap<String, DialState>) -> Vec<String> {
    let silent = dials.iter().filter(|(_, dial)| dial.is_unanswered());
    let mut places: Vec<String> = silent
        .map(|(address, _)| match address.split_once("/p2p/") {
            Some((place, expected)) if !expected.contains('/') => place.to_owned(),
            _ => address.clone(),
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}

#[derive(Debug)]
struct Dial {
    state: DialState,
    due: Option<Instant>,
    wait: Duration,
    /// Found by discovery: forgotten when it expires.
    discovered: bool,
    /// Dialled only while nobody above can be reached by another address.
    is_fallback: bool,
    /// Dials that came to nothing since there was last reason to hope.
    in_vain: u32,
}

/// All addresses.
#[derive(Debug)]
pub(crate) struct Dials {
    addresses: BTreeMap<Multiaddr, Dial>,
    shown: Arc<Mutex<BTreeMap<String, DialState>>>,
    /// Peers above this device that are in session.
    above: BTreeSet<DeviceId>,
    /// Peers that have proved their grants in session, and are not above.
    beside: BTreeSet<DeviceId>,
    /// Of those in session, who was reached by an address that is a fallback.
    by_fallback: BTreeSet<DeviceId>,
    /// Since when nobody above is in session; None while somebody is.
    alone_since: Option<Instant>,
    /// Whether a person waits: then one dial in vain is enough.
    is_hurried: bool,
}

/// Why a dial came to nothing: nobody answers.
const UNREACHABLE: &str = "unreachable";

/// Why a substream ended: nobody said.
pub(super) const LINK_LOST: &str = "link_lost";

/// When nothing is due.
const FAR: Duration = Duration::from_secs(3_600);

impl Dials {
    /// These addresses, those to fall back on, and a view of all of them for others.
    pub(crate) fn new(
        addresses: impl IntoIterator<Item = Multiaddr>,
        fallback: impl IntoIterator<Item = Multiaddr>,
    ) -> (Self, Arc<Mutex<BTreeMap<String, DialState>>>) {
        let mut dials = Self {
            addresses: BTreeMap::new(),
            shown: Arc::default(),
            above: BTreeSet::new(),
            beside: BTreeSet::new(),
            by_fallback: BTreeSet::new(),
            alone_since: Some(Instant::now()),
            is_hurried: false,
        };
        for address in addresses {
            dials.add(address);
        }
        for address in fallback {
            if !dials.addresses.contains_key(&address) {
                dials.add(address.clone());
                dials.addresses.entry(address).and_modify(|dial| dial.is_fallback = true);
            }
        }
        dials.show();
        let shown = dials.shown.clone();
        (dials, shown)
    }

    /// Dials an address from now on.
    pub(crate) fn add(&mut self, address: Multiaddr) {
        let state = DialState { peer: peer_in(&address), ..DialState::default() };
        let wait = Duration::from_millis(REDIAL_MIN_MS);
        let due = Some(Instant::now());
        let dial = Dial { state, due, wait, discovered: false, is_fallback: false, in_vain: 0 };
        // Whoever names an address wants it dialled, whatever it was before.
        self.addresses.entry(address).or_insert(dial).is_fallback = false;
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
        let may_be = self.addresses.iter().filter(|(address, _)| !self.is_standby(address));
        let due = may_be.filter_map(|(_, dial)| dial.due).min();
        let has_fallback =
            self.addresses.values().any(|dial| dial.is_fallback && dial.due.is_some());
        let alone = self.alone_since.filter(|_| has_fallback && !self.is_cut_off());
        let patience = Duration::from_millis(FALLBACK_AFTER_MS);
        let either = due.into_iter().chain(alone.map(|since| since + patience)).min();
        either.unwrap_or_else(|| Instant::now() + FAR)
    }

    /// The addresses that are due; each is under way until it is reported on.
    pub(crate) fn due(&mut self) -> Vec<Multiaddr> {
        let now = Instant::now();
        let is_due = |dial: &Dial| dial.due.is_some_and(|at| at <= now);
        let due: Vec<Multiaddr> = self
            .addresses
            .iter()
            .filter(|(address, dial)| is_due(dial) && !self.is_standby(address))
            .map(|(address, _)| address.clone())
            .collect();
        for address in &due {
            self.addresses.entry(address.clone()).and_modify(|dial| dial.due = None);
        }
        due
    }

    /// Whether an address waits until better ones have failed: one to fall back on, while somebody
    /// above may be reached otherwise; one through a relay, while the peer may be reached directly.
    fn is_standby(&self, address: &Multiaddr) -> bool {
        let Some(dial) = self.addresses.get(address) else { return false };
        if dial.state.online {
            return false;
        }
        if dial.is_fallback && !self.is_cut_off() {
            return true;
        }
        let direct = |(other, known): (&Multiaddr, &Dial)| {
            let same = known.state.peer.is_some() && known.state.peer == dial.state.peer;
            same && !is_circuit(other)
                && known.is_fallback == dial.is_fallback
                && known.in_vain == 0
        };
        is_circuit(address) && self.addresses.iter().any(direct)
    }

    /// Whether nobody above can be reached but by what is to fall back on: it was tried often
    /// enough, or long enough.
    fn is_cut_off(&self) -> bool {
        let Some(since) = self.alone_since else { return false };
        let enough = if self.is_hurried { 1 } else { FALLBACK_AFTER_DIALS };
        let is_beside =
            |dial: &Dial| dial.state.peer.is_some_and(|peer| self.beside.contains(&peer));
        let mut others = self.addresses.values().filter(|dial| !dial.is_fallback);
        let in_vain = others.all(|dial| dial.in_vain >= enough || is_beside(dial));
        in_vain || since.elapsed() >= Duration::from_millis(FALLBACK_AFTER_MS)
    }

    /// A peer in session has proved its grant, and whether it is above this device.
    pub(crate) fn proved(&mut self, peer: DeviceId, is_above: bool) {
        if is_above {
            self.above.insert(peer);
            self.alone_since = None;
            self.is_hurried = false;
        } else {
            self.beside.insert(peer);
        }
        self.show();
    }

    /// The session with a peer is over.
    pub(crate) fn parted(&mut self, peer: DeviceId) {
        self.by_fallback.remove(&peer);
        self.beside.remove(&peer);
        if self.above.remove(&peer) && self.above.is_empty() {
            self.alone_since = Some(Instant::now());
        }
        self.show();
    }

    /// A peer holds all that this device does. If it is above, and was not fallen back on, those who
    /// were are not needed any more: everything new would go out twice.
    pub(crate) fn unneeded(&self, complete: DeviceId) -> Vec<DeviceId> {
        match self.above.contains(&complete) && !self.by_fallback.contains(&complete) {
            true => self.by_fallback.iter().copied().collect(),
            false => Vec::new(),
        }
    }

    /// This device has left a peer that it had fallen back on.
    pub(crate) fn left(&mut self, peer: DeviceId) {
        for dial in self.of(peer) {
            dial.state.online = false;
            dial.state.error = None;
            dial.due = Some(Instant::now());
            dial.wait = Duration::from_millis(REDIAL_MIN_MS);
        }
        self.show();
    }

    /// Where a peer may be reached.
    pub(crate) fn addresses_of(&self, peer: DeviceId) -> Vec<Multiaddr> {
        let of_it = |dial: &Dial| dial.state.peer == Some(peer);
        let of_it = self.addresses.iter().filter(|(_, dial)| of_it(dial));
        of_it.map(|(address, _)| address.clone()).collect()
    }

    /// Whether discovery has found a peer in this network.
    pub(crate) fn is_near(&self, peer: DeviceId) -> bool {
        self.addresses.values().any(|dial| dial.discovered && dial.state.peer == Some(peer))
    }

    /// Everything that is not connected is due now.
    pub(crate) fn all_now(&mut self) {
        for dial in self.addresses.values_mut().filter(|dial| !dial.state.online) {
            dial.due = dial.due.map(|_| Instant::now());
            dial.wait = Duration::from_millis(REDIAL_MIN_MS);
            dial.state.attempts = 0;
            dial.in_vain = 0;
        }
        self.is_hurried = true;
        self.show();
    }

    /// Something shows that there is a network again: what could not be reached is due now. What was
    /// refused, or is another machine's turn, is not.
    pub(crate) fn link_is_back(&mut self) {
        // What is to fall back on gives way to the others anew.
        self.alone_since = self.alone_since.map(|_| Instant::now());
        self.addresses.values_mut().for_each(|dial| dial.in_vain = 0);
        self.unreachable_are_due();
    }

    fn unreachable_are_due(&mut self) {
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
        let of_it = || self.addresses.values().filter(|dial| dial.state.peer == Some(peer));
        if of_it().count() > 0 && of_it().all(|dial| dial.is_fallback) {
            self.by_fallback.insert(peer);
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
        let is_known = self.addresses.values().any(|dial| dial.state.peer == Some(peer));
        if is_known && !self.addresses.values().any(|dial| dial.state.online) {
            self.unreachable_are_due();
        }
        for dial in self.of(peer) {
            dial.state.online = true;
            dial.state.error = None;
            dial.due = None;
            dial.in_vain = 0;
        }
        self.show();
    }

    /// A substream with the peer has lasted: the next wait begins short.
    pub(crate) fn stable(&mut self, peer: DeviceId) {
        for dial in self.of(peer) {
            dial.wait = Duration::from_millis(REDIAL_MIN_MS);
        }
    }

    /// A substream ended, or could not be opened; trying again soon may help. It is not known which of
    /// the peer's addresses are still good: all are tried as soon as the most hopeful of them.
    pub(crate) fn failed(&mut self, peer: DeviceId, error: &str) {
        let least = self.of(peer).map(|dial| dial.wait).min();
        for dial in self.of(peer) {
            dial.wait = least.unwrap_or(dial.wait);
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
            dial.in_vain += 1;
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
                dial.in_vain += 1;
                dial.retry(code);
            }
        }
        self.show();
    }

    fn of(&mut self, peer: DeviceId) -> impl Iterator<Item = &mut Dial> {
        self.addresses.values_mut().filter(move |dial| dial.state.peer == Some(peer))
    }

    fn show(&self) {
        let state = |(address, dial): (&Multiaddr, &Dial)| {
            let standby = self.is_standby(address);
            (address.to_string(), DialState { standby, ..dial.state.clone() })
        };
        let states = self.addresses.iter().map(state);
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

#[cfg(test)]
mod tests;

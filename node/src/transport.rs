//! libp2p: bytes and peers only. TCP, Noise and Yamux; one substream with each peer; mDNS in an
//! office; static addresses everywhere. What the bytes mean is none of its business.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{AsyncReadExt, FutureExt, StreamExt};
use libp2p::core::ConnectedPoint;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, mdns};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::identity::{DeviceId, DeviceKeys};
use crate::limits::HELLO_TIMEOUT_MS;
use crate::path::{Path, Via};
use crate::sync::wire::Frame;
use crate::sync::{Disposition, PeerError};

mod address;
mod counted;
mod dial;
mod doubt;
mod frames;
mod fused;
mod outbox;
mod prompt;
mod relay;
mod slept;
mod swarm;
mod ways;

pub(crate) use address::check_address;
pub(crate) use counted::WireBytes;
pub(crate) use dial::{DialState, Dials, unanswered};
pub(crate) use relay::Guests;

use address::{device_of, is_circuit, peer_id_of, peer_in};
use counted::Counted;
use doubt::Doubts;
use frames::{read, write};
use fused::Fused;
use outbox::{Outbox, outbox};
use relay::Reservations;
use slept::Slept;
use swarm::{Behaviour, BehaviourEvent};
use ways::Ways;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/shouwang/sync/1");

/// Connecting, Noise and the opening of a substream each take two or three round trips: at 2 s
/// each on a bad day 10 s (libp2p's default) is not enough.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(HELLO_TIMEOUT_MS);

/// A substream that has lasted so long was a good one: the next wait is short again.
const STABLE: Duration = Duration::from_secs(60);

/// Time for a connection to be closed on this side.
const CLOSING: Duration = Duration::from_millis(200);

/// Time for the reason of a hang-up to leave before the connection is closed.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// A crossed dial is settled by key within this time; later, a peer that opens a new substream has
/// lost the old one, whatever it looks like from here.
const CROSSED_DIAL: Duration = Duration::from_secs(20);

/// Frames between transport and engine: a few full windows, at most 4 MiB.
const FRAMES_WAITING: usize = 64;

/// Which of several substreams with one peer, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Substream(pub(crate) u64);

/// What the transport tells the engine's thread.
#[derive(Debug)]
pub(crate) enum Notice {
    Up(DeviceId, Substream, Path),
    Down(DeviceId, Substream),
    Frame(DeviceId, Substream, Vec<u8>),
    Oversized(DeviceId, Substream, u64),
}

/// What the engine's thread tells the transport.
#[derive(Debug)]
pub(crate) enum Order {
    Send(DeviceId, Substream, Vec<u8>),
    Hangup(DeviceId, Substream, PeerError),
    /// What this substream brought is durable: it was worth dialling for, however soon it ends.
    Moved(DeviceId, Substream),
    /// What was sent over it is not acknowledged: perhaps the link is dead.
    Silent(DeviceId, Substream),
    /// Both hold everything.
    Complete(DeviceId, Substream),
    /// The peer has proved its grant; whether it is above this device.
    Proved(DeviceId, Substream, bool),
    /// Nothing more of this peer's is carried for others.
    TurnOut(DeviceId),
    /// Dial everything now that is not connected.
    DialNow,
    /// Remember and dial an address.
    Address(String),
}

/// Why the transport cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("{0:?} is no libp2p address")]
    Address(String),
    #[error("cannot listen: {0}")]
    Listen(String),
    #[error("{0} is in use")]
    InUse(String),
    #[error("cannot set up the network: {0}")]
    SetUp(String),
}

/// How a transport is set up.
pub(crate) struct Options<'a> {
    /// libp2p multiaddresses to listen on.
    pub(crate) listen: &'a [String],
    /// Whether to look for peers in the local network, and to be found there.
    pub(crate) mdns: bool,
    /// Whom to carry circuits for, if for anybody.
    pub(crate) guests: Option<Guests>,
    /// Where bytes are counted.
    pub(crate) wire: WireBytes,
}

struct Active {
    substream: Substream,
    opener: DeviceId,
    since: Instant,
    frames: Outbox,
    heard: WireBytes,
    /// All that there were with the peer when it began.
    connections: Vec<ConnectionId>,
    /// Stops the task that reads: after a hang-up nothing more is taken from the peer.
    reader: tokio::task::AbortHandle,
    /// Stops the task that writes, which keeps what the peer does not read.
    writer: tokio::task::AbortHandle,
}

/// The task that owns the swarm.
pub(crate) struct Transport {
    own: DeviceId,
    swarm: Swarm<Behaviour>,
    incoming: libp2p_stream::IncomingStreams,
    active: BTreeMap<DeviceId, Active>,
    /// Peers to which a substream is being opened.
    opening: BTreeSet<DeviceId>,
    dials: Dials,
    ways: Ways,
    doubts: Doubts,
    reservations: Reservations,
    next_substream: u64,
    notices: mpsc::Sender<Notice>,
    orders: mpsc::UnboundedReceiver<Order>,
    opened: (mpsc::UnboundedSender<Opened>, mpsc::UnboundedReceiver<Opened>),
    closed: (mpsc::UnboundedSender<Closed>, mpsc::UnboundedReceiver<Closed>),
    hang_ups: (mpsc::UnboundedSender<HangUp>, mpsc::UnboundedReceiver<HangUp>),
}

type Opened = (DeviceId, Result<libp2p::Stream, String>);
type Closed = (DeviceId, Substream, Ending);

/// What is closed once the last words have had their time.
#[derive(Debug)]
enum HangUp {
    /// The connections that there were. New ones with the same peer stay, and so do dials.
    These(Vec<ConnectionId>),
    /// All that there is with a peer.
    All(DeviceId),
}

/// How a substream ended, as far as its bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It broke, or was closed.
    Lost,
    /// The peer said that another substream with this device's key has taken its place.
    Replaced,
}

/// The ends that the engine's thread holds.
pub(crate) struct Ends {
    pub(crate) notices: mpsc::Receiver<Notice>,
    pub(crate) orders: mpsc::UnboundedSender<Order>,
}

impl Transport {
    /// Sets up the swarm and listens. Returns the addresses that others can dial.
    pub(crate) async fn start(
        keys: &DeviceKeys,
        dials: Dials,
        options: Options<'_>,
    ) -> Result<(Self, Ends, Vec<String>), TransportError> {
        let own = keys.device();
        let mut swarm = swarm::swarm(keys, &options)?;
        let mut control = swarm.behaviour().stream.new_control();
        let incoming =
            control.accept(PROTOCOL).map_err(|error| TransportError::SetUp(error.to_string()))?;
        let (listening, reservations) = swarm::listen(&mut swarm, options.listen).await?;
        let (notices, notices_end) = mpsc::channel(FRAMES_WAITING);
        let (orders_end, orders) = mpsc::unbounded_channel();
        let transport = Self {
            own,
            swarm,
            incoming,
            active: BTreeMap::new(),
            opening: BTreeSet::new(),
            dials,
            ways: Ways::default(),
            doubts: Doubts::default(),
            reservations,
            next_substream: 0,
            notices,
            orders,
            opened: mpsc::unbounded_channel(),
            closed: mpsc::unbounded_channel(),
            hang_ups: mpsc::unbounded_channel(),
        };
        Ok((transport, Ends { notices: notices_end, orders: orders_end }, listening))
    }

    /// Runs until the engine's thread is gone.
    pub(crate) async fn run(mut self) {
        let mut slept = Slept::new();
        loop {
            let due = self.dials.next_due();
            let due = self.reservations.next_due().map_or(due, |at| at.min(due));
            let look = slept.next_look();
            tokio::select! {
                event = self.swarm.select_next_some() => self.swarm_event(event).await,
                Some((peer, stream)) = self.incoming.next() => {
                    if let Some(peer) = device_of(&peer) {
                        self.adopt(peer, peer, stream).await;
                    }
                }
                Some((peer, stream)) = self.opened.1.recv() => {
                    self.opening.remove(&peer);
                    match stream {
                        Ok(stream) => self.adopt(peer, self.own, stream).await,
                        Err(error) => {
                            tracing::debug!(peer = %peer.short(), error, "no substream");
                            self.dials.failed(peer, &error);
                        }
                    }
                }
                Some((peer, substream, ending)) = self.closed.1.recv() => {
                    let error = (ending == Ending::Replaced).then(replaced);
                    self.ended(peer, substream, error).await;
                }
                Some(hang_up) = self.hang_ups.1.recv() => self.hang_up(hang_up),
                order = self.orders.recv() => match order {
                    None => return,
                    Some(order) => self.order(order).await,
                },
                () = tokio::time::sleep_until(due) => self.dial_due(),
                () = tokio::time::sleep_until(look) => {
                    if slept.look() {
                        self.link_is_back();
                    }
                }
            }
        }
    }

    fn dial_due(&mut self) {
        self.reservations.ask(&mut self.swarm);
        for address in self.dials.due() {
            // A peer that has a substream already needs no second connection.
            let busy = peer_in(&address).is_some_and(|peer| self.active.contains_key(&peer));
            if busy {
                self.dials.connected(&address);
            } else if let Err(error) = self.swarm.dial(address.clone()) {
                self.dials.failed_address(&address, &error.to_string());
            }
        }
    }

    fn link_is_back(&mut self) {
        self.dials.link_is_back();
        self.reservations.link_is_back();
    }

    async fn swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                let Some(peer) = device_of(&peer_id) else { return };
                if let Some(doubt) = self.doubts.ends(connection_id) {
                    self.swarm.close_connection(connection_id);
                    if doubt.still() {
                        tracing::info!(peer = %peer.short(), "its link is dead: dialling anew");
                        self.dials.stable(peer);
                        // At once, so that the next substream is opened on none of them.
                        self.hang_up(HangUp::These(self.ways.connections(peer)));
                        self.ended(peer, doubt.substream, None).await;
                    }
                    return;
                }
                self.ways.opened(peer, connection_id, &endpoint);
                if let ConnectedPoint::Dialer { address, .. } = &endpoint {
                    self.reached(peer, peer_id, connection_id, address);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                if let Some(peer) = device_of(&peer_id) {
                    self.ways.closed(peer, connection_id);
                }
            }
            SwarmEvent::NewListenAddr { listener_id, .. } => {
                // A cable, a card or a telephone was plugged in.
                let is_at_relay = self.reservations.granted(listener_id);
                if !is_at_relay {
                    self.link_is_back();
                }
            }
            SwarmEvent::ListenerClosed { listener_id, .. } => self.reservations.lost(listener_id),
            SwarmEvent::OutgoingConnectionError { peer_id, error, connection_id } => {
                tracing::debug!(%error, "no connection");
                // What stands beside it has not failed yet.
                if self.doubts.ends(connection_id).is_some() {
                    return;
                }
                self.dials.dial_failed(peer_id.as_ref().and_then(device_of), &error);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(found))) => {
                // Whoever is in this network is reached in it, not through a relay elsewhere.
                for (_, address) in found.into_iter().filter(|(_, address)| !is_circuit(address)) {
                    self.dials.discovered(address);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Expired(gone))) => {
                for (_, address) in gone {
                    self.dials.expired(&address);
                }
            }
            _ => {}
        }
    }

    /// A connection that this node has dialled stands: the first one with a peer gets a substream.
    fn reached(
        &mut self,
        peer: DeviceId,
        peer_id: PeerId,
        connection: ConnectionId,
        address: &Multiaddr,
    ) {
        self.dials.reached(address, peer);
        if self.active.contains_key(&peer) || !self.opening.insert(peer) {
            // Another way to the same peer. Nothing goes over it: the peer opens no substream on what
            // it has not dialled, and ours was asked for before.
            self.swarm.close_connection(connection);
            self.dials.online(peer);
            return;
        }
        // A substream is opened on any connection that stands: an older one, which has only its last words
        // to say or is dead, must not be among them.
        let older = self.ways.dialled(peer);
        let older: Vec<ConnectionId> = older.into_iter().filter(|id| *id != connection).collect();
        let wait = if older.is_empty() { Duration::ZERO } else { CLOSING };
        self.hang_up(HangUp::These(older));
        let mut control = self.swarm.behaviour().stream.new_control();
        let opened = self.opened.0.clone();
        let mut opening = Box::pin(async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            // `open_stream` can hang when the connection goes meanwhile.
            let stream = timeout(CONNECT_TIMEOUT, control.open_stream(peer_id, PROTOCOL));
            let stream = match stream.await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("opening a substream took too long".to_owned()),
            };
            let _ = opened.send((peer, stream));
        });
        // Polled once here, it is asked for on a connection that stands now, and on none that is
        // closed because it came later.
        let waits = opening.as_mut().now_or_never().is_none();
        if waits {
            tokio::spawn(opening);
        }
    }

    /// Takes a new substream, unless a better one with the peer is there: of a crossed dial the
    /// smaller key's substream survives, and both sides see it alike.
    async fn adopt(&mut self, peer: DeviceId, opener: DeviceId, stream: libp2p::Stream) {
        if let Some(active) = self.active.get(&peer) {
            let crossed = active.since.elapsed() < CROSSED_DIAL && active.opener != opener;
            // Whoever has opened one that stands needs no other: it has several addresses of the peer.
            let ours = active.opener == opener && opener == self.own;
            if ours || (crossed && active.opener < opener) {
                return;
            }
            let old = active.substream;
            if active.opener == opener {
                // Perhaps two machines with one key: whoever is turned out should know that it is
                // another's turn. After a crossed dial the peer sees for itself.
                let _ = active.frames.send(Frame::Close(PeerError::Replaced.code()).encode());
            }
            self.ended(peer, old, Some(PeerError::Replaced)).await;
        }
        let substream = Substream(self.next_substream);
        self.next_substream += 1;
        let heard = WireBytes::default();
        let (reader, writer) = Counted::new(Fused::new(stream), heard.clone()).split();
        let (frames, waiting) = outbox();
        let known = self.ways.path(peer, opener == self.own);
        let is_near = known.via == Some(Via::Lan) && self.dials.is_near(peer);
        let path = Path { is_near, ..known };
        if self.notices.send(Notice::Up(peer, substream, path)).await.is_err() {
            return;
        }
        let (notices, closed) = (self.notices.clone(), self.closed.0.clone());
        let reading = tokio::spawn(async move {
            let mut ending = Ending::Lost;
            let of = (peer, substream);
            if let Err(error) = read(of, reader, &notices, &mut ending).await {
                tracing::debug!(peer = %peer.short(), %error, "substream ended");
            }
            let _ = closed.send((peer, substream, ending));
        });
        let closed = self.closed.0.clone();
        let writing = tokio::spawn(async move {
            if let Err(error) = write(writer, waiting).await {
                tracing::debug!(peer = %peer.short(), %error, "cannot write");
                let _ = closed.send((peer, substream, Ending::Lost));
            }
        });
        let (reader, writer) = (reading.abort_handle(), writing.abort_handle());
        let since = Instant::now();
        let connections = self.ways.connections(peer);
        let active =
            Active { substream, opener, since, frames, heard, connections, reader, writer };
        self.active.insert(peer, active);
        self.dials.online(peer);
    }

    async fn order(&mut self, order: Order) {
        match order {
            Order::Send(peer, substream, frame) => {
                let active = self.active.get(&peer).filter(|a| a.substream == substream);
                if active.is_some_and(|active| active.frames.send(frame).is_err()) {
                    tracing::info!(peer = %peer.short(), "it does not read what is sent");
                    self.ended(peer, substream, Some(PeerError::Unread)).await;
                }
            }
            Order::Hangup(peer, substream, error) => {
                self.ended(peer, substream, Some(error)).await;
            }
            Order::Moved(peer, substream) => {
                if self.active.get(&peer).is_some_and(|active| active.substream == substream) {
                    self.dials.stable(peer);
                }
            }
            Order::Silent(peer, substream) => self.doubt(peer, substream),
            Order::Complete(peer, substream) => {
                if self.active.get(&peer).is_some_and(|active| active.substream == substream) {
                    for unneeded in self.dials.unneeded(peer) {
                        self.leave(unneeded).await;
                    }
                }
            }
            Order::Proved(peer, substream, is_above) => {
                if self.active.get(&peer).is_some_and(|active| active.substream == substream) {
                    self.dials.proved(peer, is_above);
                }
            }
            Order::TurnOut(peer) => {
                // If it is in session that ends by itself, with a reason that has to arrive.
                let hang_up = self.hang_ups.0.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(LAST_WORDS).await;
                    let _ = hang_up.send(HangUp::All(peer));
                });
            }
            Order::DialNow => self.dials.all_now(),
            Order::Address(address) => {
                if let Ok(address) = address.parse() {
                    self.dials.add(address);
                }
            }
        }
    }

    /// Tries another connection beside one that says nothing, where it was this node that dialled.
    fn doubt(&mut self, peer: DeviceId, substream: Substream) {
        let dialled = |active: &&Active| active.substream == substream && active.opener == self.own;
        let Some(active) = self.active.get(&peer).filter(dialled) else { return };
        let Some(peer_id) = peer_id_of(peer) else { return };
        let options = DialOpts::peer_id(peer_id)
            .condition(PeerCondition::Always)
            .addresses(self.dials.addresses_of(peer))
            .build();
        let trial = options.connection_id();
        if self.swarm.dial(options).is_ok() {
            self.doubts.tries(trial, substream, &active.heard);
        }
    }

    fn hang_up(&mut self, hang_up: HangUp) {
        match hang_up {
            HangUp::These(connections) => {
                for connection in connections {
                    self.swarm.close_connection(connection);
                }
            }
            HangUp::All(peer) => {
                if let Some(peer) = peer_id_of(peer) {
                    let _ = self.swarm.disconnect_peer_id(peer);
                }
            }
        }
    }

    /// Ends a session that is not needed any more.
    async fn leave(&mut self, peer: DeviceId) {
        let Some(substream) = self.active.get(&peer).map(|active| active.substream) else { return };
        self.ended(peer, substream, None).await;
        self.dials.left(peer);
    }

    /// The substream is over. The connection goes with it, after what was still to be written.
    async fn ended(&mut self, peer: DeviceId, substream: Substream, error: Option<PeerError>) {
        if self.active.get(&peer).is_none_or(|active| active.substream != substream) {
            return;
        }
        let Some(active) = self.active.remove(&peer) else { return };
        active.reader.abort();
        self.dials.parted(peer);
        if active.since.elapsed() >= STABLE {
            self.dials.stable(peer);
        }
        // The writer still has the reason to say; then the connection goes too.
        let hang_up = self.hang_ups.0.clone();
        // Connections that came later are the next session's; of a crossed dial nobody knows whose they are.
        let is_crossed = active.since.elapsed() < CROSSED_DIAL;
        let connections = match &error {
            Some(PeerError::Replaced) if is_crossed => Vec::new(),
            _ => active.connections.clone(),
        };
        match &error {
            // The peer is gone, or has said why: there is nothing to answer.
            None | Some(PeerError::Told(_)) => {
                active.writer.abort();
                self.hang_up(HangUp::These(connections));
            }
            Some(_) => {
                tokio::spawn(async move {
                    tokio::time::sleep(LAST_WORDS).await;
                    active.writer.abort();
                    let _ = hang_up.send(HangUp::These(connections));
                });
            }
        }
        match &error {
            Some(PeerError::Replaced) => {}
            Some(PeerError::Told(code)) if *code == PeerError::Replaced.code() => {
                self.dials.replaced(peer);
            }
            Some(error) if error.disposition() == Disposition::RetryLater => {
                self.dials.refused(peer, &error.code());
            }
            Some(error) => self.dials.failed(peer, &error.code()),
            None => self.dials.failed(peer, dial::LINK_LOST),
        }
        let _ = self.notices.send(Notice::Down(peer, substream)).await;
    }
}

/// What the peer says when another substream with this device's key has taken one's place.
fn replaced() -> PeerError {
    PeerError::Told(PeerError::Replaced.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{FRAME_BYTES_MAX, QUEUED_BYTES_MAX};

    async fn started(seed: u8, dial: Option<&str>) -> (DeviceId, Ends, String) {
        let keys = DeviceKeys::from_secret(&[seed; 64]);
        let (dials, _shown) = Dials::new(dial.map(|address| address.parse().unwrap()), []);
        let listen = ["/ip4/127.0.0.1/tcp/0".to_owned()];
        let wire = WireBytes::default();
        let options = Options { listen: &listen, mdns: false, guests: None, wire };
        let started = Transport::start(&keys, dials, options).await;
        let (transport, ends, addresses) = started.unwrap();
        tokio::spawn(transport.run());
        (keys.device(), ends, addresses[0].clone())
    }

    /// One that listens at, and one that dials through, a relay that carries these guests.
    async fn carried(guests: &[u8]) -> (Ends, std::collections::BTreeMap<String, DialState>) {
        let keys = |seed| DeviceKeys::from_secret(&[seed; 64]);
        let start = async |seed, listen: String, dial: Option<&str>, guests: Option<Guests>| {
            let address = |text: &str| text.parse::<Multiaddr>().unwrap();
            let (dials, shown) = Dials::new(dial.map(address), []);
            let wire = WireBytes::default();
            let options = Options { listen: &[listen], mdns: false, guests, wire };
            let started = Transport::start(&keys(seed), dials, options).await;
            let (transport, ends, addresses) = started.unwrap();
            tokio::spawn(transport.run());
            (ends, shown, addresses[0].clone())
        };
        let known = Guests::default();
        known.set(guests.iter().map(|seed| keys(*seed).device()).collect());
        let socket = "/ip4/127.0.0.1/tcp/0".to_owned();
        let (mut relay, _, at) = start(1, socket.clone(), None, Some(known)).await;
        let (_two, _, address) = start(2, format!("{at}/p2p-circuit"), None, None).await;
        // It is at the relay, and asks there, again and again if it is refused.
        assert!(matches!(relay.notices.recv().await, Some(Notice::Up(..))));
        let (mut three, shown, _) = start(3, socket, Some(&address), None).await;
        let two = keys(2).device();
        loop {
            tokio::select! {
                notice = three.notices.recv() => {
                    if matches!(notice, Some(Notice::Up(peer, ..)) if peer == two) {
                        break;
                    }
                }
                () = tokio::time::sleep(Duration::from_millis(20)) => {
                    if shown.lock().unwrap().values().all(|dial| dial.attempts > 2) {
                        break;
                    }
                }
            }
        }
        let shown = shown.lock().unwrap().clone();
        (three, shown)
    }

    #[test]
    fn a_relay_carries_its_guests_and_nobody_else() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (guests, with_stranger, without_listener) = runtime
            .block_on(async { tokio::join!(carried(&[2, 3]), carried(&[2]), carried(&[3])) });
        for (_ends, shown) in [with_stranger, without_listener] {
            assert!(shown.values().all(|dial| !dial.online), "{shown:?}");
        }
        assert!(guests.1.values().all(|dial| dial.error.is_none()), "{:?}", guests.1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_peer_that_does_not_read_is_hung_up_on() {
        let (_, mut one, address) = started(1, None).await;
        // Its engine takes nothing: what is on the way fills up, and then nothing is read.
        let (_, _deaf, _) = started(2, Some(&address)).await;
        let up = one.notices.recv().await;
        let Some(Notice::Up(peer, substream, _)) = up else { panic!("{up:?}") };
        let frame = vec![7; FRAME_BYTES_MAX];
        // What waits here, what its engine has not taken, and a megabyte in between.
        let most = QUEUED_BYTES_MAX / FRAME_BYTES_MAX + FRAMES_WAITING + 16;
        for _ in 0..4 * most {
            one.orders.send(Order::Send(peer, substream, frame.clone())).unwrap();
        }
        let down = timeout(CONNECT_TIMEOUT, one.notices.recv()).await.unwrap();
        assert!(
            matches!(down, Some(Notice::Down(at, of)) if (at, of) == (peer, substream)),
            "{down:?}"
        );
    }
}

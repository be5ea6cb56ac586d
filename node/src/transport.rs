//! libp2p: bytes and peers only. TCP, Noise and Yamux; one substream with each peer; mDNS in an
//! office; static addresses everywhere. What the bytes mean is none of its business.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::core::transport::Transport as _;
use libp2p::core::upgrade::Version;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, mdns, noise, tcp, yamux};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::identity::{DeviceId, DeviceKeys};
use crate::limits::{
    FRAME_BYTES_MAX, HELLO_TIMEOUT_MS, PROMPT_BYTES, SESSIONS_MAX, SILENCE_TIMEOUT_MS,
};
use crate::sync::wire::Frame;
use crate::sync::{Disposition, PeerError};

mod counted;
mod dial;
mod outbox;
mod prompt;
mod slept;

pub(crate) use counted::WireBytes;
pub(crate) use dial::{DialState, Dials};

use outbox::{Outbox, Waiting, outbox};
use slept::Slept;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/shouwang/sync/1");

/// Connecting, Noise and the opening of a substream each take two or three round trips: at 2 s
/// each on a bad day 10 s (libp2p's default) is not enough.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(HELLO_TIMEOUT_MS);

/// A substream that has lasted so long was a good one: the next wait is short again.
const STABLE: Duration = Duration::from_secs(60);

/// Time for the reason of a hang-up to leave before the connection is closed.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How long to wait for one more network interface to be heard of.
const INTERFACES: Duration = Duration::from_millis(100);

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
    Up(DeviceId, Substream),
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

#[derive(NetworkBehaviour)]
struct Behaviour {
    limits: libp2p::connection_limits::Behaviour,
    stream: libp2p_stream::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
}

struct Active {
    substream: Substream,
    opener: DeviceId,
    since: Instant,
    frames: Outbox,
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
    next_substream: u64,
    notices: mpsc::Sender<Notice>,
    orders: mpsc::UnboundedReceiver<Order>,
    opened: (mpsc::UnboundedSender<Opened>, mpsc::UnboundedReceiver<Opened>),
    closed: (mpsc::UnboundedSender<Closed>, mpsc::UnboundedReceiver<Closed>),
    hang_ups: (mpsc::UnboundedSender<DeviceId>, mpsc::UnboundedReceiver<DeviceId>),
}

type Opened = (DeviceId, Result<libp2p::Stream, String>);
type Closed = (DeviceId, Substream, Ending);

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
        listen: &[String],
        dials: Dials,
        with_mdns: bool,
        wire: WireBytes,
    ) -> Result<(Self, Ends, Vec<String>), TransportError> {
        let own = keys.device();
        let mut swarm = swarm(keys, with_mdns, wire)?;
        let mut control = swarm.behaviour().stream.new_control();
        let incoming =
            control.accept(PROTOCOL).map_err(|error| TransportError::SetUp(error.to_string()))?;
        for text in listen {
            let address = check_address(text)?;
            probe(&address, text)?;
            swarm.listen_on(address).map_err(|error| TransportError::Listen(chain(&error)))?;
        }
        let listening = addresses(&mut swarm, listen.len()).await?;
        let (notices, notices_end) = mpsc::channel(FRAMES_WAITING);
        let (orders_end, orders) = mpsc::unbounded_channel();
        let transport = Self {
            own,
            swarm,
            incoming,
            active: BTreeMap::new(),
            opening: BTreeSet::new(),
            dials,
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
            let look = slept.next_look();
            tokio::select! {
                event = self.swarm.select_next_some() => self.swarm_event(event),
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
                Some(peer) = self.hang_ups.1.recv() => {
                    if !self.active.contains_key(&peer)
                        && let Some(peer) = peer_id_of(peer)
                    {
                        let _ = self.swarm.disconnect_peer_id(peer);
                    }
                }
                order = self.orders.recv() => match order {
                    None => return,
                    Some(order) => self.order(order).await,
                },
                () = tokio::time::sleep_until(due) => self.dial_due(),
                () = tokio::time::sleep_until(look) => {
                    if slept.look() {
                        self.dials.link_is_back();
                    }
                }
            }
        }
    }

    fn dial_due(&mut self) {
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

    fn swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } if endpoint.is_dialer() => {
                let Some(peer) = device_of(&peer_id) else { return };
                self.dials.reached(endpoint.get_remote_address(), peer);
                if self.active.contains_key(&peer) || !self.opening.insert(peer) {
                    // Another way to the same peer.
                    self.dials.online(peer);
                    return;
                }
                let mut control = self.swarm.behaviour().stream.new_control();
                let opened = self.opened.0.clone();
                tokio::spawn(async move {
                    // `open_stream` can hang when the connection goes meanwhile.
                    let stream = timeout(CONNECT_TIMEOUT, control.open_stream(peer_id, PROTOCOL));
                    let stream = match stream.await {
                        Ok(Ok(stream)) => Ok(stream),
                        Ok(Err(error)) => Err(error.to_string()),
                        Err(_) => Err("opening a substream took too long".to_owned()),
                    };
                    let _ = opened.send((peer, stream));
                });
            }
            // A cable, a card or a telephone was plugged in.
            SwarmEvent::NewListenAddr { .. } => self.dials.link_is_back(),
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                tracing::debug!(%error, "no connection");
                self.dials.dial_failed(peer_id.as_ref().and_then(device_of), &error);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(found))) => {
                for (_, address) in found {
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
        let (reader, writer) = stream.split();
        let (frames, waiting) = outbox();
        if self.notices.send(Notice::Up(peer, substream)).await.is_err() {
            return;
        }
        let (notices, closed) = (self.notices.clone(), self.closed.0.clone());
        let reading = tokio::spawn(async move {
            let mut ending = Ending::Lost;
            if let Err(error) = read(peer, substream, reader, &notices, &mut ending).await {
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
        self.active.insert(peer, Active { substream, opener, since, frames, reader, writer });
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
            Order::DialNow => self.dials.all_now(),
            Order::Address(address) => {
                if let Ok(address) = address.parse() {
                    self.dials.add(address);
                }
            }
        }
    }

    /// The substream is over. The connection goes with it, after what was still to be written.
    async fn ended(&mut self, peer: DeviceId, substream: Substream, error: Option<PeerError>) {
        if self.active.get(&peer).is_none_or(|active| active.substream != substream) {
            return;
        }
        let Some(active) = self.active.remove(&peer) else { return };
        active.reader.abort();
        if active.since.elapsed() >= STABLE {
            self.dials.stable(peer);
        }
        // The writer still has the reason to say; then the connection goes too.
        let hang_up = self.hang_ups.0.clone();
        let is_replaced = matches!(error, Some(PeerError::Replaced));
        tokio::spawn(async move {
            tokio::time::sleep(LAST_WORDS).await;
            active.writer.abort();
            if !is_replaced {
                let _ = hang_up.send(peer);
            }
        });
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

fn swarm(
    keys: &DeviceKeys,
    with_mdns: bool,
    wire: WireBytes,
) -> Result<Swarm<Behaviour>, TransportError> {
    let set_up = |error: &dyn ToString| TransportError::SetUp(error.to_string());
    let mut seed: [u8; 32] = [0; 32];
    seed.copy_from_slice(&keys.secret()[..32]);
    let identity = libp2p::identity::Keypair::ed25519_from_bytes(seed).map_err(|e| set_up(&e))?;
    let mdns = match with_mdns {
        false => None,
        true => {
            // The default of five minutes is a long wait beside the machine that one looks for.
            let config = mdns::Config {
                query_interval: Duration::from_secs(30),
                ttl: Duration::from_secs(90),
                ..mdns::Config::default()
            };
            match mdns::tokio::Behaviour::new(config, identity.public().to_peer_id()) {
                Ok(behaviour) => Some(behaviour),
                Err(error) => {
                    tracing::warn!(%error, "no discovery in the local network");
                    None
                }
            }
        }
    };
    let transport = |identity: &libp2p::identity::Keypair| {
        let noise = noise::Config::new(identity)?;
        Ok::<_, noise::Error>(
            tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
                .map(move |stream, _| counted::Counted::new(stream, wire.clone()))
                // There is one protocol for each, so nobody waits to hear that it is agreed on: three
                // round trips less, four seconds at 1.2 s each.
                .upgrade(Version::V1Lazy)
                .authenticate(noise)
                .multiplex(prompt::OverPrompt(yamux::Config::default()))
                .timeout(CONNECT_TIMEOUT),
        )
    };
    let swarm = SwarmBuilder::with_existing_identity(identity)
        .with_tokio()
        .with_other_transport(|identity| {
            transport(identity).map_err(Box::<dyn std::error::Error + Send + Sync>::from)
        })
        .map_err(|e| set_up(&e))?
        .with_behaviour(|_| Behaviour {
            limits: libp2p::connection_limits::Behaviour::new(limits()),
            stream: libp2p_stream::Behaviour::new(),
            mdns: mdns.into(),
        })
        .map_err(|e| set_up(&e))?
        .with_swarm_config(|config| {
            // A session ends by its own rules; the connection only follows.
            config
                .with_idle_connection_timeout(Duration::from_millis(SILENCE_TIMEOUT_MS))
                .with_substream_upgrade_protocol_override(Version::V1Lazy)
        })
        .with_connection_timeout(CONNECT_TIMEOUT)
        .build();
    Ok(swarm)
}

/// libp2p listens with the port shared, so two nodes would both seem to listen on one. A plain
/// listener tells.
fn probe(address: &Multiaddr, text: &str) -> Result<(), TransportError> {
    let mut parts = address.iter();
    let ip: std::net::IpAddr = match parts.next() {
        Some(Protocol::Ip4(ip)) => ip.into(),
        Some(Protocol::Ip6(ip)) => ip.into(),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Protocol::Tcp(port)) if port != 0 => {
            std::net::TcpListener::bind((ip, port)).map(drop).map_err(|error| match error.kind() {
                io::ErrorKind::AddrInUse => TransportError::InUse(text.to_owned()),
                _ => TransportError::Listen(error.to_string()),
            })
        }
        _ => Ok(()),
    }
}

/// An error with its causes: libp2p's wrappers say nothing themselves.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
}

/// libp2p's defaults are no limits at all.
fn limits() -> libp2p::connection_limits::ConnectionLimits {
    let sessions = u32::try_from(SESSIONS_MAX).unwrap_or(u32::MAX);
    libp2p::connection_limits::ConnectionLimits::default()
        // Crossed dials over two addresses are four.
        .with_max_established_per_peer(Some(4))
        .with_max_pending_incoming(Some(128))
        .with_max_pending_outgoing(Some(128))
        // Each session may be about to be replaced.
        .with_max_established(Some(2 * sessions))
}

/// Reads an address.
pub(crate) fn check_address(text: &str) -> Result<Multiaddr, TransportError> {
    text.parse().map_err(|_| TransportError::Address(text.to_owned()))
}

/// Waits until the listeners have said where they listen: each at least once, and on a machine with
/// several networks a moment longer. Our peer id is added; loopback comes last.
async fn addresses(
    swarm: &mut Swarm<Behaviour>,
    listeners: usize,
) -> Result<Vec<String>, TransportError> {
    let own = *swarm.local_peer_id();
    let (mut found, mut heard) = (Vec::new(), std::collections::BTreeSet::new());
    if listeners == 0 {
        return Ok(Vec::new());
    }
    loop {
        let patience = if heard.len() < listeners { CONNECT_TIMEOUT } else { INTERFACES };
        match timeout(patience, swarm.select_next_some()).await {
            Ok(SwarmEvent::NewListenAddr { address, listener_id }) => {
                heard.insert(listener_id.to_string());
                let loopback = address.iter().any(|part| match part {
                    Protocol::Ip4(ip) => ip.is_loopback(),
                    Protocol::Ip6(ip) => ip.is_loopback(),
                    _ => false,
                });
                found.push((loopback, address.with(Protocol::P2p(own)).to_string()));
            }
            Ok(
                SwarmEvent::ListenerError { error, .. }
                | SwarmEvent::ListenerClosed { reason: Err(error), .. },
            ) => return Err(TransportError::Listen(chain(&error))),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    found.sort_by_key(|(loopback, _)| *loopback);
    Ok(found.into_iter().map(|(_, address)| address).collect())
}

/// What the peer says when another substream with this device's key has taken one's place.
fn replaced() -> PeerError {
    PeerError::Told(PeerError::Replaced.code())
}

/// Reads frames: a LEB128 length and so many bytes.
async fn read(
    peer: DeviceId,
    substream: Substream,
    reader: impl futures::AsyncRead + Unpin,
    notices: &mpsc::Sender<Notice>,
    ending: &mut Ending,
) -> io::Result<()> {
    let mut reader = futures::io::BufReader::new(reader);
    let gone = |_| io::Error::other("the node is shutting down");
    let last_words = Frame::Close(PeerError::Replaced.code()).encode();
    loop {
        let mut length = 0u64;
        for at in 0.. {
            let mut byte = [0];
            reader.read_exact(&mut byte).await?;
            length |= u64::from(byte[0] & 0x7f) << (7 * at);
            if byte[0] & 0x80 == 0 {
                break;
            }
            if at == 4 {
                length = u64::MAX;
                break;
            }
        }
        if length > FRAME_BYTES_MAX as u64 {
            let notice = Notice::Oversized(peer, substream, length);
            notices.send(notice).await.map_err(gone)?;
            // The engine hangs up, and says why: until then the substream has to stand.
            return std::future::pending().await;
        }
        let mut frame = vec![0; length as usize];
        reader.read_exact(&mut frame).await?;
        // The end may be seen here before the engine has read the reason.
        if frame == last_words {
            *ending = Ending::Replaced;
        }
        notices.send(Notice::Frame(peer, substream, frame)).await.map_err(gone)?;
    }
}

/// Writes frames, small ones together where they wait together. Ends when the substream was given up, with
/// everything written that was handed over before.
async fn write(
    mut writer: impl futures::AsyncWrite + Unpin,
    mut frames: Waiting,
) -> io::Result<()> {
    loop {
        let Some(first) = frames.next().await else { return writer.close().await };
        let mut piece = framed(&first);
        while piece.len() < PROMPT_BYTES
            && let Some(frame) = frames.try_next()
        {
            piece.extend(framed(&frame));
        }
        writer.write_all(&piece).await?;
        writer.flush().await?;
    }
}

/// A frame with its length before it.
fn framed(frame: &[u8]) -> Vec<u8> {
    let mut framed = crate::codec::Writer::new().count(frame.len()).finish();
    framed.extend(frame);
    framed
}

/// The libp2p peer id of a device.
fn peer_id_of(device: DeviceId) -> Option<PeerId> {
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

/// The peer that an address names, if it does.
pub(crate) fn peer_in(address: &Multiaddr) -> Option<DeviceId> {
    address.iter().find_map(|protocol| match protocol {
        Protocol::P2p(peer) => device_of(&peer),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::QUEUED_BYTES_MAX;

    async fn started(seed: u8, dial: Option<&str>) -> (DeviceId, Ends, String) {
        let keys = DeviceKeys::from_secret(&[seed; 64]);
        let (dials, _shown) = Dials::new(dial.map(|address| address.parse().unwrap()));
        let listen = ["/ip4/127.0.0.1/tcp/0".to_owned()];
        let started = Transport::start(&keys, &listen, dials, false, WireBytes::default()).await;
        let (transport, ends, addresses) = started.unwrap();
        tokio::spawn(transport.run());
        (keys.device(), ends, addresses[0].clone())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_peer_that_does_not_read_is_hung_up_on() {
        let (_, mut one, address) = started(1, None).await;
        // Its engine takes nothing: what is on the way fills up, and then nothing is read.
        let (_, _deaf, _) = started(2, Some(&address)).await;
        let up = one.notices.recv().await;
        let Some(Notice::Up(peer, substream)) = up else { panic!("{up:?}") };
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

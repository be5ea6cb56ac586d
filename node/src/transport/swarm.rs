//! The swarm: which transports, which behaviours, how many connections, and where it listens.

use std::io;
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::transport::Transport as _;
use libp2p::core::upgrade::Version;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, Swarm, SwarmBuilder, mdns, noise, relay, tcp, yamux};
use tokio::time::timeout;

use super::address::{check_address, is_circuit, is_loopback, naming};
use super::relay::{Reservations, carrier};
use super::{CONNECT_TIMEOUT, Options, TransportError, counted, prompt};
use crate::identity::DeviceKeys;
use crate::limits::{SESSIONS_MAX, SILENCE_TIMEOUT_MS};

/// How long to wait for one more network interface to be heard of.
const INTERFACES: Duration = Duration::from_millis(100);

/// What a node's connections are for.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) limits: libp2p::connection_limits::Behaviour,
    pub(super) stream: libp2p_stream::Behaviour,
    pub(super) mdns: Toggle<mdns::tokio::Behaviour>,
    /// Carries others' circuits, where this node may.
    pub(super) carrier: Toggle<relay::Behaviour>,
    /// Circuits of its own.
    pub(super) circuits: relay::client::Behaviour,
}

/// Sets it up, without listening yet.
pub(super) fn swarm(
    keys: &DeviceKeys,
    options: &Options<'_>,
) -> Result<Swarm<Behaviour>, TransportError> {
    let set_up = |error: &dyn ToString| TransportError::SetUp(error.to_string());
    let mut seed: [u8; 32] = [0; 32];
    seed.copy_from_slice(&keys.secret()[..32]);
    let identity = libp2p::identity::Keypair::ed25519_from_bytes(seed).map_err(|e| set_up(&e))?;
    let mdns = match options.mdns {
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
    let own = identity.public().to_peer_id();
    let (through_relays, circuits) = relay::client::new(own);
    let wire = options.wire.clone();
    // There is one protocol for each, so nobody waits to hear that it is agreed on: three round trips
    // less, four seconds at 1.2 s each.
    let relayed = |identity: &libp2p::identity::Keypair| {
        let noise = noise::Config::new(identity)?;
        // What goes through a relay is counted where it goes to the relay.
        let upgrade = through_relays.upgrade(Version::V1Lazy).authenticate(noise);
        let muxer = prompt::OverPrompt(yamux::Config::default());
        Ok::<_, noise::Error>(upgrade.multiplex(muxer).timeout(CONNECT_TIMEOUT))
    };
    let direct = |identity: &libp2p::identity::Keypair| {
        let noise = noise::Config::new(identity)?;
        Ok::<_, noise::Error>(
            tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
                .map(move |stream, _| counted::Counted::new(stream, wire.clone()))
                .upgrade(Version::V1Lazy)
                .authenticate(noise)
                .multiplex(prompt::OverPrompt(yamux::Config::default()))
                .timeout(CONNECT_TIMEOUT),
        )
    };
    type Boxed = Box<dyn std::error::Error + Send + Sync>;
    let swarm = SwarmBuilder::with_existing_identity(identity)
        .with_tokio()
        .with_other_transport(|identity| relayed(identity).map_err(Boxed::from))
        .map_err(|e| set_up(&e))?
        .with_other_transport(|identity| direct(identity).map_err(Boxed::from))
        .map_err(|e| set_up(&e))?
        .with_behaviour(|_| Behaviour {
            limits: libp2p::connection_limits::Behaviour::new(limits()),
            stream: libp2p_stream::Behaviour::new(),
            mdns: mdns.into(),
            carrier: options.guests.as_ref().map(|guests| carrier(own, guests)).into(),
            circuits,
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
        // Crossed dials over two addresses are four, until those too many are closed.
        .with_max_established_per_peer(Some(4))
        .with_max_pending_incoming(Some(128))
        .with_max_pending_outgoing(Some(128))
        // Each session may be about to be replaced.
        .with_max_established(Some(2 * sessions))
}

/// Listens. Returns the addresses that others can dial, with our peer id, loopback last, and what has
/// still to be reserved at relays.
pub(super) async fn listen(
    swarm: &mut Swarm<Behaviour>,
    texts: &[String],
) -> Result<(Vec<String>, Reservations), TransportError> {
    let own = *swarm.local_peer_id();
    let (mut own_sockets, mut at_relays) = (0, Vec::new());
    for text in texts {
        let address = check_address(text)?;
        if is_circuit(&address) {
            // The relay need not be there yet, but it has to be named.
            let mut parts = address.iter().collect::<Vec<_>>().into_iter().rev();
            let named = (parts.next(), parts.next());
            if !matches!(named, (Some(Protocol::P2pCircuit), Some(Protocol::P2p(_)))) {
                return Err(TransportError::Address(text.clone()));
            }
            at_relays.push(address);
            continue;
        }
        probe(&address, text)?;
        swarm.listen_on(address).map_err(|error| TransportError::Listen(chain(&error)))?;
        own_sockets += 1;
    }
    let mut found = sockets(swarm, own_sockets).await?;
    found.sort_by_key(is_loopback);
    if let Some(carrier) = swarm.behaviour_mut().carrier.as_mut() {
        carrier.set_status(Some(relay::Status::Enable));
        // Whoever reserves is told where; nobody else hears of it.
        let (near, far): (Vec<_>, Vec<_>) = found.iter().cloned().partition(is_loopback);
        for address in if far.is_empty() { near } else { far } {
            swarm.add_external_address(address);
        }
    }
    let found = found.iter().chain(&at_relays).map(|address| naming(address, own).to_string());
    Ok((found.collect(), Reservations::new(at_relays)))
}

/// Waits until the listeners have said where they listen: each at least once, and on a machine with
/// several networks a moment longer.
async fn sockets(
    swarm: &mut Swarm<Behaviour>,
    listeners: usize,
) -> Result<Vec<Multiaddr>, TransportError> {
    let (mut found, mut heard) = (Vec::new(), std::collections::BTreeSet::new());
    while listeners > 0 {
        let patience = if heard.len() < listeners { CONNECT_TIMEOUT } else { INTERFACES };
        match timeout(patience, swarm.select_next_some()).await {
            Ok(SwarmEvent::NewListenAddr { address, listener_id }) => {
                heard.insert(listener_id.to_string());
                found.push(address);
            }
            Ok(
                SwarmEvent::ListenerError { error, .. }
                | SwarmEvent::ListenerClosed { reason: Err(error), .. },
            ) => return Err(TransportError::Listen(chain(&error))),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    Ok(found)
}

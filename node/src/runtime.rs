//! Tokio drives the engine: one thread for the engine, tasks for the sockets, the admin API for
//! people. The only place, with [`crate::transport`], that knows clocks and randomness.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::admin::server;
use crate::command::status::{PeerState, Peers, PeersReport};
use crate::command::{CommandError, ErrorKind, Request};
use crate::home::{Home, HomeError, Node};
use crate::setup;
use crate::transport::{DialState, Dials, Order, Transport, TransportError, WireBytes};

mod thread;

pub(crate) use thread::{EngineHandle, now, seed};

/// How a node runs.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// libp2p multiaddresses to listen on; port 0 picks one.
    pub listen: Vec<String>,
    /// libp2p multiaddresses to dial beside those that the store remembers.
    pub peers: Vec<String>,
    /// Look for peers in the local network by mDNS.
    pub mdns: bool,
}

/// Where a node runs.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Addresses that others can dial, with the peer id.
    pub listening: Vec<String>,
    /// The admin API's address on loopback.
    pub admin: String,
}

/// A running node: what requests go to.
#[derive(Clone)]
pub(crate) struct Running {
    engine: EngineHandle,
    orders: mpsc::UnboundedSender<Order>,
    dials: Arc<Mutex<BTreeMap<String, DialState>>>,
    wire: WireBytes,
}

/// Runs the node until `shutdown` resolves. Everything that was reported as saved is on the disk.
pub async fn up(
    home: &Home,
    options: UpOptions,
    ready: impl FnOnce(Ready),
    shutdown: impl Future<Output = ()>,
) -> Result<(), HomeError> {
    let (running, listening, ended) = start(home, &options).await?;
    let served = server::serve(home, running.clone()).await.map_err(network)?;
    ready(Ready { listening, admin: served.address.clone() });
    tokio::select! {
        () = shutdown => {}
        () = ended.notified() => tracing::error!("the engine has stopped"),
    }
    served.stop();
    running.stop().await;
    Ok(())
}

/// Exchanges with every known peer that can be reached and returns when every exchange is done or
/// has failed, or the time is over: through the running node where one runs, otherwise by itself.
/// `progress` is called a few times a second.
pub async fn sync(
    home: &Home,
    peers: Vec<String>,
    timeout: Duration,
    mut progress: impl FnMut(&PeersReport),
) -> Result<PeersReport, HomeError> {
    let own = match home.running()? {
        Some(_) => None,
        None => {
            let options = UpOptions { listen: Vec::new(), peers: peers.clone(), mdns: true };
            Some(start(home, &options).await?.0)
        }
    };
    let watch = async {
        let mut link = match &own {
            Some(running) => Link::Here(running.clone()),
            None => Link::There(home.node()?),
        };
        link.dial_now(&peers).await?;
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let (report, dials) = link.look().await?;
            progress(&report);
            if settled(&report, &dials) || tokio::time::Instant::now() >= deadline {
                return Ok(report);
            }
        }
    };
    let report = watch.await;
    if let Some(running) = own {
        running.stop().await;
    }
    report
}

/// Whether every address is either in a complete exchange or has failed, and every session is
/// complete.
fn settled(report: &PeersReport, dials: &BTreeMap<String, DialState>) -> bool {
    let online: Vec<_> =
        report.peers.iter().filter(|peer| peer.state == PeerState::Online).collect();
    let tried = dials.values().all(|dial| dial.online || dial.attempts > 0);
    let nobody_yet = online.is_empty() && dials.is_empty();
    tried && !nobody_yet && online.iter().all(|peer| peer.done)
}

/// The node that `sync` watches.
enum Link {
    Here(Running),
    There(Node),
}

impl Link {
    async fn dial_now(&mut self, addresses: &[String]) -> Result<(), HomeError> {
        match self {
            Self::Here(running) => {
                running.dial_now(&[]);
                Ok(())
            }
            Self::There(node) => node.dial_now(addresses),
        }
    }

    async fn look(&mut self) -> Result<(PeersReport, BTreeMap<String, DialState>), HomeError> {
        match self {
            Self::Here(running) => {
                let report = running.call(Peers {}).await?;
                Ok((report, running.dials()))
            }
            Self::There(node) => Ok((node.call(Peers {})?, node.dials()?)),
        }
    }
}

impl Running {
    /// Carries out a request on the engine's thread.
    pub(crate) async fn call<R: Request>(&self, request: R) -> Result<R::Reply, CommandError> {
        self.engine.call(move |engine, now| request.execute(engine, now)).await?
    }

    /// Carries out a request that came as its name and JSON.
    pub(crate) async fn dispatch(
        &self,
        name: String,
        json: Vec<u8>,
    ) -> Result<Vec<u8>, CommandError> {
        let wire = self.wire.total();
        self.engine
            .call(move |engine, now| {
                engine.note_wire_bytes(wire);
                crate::command::dispatch(engine, now, &name, &json)
            })
            .await?
    }

    /// Dials these addresses and everything else that is not connected.
    pub(crate) fn dial_now(&self, addresses: &[String]) {
        for address in addresses {
            let _ = self.orders.send(Order::Address(address.clone()));
        }
        let _ = self.orders.send(Order::DialNow);
    }

    /// How it stands with each address.
    pub(crate) fn dials(&self) -> BTreeMap<String, DialState> {
        self.dials.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn stop(&self) {
        self.engine.stop().await;
    }
}

/// Opens the home and starts engine and transport.
async fn start(
    home: &Home,
    options: &UpOptions,
) -> Result<(Running, Vec<String>, Arc<tokio::sync::Notify>), HomeError> {
    let mut engine = home.open_engine()?;
    let remembered = setup::addresses(&engine.read().map_err(CommandError::from)?)
        .map_err(CommandError::from)?;
    let mut addresses = Vec::new();
    for text in options.peers.iter().chain(&remembered) {
        match text.parse() {
            Ok(address) => addresses.push(address),
            Err(_) => return Err(network(TransportError::Address(text.clone()))),
        }
    }
    let (dials, shown) = Dials::new(addresses);
    let wire = WireBytes::default();
    let started =
        Transport::start(engine.keys(), &options.listen, dials, options.mdns, wire.clone());
    let (transport, ends, listening) = started.await.map_err(network)?;
    engine.set_listening(listening.clone());
    tokio::spawn(transport.run());
    let orders = ends.orders.clone();
    let (handle, ended) = thread::spawn(engine, ends)?;
    Ok((Running { engine: handle, orders, dials: shown, wire }, listening, ended))
}

fn network(error: impl std::fmt::Display) -> HomeError {
    HomeError::Command(
        CommandError::new(ErrorKind::Failed, "network", &error).with("detail", error),
    )
}

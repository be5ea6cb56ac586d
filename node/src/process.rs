//! A node's process: what `up` and `sync` run.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use serde::{Deserialize, Serialize};

pub use crate::admin::server::{Link as PagesLink, PageLink, Pages};

use crate::admin::server;
use crate::command::custody::ReceiptAwaited;
use crate::command::device::AddressAdd;
use crate::command::status::{Peers, PeersReport};
use crate::command::{CommandError, ErrorKind, Request};
use crate::engine::Engine;
use crate::home::{Home, HomeError, Inside, Node, guarded};
use crate::identity::DeviceId;
use crate::limits::RECEIPT_WAIT_MS;
use crate::machine::now;
use crate::runtime::{Running, Started, UpOptions, network, start};
use crate::store::damaged;
use crate::transport::{DialState, check_address, unanswered};

/// How long to look for anybody in the local network where no address is known.
const DISCOVERY: Duration = Duration::from_secs(12);

/// Where a node runs.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Addresses that others can dial, with the peer id.
    pub listening: Vec<String>,
    /// The admin API's address on loopback.
    pub admin: String,
}

/// Runs the node until `shutdown` resolves, with pages for a browser on the admin address if there
/// are any. Everything that was reported as saved is on the disk.
pub async fn up(
    home: &Home,
    options: UpOptions,
    pages: Option<impl FnOnce(Inside) -> Pages>,
    ready: impl FnOnce(Ready),
    shutdown: impl Future<Output = ()>,
) -> Result<(), HomeError> {
    let mut engine = home.open_engine()?;
    guarded(|| remember(&mut engine, &options.peers))??;
    let device = engine.device();
    let Started { running, listening, ended } = begin(engine, &options).await?;
    let machine = home.clone();
    let look = Arc::new(move |unanswered| machine.machine_with(unanswered, true));
    let inside = || Inside::new(running.clone(), tokio::runtime::Handle::current());
    let pages = pages.map(|pages| pages(inside()));
    let served = server::serve(home.path(), device, running.clone(), &options, look, pages).await;
    let served = served.map_err(|error| admin_port(error, &options))?;
    ready(Ready { listening, admin: served.address.clone() });
    let failed = tokio::select! {
        () = shutdown => false,
        () = ended.notified() => true,
    };
    served.stop();
    running.stop().await;
    match failed {
        false => Ok(()),
        true => Err(HomeError::Command(CommandError::new(
            ErrorKind::Failed,
            "node_stopped",
            "the store failed, and the node has stopped; what was reported as saved is on the disk",
        ))),
    }
}

fn admin_port(error: std::io::Error, options: &UpOptions) -> CommandError {
    match options.admin_port {
        Some(port) if error.kind() == std::io::ErrorKind::AddrInUse => {
            CommandError::new(ErrorKind::Failed, "admin_port_in_use", &error).with("port", port)
        }
        Some(port) => CommandError::new(ErrorKind::Failed, "admin_port", &error)
            .with("port", port)
            .with("detail", error),
        None => network(error),
    }
}

/// What an exchange with everybody came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// How it stands with each peer.
    #[serde(flatten)]
    pub peers: PeersReport,
    /// Addresses at which nobody answered.
    pub unanswered: Vec<String>,
}

/// Exchanges with every known peer that can be reached and returns when every exchange is done or
/// has failed, or the time is over: through the running node where one runs, otherwise by itself.
/// `progress` is called a few times a second.
pub async fn sync(
    home: &Home,
    peers: Vec<String>,
    timeout: Duration,
    mut progress: impl FnMut(&PeersReport),
) -> Result<Synced, HomeError> {
    let own = match home.running()? {
        Some(_) => None,
        None => {
            let (listen, peers) = (Vec::new(), peers.clone());
            let options = UpOptions {
                listen,
                peers,
                mdns: true,
                relay: false,
                admin_port: None,
                metrics_token: None,
            };
            let mut engine = home.open_engine()?;
            guarded(|| remember(&mut engine, &options.peers))??;
            // What was counted before anything moved.
            progress(&guarded(|| Peers {}.execute(&mut engine, now()))??);
            Some(begin(engine, &options).await?.running)
        }
    };
    let watch = async {
        let mut link = match &own {
            Some(running) => Link::Here(running.clone()),
            None => Link::There(home.node()?),
        };
        progress(&link.look().await?.0);
        link.dial_now(&peers).await?;
        let begun = tokio::time::Instant::now();
        let deadline = begun + timeout;
        let mut settled_at = None;
        // Bytes that have gone and come, and since when there were no more.
        let mut rest = (0, begun);
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let (report, dials) = link.look().await?;
            progress(&report);
            let now = tokio::time::Instant::now();
            let nobody = dials.is_empty() && report.peers.iter().all(|peer| !peer.in_session);
            let waited_enough = now >= deadline || (nobody && now >= begun + DISCOVERY);
            let bytes = report.peers.iter().map(|peer| peer.bytes_sent + peer.bytes_received).sum();
            if bytes != rest.0 {
                rest = (bytes, now);
            }
            // What is urgent and not known here yet may be on its way while everyday records wait.
            let is_quiet = now >= rest.1 + Duration::from_millis(RECEIPT_WAIT_MS);
            let is_settled = !nobody && settled(&report, &dials, is_quiet);
            // Whoever holds now what we wrote is about to say so.
            let hopeful = tokio::time::Duration::from_millis(RECEIPT_WAIT_MS);
            let since = *settled_at.get_or_insert(now);
            if !is_settled {
                settled_at = None;
            }
            let awaited = is_settled && now < since + hopeful && link.awaits_receipt().await?;
            if (is_settled && !awaited) || waited_enough {
                return Ok(Synced { peers: report, unanswered: unanswered(&dials) });
            }
        }
    };
    let report = watch.await;
    if let Some(running) = own {
        running.stop().await;
    }
    report
}

/// Whether every address is either in an exchange or has failed, and every session has come as far
/// as it can: one that is held back, once nothing moves any more.
fn settled(report: &PeersReport, dials: &BTreeMap<String, DialState>, is_quiet: bool) -> bool {
    let known = |device: &DeviceId| report.peers.iter().find(|peer| peer.device == *device);
    let tried = dials.values().all(|dial| {
        // A substream that the engine has not heard of yet is no outcome.
        let heard = dial.peer.as_ref().and_then(known).is_some_and(|peer| {
            peer.in_session || peer.last_error.is_some() || peer.last_done_ms.is_some()
        });
        (dial.online && heard) || dial.attempts > 0 || dial.standby
    });
    tried
        && report
            .peers
            .iter()
            .filter(|peer| peer.in_session)
            .all(|peer| peer.settled || (peer.held_back && is_quiet))
}

/// Whether a text is an address that can be dialled or listened on, such as
/// `/ip4/127.0.0.1/tcp/4420`.
pub fn is_address(text: &str) -> bool {
    check_address(text).is_ok()
}

/// Starts a node whose store may have pages that the database panics over.
async fn begin(engine: Engine, options: &UpOptions) -> Result<Started, CommandError> {
    let started = AssertUnwindSafe(start(engine, options)).catch_unwind().await;
    started.unwrap_or_else(|_| Err(damaged().into()))
}

/// Remembers addresses that a person gave: next time they need not be given again.
fn remember(engine: &mut Engine, addresses: &[String]) -> Result<(), CommandError> {
    addresses.iter().try_for_each(|address| {
        check_address(address).map_err(network)?;
        AddressAdd { address: address.clone() }.execute(engine, now()).map(drop)
    })
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
            Self::There(node) => {
                for address in addresses {
                    check_address(address).map_err(network)?;
                    node.call(AddressAdd { address: address.clone() })?;
                }
                node.dial_now(addresses)
            }
        }
    }

    async fn awaits_receipt(&mut self) -> Result<bool, HomeError> {
        match self {
            Self::Here(running) => Ok(running.call(ReceiptAwaited {}).await?),
            Self::There(node) => node.call(ReceiptAwaited {}),
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

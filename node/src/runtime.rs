//! Tokio drives the engine.

use std::future::Future;
use std::time::Duration;

use crate::command::status::PeersReport;
use crate::home::{Home, HomeError};

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

/// Runs the node until `shutdown` resolves.
pub async fn up(
    home: &Home,
    _options: UpOptions,
    _ready: impl FnOnce(Ready),
    _shutdown: impl Future<Output = ()>,
) -> Result<(), HomeError> {
    Err(HomeError::NoNode(home.path().to_owned()))
}

/// Exchanges with every known peer that can be reached and returns when every exchange is done or
/// has failed, or the time is over: through the running node where one runs, otherwise by itself.
/// `progress` is called a few times a second.
pub async fn sync(
    home: &Home,
    _peers: Vec<String>,
    _timeout: Duration,
    _progress: impl FnMut(&PeersReport),
) -> Result<PeersReport, HomeError> {
    Err(HomeError::NoNode(home.path().to_owned()))
}

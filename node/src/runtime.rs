//! Tokio drives the engine: one thread for the engine, tasks for the sockets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

use crate::command::storage::{BackedUp, Compact};
use crate::command::verify::Verify;
use crate::command::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::identity::grant::Rights;
use crate::progress::Progress;
use crate::setup;
use crate::sync::Now;
use crate::transport::{
    DialState, Dials, Guests, Options, Order, Transport, TransportError, WireBytes, check_address,
    unanswered,
};

mod thread;

use thread::EngineHandle;

/// How a node runs.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// libp2p multiaddresses to listen on; port 0 picks one.
    pub listen: Vec<String>,
    /// libp2p multiaddresses to dial beside those that the store remembers.
    pub peers: Vec<String>,
    /// Look for peers in the local network by mDNS.
    pub mdns: bool,
    /// Carry others' connections, where this device's grant has the right to relay.
    pub relay: bool,
    /// On which port of loopback the admin API answers; None: on one that is free.
    pub admin_port: Option<u16>,
    /// What a monitoring system shows to be given the metrics, and nothing else.
    pub metrics_token: Option<String>,
}

/// A running node: what requests go to.
#[derive(Clone)]
pub(crate) struct Running {
    engine: EngineHandle,
    orders: mpsc::UnboundedSender<Order>,
    dials: Arc<Mutex<BTreeMap<String, DialState>>>,
    wire: WireBytes,
    work: Arc<BTreeMap<&'static str, Arc<Progress>>>,
    /// Of the backup that was begun last.
    backup: Arc<Mutex<Arc<Progress>>>,
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

    /// Writes a backup of the store as it is now, beside the engine.
    pub(crate) async fn backup(&self, to: PathBuf) -> Result<BackedUp, CommandError> {
        let begins = |progress| {
            *self.backup.lock().unwrap_or_else(PoisonError::into_inner) = progress;
        };
        // Until the engine answers nobody is told how far the one before was.
        begins(Arc::default());
        let backup = self.engine.call(|engine, _| engine.backup()).await??;
        begins(backup.progress());
        let file = to.clone();
        let written = tokio::task::spawn_blocking(move || backup.write(&file)).await;
        let bytes =
            written.map_err(|error| CommandError::new(ErrorKind::Failed, "thread", error))??;
        Ok(BackedUp { schema_version: JSON_SCHEMA_VERSION, file: to, bytes })
    }

    /// How far the request of this name is: steps done, steps in all.
    pub(crate) fn work_progress(&self, request: &str) -> (u64, u64) {
        self.work.get(request).map(|progress| progress.get()).unwrap_or_default()
    }

    /// How far that backup is: rows written, rows in all.
    pub(crate) fn backup_progress(&self) -> (u64, u64) {
        self.backup.lock().unwrap_or_else(PoisonError::into_inner).get()
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

    /// Addresses at which nobody answers.
    pub(crate) fn unanswered(&self) -> Vec<String> {
        unanswered(&self.dials())
    }

    /// Stops, and waits until the store is closed. Where nobody answers is remembered, for whoever asks while
    /// nothing runs.
    pub(crate) async fn stop(&self) {
        let silent = self.unanswered();
        let note = move |engine: &mut Engine, now: Now| engine.note_unanswered(now, silent);
        match self.engine.call(note).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => tracing::warn!(%error, "where nobody answers is not remembered"),
        }
        self.engine.stop().await;
    }
}

/// A node that has been started.
pub(crate) struct Started {
    pub(crate) running: Running,
    /// Addresses that others can dial.
    pub(crate) listening: Vec<String>,
    /// Notified when the engine's thread has ended.
    pub(crate) ended: Arc<Notify>,
}

/// How far the requests of an engine are that take long, by their names. They may be read by another thread.
pub(crate) fn long_work(engine: &Engine) -> BTreeMap<&'static str, Arc<Progress>> {
    [(Verify::NAME, engine.verify_progress()), (Compact::NAME, engine.rewrite_progress())].into()
}

/// Starts transport and engine.
pub(crate) async fn start(
    mut engine: Engine,
    options: &UpOptions,
) -> Result<Started, CommandError> {
    let snapshot = engine.read()?;
    let (remembered, fallback) = (setup::addresses(&snapshot)?, setup::fallback(&snapshot)?);
    let known = options.peers.iter().chain(&remembered).filter_map(|text| readable(text));
    let (dials, shown) = Dials::new(known, fallback.iter().filter_map(|text| readable(text)));
    let wire = WireBytes::default();
    let guests = engine
        .grant()
        .rights
        .contains(Rights::RELAY)
        .then(Guests::default)
        .filter(|_| options.relay);
    let set_up = Options {
        listen: &options.listen,
        mdns: options.mdns,
        guests: guests.clone(),
        wire: wire.clone(),
    };
    let started = Transport::start(engine.keys(), dials, set_up);
    let (transport, ends, listening) = started.await.map_err(|error| match &error {
        TransportError::InUse(address) => {
            CommandError::new(ErrorKind::Failed, "port_in_use", &error).with("address", address)
        }
        _ => network(error),
    })?;
    engine.set_listening(listening.clone());
    tokio::spawn(transport.run());
    let (orders, work) = (ends.orders.clone(), Arc::new(long_work(&engine)));
    let (engine, ended) = thread::spawn(engine, ends, guests)?;
    Ok(Started {
        running: Running { engine, orders, dials: shown, wire, work, backup: Arc::default() },
        listening,
        ended,
    })
}

/// An invite may bring an address of a kind that this version does not know.
fn readable(text: &str) -> Option<libp2p::Multiaddr> {
    let read = check_address(text);
    read.inspect_err(|error| tracing::warn!(%error, "an address is left out")).ok()
}

pub(crate) fn network(error: impl std::fmt::Display) -> CommandError {
    CommandError::new(ErrorKind::Failed, "network", &error).with("detail", error)
}

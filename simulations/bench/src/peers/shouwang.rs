//! A side of ours: an engine over an encrypted home.

use std::path::PathBuf;

use anyhow::{Context, bail};
use shouwang_crdt_schema::division::Area;
use shouwang_node::digest;
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::identity::DeviceId;
use shouwang_node::store::StoreRead;
use shouwang_node::sync::Input;

use super::disk::copy_home;
use super::mesh::{Clock, is_done, meet, sent, take_in};
use super::part::{PartOptions, Side};
use super::pipe::Answer;
use super::prepare::{self, ENDS_MS, home};
use super::{Phase, Role};
use crate::workload::DEVICES;

/// One day, ms.
const DAY_MS: u64 = 24 * 3_600_000;

/// A node of the township.
pub(crate) struct Replica {
    engine: Engine,
    clock: Clock,
    peer: DeviceId,
    folder: PathBuf,
    entropy: Entropy,
    /// Frames for the peer that came while the clerks were heard.
    waiting: Vec<Vec<u8>>,
}

/// The homes that a phase begins with: stage and name of this side's and of the other's.
fn homes(phase: Phase, role: Role) -> [(&'static str, &'static str); 2] {
    let [sender, receiver] = match phase {
        Phase::First => [("first", "sender"), ("first", "receiver")],
        Phase::Live | Phase::Reconnect | Phase::Idle => [("same", "sender"), ("same", "receiver")],
        Phase::Strangers => [("same", "sender"), ("same", "third")],
    };
    match role {
        Role::Sender => [sender, receiver],
        Role::Receiver => [receiver, sender],
    }
}

/// A copy of the home that a side begins with.
pub(crate) fn prepare_home(
    options: &PartOptions,
    stage: &str,
    phase: Phase,
    role: Role,
) -> anyhow::Result<PathBuf> {
    let folder = options.folder.as_path();
    let [(from, who), _] = homes(phase, role);
    let own = folder.join(format!("{stage}-{phase}-{role}"));
    copy_home(&home(folder, from, who), &own)?;
    Ok(own)
}

/// What differs from one process to the next.
pub(crate) fn entropy(phase: Phase, role: Role) -> Entropy {
    Entropy::new(*blake3::hash(format!("{phase} {role}").as_bytes()).as_bytes())
}

impl Replica {
    /// Opens a copy of the home that the phase begins with.
    pub(crate) fn open(options: &PartOptions, phase: Phase, role: Role) -> anyhow::Result<Self> {
        let folder = options.folder.as_path();
        let own = prepare_home(options, "run", phase, role)?;
        let mut entropy = entropy(phase, role);
        let peer = device_of(options, phase, role)?;
        let engine = prepare::open(folder, &own, &mut entropy)?;
        let mut clock = Clock::at(ENDS_MS);
        clock.passes(DAY_MS);
        let (folder, waiting) = (folder.to_owned(), Vec::new());
        Ok(Self { engine, clock, peer, folder, entropy, waiting })
    }
}

/// Hears of the visits at the end of the year from the clerks, one after the other. Returns what is
/// to be sent to others meanwhile.
pub(crate) fn hear_clerks(
    engine: &mut Engine,
    clock: &mut Clock,
    folder: &std::path::Path,
    entropy: &mut Entropy,
) -> anyhow::Result<Vec<(DeviceId, Vec<u8>)>> {
    let mut others = Vec::new();
    for clerk in 0..DEVICES {
        let mut clerk = prepare::open_clerk(folder, clerk, entropy)?;
        others.extend(meet(clock, engine, &mut clerk)?);
    }
    Ok(others)
}

/// The other side's device.
fn device_of(options: &PartOptions, phase: Phase, role: Role) -> anyhow::Result<DeviceId> {
    let folder = options.folder.as_path();
    let [_, (from, who)] = homes(phase, role);
    // Opened from a copy of its own: the other side may be opening it too.
    let copy = folder.join(format!("look-{phase}-{role}"));
    copy_home(&home(folder, from, who), &copy)?;
    let device = prepare::open(folder, &copy, &mut entropy(phase, role))?.device();
    std::fs::remove_dir_all(&copy)?;
    Ok(device)
}

/// What nodes that agree have in common: every scope's digests.
pub(crate) fn agreement(engine: &Engine) -> anyhow::Result<String> {
    let snapshot = engine.read()?;
    let area: Area = engine.area();
    let mut lines = Vec::new();
    for (scope, row) in snapshot.scopes_in(area)? {
        let digests = digest::of_scope(&snapshot, scope)?;
        let (records, authority) = (hex::encode(digests.records), hex::encode(digests.authority));
        lines.push(format!("{scope} {} {records} {authority}", row.entries));
    }
    Ok(lines.join("\n"))
}

impl Side for Replica {
    fn connect(&mut self) -> anyhow::Result<()> {
        Ok(self.engine.handle(self.clock.now(), Input::PeerUp(self.peer))?)
    }

    fn deliver(&mut self, frames: Vec<Vec<u8>>) -> anyhow::Result<()> {
        take_in(&mut self.engine, &mut self.clock, self.peer, frames)
    }

    fn visit(&mut self) -> anyhow::Result<()> {
        let Self { engine, clock, folder, entropy, .. } = self;
        let others = hear_clerks(engine, clock, folder, entropy)?;
        for (peer, frame) in others {
            if peer != self.peer {
                bail!("a frame for somebody who is not there");
            }
            self.waiting.push(frame);
        }
        Ok(())
    }

    fn wake(&mut self, ms: u64) -> anyhow::Result<()> {
        self.clock.passes(ms);
        self.engine.handle(self.clock.now(), Input::Timeout)?;
        Ok(self.engine.settle(self.clock.now())?)
    }

    fn answer(&mut self) -> anyhow::Result<Answer> {
        self.engine.settle(self.clock.now())?;
        let mut frames = std::mem::take(&mut self.waiting);
        frames.extend(sent(&mut self.engine)?.into_iter().map(|(_, frame)| frame));
        Ok(Answer { frames, is_done: is_done(&self.engine, self.peer)? })
    }

    fn agreement(&mut self) -> anyhow::Result<String> {
        let agreement = agreement(&self.engine)?;
        Some(agreement).filter(|text| !text.is_empty()).context("the node holds nothing")
    }

    fn keep(mut self: Box<Self>) -> anyhow::Result<()> {
        Ok(self.engine.flush_peers(self.clock.now())?)
    }
}

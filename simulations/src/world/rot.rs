//! Bits that flip at rest on one node's disk, and what its people do then.
//!
//! From the flip until somebody has looked, nothing is believed that this node says of itself; all others are
//! held to everything. It is found by the node, which stops with an error (a panic of the database is one:
//! `up` ends with it), or by `verify`, which its people run in the end. Then the home is made anew out of a
//! backup, or by a new grant, and what others hold comes back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::RngExt;
use shouwang_crdt_schema::division::{Area, Level};
use shouwang_node::command::device::GrantDevice;
use shouwang_node::command::verify::Verify;
use shouwang_node::command::{ErrorKind, Request};
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::setup;
use shouwang_node::store::Store;
use shouwang_node::sync::Input;

use super::backup::Image;
use super::{Event, HOUR, MINUTE, Node, SECOND, Trouble, World};
use crate::check::{Memory, PutBack, Violation};
use crate::disk::Disk;
use crate::network::{End, exponential};
use crate::workload::Done;

/// A disk that may have changed at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rot {
    /// Nobody has noticed anything.
    Hidden,
    /// It was found; the home has to be made anew.
    Found,
}

impl World {
    /// So many bits of a node's disk flip now, each in some sector. Where the machine is switched off
    /// meanwhile, what the program had in memory is gone, so it is read from the disk.
    pub fn rot(&mut self, node: Node, bits: u32, switched_off: bool) -> Result<(), Violation> {
        if switched_off {
            self.goes_off(node, "kill", 10 * SECOND)?;
        }
        for _ in 0..bits {
            let Some(at) = self.nodes[node].disk.rot(&mut self.streams.disk) else { return Ok(()) };
            self.note("rot", &[node as u64, at as u64]);
        }
        self.fault("rot");
        self.nodes[node].rot = Some(Rot::Hidden);
        self.checker.drafts.forgotten(self.nodes[node].machine);
        let looked_at = self.now_ms + exponential(2 * HOUR, &mut self.streams.faults);
        self.schedule(looked_at, Event::Inspect(node));
        Ok(())
    }

    pub(super) fn rot_fault(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.again(self.plan.faults.rot_every_ms, Event::Rot(node));
        let state = &self.nodes[node];
        let is_sound = self.nodes.iter().all(|other| other.rot.is_none());
        if !is_sound || state.spare.is_some() || !self.is_honest(node) || state.engine.is_none() {
            return Ok(());
        }
        // An office has backups; a village is granted anew.
        if state.image.is_none() && state.area.level() != Level::Village {
            self.back_up(node);
        }
        // Most of a file is pages that nobody reads any more.
        let bits = [1, 8, 64][self.streams.faults.random_range(0..3)];
        let switched_off = self.streams.faults.random_bool(0.5);
        self.rot(node, bits, switched_off)
    }

    /// Whether nothing is to be believed of what a node says of itself.
    pub(super) fn is_rotten(&self, node: Node) -> bool {
        self.nodes[node].rot.is_some()
    }

    /// Whether any disk may have changed.
    pub fn has_rot(&self) -> bool {
        self.nodes.iter().any(|state| state.rot.is_some())
    }

    /// Does something with a node's store. Over a disk that may have changed the database may panic, as the
    /// program may then: it ends with an error.
    pub(super) fn guarded<T>(is_rotten: bool, work: impl FnOnce() -> T) -> Result<T, String> {
        match is_rotten {
            false => Ok(work()),
            true => catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    .unwrap_or_default()
            }),
        }
    }

    /// A node has failed, or its people have found that its disk has changed.
    pub(super) fn finds_rot(&mut self, node: Node, how: &str) -> Result<(), Violation> {
        if self.nodes[node].rot == Some(Rot::Found) {
            return Ok(());
        }
        self.nodes[node].rot = Some(Rot::Found);
        self.fault(&format!("rot found by {how}"));
        self.goes_off(node, "rot_found", 0)?;
        self.schedule(self.now_ms + MINUTE, Event::Inspect(node));
        Ok(())
    }

    /// The node's people look after it: they run `verify`; or, where it is known to be damaged, they make the
    /// home anew.
    pub(super) fn inspect(&mut self, node: Node) -> Result<(), Violation> {
        match self.nodes[node].rot {
            None => Ok(()),
            Some(Rot::Found) => self.makes_anew(node),
            Some(Rot::Hidden) => self.verifies(node),
        }
    }

    fn verifies(&mut self, node: Node) -> Result<(), Violation> {
        if self.nodes[node].engine.is_none() {
            self.schedule(self.now_ms + MINUTE, Event::Inspect(node));
            return Ok(());
        }
        // What the program has in memory says nothing of the disk.
        let mount = self.nodes[node].disk.copy().mount();
        let (now, seed) = (self.now(node), [7; 32]);
        let report = Self::guarded(true, || {
            let store = Store::with_backend(mount).map_err(|error| format!("{error:?}"))?;
            let mut engine = Engine::open(store, seed).map_err(|error| format!("{error:?}"))?;
            Verify {}.execute(&mut engine, now).map_err(|error| error.message)
        });
        match report {
            Err(_) => self.finds_rot(node, "a panic in verify"),
            Ok(Err(_)) => self.finds_rot(node, "an error in verify"),
            Ok(Ok(report)) if !report.ok => self.finds_rot(node, "verify"),
            Ok(Ok(_)) => self.is_sound(node),
        }
    }

    /// `verify` finds nothing. Either the disk is what it was, and all that was promised is promised still; or
    /// the database has gone back to a commit that was whole, as with an old image: peers show it what it lacks.
    fn is_sound(&mut self, node: Node) -> Result<(), Violation> {
        let machine = self.nodes[node].machine;
        let disk = self.nodes[node].disk.copy();
        let memory = {
            let store = Store::with_backend(disk.mount())?;
            self.checker.memory_in(machine, &store.read()?)?
        };
        if memory == self.checker.memory(machine) {
            self.fault("rot harmless");
            self.nodes[node].rot = None;
            // What is in memory of before goes.
            return self.goes_off(node, "kill", SECOND);
        }
        if !self.all_others_run(node) {
            self.schedule(self.now_ms + MINUTE, Event::Inspect(node));
            return Ok(());
        }
        self.fault("rot rolled back");
        self.goes_off(node, "kill", 10 * SECOND)?;
        self.puts_back(node, Image { disk, memory }, false)?;
        self.nodes[node].rot = None;
        Ok(())
    }

    fn all_others_run(&self, node: Node) -> bool {
        let mut others = self.nodes.iter().enumerate().filter(|(other, _)| *other != node);
        others.all(|(_, state)| state.engine.is_some())
    }

    /// A home out of a backup, or a new device.
    fn makes_anew(&mut self, node: Node) -> Result<(), Violation> {
        if !self.all_others_run(node) {
            self.schedule(self.now_ms + MINUTE, Event::Inspect(node));
            return Ok(());
        }
        let made = match self.nodes[node].image.is_some() {
            true => self.out_of_backup(node)?,
            false => self.granted_anew(node)?,
        };
        match made {
            true => self.nodes[node].rot = None,
            false => self.schedule(self.now_ms + MINUTE, Event::Inspect(node)),
        }
        self.schedule(self.now_ms + SECOND, Event::PowerOn(node));
        Ok(())
    }

    fn out_of_backup(&mut self, node: Node) -> Result<bool, Violation> {
        let Some(image) = self.nodes[node].image.take() else { return Ok(false) };
        self.fault("rot restored");
        self.puts_back(node, image, true)?;
        Ok(true)
    }

    /// A village's device is granted anew by its township, and the broken one's keys are gone with its disk.
    fn granted_anew(&mut self, node: Node) -> Result<bool, Violation> {
        let state = &self.nodes[node];
        let above = state.area.parent().map(|above| above.to_string());
        let Some(office) = above.and_then(|above| self.node(&above)) else { return Ok(false) };
        let disk = Disk::new();
        let mut entropy = Entropy::new(self.streams.seeds.random());
        let store = Store::with_backend(disk.mount())?;
        let broken = |error: setup::SetupError| Violation::broken(format!("{error:?}"));
        let request = setup::request(&store, &mut entropy).map_err(broken)?;
        let device = request.device;
        let state = &self.nodes[node];
        let grant = GrantDevice {
            request: request.to_text(),
            name: state.name.clone(),
            area: state.area,
            role: state.role,
            addresses: Vec::new(),
            replace: false,
            root: None,
            quota_bytes: None,
        };
        let now = self.now(office);
        let Some(engine) = self.nodes[office].engine.as_mut() else { return Ok(false) };
        let invite = match grant.execute(engine, now) {
            Ok(granted) => granted.invite,
            // The office's own disk may fail meanwhile.
            Err(error) => {
                self.stumbled(office, Trouble::Command(error))?;
                return Ok(false);
            }
        };
        setup::join(&store, &mut entropy, &invite).map_err(broken)?;
        drop(store);
        let fresh = Store::with_backend(disk.copy().mount())?;
        for other in 0..self.nodes.len() {
            self.engine_does(other, |engine, now| Ok(engine.settle(now)?))?;
        }
        let spares = self.spare_stores()?;
        let mut stores = vec![fresh.read()?];
        stores.extend(self.stores_beside(&spares)?);
        self.checker.restored(PutBack {
            machine: self.nodes[node].machine,
            area: Area(self.nodes[node].area),
            memory: Memory::default(),
            stores: &stores,
            may_return: self.may_return(),
        })?;
        let state = &mut self.nodes[node];
        let gone = std::mem::replace(&mut state.device, device);
        state.disk = disk;
        state.put_back = None;
        self.devices.insert(device, node);
        for other in 0..self.nodes.len() {
            self.engine_does(other, |engine, now| Ok(engine.handle(now, Input::PeerDown(gone))?))?;
        }
        // Whoever was in a session with the device that is gone dials the new one.
        for link in self.nodes[node].links.clone() {
            let other = if self.links[link].ends[0] == node { End::Listener } else { End::Dialler };
            self.links[link].link.believe(other, None);
            if other == End::Dialler {
                self.dials(link, self.now_ms + SECOND);
            }
        }
        self.fault("rot granted anew");
        Ok(true)
    }

    /// What somebody has done at a node whose disk may have changed: the facts are promised as far as the
    /// entries that say them can be named.
    pub(super) fn acted_over_rot(&mut self, node: Node, done: Done) -> Result<(), Violation> {
        let machine = self.nodes[node].machine;
        match done.error {
            None => {
                let (checker, engine) = (&mut self.checker, self.nodes[node].engine.as_ref());
                let Some(engine) = engine else { return Ok(()) };
                let facts = done.facts.clone();
                match Self::guarded(true, || checker.saved(machine, engine, facts)) {
                    Ok(Ok(_)) => {
                        self.counts.edits += done.facts.len() as u64;
                        self.touch(node);
                        self.drain(node)
                    }
                    Ok(Err(_)) | Err(_) => {
                        self.checker.doubts(done.facts);
                        self.finds_rot(node, "an error")
                    }
                }
            }
            Some(error) if error.kind == ErrorKind::Failed => {
                self.checker.doubts(done.facts);
                self.stumbled(node, Trouble::Command(error))
            }
            Some(_) => self.drain(node),
        }
    }
}

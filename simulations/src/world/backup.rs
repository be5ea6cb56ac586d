//! Disks that are put back to an earlier state, and homes that run on two machines.
//!
//! A restored node has forgotten what it promised since the image was taken; what had reached
//! another node by then comes back, and the rest is lost with the disk. A cloned home is one device
//! on two machines that take turns, as they do where each new connection replaces the other's.

use rand::RngExt;
use shouwang_crdt_schema::division::Area;
use shouwang_node::setup;
use shouwang_node::store::{Snapshot, Store, StoreError};

use super::{Event, MINUTE, Node, SECOND, World};
use crate::check::{Memory, PutBack, Violation};
use crate::disk::Disk;

/// A disk as it was, and what had been promised by then.
pub(super) struct Image {
    pub(super) disk: Disk,
    pub(super) memory: Memory,
}

/// The other machine of a cloned home, while it is off.
pub(super) struct Spare {
    disk: Disk,
    machine: usize,
}

impl World {
    /// Keeps an image of a node's disk, in place of an earlier one.
    pub fn back_up(&mut self, node: Node) {
        let state = &mut self.nodes[node];
        let memory = self.checker.memory(state.machine);
        state.image = Some(Image { disk: state.disk.copy(), memory });
    }

    /// A node's disk is put back to the image that was kept, if there is one and every node runs:
    /// only then is it known what is lost. `told` says whether it is done as `restore` does it, or
    /// by copying files.
    pub fn restore(&mut self, node: Node, told: bool) -> Result<(), Violation> {
        let whole = self.nodes.iter().all(|state| state.engine.is_some() && state.spare.is_none());
        if self.has_rot() {
            return Ok(());
        }
        let Some(image) = self.nodes[node].image.take().filter(|_| whole) else { return Ok(()) };
        self.goes_off(node, "restore", 10 * SECOND)?;
        self.puts_back(node, image, told)
    }

    /// The disk of a node that is off is put back to an image; every other node runs.
    pub(super) fn puts_back(
        &mut self,
        node: Node,
        image: Image,
        told: bool,
    ) -> Result<(), Violation> {
        // What has reached others is committed there, or not yet theirs.
        for other in 0..self.nodes.len() {
            self.engine_does(other, |engine, now| Ok(engine.settle(now)?))?;
        }
        let kept = Store::with_backend(image.disk.copy().mount())?;
        let kept_under = setup::incarnation(&kept.read()?)?;
        let spares = self.spare_stores()?;
        let mut stores = vec![kept.read()?];
        stores.extend(self.stores_beside(&spares)?);
        self.checker.restored(PutBack {
            machine: self.nodes[node].machine,
            area: Area(self.nodes[node].area),
            memory: image.memory,
            stores: &stores,
            may_return: self.may_return(),
        })?;
        drop(stores);
        if told {
            let store = Store::with_backend(image.disk.mount())?;
            store.write::<_, StoreError>(|tables| tables.set_meta(setup::RESTORED, b"1"))?;
        }
        self.nodes[node].put_back = kept_under;
        self.nodes[node].disk = image.disk;
        Ok(())
    }

    /// Whether what no honest store has may yet come back: out of a bundle, or from a device whose owner
    /// withholds what he likes.
    pub(super) fn may_return(&self) -> bool {
        self.plan.sticks || self.nodes.iter().any(|state| state.forger.is_some())
    }

    /// The stores of second machines, which are off.
    pub(super) fn spare_stores(&self) -> Result<Vec<Store>, Violation> {
        let spares = self.nodes.iter().filter_map(|state| state.spare.as_ref());
        spares.map(|spare| Ok(Store::with_backend(spare.disk.copy().mount())?)).collect()
    }

    /// What stands in all stores that run and whose owner does not withhold anything, and in these.
    pub(super) fn stores_beside(&self, spares: &[Store]) -> Result<Vec<Snapshot>, Violation> {
        let honest = self.nodes.iter().filter(|state| state.forger.is_none());
        let mut stores = Vec::new();
        for engine in honest.filter_map(|state| state.engine.as_ref()) {
            stores.push(engine.read()?);
        }
        for spare in spares {
            stores.push(spare.read()?);
        }
        Ok(stores)
    }

    /// A node's home is copied to a second machine. From now on the two take turns, each time that
    /// the node starts again.
    pub fn clone_home(&mut self, node: Node) -> Result<(), Violation> {
        let is_whole = self.nodes[node].spare.is_none() && !self.has_rot();
        if self.nodes[node].engine.is_none() || !is_whole {
            return Ok(());
        }
        let machine = self.nodes.len() + self.clones;
        self.clones += 1;
        let under = self.nodes[node].engine.as_ref().map(|engine| engine.incarnation());
        let disk = self.nodes[node].disk.copy();
        self.checker.cloned(self.nodes[node].machine, machine, node);
        self.nodes[node].put_back = under;
        self.nodes[node].spare = Some(Spare { disk, machine });
        self.goes_off(node, "clone", MINUTE)
    }

    /// The other machine of a cloned home has its turn.
    pub fn take_turns(&mut self, node: Node) -> Result<(), Violation> {
        if self.nodes[node].spare.is_none() {
            return Ok(());
        }
        self.goes_off(node, "turn", SECOND)?;
        self.swap_machines(node);
        Ok(())
    }

    /// Nodes whose home runs on two machines.
    pub fn cloned(&self) -> Vec<Node> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].spare.is_some()).collect()
    }

    pub(super) fn swap_machines(&mut self, node: Node) {
        let state = &mut self.nodes[node];
        if let Some(spare) = &mut state.spare {
            std::mem::swap(&mut state.disk, &mut spare.disk);
            std::mem::swap(&mut state.machine, &mut spare.machine);
            // Somebody makes room there too, once the faults are over.
            if self.calm {
                state.disk.set_capacity(None);
            }
        }
    }

    pub(super) fn backup_fault(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.again(self.plan.faults.restore_every_ms, Event::Backup(node));
        if self.nodes[node].image.is_none() {
            // Nor is a disk copied that may have changed: `backup` reads every row, and says so.
            if self.nodes[node].engine.is_some() && !self.is_rotten(node) {
                self.back_up(node);
            }
            return Ok(());
        }
        let told = self.streams.faults.random_bool(0.5);
        self.restore(node, told)
    }

    pub(super) fn clone_fault(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.clone_home(node)
    }
}

//! Stores that are read again from the first entry to the last, once a virtual day, by a thread of their own.
//!
//! What is read is a copy of a disk as its node sees it at that moment, opened as after a power cut: so the
//! world goes on meanwhile, and what is found depends on the seed alone. It is heard at a later look: at the
//! next, or where a store is large as many later as it takes.

use std::thread::JoinHandle;

use shouwang_node::engine::Engine;
use shouwang_node::store::Store;

use super::{Node, World, held};
use crate::check::{self, Violation};
use crate::disk::Disk;

/// Entries that are read again, each with all that it comes to, from one look into the whole county to the next.
/// A thread reads some 4,000 a second, and a day of a hundred nodes takes some five seconds: the world
/// should not have to wait.
const ENTRIES_PER_LOOK: u64 = 10_000;

/// Copies of disks that are being read.
#[derive(Default)]
pub(super) struct Readings {
    /// The node that comes next: as many as their size allows are read in one look, in turn.
    next: Node,
    under_way: Option<JoinHandle<Result<(), Violation>>>,
    /// Looks until that is heard.
    looks: u64,
}

/// A store to be read.
struct StoreCopy {
    node: Node,
    disk: Disk,
    /// Whether its owner has software of his own: then only what it holds has to fit together.
    is_honest: bool,
}

impl World {
    /// Hears of what was begun, if there was time enough for it, and begins with the next stores.
    pub(super) fn reads_again(&mut self) -> Result<(), Violation> {
        self.readings.looks = self.readings.looks.saturating_sub(1);
        if self.readings.looks > 0 {
            return Ok(());
        }
        self.hears_of_readings()?;
        let (mut copies, mut entries) = (Vec::new(), 0);
        for _ in 0..self.nodes.len() {
            let node = self.readings.next % self.nodes.len();
            self.readings.next = node + 1;
            let state = &self.nodes[node];
            let Some(engine) = state.engine.as_ref().filter(|_| state.rot.is_none()) else {
                continue;
            };
            entries += held(engine).iter().map(|row| row.entries).sum::<u64>();
            let is_honest = self.is_honest(node) && !state.revoked;
            copies.push(StoreCopy { node, disk: state.disk.copy(), is_honest });
            if entries >= ENTRIES_PER_LOOK {
                break;
            }
        }
        self.counts.entries_read_again += entries;
        self.readings.looks = entries.div_ceil(ENTRIES_PER_LOOK);
        let read = move || copies.into_iter().try_for_each(StoreCopy::reads_well);
        self.readings.under_way = Some(std::thread::spawn(read));
        Ok(())
    }

    /// Waits for what is being read.
    pub(super) fn hears_of_readings(&mut self) -> Result<(), Violation> {
        self.readings.looks = 0;
        match self.readings.under_way.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(found)) => found,
            Some(Err(_)) => Err(Violation::broken("a store that was read again made it panic")),
        }
    }
}

impl StoreCopy {
    fn reads_well(self) -> Result<(), Violation> {
        let node = self.node;
        let store = Store::with_backend(self.disk.mount())?;
        let engine = Engine::open(store, [0; 32])
            .map_err(|error| Violation::broken(format!("a copy of node {node}: {error:?}")))?;
        check::verified(node, &engine)?;
        if self.is_honest {
            check::rightful::counts_by_right(node, &engine)?;
            check::rightful::accounted_for(node, &engine)?;
            check::rightful::within_bounds(node, &engine)?;
        }
        Ok(())
    }
}

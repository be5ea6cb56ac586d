//! Faults: power that is lost, programs that are killed, disks that fail, links that let nothing through.

use rand::RngExt;
use shouwang_node::engine::Engine;
use shouwang_node::limits::REDIAL_MIN_MS;
use shouwang_node::store::Store;

use super::rot::Rot;
use super::{BEGINS_WALL_MS, DAY, Event, LinkNumber, MINUTE, Node, SECOND, Trouble, World, held};
use crate::check;
use crate::check::Violation;
use crate::disk::Mishap;
use crate::network::{End, exponential};

/// 2099-06-01 in UTC+8, ms since 1970.
const IN_2099_MS: i64 = 4_083_926_400_000;

/// How long a link lets nothing through in one direction, on average, ms.
const ONE_WAY_LASTS_MS: u64 = 10 * MINUTE;

impl World {
    /// A node loses power now and comes back after `off_ms`.
    pub fn lose_power(&mut self, node: Node, off_ms: u64) -> Result<(), Violation> {
        self.goes_off(node, "power_loss", off_ms)
    }

    pub(super) fn fault(&mut self, kind: &str) {
        *self.counts.faults.entry(kind.to_owned()).or_default() += 1;
    }

    pub(super) fn plans_fault(&mut self, node: Node) {
        let faults = self.plan.faults;
        let kinds = [
            (faults.power_loss_every_ms, Event::PowerLoss as fn(Node) -> Event),
            (faults.kill_every_ms, Event::Kill),
            (faults.disk_error_every_ms, Event::DiskError),
            (faults.restore_every_ms, Event::Backup),
            (faults.clone_every_ms, Event::Clone),
            (faults.rot_every_ms, Event::Rot),
            (faults.clock_jump_every_ms, Event::Clock),
            (faults.slow_disk_every_ms, Event::SlowDisk),
        ];
        for (every, event) in kinds {
            if let Some(every) = every {
                let at = self.now_ms + exponential(every, &mut self.streams.faults);
                self.schedule(at, event(node));
            }
        }
    }

    pub(super) fn plans_partition(&mut self, link: LinkNumber) {
        if let Some(every) = self.plan.faults.partition_every_ms {
            let at = self.now_ms + exponential(every, &mut self.streams.faults);
            self.schedule(at, Event::Partition(link));
        }
        self.again(self.plan.faults.one_way_every_ms, Event::OneWay(link));
        self.again(self.plan.faults.replay_every_ms, Event::Echo(link));
    }

    pub(super) fn again(&mut self, every: Option<u64>, event: Event) {
        if let Some(every) = every {
            let at = self.now_ms + exponential(every, &mut self.streams.faults);
            self.schedule(at, event);
        }
    }

    pub(super) fn power_fault(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.again(self.plan.faults.power_loss_every_ms, Event::PowerLoss(node));
        if self.streams.faults.random_bool(0.5) {
            let off = exponential(5 * MINUTE, &mut self.streams.faults);
            self.goes_off(node, "power_loss", off)
        } else {
            // In the middle of a commit to come: the engine's error is how the world learns of it.
            let operations = self.streams.faults.random_range(0..40);
            self.nodes[node].disk.plan(operations, Mishap::PowerLoss);
            Ok(())
        }
    }

    pub(super) fn kill_fault(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.again(self.plan.faults.kill_every_ms, Event::Kill(node));
        let off = exponential(MINUTE, &mut self.streams.faults);
        self.goes_off(node, "kill", off)
    }

    pub(super) fn disk_fault(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        self.again(self.plan.faults.disk_error_every_ms, Event::DiskError(node));
        if self.streams.faults.random_bool(0.5) {
            let operations = self.streams.faults.random_range(0..40);
            self.nodes[node].disk.plan(operations, Mishap::WriteError);
        } else {
            self.fault("disk_full");
            let length = self.nodes[node].disk.length();
            self.nodes[node].disk.set_capacity(Some(length));
            let at = self.now_ms + exponential(20 * MINUTE, &mut self.streams.faults);
            self.schedule(at, Event::RoomAgain(node));
        }
        Ok(())
    }

    pub(super) fn partition_fault(&mut self, link: LinkNumber) {
        if self.calm {
            return;
        }
        self.again(self.plan.faults.partition_every_ms, Event::Partition(link));
        self.fault("partition");
        self.partition(link);
        let lasts = exponential(self.plan.faults.partition_lasts_ms, &mut self.streams.faults);
        self.schedule(self.now_ms + lasts, Event::Heal(link));
    }

    pub(super) fn one_way_fault(&mut self, link: LinkNumber) {
        if self.calm {
            return;
        }
        self.again(self.plan.faults.one_way_every_ms, Event::OneWay(link));
        self.fault("one_way");
        let from = match self.streams.faults.random_bool(0.5) {
            true => End::Dialler,
            false => End::Listener,
        };
        self.links[link].link.deafen(from, true);
        let lasts = exponential(ONE_WAY_LASTS_MS, &mut self.streams.faults);
        self.schedule(self.now_ms + lasts, Event::BothWays(link, from));
    }

    pub(super) fn slow_fault(&mut self, node: Node) {
        if self.calm {
            return;
        }
        self.again(self.plan.faults.slow_disk_every_ms, Event::SlowDisk(node));
        self.fault("slow_disk");
        let lasts = exponential(20 * MINUTE, &mut self.streams.faults);
        self.nodes[node].slow_until_ms = self.now_ms + lasts;
    }

    pub(super) fn clock_fault(&mut self, node: Node) {
        if self.calm {
            return;
        }
        self.again(self.plan.faults.clock_jump_every_ms, Event::Clock(node));
        self.jumps(node);
    }

    /// A node's wall clock says something else from now on.
    pub fn jumps(&mut self, node: Node) {
        self.fault("clock_jump");
        let state = &mut self.nodes[node];
        let right = BEGINS_WALL_MS + self.now_ms as i64 + state.clock_error_ms;
        let random = &mut self.streams.faults;
        let days = |days: i64| days * DAY as i64;
        state.clock_jump_ms = match random.random_range(0..6) {
            0 => -right,
            1 => IN_2099_MS - right,
            2 => state.clock_jump_ms - random.random_range(0..days(40)),
            3 => state.clock_jump_ms + random.random_range(0..days(40)),
            4 => state.clock_jump_ms + random.random_range(-days(1)..days(1)),
            _ => 0,
        };
    }

    /// An engine's operation failed. A disk that failed explains it; nothing else does.
    pub(super) fn stumbled(&mut self, node: Node, trouble: Trouble) -> Result<(), Violation> {
        let what = match trouble {
            Trouble::Store(error) => format!("{error:?}"),
            Trouble::Command(error) => format!("{error:?}"),
        };
        if self.is_rotten(node) && self.nodes[node].disk.broken().is_none() {
            return self.finds_rot(node, "an error");
        }
        match self.nodes[node].disk.broken() {
            Some(Mishap::PowerLoss) => {
                let off = exponential(5 * MINUTE, &mut self.streams.faults);
                self.goes_off(node, "power_loss_in_commit", off)
            }
            Some(Mishap::WriteError) => self.goes_off(node, "write_error", 10 * SECOND),
            Some(Mishap::Full) => self.goes_off(node, "full", MINUTE),
            None => Err(Violation::broken(format!(
                "at {} ms {} failed: {what}",
                self.now_ms, self.nodes[node].name
            ))),
        }
    }

    /// The node's program ends: by power loss, kill or an error of its disk.
    pub(super) fn goes_off(&mut self, node: Node, why: &str, off_ms: u64) -> Result<(), Violation> {
        if self.nodes[node].engine.is_none() {
            return Ok(());
        }
        self.fault(why);
        self.ends(node, why, off_ms);
        Ok(())
    }

    /// As [`World::goes_off`], though nothing may be wrong.
    pub(super) fn ends(&mut self, node: Node, why: &str, off_ms: u64) {
        self.note(why, &[node as u64]);
        let state = &mut self.nodes[node];
        state.start += 1;
        state.ended_well = false;
        state.settling = false;
        state.wake_ms = None;
        let engine = state.engine.take();
        if why.starts_with("power_loss") {
            state.disk.lose_power(&mut self.streams.disk);
        } else {
            state.disk.crash();
        }
        // What the program would still write on its way out meets a disk that is gone.
        let _ = Self::guarded(self.is_rotten(node), || drop(engine));
        for link in self.nodes[node].links.clone() {
            let dials = self.links[link].ends[0] == node;
            let end = if dials { End::Dialler } else { End::Listener };
            self.links[link].link.believe(end, None);
            self.cut(link);
        }
        self.schedule(self.now_ms + off_ms.max(1), Event::PowerOn(node));
    }

    pub(super) fn power_on(&mut self, node: Node) -> Result<(), Violation> {
        // A home that is known to be damaged is made anew before it runs again.
        if self.nodes[node].engine.is_some() || self.nodes[node].rot == Some(Rot::Found) {
            return Ok(());
        }
        self.note("power_on", &[node as u64]);
        if self.plan.faults.clock_jump_every_ms.is_some() && self.streams.faults.random_bool(0.2) {
            self.jumps(node);
        }
        let turns = !self.calm && self.plan.faults.clone_every_ms.is_some();
        if turns && self.nodes[node].spare.is_some() && self.streams.faults.random_bool(0.5) {
            self.swap_machines(node);
        }
        for attempt in 0..6 {
            let mount = self.nodes[node].disk.mount();
            // Recovery itself may be interrupted.
            if !self.calm
                && attempt < 5
                && self.plan.faults.power_loss_every_ms.is_some()
                && self.streams.faults.random_bool(0.2)
            {
                let operations = self.streams.faults.random_range(0..12);
                self.nodes[node].disk.plan(operations, Mishap::PowerLoss);
            }
            let seed = self.streams.seeds.random();
            let is_rotten = self.is_rotten(node);
            let opened = Self::guarded(is_rotten, || {
                Store::with_backend(mount).map_err(|error| format!("{error:?}")).and_then(|store| {
                    Engine::open(store, seed).map_err(|error| format!("{error:?}"))
                })
            });
            let opened = opened.and_then(|opened| opened);
            match (opened, self.nodes[node].disk.broken()) {
                (Ok(engine), None) if is_rotten => {
                    self.nodes[node].started_ms = self.now_ms;
                    self.nodes[node].engine = Some(engine);
                    break;
                }
                (Err(_), None) if is_rotten => {
                    self.nodes[node].rot = Some(Rot::Found);
                    self.fault("rot found by opening");
                    self.schedule(self.now_ms + MINUTE, Event::Inspect(node));
                    return Ok(());
                }
                (Ok(engine), None) => {
                    self.checker.restarted(self.nodes[node].machine, &engine)?;
                    // Reading everything takes the longer the more there is.
                    let entries = held(&engine).iter().map(|row| row.entries).sum::<u64>();
                    let well = std::mem::take(&mut self.nodes[node].ended_well);
                    if !well && self.streams.faults.random_range(0..entries.max(100)) < 25 {
                        check::verified(node, &engine)?;
                    }
                    self.counts.restarts_checked += 1;
                    self.nodes[node].started_ms = self.now_ms;
                    self.nodes[node].engine = Some(engine);
                    break;
                }
                (_, Some(Mishap::PowerLoss)) => {
                    self.fault("power_loss_in_recovery");
                    self.nodes[node].disk.lose_power(&mut self.streams.disk);
                }
                // It cannot start for want of room: somebody has to make some.
                (_, Some(_)) => {
                    self.nodes[node].disk.crash();
                    self.nodes[node].disk.set_capacity(None);
                }
                (Err(error), None) => {
                    let name = &self.nodes[node].name;
                    return Err(Violation::broken(format!(
                        "at {} ms {name} does not start again: {error}",
                        self.now_ms
                    )));
                }
            }
        }
        self.drain(node)?;
        for link in self.nodes[node].links.clone() {
            if self.links[link].ends[0] == node {
                self.links[link].backoff_ms = REDIAL_MIN_MS;
                let soon = self.now_ms + self.streams.network.random_range(SECOND..5 * SECOND);
                self.dials(link, soon);
            }
        }
        Ok(())
    }
}

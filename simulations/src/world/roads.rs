//! Roads: who writes bundles, and how sticks go from place to place.
//!
//! Everybody writes some, to neighbours and to whoever else there is; a part of them gets lost, spoilt,
//! to the wrong place, or is found again much later. Places without a link have nothing else.

use rand::RngExt;
use rand::seq::IndexedRandom;
use shouwang_node::bundle::Fault;
use shouwang_node::command::{CommandError, ErrorKind};
use shouwang_node::engine::Engine;
use shouwang_node::sync::Now;

use super::costs::county_of;
use super::{Event, HOUR, MINUTE, Node, Plant, SECOND, Trouble, World};
use crate::check::Violation;
use crate::network::exponential;
use crate::sticks::{Part, Reading, Writing};

/// Mean time of a stick on its way, ms; one of several that lies in a drawer first takes as many hours.
const ROAD_MS: u64 = 40 * MINUTE;
const DRAWER_MS: u64 = 3 * HOUR;

/// Mean time until somebody reads once more what an interruption left, ms.
const AGAIN_MS: u64 = 15 * MINUTE;

/// Time between two pieces of a bundle, ms, on an old stick: other things are done meanwhile.
const PIECE_MS: u64 = 30 * SECOND;

/// Rounds on all roads, once the faults are over, after which nothing new may come any more. A round
/// tells, another brings, a third confirms; a level more takes as many, and so does each machine of a
/// copied home.
const ROUNDS_MAX: u64 = 24;

impl World {
    /// Whether a village or a township has no link.
    pub(super) fn has_no_link(&mut self, chance: f64) -> bool {
        self.plan.sticks && self.streams.sticks.random_bool(chance)
    }

    /// Between these two sticks are carried.
    pub(super) fn walks(&mut self, one: Node, two: Node) {
        self.roads.push([one, two]);
    }

    pub(super) fn plans_stick(&mut self, node: Node) {
        if self.plan.sticks {
            // In life those whose links work seldom do.
            let is_linked = !self.roads.iter().flatten().any(|one| *one == node);
            let seldom = if self.plan.calendar.is_some() && is_linked { 4 } else { 1 };
            let every = self.plan.stick_every_ms * seldom;
            let at = self.now_ms + exponential(every, &mut self.streams.sticks);
            self.schedule(at, Event::Stick(node));
        }
    }

    /// Somebody at a node begins to write a bundle.
    pub(super) fn stick(&mut self, node: Node) -> Result<(), Violation> {
        if self.calm {
            return Ok(());
        }
        // Whoever finds the machine switched off comes again.
        if self.nodes[node].engine.is_none() {
            let at = self.now_ms + exponential(AGAIN_MS, &mut self.streams.sticks).max(1);
            self.schedule(at, Event::Stick(node));
            return Ok(());
        }
        self.plans_stick(node);
        let to = self.addressees(node);
        let random = &mut self.streams.sticks;
        let full = random.random_bool(0.2);
        let room = random.random_bool(0.4).then(|| random.random_range(1_000..6_000));
        self.note("stick", &[node as u64, to.len() as u64]);
        let begun = self.tries(node, |engine, now| Writing::begin(engine, now, to, full, room))?;
        if let Some(writing) = begun {
            let start = self.nodes[node].start;
            self.soon(Event::Writing(node, start, Box::new(writing)));
        }
        Ok(())
    }

    /// Neighbours for the most part: all devices of a place, or single ones.
    fn addressees(&mut self, node: Node) -> Vec<String> {
        let area = self.nodes[node].area;
        let is_near = |other: &Node| {
            let there = self.nodes[*other].area;
            *other != node
                && (there == area || there.parent() == Some(area) || area.parent() == Some(there))
        };
        let county = county_of(area);
        let is_ours = |other: &Node| *other != node && county.contains(self.nodes[*other].area);
        let all: Vec<Node> = (0..self.nodes.len()).filter(is_ours).collect();
        let near: Vec<Node> = (0..self.nodes.len()).filter(is_near).collect();
        let random = &mut self.streams.sticks;
        let (from, most) = match random.random_range(0..10) {
            0..6 => (&near, 1),
            6..9 => (&near, 3),
            _ => (&all, 3),
        };
        let chosen: Vec<Node> = from.sample(random, most).copied().collect();
        let by_place = random.random_bool(0.5);
        let name = |node: Node| match by_place {
            true => self.nodes[node].area.to_string(),
            false => self.nodes[node].name.clone(),
        };
        chosen.into_iter().map(name).collect()
    }

    /// The next piece of a bundle is written.
    pub(super) fn writing(
        &mut self,
        node: Node,
        start: u64,
        mut writing: Box<Writing>,
    ) -> Result<(), Violation> {
        self.note("writing", &[node as u64]);
        let done = match self.nodes[node].start == start {
            true => self.tries(node, |engine, now| writing.step(engine, now))?,
            false => None,
        };
        match done {
            Some(false) => self.soon(Event::Writing(node, start, writing)),
            Some(true) => {
                self.counts.sticks.bundles_written += 1;
                self.counts.sticks.entries_written += writing.entries;
                self.says_what_it_holds(node)?;
                let parts = writing.finish().map_err(|error| Violation::broken(error.message))?;
                self.counts.sticks.parts_written += parts.len() as u64;
                for part in parts {
                    self.sends(node, part);
                }
            }
            // The program ended, or somebody lost the grant that it was for.
            None => {
                self.counts.sticks.bundles_unfinished += 1;
                for part in writing.abandon() {
                    self.sends(node, part);
                }
            }
        }
        Ok(())
    }

    /// A bundle says what its sender holds: it has to be there for ever.
    fn says_what_it_holds(&mut self, node: Node) -> Result<(), Violation> {
        let machine = self.nodes[node].machine;
        if let Some(engine) = self.nodes[node].engine.as_ref() {
            let heads = crate::claims::of_store(&engine.read()?)?;
            self.checker.claimed(machine, heads);
        }
        Ok(())
    }

    /// A file goes to each of its receivers, more or less.
    fn sends(&mut self, from: Node, part: Part) {
        for device in part.receivers.clone() {
            let Some(to) = self.devices.get(&device).copied() else { continue };
            let random = &mut self.streams.sticks;
            let (dice, times) = (random.random_range(0..100), random.random_range(1..=2));
            for time in 0..times {
                let random = &mut self.streams.sticks;
                let mean = if time == 0 { ROAD_MS } else { DRAWER_MS };
                let at = self.now_ms + exponential(mean, random).max(1);
                let (to, part) = match dice {
                    0..12 => {
                        self.counts.sticks.parts_lost += 1;
                        continue;
                    }
                    12..22 => (to, part.clone().spoilt(random)),
                    22..26 => (random.random_range(0..self.nodes.len()), part.clone()),
                    _ => (to, part.clone()),
                };
                self.schedule(at, Event::Stuck(to, from, Box::new(part)));
            }
        }
    }

    /// A stick is put into a machine. If that is off, somebody comes again.
    pub(super) fn stuck(&mut self, node: Node, from: Node, part: Box<Part>) {
        if self.nodes[node].engine.is_none() {
            let at = self.now_ms + exponential(AGAIN_MS, &mut self.streams.sticks).max(1);
            self.schedule(at, Event::Stuck(node, from, part));
            return;
        }
        self.note("stuck", &[node as u64, from as u64]);
        // It came to the wrong place, or whom it was for is gone with a disk.
        let part = match part.receivers.contains(&self.nodes[node].device) {
            true => *part,
            false => part.astray(),
        };
        let start = self.nodes[node].start;
        self.soon(Event::Reading(node, from, start, Box::new(Reading::begin(part))));
    }

    /// The next segment of a file is read.
    pub(super) fn reading(
        &mut self,
        node: Node,
        from: Node,
        start: u64,
        mut reading: Box<Reading>,
    ) -> Result<(), Violation> {
        self.note("reading", &[node as u64]);
        let done = match self.nodes[node].start == start {
            true => self.tries(node, |engine, now| reading.step(engine, now))?,
            false => None,
        };
        self.touch(node);
        self.hears(node, from);
        self.takes_in(node)?;
        match done {
            Some(false) => {
                self.soon(Event::Reading(node, from, start, reading));
                Ok(())
            }
            Some(true) => self.has_read(node, from, &reading),
            None => {
                self.counts.sticks.parts_interrupted += 1;
                let at = self.now_ms + exponential(AGAIN_MS, &mut self.streams.sticks).max(1);
                self.schedule(at, Event::Stuck(node, from, Box::new(reading.into_part())));
                Ok(())
            }
        }
    }

    /// What is wrong with a file has its name, and nothing else is refused.
    fn has_read(&mut self, node: Node, from: Node, reading: &Reading) -> Result<(), Violation> {
        let taken = &reading.taken;
        let sticks = &mut self.counts.sticks;
        sticks.parts_read += 1;
        sticks.entries_new += taken.new;
        sticks.runs_waiting += taken.waiting;
        for (code, count) in &taken.refused {
            *sticks.runs_refused.entry(code.clone()).or_default() += count;
        }
        if let Some(fault) = taken.fault {
            *sticks.parts_refused.entry(fault.code().to_owned()).or_default() += 1;
        }
        self.note("read", &[node as u64, u64::from(taken.segments), taken.new]);
        // What somebody with software of his own says of others is no matter.
        if self.nodes[node].revoked || !self.is_honest(node) {
            return Ok(());
        }
        let are_strangers = county_of(self.nodes[node].area) != county_of(self.nodes[from].area);
        if are_strangers && taken.fault == Some(Fault::OtherMesh) {
            return Ok(());
        }
        match reading.wrong(self.nodes[from].revoked, !self.is_honest(from)) {
            None => Ok(()),
            Some(what) => Err(Violation::accused(format!(
                "at {} ms node {node} read a stick of node {from}: {what}",
                self.now_ms
            ))),
        }
    }

    /// Somebody at a node asks something of it. None if it was not done.
    fn tries<T>(
        &mut self,
        node: Node,
        work: impl FnOnce(&mut Engine, Now) -> Result<T, CommandError>,
    ) -> Result<Option<T>, Violation> {
        // From a flip until somebody has looked nobody takes sticks there.
        if self.is_rotten(node) {
            return Ok(None);
        }
        let now = self.now(node);
        let Some(engine) = self.nodes[node].engine.as_mut() else { return Ok(None) };
        match work(engine, now) {
            Ok(done) => {
                self.drain(node)?;
                self.settles(node);
                Ok(Some(done))
            }
            Err(error) if error.kind == ErrorKind::Failed => {
                self.stumbled(node, Trouble::Command(error))?;
                Ok(None)
            }
            Err(error) => {
                *self.counts.refused.entry(error.code).or_default() += 1;
                self.drain(node)?;
                Ok(None)
            }
        }
    }

    fn soon(&mut self, event: Event) {
        let at = self.now_ms + self.streams.sticks.random_range(1..PIECE_MS);
        self.schedule(at, event);
    }

    /// A bundle for another node with all that it lacks, written at once; nothing if the writer goes off.
    pub fn writes(&mut self, from: Node, to: Node) -> Result<Vec<Part>, Violation> {
        let name = vec![self.nodes[to].name.clone()];
        let begun =
            self.tries(from, |engine, now| Writing::begin(engine, now, name, false, None))?;
        let Some(mut writing) = begun else { return Ok(Vec::new()) };
        loop {
            match self.tries(from, |engine, now| writing.step(engine, now))? {
                Some(false) => {}
                Some(true) => break,
                None => return Ok(Vec::new()),
            }
        }
        self.says_what_it_holds(from)?;
        self.counts.sticks.bundles_written += 1;
        writing.finish().map_err(|error| Violation::broken(error.message))
    }

    /// A file that another wrote is read at once. Returns how much was new; None if the reader goes off.
    pub fn reads(&mut self, node: Node, from: Node, part: Part) -> Result<Option<u64>, Violation> {
        let mut reading = Reading::begin(part);
        loop {
            match self.tries(node, |engine, now| reading.step(engine, now))? {
                Some(false) => {}
                Some(true) => break,
                None => return Ok(None),
            }
        }
        self.touch(node);
        self.hears(node, from);
        self.takes_in(node)?;
        self.has_read(node, from, &reading)?;
        Ok(Some(reading.taken.new))
    }

    /// One writes all that another lacks, and the other reads it. Returns how much of it was new; None if
    /// one of them goes off meanwhile.
    pub fn carries(&mut self, from: Node, to: Node) -> Result<Option<u64>, Violation> {
        let parts = self.writes(from, to)?;
        let mut new = (!parts.is_empty()).then_some(0);
        for part in parts {
            let part = match self.plant {
                Some(Plant::LostSticks) => continue,
                Some(Plant::SpoiltSticks) => part.spoilt_unnoticed(&mut self.streams.sticks),
                _ => part,
            };
            new = add(new, self.reads(to, from, part)?);
        }
        Ok(new)
    }

    /// Every road of those that have no link is gone over once, up and down. Returns how much was new, if
    /// nobody went off.
    pub(super) fn goes_over_roads(&mut self) -> Result<Option<u64>, Violation> {
        self.counts.sticks.rounds += 1;
        let up = self.roads.clone();
        let down = up.clone().into_iter().rev().map(|[below, above]| [above, below]);
        let mut new = Some(0);
        for [from, to] in up.into_iter().chain(down) {
            new = add(new, self.carries(from, to)?);
        }
        Ok(new)
    }

    /// Goes over all roads until nothing new comes. Returns whether it does not come to an end.
    pub(super) fn roads_are_at_rest(&mut self, walks: &mut Walks) -> Result<bool, Violation> {
        // What came over a link since, from whoever holds back what he likes, goes by stick too.
        let on_roads = self.roads.iter().flatten();
        let entries = on_roads.map(|node| self.entries_at(*node)).sum();
        if self.roads.is_empty() || (walks.still >= 2 && walks.entries == entries) {
            return Ok(true);
        }
        walks.entries = entries;
        walks.rounds += 1;
        if walks.rounds > ROUNDS_MAX {
            let detail = format!("after {ROUNDS_MAX} rounds sticks still bring something new");
            return Err(Violation::late(detail));
        }
        walks.still = if self.goes_over_roads()? == Some(0) { walks.still + 1 } else { 0 };
        walks.went_ms = self.now_ms;
        Ok(false)
    }
}

fn add(sum: Option<u64>, more: Option<u64>) -> Option<u64> {
    Some(sum? + more?)
}

/// Rounds on all roads while the county comes to rest.
#[derive(Debug, Default)]
pub(super) struct Walks {
    rounds: u64,
    /// Rounds in a row that brought nothing new: after the first it may be known better who lacks what.
    still: u64,
    /// At those who have no link and at their neighbours, before the last.
    entries: u64,
    /// When the last was.
    pub(super) went_ms: u64,
}

impl Walks {
    /// They were gone over just now, and it counts for nothing.
    pub(super) fn at(now_ms: u64) -> Self {
        Self { went_ms: now_ms, ..Self::default() }
    }
}

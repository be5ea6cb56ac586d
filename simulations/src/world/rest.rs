//! When the faults are over: coming to rest, and what must hold then.

use std::collections::BTreeSet;

use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::engine::Engine;
use shouwang_node::log::EntryPlace;
use shouwang_node::store::StoreRead;
use shouwang_node::sync::wire::LogPosition;

use super::roads::Walks;
use super::{Event, LinkNumber, Looked, MINUTE, Node, SECOND, World, unbudgeted};
use crate::check::Violation;
use crate::network::{Cuts, Quality};
use crate::{check, custody, moves};

/// Scopes of which custody is looked at after one commit: those of a township of some size come round in
/// a few.
const CUSTODY_SCOPES: usize = 4;

/// While nodes do not come to rest all roads are gone over so often, ms.
const WALKS_EVERY_MS: u64 = 5 * MINUTE;

impl World {
    /// The faults are over: every node has power and room, every link lets everything through.
    pub fn calm_down(&mut self) -> Result<(), Violation> {
        self.calm = true;
        for link in 0..self.links.len() {
            let kind = self.links[link].quality;
            self.links[link].link.clear();
            self.set_quality(link, far(kind));
            self.heal(link);
        }
        for node in 0..self.nodes.len() {
            self.nodes[node].disk.set_capacity(None);
            if self.nodes[node].engine.is_none() {
                self.schedule(self.now_ms, Event::PowerOn(node));
            }
            if self.is_rotten(node) {
                self.schedule(self.now_ms + SECOND, Event::Inspect(node));
            }
        }
        Ok(())
    }

    /// Runs until every link is up, quiet and done, and all nodes agree; then checks everything.
    /// Of a home that was copied each machine has its turn, twice: one home after the other, for machines
    /// that take turns all at once never meet. Returns how long it took.
    pub fn converge(&mut self, within_ms: u64) -> Result<u64, Violation> {
        let mut took = self.comes_to_rest(within_ms)?;
        let cloned = self.cloned();
        for node in cloned.iter().chain(&cloned) {
            self.take_turns(*node)?;
            took += self.comes_to_rest(within_ms)?;
        }
        self.hears_of_readings()?;
        // What a machine that was off had saved has had its turn too.
        self.check_all()?;
        self.looks_into_all()?;
        Ok(took)
    }

    pub(super) fn comes_to_rest(&mut self, within_ms: u64) -> Result<u64, Violation> {
        let (began, mut walks) = (self.now_ms, Walks::default());
        loop {
            self.lifts_budgets()?;
            if self.is_settled()? {
                if self.roads_are_at_rest(&mut walks)? {
                    break;
                }
                continue;
            }
            if self.now_ms - began >= within_ms {
                check::converged(self.running())?;
                return Err(Violation::late(format!(
                    "after {within_ms} ms without faults: {}",
                    self.unsettled()?
                )));
            }
            // What waits for an answer that only a stick brings does not come to rest before it.
            let all_run = self.nodes.iter().all(|node| node.engine.is_some());
            if all_run && self.now_ms - walks.went_ms.max(began) >= WALKS_EVERY_MS {
                self.goes_over_roads()?;
                walks = Walks::at(self.now_ms);
            }
            self.run_for(SECOND)?;
        }
        Ok(self.now_ms - began)
    }

    /// Nobody counts bytes any more.
    fn lifts_budgets(&mut self) -> Result<(), Violation> {
        let has_one = |engine: &Engine| engine.budget().daily_bytes().is_some();
        let counting = self.running().filter(|(_, engine)| has_one(engine)).map(|(node, _)| node);
        for node in counting.collect::<Vec<Node>>() {
            self.act(node, |_, engine, now, _| unbudgeted(engine, now))?;
        }
        Ok(())
    }

    /// After every so many commits of a node what it believes of custody is checked.
    pub fn check_custody_every(&mut self, commits: u64) {
        self.custody_checked_every = commits.max(1);
    }

    /// Checks every guarantee as it stands now, all nodes being settled.
    pub fn check_all(&self) -> Result<(), Violation> {
        check::converged(self.running())?;
        check::erased_beside(self.running(), &self.turned())?;
        if self.nodes.iter().all(|node| node.engine.is_some()) {
            moves::purged_is_held(self.running())?;
        }
        for (node, engine) in self.running() {
            check::inside_area(node, engine)?;
            moves::shown_once(node, engine)?;
            check::verified(node, engine)?;
            check::rightful::counts_by_right(node, engine)?;
            check::rightful::accounted_for(node, engine)?;
            check::rightful::within_bounds(node, engine)?;
            self.checker.arrived(node, engine)?;
            check::inbox::whole(&self.checker, node, engine)?;
            if self.nodes.iter().all(|node| node.engine.is_some()) {
                custody::not_held_is_true(node, engine, self.running())?;
                let running: Vec<(Node, &Engine)> = self.running().collect();
                let turned = self.turned_beside(node);
                check::health::told_rightly(node, engine, self.now(node), &running, &turned)?;
            }
        }
        Ok(())
    }

    /// The places of turned devices that a node talks to.
    fn turned_beside(&self, node: Node) -> BTreeSet<DivisionCode> {
        let ends = self.nodes[node].links.iter().map(|link| self.links[*link].ends);
        let others = ends.flatten().filter(|other| self.nodes[*other].forger.is_some());
        others.map(|other| self.nodes[other].area).collect()
    }

    /// How many of its entries a node that runs says are not held elsewhere.
    pub fn not_held(&self, node: Node) -> Result<u64, Violation> {
        let Some(engine) = self.engine(node) else { return Ok(0) };
        custody::not_held_is_true(node, engine, self.running())
    }

    /// What receipts that count here say is promised for ever, and is so where it can be seen now.
    pub(super) fn custody_is_true(&mut self, node: Node) -> Result<(), Violation> {
        // Reading all receipts costs as much as everything else that a node does at once.
        self.nodes[node].settled += 1;
        if !self.nodes[node].settled.is_multiple_of(self.custody_checked_every) {
            return Ok(());
        }
        let before = self.nodes[node].custody_looked_at;
        self.nodes[node].custody_looked_at = before.wrapping_add(CUSTODY_SCOPES);
        self.custody_is_true_of(node, before, CUSTODY_SCOPES)
    }

    /// As [`World::custody_is_true`], of so many scopes from one on.
    fn custody_is_true_of(
        &mut self,
        node: Node,
        before: usize,
        most: usize,
    ) -> Result<(), Violation> {
        if self.is_rotten(node) {
            return Ok(());
        }
        let Some(engine) = self.nodes[node].engine.as_ref() else { return Ok(()) };
        for holding in custody::holdings(engine, before, most)? {
            let Some(holder) = self.devices.get(&holding.holder).copied() else { continue };
            let EntryPlace { log, seq, hash } = holding.place;
            let state = &self.nodes[holder];
            // Nobody knows what a damaged disk holds, nor, of a device that is gone, what it held.
            if self.is_rotten(holder) || state.device != holding.holder {
                continue;
            }
            let Some(there) = state.engine.as_ref() else { continue };
            if custody::holds(there, &holding.place)? {
                self.checker.claimed(state.machine, [LogPosition { log, seq, hash }]);
                continue;
            }
            // Of a disk that was put back the receipts that it has forgotten are void, as soon as
            // its new ones are heard, under a number above theirs: it takes one when it hears of them
            // itself. Of two machines each speaks for itself.
            let (device, current) = (there.device(), there.incarnation());
            let excused = match state.put_back {
                None => false,
                Some(before) if before == current || state.spare.is_some() => true,
                Some(_) => {
                    !custody::has_heard(engine, log.scope, device, current)?
                        || custody::has_rival(engine, log.scope, device, current)?
                }
            };
            if !excused {
                return Err(Violation::not_held(format!(
                    "at {} ms node {node} takes node {holder} to hold {log:?}/{seq}",
                    self.now_ms
                )));
            }
        }
        Ok(())
    }

    pub(super) fn running(&self) -> impl Iterator<Item = (Node, &Engine)> {
        self.nodes
            .iter()
            .enumerate()
            .filter(|(_, state)| !state.revoked && state.forger.is_none() && state.rot.is_none())
            .filter_map(|(node, state)| state.engine.as_ref().map(|engine| (node, engine)))
    }

    pub(super) fn touch(&mut self, node: Node) {
        for link in &self.nodes[node].links {
            self.links[*link].moved = true;
        }
    }

    /// Where something moved, and now nothing is on the way nor waiting for a commit, "done" must
    /// be true.
    pub(super) fn look_at_quiet_links(&mut self, node: Node) -> Result<(), Violation> {
        for at in 0..self.nodes[node].links.len() {
            let number = self.nodes[node].links[at];
            if self.links[number].moved && self.is_done(number)? {
                self.counts.done_checks += 1;
            }
        }
        Ok(())
    }

    /// Whether a link is up and quiet and both ends say "done"; checks that it is so.
    pub(super) fn is_done(&mut self, number: LinkNumber) -> Result<bool, Violation> {
        let [one, two] = self.links[number].ends;
        if [one, two].iter().any(|node| !self.is_honest(*node) || self.is_rotten(*node)) {
            return Ok(false);
        }
        // Counties have nothing to say to each other.
        if self.are_strangers(number) {
            return Ok(false);
        }
        if !self.links[number].link.is_quiet()
            || self.nodes[one].settling
            || self.nodes[two].settling
        {
            return Ok(false);
        }
        let (Some(first), Some(second)) = (self.engine(one), self.engine(two)) else {
            return Ok(false);
        };
        let commits = [commits(first)?, commits(second)?];
        let says = [first.progress(second.device())?, second.progress(first.device())?];
        // Neither has committed anything nor says anything else: what was true then is.
        let looked = self.links[number].looked;
        if let Some(looked) = looked.filter(|last| last.commits == commits && last.says == says) {
            self.links[number].moved = false;
            if looked.done {
                self.is_frugal(number)?;
            }
            return Ok(looked.done);
        }
        let done = check::done_beside((one, first), (two, second), &self.turned())
            .map_err(|violation| violation.at_time(self.now_ms))?;
        let held_back = check::held_back_is_true((one, first), (two, second))
            .map_err(|violation| violation.at_time(self.now_ms))?;
        self.links[number].moved = false;
        self.links[number].looked = Some(Looked { commits, says, done });
        if done {
            self.is_frugal(number)?;
        }
        self.counts.held_back += u64::from(held_back);
        Ok(done)
    }

    pub(super) fn is_settled(&mut self) -> Result<bool, Violation> {
        if self.has_rot() || self.nodes.iter().any(|node| node.engine.is_none() || node.settling) {
            return Ok(false);
        }
        if self.running().any(|(_, engine)| engine.is_moving()) {
            return Ok(false);
        }
        let heard = |node: &Node| !self.nodes[*node].revoked && self.is_honest(*node);
        let heeded: Vec<LinkNumber> = (0..self.links.len())
            .filter(|link| !self.are_strangers(*link) && self.links[*link].ends.iter().all(heard))
            .collect();
        if heeded.iter().any(|link| !self.links[*link].link.is_quiet()) {
            return Ok(false);
        }
        // What kept it from being settled a moment ago most likely still does.
        let last = self.unsettled_link;
        for link in heeded.iter().filter(|link| **link >= last).chain(&heeded) {
            if !self.is_done(*link)? {
                self.unsettled_link = *link;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks into every node that runs, whatever is under way: what it promised is there, it holds nothing
    /// of others' areas, and what it takes others to hold they hold. Some stores are read again, whole.
    pub(super) fn looks_round(&mut self) -> Result<(), Violation> {
        self.looks_into_all()?;
        self.reads_again()?;
        self.counts.looks_round += 1;
        Ok(())
    }

    fn looks_into_all(&mut self) -> Result<(), Violation> {
        for node in 0..self.nodes.len() {
            let state = &self.nodes[node];
            if state.rot.is_some() {
                continue;
            }
            let Some(engine) = state.engine.as_ref() else { continue };
            self.checker.restarted(state.machine, engine)?;
            check::inside_area(node, engine)?;
            if !state.revoked {
                self.custody_is_true_of(node, 0, usize::MAX)?;
            }
        }
        Ok(())
    }

    /// What keeps the county from being settled, in words.
    pub fn unsettled(&self) -> Result<String, Violation> {
        let mut found = BTreeSet::new();
        for (node, state) in self.nodes.iter().enumerate() {
            if state.engine.is_none() {
                found.insert(format!("node {node} is off"));
            }
        }
        for (number, state) in self.links.iter().enumerate() {
            let [one, two] = state.ends;
            if self.are_strangers(number) {
                continue;
            }
            if !state.link.is_up() {
                found.insert(format!("link {number} of nodes {one} and {two} is down"));
            } else if !state.link.is_quiet() {
                found.insert(format!("frames are on link {number} of nodes {one} and {two}"));
            } else if let (Some(first), Some(second)) = (self.engine(one), self.engine(two)) {
                let progress = (first.progress(second.device())?, second.progress(first.device())?);
                if !progress.0.is_some_and(|p| p.done) || !progress.1.is_some_and(|p| p.done) {
                    found.insert(format!("nodes {one} and {two} are not done: {progress:?}"));
                }
            }
        }
        Ok(found.into_iter().collect::<Vec<_>>().join("; "))
    }
}

/// How often a node has committed anything.
fn commits(engine: &Engine) -> Result<u64, Violation> {
    let number = engine.read()?.meta("commit_number")?;
    let number = number.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
    Ok(number)
}

/// A link of this kind when nothing goes wrong with it.
pub(super) fn far(quality: Quality) -> Quality {
    Quality { late_per_mille: 0, cuts: Cuts::Never, ..quality }
}

//! How long what is saved takes to be at the county, and what goes over the links meanwhile.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_node::engine::Engine;
use shouwang_node::log::{EntryHash, LogKey};
use shouwang_node::store::{ChainRead, Snapshot, StoreError};
use shouwang_node::sync::wire::LogPosition;

use super::{DAY, Node, World};
use crate::check::Violation;

/// Entries on their way to the county, and how long those took that are there.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// By the node where they were saved and by log, the oldest first.
    waiting: BTreeMap<(DivisionCode, LogKey), VecDeque<Waiting>>,
    arrived: Vec<Arrival>,
    /// From where the county has heard since it last committed.
    heard: BTreeSet<DivisionCode>,
    /// What was counted by the end of each day.
    days: Vec<Evening>,
}

#[derive(Debug)]
struct Waiting {
    seq: u64,
    hash: EntryHash,
    saved_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    from: DivisionCode,
    saved_ms: u64,
    took_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Evening {
    bytes: u64,
    edits: u64,
    entries: u64,
}

/// How long edits took from the moment somebody was told that they are saved until the county had
/// committed them, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delays {
    /// Edits of which it is known.
    pub count: u64,
    /// Half took no longer.
    pub median_ms: u64,
    /// Nine in ten took no longer.
    pub p90_ms: u64,
    /// Ninety-nine in a hundred took no longer.
    pub p99_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

/// One virtual day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// From 0.
    pub day: u64,
    /// Bytes sent over all links.
    pub bytes: u64,
    /// Facts reported as saved.
    pub edits: u64,
    /// Entries at the county in the evening.
    pub entries: u64,
    /// Of what was saved on this day outside the county's own office.
    pub delays: Delays,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Over everything saved outside the county's own office.
    pub delays: Delays,
    /// Edits that never came: lost with a disk, or written by a device whose grant was taken away.
    pub never_arrived: u64,
    /// By the place where it was saved.
    pub by_place: BTreeMap<String, Delays>,
    /// By the day on which it was saved.
    pub by_day: Vec<Day>,
}

impl Arrivals {
    /// Something was saved at a place.
    fn saved(&mut self, from: DivisionCode, places: Vec<LogPosition>, now_ms: u64) {
        for LogPosition { log, seq, hash } in places {
            let waiting = self.waiting.entry((from, log)).or_default();
            waiting.push_back(Waiting { seq, hash, saved_ms: now_ms });
        }
    }

    /// The county has committed: of what places of which it has heard wait for, some may be there.
    fn look(&mut self, county: &Engine, now_ms: u64) -> Result<(), StoreError> {
        if self.heard.is_empty() {
            return Ok(());
        }
        let (snapshot, heard) = (county.read()?, std::mem::take(&mut self.heard));
        let arrived = &mut self.arrived;
        for ((from, log), waiting) in &mut self.waiting {
            let is_heard = |place: &DivisionCode| place.contains(*from) || from.contains(*place);
            if waiting.is_empty() || !heard.iter().any(is_heard) {
                continue;
            }
            // Logs grow at the end; only where a disk was put back the oldest may be lost for good.
            let ends = [waiting.front(), waiting.back()].into_iter().flatten();
            let mut any = false;
            for end in ends {
                any |= is_there(&snapshot, log, end)?;
            }
            if !any {
                continue;
            }
            let mut still = VecDeque::new();
            for entry in std::mem::take(waiting) {
                if is_there(&snapshot, log, &entry)? {
                    let took_ms = now_ms - entry.saved_ms;
                    arrived.push(Arrival { from: *from, saved_ms: entry.saved_ms, took_ms });
                } else {
                    still.push_back(entry);
                }
            }
            *waiting = still;
        }
        Ok(())
    }

    /// What was measured, given what is counted by now.
    fn figures(&self, now: Evening) -> Figures {
        let mut by_place: BTreeMap<DivisionCode, Vec<u64>> = BTreeMap::new();
        let mut by_day: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for one in &self.arrived {
            by_place.entry(one.from).or_default().push(one.took_ms);
            by_day.entry(one.saved_ms / DAY).or_default().push(one.took_ms);
        }
        let mut before = Evening { bytes: 0, edits: 0, entries: 0 };
        let day = |(day, evening): (u64, &Evening)| {
            let delays = Delays::of(by_day.remove(&day).unwrap_or_default());
            let (bytes, edits) = (evening.bytes - before.bytes, evening.edits - before.edits);
            before = *evening;
            Day { day, bytes, edits, entries: evening.entries, delays }
        };
        Figures {
            delays: Delays::of(self.arrived.iter().map(|one| one.took_ms)),
            never_arrived: self.waiting.values().map(|waiting| waiting.len() as u64).sum(),
            by_day: (0..).zip(self.days.iter().chain([&now])).map(day).collect(),
            by_place: by_place
                .into_iter()
                .map(|(place, took)| (place.to_string(), Delays::of(took)))
                .collect(),
        }
    }
}

impl Delays {
    fn of(took_ms: impl IntoIterator<Item = u64>) -> Self {
        let mut took: Vec<u64> = took_ms.into_iter().collect();
        took.sort_unstable();
        // The least that so many in a hundred do not exceed.
        let at = |percent: usize| {
            let rank = (took.len() * percent).div_ceil(100).max(1);
            took.get(rank - 1).copied().unwrap_or_default()
        };
        Self {
            count: took.len() as u64,
            median_ms: at(50),
            p90_ms: at(90),
            p99_ms: at(99),
            max_ms: at(100),
        }
    }
}

impl World {
    /// What was measured so far.
    pub fn figures(&self) -> Figures {
        self.arrivals.figures(self.counted_today())
    }

    /// Somebody at a node was told that these are saved.
    pub(super) fn sets_out(&mut self, node: Node, places: Vec<LogPosition>) {
        // Others have an office of their own.
        let is_ours = |node: Node| self.nodes[0].area.contains(self.nodes[node].area);
        if node != 0 && is_ours(node) {
            self.arrivals.saved(self.nodes[node].area, places, self.now_ms);
        }
    }

    /// A node has heard from another, on a link or by a stick.
    pub(super) fn hears(&mut self, node: Node, from: Node) {
        if node == 0 {
            self.arrivals.heard.insert(self.nodes[from].area);
        }
    }

    /// A node has committed.
    pub(super) fn takes_in(&mut self, node: Node) -> Result<(), Violation> {
        match self.nodes[0].engine.as_ref() {
            Some(county) if node == 0 => Ok(self.arrivals.look(county, self.now_ms)?),
            _ => Ok(()),
        }
    }

    /// A day is over.
    pub(super) fn ends_day(&mut self) {
        let evening = self.counted_today();
        self.arrivals.days.push(evening);
    }

    fn counted_today(&self) -> Evening {
        let (bytes, edits) = (self.counts.bytes, self.counts.edits);
        // While the county is off nobody counts there.
        let entries = match self.entries_at(0) {
            0 => self.arrivals.days.last().map_or(0, |day| day.entries),
            entries => entries,
        };
        Evening { bytes, edits, entries }
    }
}

fn is_there(county: &Snapshot, log: &LogKey, entry: &Waiting) -> Result<bool, StoreError> {
    Ok(county.find_chain(log, entry.seq, &entry.hash)?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_delays_is_the_least_that_so_many_do_not_exceed() {
        assert_eq!(Delays::of([]), Delays::default());
        let one = Delays { count: 1, median_ms: 7, p90_ms: 7, p99_ms: 7, max_ms: 7 };
        assert_eq!(Delays::of([7]), one);
        let hundred = Delays::of((1..=100).rev());
        let expected = Delays { count: 100, median_ms: 50, p90_ms: 90, p99_ms: 99, max_ms: 100 };
        assert_eq!(hundred, expected);
    }
}

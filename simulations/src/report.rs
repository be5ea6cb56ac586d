//! A whole simulation: field work under faults, then quiet, then every check.

use std::collections::BTreeMap;

use serde::Serialize;
use shouwang_crdt_schema::division::Level;

use crate::check::Violation;
use crate::world::{Costs, Counts, Figures, HOUR, Plan, World};

/// Time after the last fault within which the county must agree, ms. A session that nobody told
/// of its end is given up after 750 s, a dial waits up to 120 s, and a slow link then carries
/// what has gathered.
pub const CONVERGE_WITHIN_MS: u64 = 2 * HOUR;

/// What a simulation came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was simulated.
    pub plan: Plan,
    /// Hours of field work under faults.
    pub hours: u64,
    /// What did not hold, if anything.
    pub violation: Option<Violation>,
    /// BLAKE3 over everything that happened, in order.
    pub trace_hash: String,
    /// Virtual time, ms.
    pub virtual_ms: u64,
    /// Time from the last fault until all nodes agreed, ms.
    pub converged_after_ms: Option<u64>,
    /// Nodes.
    pub nodes: u64,
    /// Entries at the county.
    pub entries: u64,
    /// Elders at the county.
    pub elders: u64,
    /// Fields with concurrent values at the county.
    pub conflicts: u64,
    /// Syncs of all disks.
    pub syncs: u64,
    /// Bytes written to all disks.
    pub disk_bytes: u64,
    /// Sectors that power losses took back.
    pub sectors_lost: u64,
    /// What was counted.
    pub counts: Counts,
    /// What was measured.
    pub figures: Figures,
    /// What a node of each level has cost, on average.
    pub costs: BTreeMap<Level, Costs>,
}

/// How far a simulation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Hours of field work that have passed; all of them while the county comes to rest.
    pub hours: u64,
    /// Entries at the county, if it runs.
    pub entries: u64,
    /// Events handled.
    pub events: u64,
    /// Faults that befell the county.
    pub faults: u64,
}

/// Simulates so many hours.
pub fn simulate(plan: Plan, hours: u64) -> Report {
    simulate_watched(plan, hours, |_| {})
}

/// As [`simulate`]; `watch` hears of every hour.
pub fn simulate_watched(plan: Plan, hours: u64, watch: impl FnMut(Progress)) -> Report {
    simulate_prepared(plan, hours, |_| {}, watch)
}

/// As [`simulate_watched`]; `prepare` does something to the county before its first hour: to plant what
/// the checks have to find.
pub fn simulate_prepared(
    plan: Plan,
    hours: u64,
    prepare: impl FnOnce(&mut World),
    mut watch: impl FnMut(Progress),
) -> Report {
    let mut report = Report {
        plan: plan.clone(),
        hours,
        violation: None,
        trace_hash: String::new(),
        virtual_ms: 0,
        converged_after_ms: None,
        nodes: 0,
        entries: 0,
        elders: 0,
        conflicts: 0,
        syncs: 0,
        disk_bytes: 0,
        sectors_lost: 0,
        counts: Counts::default(),
        figures: Figures::default(),
        costs: BTreeMap::new(),
    };
    let mut world = match World::new(plan) {
        Ok(world) => world,
        Err(violation) => {
            report.violation = Some(violation);
            return report;
        }
    };
    prepare(&mut world);
    match live(&mut world, hours, &mut watch) {
        Ok(took) => report.converged_after_ms = Some(took),
        Err(violation) => report.violation = Some(violation),
    }
    report.trace_hash = world.trace_hash();
    report.virtual_ms = world.now_ms();
    report.nodes = world.node_count() as u64;
    report.entries = world.entries_at(0);
    (report.elders, report.conflicts) = world.elders_and_conflicts_at(0);
    for node in 0..world.node_count() {
        let counts = world.disk(node).counts();
        report.syncs += counts.syncs;
        report.disk_bytes += counts.bytes_written;
        report.sectors_lost += counts.sectors_lost;
    }
    report.counts = world.counts().clone();
    report.figures = world.figures();
    report.costs = world.costs();
    report
}

impl Report {
    /// The command that does the same again.
    pub fn replay(&self) -> String {
        let plan = serde_json::to_string(&self.plan).unwrap_or_default();
        format!(
            "cargo run --release -p shouwang-simulations -- run --hours {} --plan '{plan}'",
            self.hours,
        )
    }
}

fn live(world: &mut World, hours: u64, watch: &mut impl FnMut(Progress)) -> Result<u64, Violation> {
    for hour in 1..=hours {
        world.run_for(HOUR)?;
        watch(Progress {
            hours: hour,
            entries: world.entries_at(0),
            events: world.counts().events,
            faults: world.counts().faults.values().sum(),
        });
    }
    world.calm_down()?;
    world.converge(CONVERGE_WITHIN_MS)
}

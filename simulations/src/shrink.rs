//! Making a county that fails smaller: fewer places, people, hours and faults, as long as the same
//! guarantee does not hold.
//!
//! A seed decides everything, so any change makes another history; what fails at all fails in most of
//! them, and each that still does is a step.

use crate::areas::Areas;
use crate::check::Guarantee;
use crate::report::Report;
use crate::world::{Calendar, HOUR, Plan};

/// What failed, as small as it was found.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest that still fails.
    pub report: Report,
    /// Simulations that it took.
    pub tries: u32,
}

/// Tries whatever makes a failing simulation smaller, keeps it if the same guarantee fails in it, and goes
/// on from there; until nothing helps, or so many were tried. `simulate` does one.
///
/// A report without a violation comes back as it is.
pub fn shrink(
    report: Report,
    tries_max: u32,
    mut simulate: impl FnMut(Plan, u64) -> Report,
) -> Shrunk {
    let mut shrunk = Shrunk { report, tries: 0 };
    let Some(guarantee) = fails(&shrunk.report) else { return shrunk };
    loop {
        let mut is_smaller = false;
        // What comes of it is made smaller in its turn, so the list of what to try is made anew.
        for (plan, hours) in smaller(&shrunk.report) {
            if shrunk.tries >= tries_max {
                return shrunk;
            }
            shrunk.tries += 1;
            let report = simulate(plan, hours);
            if fails(&report) == Some(guarantee) {
                (shrunk.report, is_smaller) = (report, true);
                break;
            }
        }
        if !is_smaller {
            return shrunk;
        }
    }
}

fn fails(report: &Report) -> Option<Guarantee> {
    report.violation.as_ref().map(|violation| violation.guarantee)
}

/// Plans and hours that are smaller by one thing each, those that spare most first.
fn smaller(report: &Report) -> Vec<(Plan, u64)> {
    let (plan, hours) = (&report.plan, report.hours);
    let mut found = Vec::new();
    // What came to light before the end needs no more time.
    let until = report.virtual_ms.div_ceil(HOUR);
    let shorter = [until, hours / 2, hours.saturating_sub(1)];
    found.extend(shorter.into_iter().filter(|to| *to < hours).map(|to| (plan.clone(), to)));
    let mut plans = fewer_places(plan);
    let mut with = |change: &dyn Fn(&mut Plan)| {
        let mut changed = plan.clone();
        change(&mut changed);
        if changed != *plan {
            plans.push(changed);
        }
    };
    with(&|plan| plan.elders /= 2);
    with(&|plan| plan.elders = plan.elders.saturating_sub(1));
    with(&|plan| plan.counties = 1);
    with(&|plan| plan.meshed = false);
    with(&|plan| plan.sticks = false);
    with(&|plan| plan.moves = false);
    with(&|plan| plan.budgets = false);
    with(&|plan| plan.mixed = false);
    with(&|plan| plan.faults.clone_every_ms = None);
    with(&|plan| plan.faults.restore_every_ms = None);
    with(&|plan| plan.faults.disk_error_every_ms = None);
    with(&|plan| plan.faults.kill_every_ms = None);
    with(&|plan| plan.faults.power_loss_every_ms = None);
    with(&|plan| plan.faults.partition_every_ms = None);
    with(&|plan| plan.faults.malice_every_ms = None);
    with(&|plan| plan.faults.rot_every_ms = None);
    with(&|plan| plan.faults.clock_jump_every_ms = None);
    with(&|plan| plan.faults.one_way_every_ms = None);
    with(&|plan| plan.faults.replay_every_ms = None);
    with(&|plan| plan.faults.slow_disk_every_ms = None);
    with(&|plan| plan.faults.wrong_clocks = false);
    with(&|plan| plan.faults.poor_links = false);
    let calendar = |plan: &mut Plan, change: fn(&mut Calendar)| {
        plan.calendar.iter_mut().for_each(change);
    };
    with(&|plan| calendar(plan, |calendar| calendar.market_percent = 0));
    with(&|plan| calendar(plan, |calendar| calendar.away_villages = 0));
    found.extend(plans.into_iter().map(|plan| (plan, hours)));
    found
}

/// Without one township, or without one village.
fn fewer_places(plan: &Plan) -> Vec<Plan> {
    let Ok(areas) = plan.areas() else { return Vec::new() };
    let of = |areas: Areas| Plan { places: areas.places(), ..plan.clone() };
    let mut found = Vec::new();
    for township in areas.townships.keys().filter(|_| areas.townships.len() > 1) {
        let mut fewer = areas.clone();
        fewer.townships.remove(township);
        found.push(of(fewer));
    }
    for (township, villages) in &areas.townships {
        for at in 0..villages.len() {
            let mut fewer = areas.clone();
            if let Some(villages) = fewer.townships.get_mut(township) {
                villages.remove(at);
            }
            found.push(of(fewer));
        }
    }
    found
}

//! Counties beside one another: each is a mesh of its own, and what a node costs does not grow with their number.

use std::collections::BTreeMap;

use shouwang_crdt_schema::division::Level;
use shouwang_simulations::report::{Report, simulate};
use shouwang_simulations::world::{Calendar, Costs, Faults, Plan};

const HOURS: u64 = 11;

fn province(counties: u32) -> Report {
    let calendar = Calendar {
        round_days: 1,
        survey_from_week: 50,
        market_percent: 0,
        off_at_night_percent: 0,
        away_villages: 0,
        ..Calendar::LIFE
    };
    let plan = Plan {
        counties,
        townships: 1,
        villages: 2,
        elders: 50,
        calendar: Some(calendar),
        faults: Faults::NONE,
        ..Plan::new(31)
    };
    let report = simulate(plan, HOURS);
    assert!(report.violation.is_none(), "{:?}\n{}", report.violation, report.replay());
    report
}

#[test]
fn a_node_costs_the_same_however_many_counties_there_are() {
    let (one, three) = (province(1), province(3));
    assert_eq!((one.nodes, three.nodes), (4, 12));
    let same = |costs: &BTreeMap<Level, Costs>, other: &BTreeMap<Level, Costs>| {
        for (level, here) in costs {
            let there = &other[level];
            let pairs = [
                ("sent", here.sent_bytes, there.sent_bytes),
                ("syncs", here.syncs, there.syncs),
                ("written", here.written_bytes, there.written_bytes),
                ("disk", here.disk_bytes, there.disk_bytes),
            ];
            for (what, here, there) in pairs {
                // Other people do other things in each county.
                let ratio = there / here;
                assert!((0.75..1.33).contains(&ratio), "{level:?} {what}: {here} and {there}");
            }
        }
    };
    same(&one.costs, &three.costs);
    assert!(one.costs.values().all(|costs| costs.knocks == 0.0 && costs.stranger_bytes == 0.0));
    // A wrong address is dialled at most every ten minutes, from either side, and costs a greeting.
    let office = &three.costs[&Level::County];
    assert!(office.knocks > 60.0 && office.knocks < 2.0 * 6.0 * (HOURS + 3) as f64, "{office:?}");
    assert!(office.stranger_bytes / office.knocks < 200.0, "{office:?}");
    let below = [Level::Township, Level::Village];
    assert!(below.iter().all(|level| three.costs[level].stranger_bytes == 0.0));
    assert!(three.counts.hangups.keys().all(|code| code == "other_mesh"), "{:?}", three.counts);
}

//! Counties of any shape: real ones, drawn ones, and failing ones made smaller.

use std::collections::BTreeSet;

use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_simulations::areas::Areas;
use shouwang_simulations::check::Guarantee;
use shouwang_simulations::drawn::drawn;
use shouwang_simulations::plot;
use shouwang_simulations::report::{Report, simulate, simulate_prepared};
use shouwang_simulations::shrink::shrink;
use shouwang_simulations::sweep::sweep;
use shouwang_simulations::world::{Calendar, DAY, Faults, HOUR, MINUTE, Plan, World};

const YULONG: &str = include_str!("../../tests/data/yulong-530721.csv");

/// A few places of a real county, with work by the calendar.
fn yulong(seed: u64, villages: usize) -> Plan {
    let areas = Areas::read(YULONG).unwrap();
    let chosen = areas.villages().step_by(17).take(villages).collect::<Vec<DivisionCode>>();
    Plan {
        places: chosen,
        calendar: Some(Calendar { round_days: 1, ..Calendar::LIFE }),
        stick_every_ms: 2 * HOUR,
        faults: Faults { power_loss_every_ms: Some(4 * HOUR), ..Faults::LIFE },
        ..Plan::life(seed, 12)
    }
}

#[test]
fn a_seed_of_a_real_county_replays_exactly() {
    let (first, again) = (simulate(yulong(7, 3), 12), simulate(yulong(7, 3), 12));
    assert!(first.violation.is_none(), "{:?}\n{}", first.violation, first.replay());
    assert_eq!(first.trace_hash, again.trace_hash);
    assert_eq!(first.counts, again.counts);
    assert_eq!(first.figures, again.figures);
    assert_ne!(first.trace_hash, simulate(yulong(8, 3), 12).trace_hash);
    assert!(first.figures.delays.count > 5, "{:?}", first.figures);
    // What is printed to replay it is the same plan.
    let (_, printed) =
        first.replay().rsplit_once("--plan '").map(|(a, b)| (a.len(), b.to_owned())).unwrap();
    let plan: Plan = serde_json::from_str(printed.trim_end_matches('\'')).unwrap();
    assert_eq!(plan, first.plan);
}

/// In a round everybody has been visited once before anybody is visited twice.
#[test]
fn everybody_is_visited_in_turn() {
    let calendar = Calendar {
        round_days: 3,
        survey_from_week: 50,
        market_percent: 0,
        off_at_night_percent: 0,
        away_villages: 0,
        ..Calendar::LIFE
    };
    let plan = Plan {
        townships: 1,
        villages: 1,
        elders: 12,
        calendar: Some(calendar),
        faults: Faults::NONE,
        ..Plan::new(5)
    };
    let mut world = World::new(plan).unwrap();
    let village: DivisionCode = "990121101201".parse().unwrap();
    let (mut rounds, mut largest) = (0, 0);
    let mut before = BTreeSet::new();
    for _ in 0..6 * 24 {
        world.run_for(HOUR).unwrap();
        let still = world.people().still_to_visit(village);
        // Whoever comes back into the list while others are still in it was visited too soon.
        if !still.is_subset(&before) {
            assert!(before.len() <= 6, "{} were left when a round began", before.len());
            rounds += 1;
        }
        largest = largest.max(still.len());
        before = still;
    }
    assert!((2..=5).contains(&rounds), "{rounds} rounds in six days");
    assert!(largest >= 9, "{largest}");
}

#[test]
fn villages_that_are_linked_on_market_days_lag_until_then() {
    let calendar = Calendar {
        round_days: 2,
        market_percent: 100,
        market_every_days: 3,
        off_at_night_percent: 0,
        away_villages: 0,
        ..Calendar::LIFE
    };
    let plan = Plan {
        townships: 1,
        villages: 2,
        elders: 8,
        calendar: Some(calendar),
        faults: Faults::NONE,
        ..Plan::new(3)
    };
    let report = simulate(plan, 7 * 24);
    assert!(report.violation.is_none(), "{:?}", report.violation);
    let lags = report
        .figures
        .by_place
        .iter()
        .filter(|(place, _)| place.parse::<DivisionCode>().unwrap().level() == Level::Village);
    let longest = lags.map(|(_, delays)| delays.max_ms).max().unwrap();
    assert!(longest > DAY && longest < 4 * DAY, "{longest} ms");
}

#[test]
fn two_dozen_drawn_counties_hold() {
    let mut kinds = BTreeSet::new();
    let draw = |seed| {
        let (plan, hours) = drawn(seed);
        // As much as a test has time for.
        (plan, hours.min(2))
    };
    let failing = sweep(1_000..1_024, 2, draw, |_, report| {
        kinds.extend(report.counts.faults.keys().cloned());
    });
    if let Some(report) = failing {
        panic!("{}\nreplay: {}", report.violation.as_ref().unwrap(), report.replay());
    }
    assert!(kinds.len() >= 6, "{kinds:?}");
}

/// In these a checker once saw a fault where there was none: what a turned device says of itself, and a draft on a disk
/// that was put back.
#[test]
fn counties_that_checkers_misjudged_hold() {
    for (seed, hours_max) in [(92, 3), (89, 26)] {
        let (plan, hours) = drawn(seed);
        let report = simulate(plan, hours.min(hours_max));
        assert!(report.violation.is_none(), "{seed}: {:?}", report.violation);
    }
}

/// A disk that says it has synced when it has not, in the first village there is.
fn lies(plan: Plan, hours: u64) -> Report {
    simulate_prepared(
        plan,
        hours,
        |world| {
            let villages = (0..world.node_count()).filter(|node| {
                world.engine(*node).is_some_and(|engine| engine.area().0.level() == Level::Village)
            });
            for node in villages.take(1) {
                world.disk(node).lie();
            }
        },
        |_| {},
    )
}

#[test]
fn what_fails_is_made_smaller_and_fails_still() {
    let faults = Faults {
        power_loss_every_ms: Some(10 * MINUTE),
        kill_every_ms: Some(HOUR),
        wrong_clocks: true,
        ..Faults::NONE
    };
    let plan = Plan { work_every_ms: 4 * MINUTE, faults, elders: 8, moves: true, ..Plan::new(4) };
    let report = lies(plan, 3);
    let guarantee = report.violation.as_ref().expect("a disk that lies is found").guarantee;
    assert!(matches!(guarantee, Guarantee::SavedSurvives | Guarantee::NodeWorks), "{guarantee:?}");
    let shrunk = shrink(report, 80, lies);
    let small = &shrunk.report;
    assert_eq!(small.violation.as_ref().map(|violation| violation.guarantee), Some(guarantee));
    assert_eq!(small.plan.areas().unwrap().villages().count(), 1, "{:?}", small.plan);
    assert!(small.hours <= 3 && small.plan.elders < 8, "{:?}", small.plan);
    let faults = small.plan.faults;
    assert!(faults.power_loss_every_ms.is_some(), "it takes power losses");
    // Nothing else is needed; but without one of them everything happens in another order, and a lie may pass.
    let left = [small.plan.moves, faults.wrong_clocks, faults.kill_every_ms.is_some()];
    assert!(left.into_iter().filter(|is_left| *is_left).count() <= 1, "{:?}", small.plan);
    // The plan that is printed fails in the same way.
    let again = lies(small.plan.clone(), small.hours);
    assert_eq!(again.violation, small.violation);
}

#[test]
fn a_picture_is_drawn_of_any_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("county.svg");
    for hours in [0, 30] {
        let plan = Plan {
            elders: 8,
            calendar: Some(Calendar::LIFE),
            faults: Faults::NONE,
            ..Plan::new(2)
        };
        let report = simulate(plan, hours);
        plot::draw(&report, &path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"));
        assert!(text.contains("Lag of each village"));
    }
}

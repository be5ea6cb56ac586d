//! A device with a valid grant whose owner has software of his own: whatever it says and writes, honest nodes
//! come to agree, nobody honest is accused, and nothing of theirs is lost or changed.

use std::collections::BTreeSet;

use shouwang_node::command::Request;
use shouwang_node::command::status::Status;
use shouwang_node::store::StoreRead;
use shouwang_simulations::forger::Deed;
use shouwang_simulations::report::{CONVERGE_WITHIN_MS, simulate};
use shouwang_simulations::workload::{Done, People};
use shouwang_simulations::world::{DAY, Faults, MINUTE, Node, Plan, World};

const TOWN: &str = "990121101000";
const VILLAGE: &str = "990121101201";

/// A county of one township and two villages, all in agreement, where nothing happens by itself, and a
/// device of one village in the wrong hands.
fn county(seed: u64, several_ways: bool) -> (World, Node, Node, Node) {
    let plan = Plan {
        townships: 1,
        villages: 2,
        elders: 4,
        work_every_ms: 100_000 * DAY,
        faults: Faults::NONE,
        ..Plan::new(seed)
    };
    let mut world = World::new(plan).unwrap();
    let (town, village) = (world.node(TOWN).unwrap(), world.node(VILLAGE).unwrap());
    world.run_for(2 * MINUTE).unwrap();
    world.act(town, |people, engine, now, _| people.imports(engine, now)).unwrap();
    world.converge(10 * MINUTE).unwrap();
    let others: &[Node] = if several_ways { &[village] } else { &[] };
    let turned = world.lets_in(town, village, others).unwrap();
    for peer in [&[town], others].concat() {
        world.heal(world.link(turned, peer).unwrap());
    }
    world.run_for(2 * MINUTE).unwrap();
    (world, town, village, turned)
}

/// Each deed by itself, twice, while honest people work.
#[test]
fn no_single_deed_harms_anybody() {
    for (nth, deed) in Deed::ALL.into_iter().enumerate() {
        let (mut world, _, village, turned) = county(nth as u64, nth % 3 == 0);
        for _ in 0..2 {
            let told = world.misbehave(turned, deed).and_then(|()| {
                world.act(village, People::visits)?;
                world.run_for(3 * MINUTE)
            });
            told.unwrap_or_else(|error| panic!("{deed:?}: {error}"));
        }
        let done = world.calm_down().and_then(|()| world.converge(CONVERGE_WITHIN_MS));
        done.unwrap_or_else(|error| panic!("{deed:?}: {error}"));
    }
}

/// What is well signed is stored, does not count, and stands in the township's list with its reason; what is
/// not is counted by name.
#[test]
fn what_it_did_is_kept_and_shown() {
    let (mut world, town, village, turned) = county(1, false);
    let twice = Deed::ALL.into_iter().chain(Deed::ALL);
    for deed in twice.chain([Deed::Floods; 9]) {
        world.misbehave(turned, deed).unwrap();
        world.act(village, People::visits).unwrap();
        // Whoever was hung up on comes again.
        world.run_for(6 * MINUTE).unwrap();
    }
    world.calm_down().unwrap();
    world.converge(CONVERGE_WITHIN_MS).unwrap();
    let mut seen = BTreeSet::new();
    world
        .act(town, |_, engine, now, _| {
            let status = Status {}.execute(engine, now).unwrap();
            seen.extend(status.unsettled.into_keys());
            let snapshot = engine.read().unwrap();
            seen.extend(snapshot.evidence_all().unwrap().into_iter().map(|row| row.code));
            Done::nothing()
        })
        .unwrap();
    for code in ["unknown_kind", "displaced", "forked_log", "over_quota", "unproven_log"] {
        assert!(seen.contains(code), "{code} is not in {seen:?}");
    }
    for kind in ["ill_formed:", "not_allowed:receipt_", "not_allowed:right"] {
        assert!(seen.iter().any(|code| code.starts_with(kind)), "{kind} is not in {seen:?}");
    }
    let evidence = world.engine(town).unwrap().read().unwrap().evidence_count().unwrap();
    assert!(evidence > 3, "{evidence}");
}

/// All deeds by chance, beside every other fault.
#[test]
fn a_county_converges_beside_a_device_in_the_wrong_hands() {
    for seed in 40..42 {
        let faults = Faults { malice_every_ms: Some(3 * MINUTE), ..Faults::ALL };
        let plan = Plan { townships: 1, meshed: seed == 41, faults, ..Plan::new(seed) };
        let report = simulate(plan, 3);
        if let Some(violation) = &report.violation {
            panic!("seed {seed}: {violation}\nreplay: {}", report.replay());
        }
        let deeds = report.counts.faults.keys().filter(|kind| kind.starts_with("malice")).count();
        assert!(deeds > 8, "{:?}", report.counts.faults);
    }
}

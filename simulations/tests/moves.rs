//! Elders who move while everything goes wrong.

use shouwang_crdt_schema::record::ElderId;
use shouwang_node::store::rows::ElderRow;
use shouwang_node::store::{StoreError, StoreRead};
use shouwang_simulations::check::Guarantee;
use shouwang_simulations::moves;
use shouwang_simulations::report::{CONVERGE_WITHIN_MS, simulate};
use shouwang_simulations::world::{Faults, HOUR, MINUTE, Plan, World};

const TOWN: &str = "990121101000";

fn plan(seed: u64) -> Plan {
    Plan {
        townships: 1 + (seed % 2) as u32,
        villages: 3,
        elders: 9 * (1 + (seed % 2) as u32),
        moves: true,
        work_every_ms: 8 * MINUTE,
        ..Plan::new(seed)
    }
}

/// Moves that came to pass in a world.
fn moved(world: &World) -> usize {
    let county = world.engine(world.node("990121000000").unwrap()).unwrap();
    moves::custody(&county.read().unwrap()).unwrap().len()
}

#[test]
fn elders_move_over_far_links() {
    let mut came_to_pass = 0;
    for seed in 0..3 {
        let plan = Plan { faults: Faults::NONE, ..plan(seed) };
        let mut world = World::new(plan).unwrap();
        world.run_for(20 * HOUR).unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        world.calm_down().unwrap();
        world
            .converge(CONVERGE_WITHIN_MS)
            .unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        came_to_pass += moved(&world);
    }
    assert!(came_to_pass >= 5, "only {came_to_pass}");
}

#[test]
fn elders_move_while_links_and_power_fail() {
    for seed in 10..12 {
        let faults = Faults {
            restore_every_ms: None,
            clone_every_ms: None,
            disk_error_every_ms: None,
            ..Faults::ALL
        };
        let report = simulate(Plan { faults, ..plan(seed) }, 14);
        assert!(report.violation.is_none(), "{:?}\n{}", report.violation, report.replay());
    }
}

/// An elder who is shown twice is found.
#[test]
fn an_elder_who_is_shown_by_two_scopes_is_found() {
    let plan = Plan { faults: Faults::NONE, ..plan(1) };
    let mut world = World::new(plan).unwrap();
    world.run_for(3 * HOUR).unwrap();
    let town = world.node(TOWN).unwrap();
    assert_eq!(moves::shown_once(town, world.engine(town).unwrap()), Ok(()));
    let engine = world.engine_mut(town).unwrap();
    let places = engine.read().unwrap().elder_places_all().unwrap();
    let (at, elder): (_, ElderId) = places[0];
    let other = places.iter().map(|(scope, _)| *scope).find(|scope| *scope != at).unwrap();
    engine
        .store_mut()
        .write(|tables| tables.put_elder(other, elder, &ElderRow::empty()))
        .unwrap_or_else(|error: StoreError| panic!("{error}"));
    let found = moves::shown_once(town, world.engine(town).unwrap()).unwrap_err();
    assert_eq!(found.guarantee, Guarantee::ShownOnce);
}

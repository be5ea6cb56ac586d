//! A device with a valid grant whose owner has software of his own: whatever it says and writes, honest nodes
//! come to agree, nobody honest is accused, and nothing of theirs is lost or changed.

use shouwang_simulations::forger::Deed;
use shouwang_simulations::report::{CONVERGE_WITHIN_MS, simulate};
use shouwang_simulations::workload::People;
use shouwang_simulations::world::{DAY, Faults, HOUR, MINUTE, Plan, SECOND, World};

const COUNTY: &str = "990121000000";
const TOWN: &str = "990121101000";
const VILLAGE: &str = "990121101201";

/// A county of one township and two villages, all in agreement, where nothing happens by itself.
fn quiet(seed: u64) -> World {
    let plan = Plan {
        townships: 1,
        villages: 2,
        elders: 3,
        work_every_ms: 100_000 * DAY,
        faults: Faults::NONE,
        ..Plan::new(seed)
    };
    let mut world = World::new(plan).unwrap();
    let town = world.node(TOWN).unwrap();
    world.run_for(2 * MINUTE).unwrap();
    world.act(town, |people, engine, now, _| people.imports(engine, now)).unwrap();
    world.converge(10 * MINUTE).unwrap();
    world
}

/// Every deed by itself, several times over.
#[test]
fn no_single_deed_harms_anybody() {
    for (nth, deed) in Deed::ALL.into_iter().enumerate() {
        let mut world = quiet(nth as u64);
        let (town, village) = (world.node(TOWN).unwrap(), world.node(VILLAGE).unwrap());
        let turned = world.lets_in(town, village, &[]).unwrap();
        let link = world.link(turned, town).unwrap();
        world.heal(link);
        world.run_for(2 * MINUTE).unwrap();
        for _ in 0..6 {
            world.misbehave(turned, deed).unwrap_or_else(|error| panic!("{deed:?}: {error}"));
            world.act(village, People::visits).unwrap();
            let told = world.run_for(3 * MINUTE);
            told.unwrap_or_else(|error| panic!("{deed:?}: {error}"));
        }
        let done = world.calm_down().and_then(|()| world.converge(CONVERGE_WITHIN_MS));
        done.unwrap_or_else(|error| panic!("{deed:?}: {error}"));
        println!("{deed:?}: {:?}", world.counts().hangups);
    }
}

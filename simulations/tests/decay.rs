//! Bits that flip at rest, disks that are slow for a while, clocks that jump, links that let nothing through in
//! one direction, and frames that arrive when their connection is over.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::view::PartView;
use shouwang_node::index;
use shouwang_simulations::report::{CONVERGE_WITHIN_MS, simulate};
use shouwang_simulations::workload::{People, elders};
use shouwang_simulations::world::{DAY, Faults, HOUR, MINUTE, Plan, SECOND, World};

const TOWN: &str = "990121101000";
const VILLAGE: &str = "990121101201";

fn quiet(seed: u64) -> Plan {
    Plan {
        townships: 1,
        villages: 2,
        elders: 4,
        work_every_ms: 100_000 * DAY,
        faults: Faults::NONE,
        ..Plan::new(seed)
    }
}

/// Bits of one disk, wherever they are: they are found and the home is made anew, or they do no harm. Others
/// go on.
#[test]
fn a_flipped_bit_is_found_or_does_no_harm() {
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..16 {
        let told = World::new(quiet(seed)).and_then(|mut world| {
            let (town, village) = (world.node(TOWN).unwrap(), world.node(VILLAGE).unwrap());
            world.run_for(2 * MINUTE)?;
            world.act(town, |people, engine, now, _| people.imports(engine, now))?;
            world.converge(10 * MINUTE)?;
            let node = if seed % 2 == 0 { village } else { town };
            if node == town {
                world.back_up(town);
            }
            world.act(node, People::visits)?;
            world.rot(node, [1, 8, 64, 512][seed as usize / 4], seed % 4 < 2)?;
            for _ in 0..4 {
                world.run_for(2 * MINUTE)?;
                world.act(node, People::visits)?;
            }
            world.calm_down()?;
            world.converge(CONVERGE_WITHIN_MS)?;
            Ok(world)
        });
        let world = told.unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        for (kind, count) in &world.counts().faults {
            *outcomes.entry(kind.clone()).or_default() += count;
        }
    }
    println!("{outcomes:?}");
    assert!(outcomes.contains_key("rot harmless"), "{outcomes:?}");
    assert!(outcomes.keys().any(|kind| kind.starts_with("rot found")), "{outcomes:?}");
    assert!(outcomes.contains_key("rot restored"), "{outcomes:?}");
    assert!(outcomes.contains_key("rot granted anew"), "{outcomes:?}");
}

/// Each of these faults happens, and alone does no harm.
#[test]
fn each_fault_happens_and_does_no_harm() {
    let often = Some(10 * MINUTE);
    let links = Faults { poor_links: true, ..Faults::NONE };
    let kinds = [
        ("rot", Faults { rot_every_ms: Some(HOUR), ..Faults::NONE }),
        ("clock_jump", Faults { clock_jump_every_ms: often, ..Faults::NONE }),
        ("one_way", Faults { one_way_every_ms: often, ..Faults::NONE }),
        ("late_frames", Faults { replay_every_ms: often, ..links }),
        ("slow_disk", Faults { slow_disk_every_ms: often, ..Faults::NONE }),
    ];
    for (nth, (kind, faults)) in kinds.into_iter().enumerate() {
        let plan = Plan {
            townships: 1,
            villages: 2,
            elders: 6,
            work_every_ms: 5 * MINUTE,
            faults,
            ..Plan::new(50 + nth as u64)
        };
        let report = simulate(plan, 3);
        if let Some(violation) = &report.violation {
            panic!("{kind}: {violation}");
        }
        assert!(report.counts.faults.contains_key(kind), "{kind}: {:?}", report.counts.faults);
    }
}

/// What a file comes to, for a person: values that stand, those beside them, and what was noted.
type Shown = BTreeMap<String, (String, BTreeSet<String>, BTreeSet<String>)>;

/// The same people do the same in the same order, two of them off line at once; the clocks alone are others.
fn shown_under(jumps: bool) -> (Shown, u64) {
    let mut world = World::new(quiet(7)).unwrap();
    let (town, village) = (world.node(TOWN).unwrap(), world.node(VILLAGE).unwrap());
    let turn = |world: &mut World| {
        if jumps {
            (0..world.node_count()).for_each(|node| world.jumps(node));
        }
    };
    world.run_for(2 * MINUTE).unwrap();
    world.act(town, |people, engine, now, _| people.imports(engine, now)).unwrap();
    world.converge(10 * MINUTE).unwrap();
    let link = world.link(village, town).unwrap();
    let files = elders(world.engine(village).unwrap(), world.engine(village).unwrap().area());
    for _ in 0..3 {
        world.partition(link);
        for node in [town, village] {
            turn(&mut world);
            for (scope, elder) in files.clone() {
                world
                    .act(node, |people, engine, now, _| {
                        people.sets(engine, now, scope, elder, Field::Remarks)
                    })
                    .unwrap();
            }
            world.run_for(SECOND).unwrap();
        }
        world.heal(link);
        world.converge(10 * MINUTE).unwrap();
    }
    let snapshot = world.engine(town).unwrap().read().unwrap();
    let shown = files.iter().map(|(scope, elder)| {
        let view = index::view(&snapshot, *scope, *elder).unwrap();
        let standing = view.parts().find_map(|part| part.field(Field::Remarks)).unwrap();
        let others = standing.others.iter().map(|value| value.as_str().to_owned()).collect();
        let stored = view.parts().flat_map(PartView::stored);
        let notes = stored.filter_map(|(_, listed)| Some(listed.element.text("note")?.to_owned()));
        (elder.to_string(), (standing.effective.as_str().to_owned(), others, notes.collect()))
    });
    (shown.collect(), world.entries_at(0))
}

#[test]
fn what_a_file_comes_to_does_not_depend_on_clocks() {
    let (first, entries) = shown_under(false);
    assert!(first.values().any(|(_, others, _)| !others.is_empty()), "nobody ever disagreed");
    assert_eq!(shown_under(true), (first, entries));
}

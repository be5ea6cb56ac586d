//! Stories of devices whose grant is taken away, in virtual time.

use shouwang_node::command::Request;
use shouwang_node::command::quarantine::{QuarantineAdopt, QuarantineList, QuarantinedEntry};
use shouwang_node::sync::Now;
use shouwang_simulations::check::Violation;
use shouwang_simulations::report::CONVERGE_WITHIN_MS;
use shouwang_simulations::workload::{Done, People};
use shouwang_simulations::world::{DAY, Faults, HOUR, MINUTE, Node, Plan, World};

const COUNTY: &str = "990121000000";
const TOWN: &str = "990121101000";
const VILLAGE: &str = "990121101201";
const HELPER: &str = "990121101201-helper";

fn quarantined(world: &mut World, node: Node) -> Vec<QuarantinedEntry> {
    let now = Now { monotonic_ms: world.now_ms(), wall_ms: 0 };
    let engine = world.engine_mut(node).unwrap();
    QuarantineList { scope: None }.execute(engine, now).unwrap().entries
}

/// A helper's laptop writes on while only the clerk hears of it; the clerk writes on top; the office
/// revokes; everybody agrees, links cut and late as they are.
fn told(seed: u64) -> Result<(), Violation> {
    let plan = Plan {
        townships: 1,
        villages: 1,
        elders: 1,
        meshed: true,
        work_every_ms: 100_000 * DAY,
        faults: Faults { poor_links: true, ..Faults::NONE },
        ..Plan::new(seed)
    };
    let mut world = World::new(plan)?;
    let nodes = [COUNTY, TOWN, VILLAGE, HELPER].map(|name| world.node(name).unwrap());
    let [county, town, village, helper] = nodes;
    world.run_for(HOUR)?;
    world.act(town, |people, engine, now, _| people.imports(engine, now))?;
    world.act(village, People::visits)?;
    world.converge(CONVERGE_WITHIN_MS)?;
    // Whatever way there is from the helper and the clerk to an office is closed.
    let between: Vec<_> = [(helper, town), (helper, county), (village, town), (village, county)]
        .into_iter()
        .filter_map(|(one, two)| world.link(one, two))
        .collect();
    between.iter().for_each(|link| world.partition(*link));
    world.run_for(MINUTE)?;
    world.act(helper, People::visits)?;
    world.run_for(HOUR)?;
    world.act(village, People::visits)?;
    world.act(helper, People::visits)?;
    world.revoke(county, helper)?;
    between.iter().for_each(|link| world.heal(*link));
    world.act(helper, People::visits)?;
    world.run_for(6 * HOUR)?;
    world.converge(CONVERGE_WITHIN_MS)?;
    // The first visit counts, because the clerk wrote on top of it; what came after it does not.
    let held = quarantined(&mut world, county);
    assert!(held.iter().any(|entry| entry.vouched), "seed {seed}: {held:?}");
    for node in [town, village] {
        let here: Vec<_> = quarantined(&mut world, node).iter().map(|e| e.entry).collect();
        assert_eq!(here, held.iter().map(|e| e.entry).collect::<Vec<_>>(), "seed {seed}");
    }
    assert!(world.counts().hangups.contains_key("revoked"), "{:?}", world.counts().hangups);
    // An office looks at them and takes them all in.
    let device = world.engine(helper).unwrap().device().to_string();
    world.act(county, move |_, engine, now, _| {
        let adopt = QuarantineAdopt { entries: vec![], device: Some(device), dry_run: false };
        Done { error: adopt.execute(engine, now).err(), ..Done::nothing() }
    })?;
    world.converge(CONVERGE_WITHIN_MS)?;
    for node in [county, town, village] {
        let left = quarantined(&mut world, node);
        assert!(left.is_empty(), "seed {seed}: {left:?}");
    }
    Ok(())
}

#[test]
fn a_device_is_taken_out_and_what_was_built_on_its_work_stays() {
    for seed in 300..306 {
        if let Err(violation) = told(seed) {
            panic!("seed {seed}: {violation}");
        }
    }
}

//! Stories of disks that are put back and of homes that are copied, in virtual time. Each prints its
//! seed when it fails; `SHOUWANG_SEED=n` runs those that have a seed with that one.

use std::collections::BTreeSet;

use shouwang_node::command::Request;
use shouwang_node::command::status::Status;
use shouwang_node::identity::DeviceId;
use shouwang_node::log::Incarnation;
use shouwang_node::store::StoreRead;
use shouwang_node::sync::Now;
use shouwang_simulations::check::Violation;
use shouwang_simulations::report::{CONVERGE_WITHIN_MS, simulate};
use shouwang_simulations::workload::People;
use shouwang_simulations::world::{DAY, Faults, HOUR, MINUTE, Node, Plan, World};

const COUNTY: &str = "990121000000";
const TOWN: &str = "990121101000";
const VILLAGE: &str = "990121101201";

fn seeds(usual: impl IntoIterator<Item = u64>) -> Vec<u64> {
    match std::env::var("SHOUWANG_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => usual.into_iter().collect(),
    }
}

/// A county of one township and one village where nothing happens by itself, and its ledger.
fn story(seed: u64, tell: impl FnOnce(&mut World, Node, Node) -> Result<(), Violation>) {
    let plan = Plan {
        townships: 1,
        villages: 1,
        elders: 4,
        work_every_ms: 100_000 * DAY,
        faults: Faults::NONE,
        ..Plan::new(seed)
    };
    let told = World::new(plan).and_then(|mut world| {
        let (town, village) = (world.node(TOWN).unwrap(), world.node(VILLAGE).unwrap());
        world.run_for(2 * MINUTE)?;
        world.act(town, |people, engine, now, _| people.imports(engine, now))?;
        world.converge(10 * MINUTE)?;
        world.act(village, People::visits)?;
        world.converge(10 * MINUTE)?;
        tell(&mut world, town, village)
    });
    if let Err(violation) = told {
        panic!("seed {seed}: {violation}");
    }
}

fn device(world: &World, node: Node) -> DeviceId {
    world.engine(node).unwrap().device()
}

/// The incarnations of a device, as the county knows them, and how many chains its logs have beyond
/// one each.
fn lineage(world: &World, device: DeviceId) -> (BTreeSet<Incarnation>, usize) {
    let county = world.engine(world.node(COUNTY).unwrap()).unwrap();
    let logs = county.read().unwrap().logs_all().unwrap();
    let own: Vec<_> = logs.iter().filter(|log| log.key.device == device).collect();
    let branches = own.iter().filter(|log| log.branch.is_some()).count();
    (own.iter().map(|log| log.key.incarnation).collect(), branches)
}

fn notices(world: &mut World, node: Node) -> Vec<String> {
    let now = Now { monotonic_ms: world.now_ms(), wall_ms: 0 };
    let status = Status {}.execute(world.engine_mut(node).unwrap(), now).unwrap();
    let mut codes: Vec<String> = status.notices.into_iter().map(|notice| notice.code).collect();
    codes.sort();
    codes
}

#[test]
fn disks_that_are_put_back_and_homes_that_are_copied_lose_nothing() {
    for seed in seeds(100..103) {
        let faults = Faults {
            poor_links: true,
            partition_every_ms: Some(HOUR),
            partition_lasts_ms: 20 * MINUTE,
            power_loss_every_ms: Some(2 * HOUR),
            restore_every_ms: Some(30 * MINUTE),
            clone_every_ms: Some(12 * HOUR),
            ..Faults::NONE
        };
        let plan = Plan {
            townships: 1,
            elders: 12,
            meshed: seed % 2 == 0,
            work_every_ms: 3 * MINUTE,
            faults,
            ..Plan::new(seed)
        };
        let report = simulate(plan, 5);
        if let Some(violation) = &report.violation {
            panic!(
                "seed {seed}: {violation}\nreplay: SHOUWANG_SEED={seed} cargo test -p shouwang-simulations --test forks"
            );
        }
        let faults = &report.counts.faults;
        println!("seed {seed}: {faults:?}, {} done checks", report.counts.done_checks);
        let befell = ["restore", "turn"].map(|kind| faults.get(kind).copied().unwrap_or_default());
        assert!(befell.iter().sum::<u64>() > 2, "{faults:?}");
    }
}

#[test]
fn a_disk_that_is_put_back_with_a_word_to_the_node_never_forks() {
    story(110, |world, town, village| {
        let own = device(world, village);
        world.back_up(village);
        for _ in 0..3 {
            world.act(village, People::visits)?;
        }
        world.converge(10 * MINUTE)?;
        world.restore(village, true)?;
        let link = world.link(village, town).unwrap();
        world.partition(link);
        world.run_for(MINUTE)?;
        // It writes before it has met anybody.
        world.act(village, People::visits)?;
        assert!(!world.engine(village).unwrap().heads_confirmed());
        world.heal(link);
        world.converge(CONVERGE_WITHIN_MS)?;
        assert!(world.engine(village).unwrap().heads_confirmed());
        let (incarnations, branches) = lineage(world, own);
        assert_eq!((incarnations.len(), branches), (2, 0));
        assert_eq!(notices(world, village), ["rolled_back"]);
        // Neither another start nor another meeting makes a third.
        world.lose_power(village, MINUTE)?;
        world.run_for(5 * MINUTE)?;
        world.act(village, People::visits)?;
        world.converge(CONVERGE_WITHIN_MS)?;
        assert_eq!(lineage(world, own).0.len(), 2);
        Ok(())
    });
}

#[test]
fn a_disk_that_is_put_back_behind_the_nodes_back_heals_as_soon_as_it_meets_a_peer() {
    for writes_first in [false, true] {
        story(120, |world, town, village| {
            let own = device(world, village);
            world.back_up(village);
            for _ in 0..40 {
                world.act(village, People::visits)?;
            }
            world.converge(10 * MINUTE)?;
            world.restore(village, false)?;
            let link = world.link(village, town).unwrap();
            world.partition(link);
            world.run_for(MINUTE)?;
            if writes_first {
                world.act(village, People::visits)?;
            }
            assert!(!world.engine(village).unwrap().heads_confirmed());
            world.heal(link);
            world.converge(CONVERGE_WITHIN_MS)?;
            assert!(world.engine(village).unwrap().heads_confirmed());
            world.act(village, People::visits)?;
            world.converge(CONVERGE_WITHIN_MS)?;
            let (incarnations, branches) = lineage(world, own);
            assert_eq!((incarnations.len(), branches), (2, usize::from(writes_first)));
            let expected: &[&str] =
                if writes_first { &["forked_log", "rolled_back"] } else { &["rolled_back"] };
            assert_eq!(notices(world, village), expected);
            let elsewhere: &[&str] = if writes_first { &["forked_log"] } else { &[] };
            assert_eq!(notices(world, town), elsewhere);
            for _ in 0..3 {
                world.lose_power(village, MINUTE)?;
                world.run_for(5 * MINUTE)?;
                world.act(village, People::visits)?;
                world.converge(CONVERGE_WITHIN_MS)?;
            }
            assert_eq!(lineage(world, own).0.len(), 2, "the same cause, and a new incarnation");
            Ok(())
        });
    }
}

#[test]
fn two_machines_of_one_home_both_keep_working_and_stop_answering_each_other() {
    for seed in seeds(130..133) {
        story(seed, |world, _, village| {
            let own = device(world, village);
            world.clone_home(village)?;
            world.run_for(5 * MINUTE)?;
            let mut first = 0;
            for turn in 0..12 {
                world.take_turns(village)?;
                world.run_for(30 * 1_000)?;
                world.act(village, People::visits)?;
                world.run_for(10 * MINUTE)?;
                if turn == 5 {
                    first = lineage(world, own).0.len();
                }
            }
            world.converge(CONVERGE_WITHIN_MS)?;
            let (incarnations, branches) = lineage(world, own);
            assert_eq!(incarnations.len(), first, "they answer each other for ever");
            assert!(incarnations.len() <= 4 && branches <= 1, "{incarnations:?}, {branches}");
            let mut found = notices(world, village);
            world.take_turns(village)?;
            world.converge(CONVERGE_WITHIN_MS)?;
            found.extend(notices(world, village));
            assert!(found.contains(&"cloned_home".to_owned()), "{found:?}");
            Ok(())
        });
    }
}

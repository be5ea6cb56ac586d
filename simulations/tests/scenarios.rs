//! Stories of a county in virtual time. Each prints its seed and how to replay it when it fails;
//! `SHOUWANG_SEED=n` runs the stories that have a seed with that one.

use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::record::{Choice, IncidentKind};
use shouwang_node::command::Request;
use shouwang_node::command::incident::{IncidentList, IncidentRaise, IncidentReport, Which};
use shouwang_simulations::check::{Fact, Violation};
use shouwang_simulations::network::{Cuts, Quality};
use shouwang_simulations::report::{CONVERGE_WITHIN_MS, Report, simulate};
use shouwang_simulations::workload::{Done, People, elders};
use shouwang_simulations::world::{DAY, Faults, HOUR, MINUTE, Node, Plan, SECOND, World};

const COUNTY: &str = "990121000000";
const TOWN: &str = "990121101000";
const VILLAGE: &str = "990121101201";
const NEIGHBOUR: &str = "990121101202";

/// A line of 9.6 kbit/s over which no connection lasts longer than ten seconds.
const THIN: Quality = Quality {
    delay_ms: [500, 400],
    jitter_ms: 300,
    rate: [1_200, 1_200],
    late_per_mille: 0,
    cuts: Cuts::After(10 * SECOND),
};

fn seeds(usual: impl IntoIterator<Item = u64>) -> Vec<u64> {
    match std::env::var("SHOUWANG_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => usual.into_iter().collect(),
    }
}

/// Simulates, and fails with the command that does the same again.
fn holds(plan: Plan, hours: u64) -> Report {
    let report = simulate(plan, hours);
    if let Some(violation) = &report.violation {
        panic!("seed {}: {violation}\nreplay: {}", report.plan.seed, report.replay());
    }
    report
}

/// Tells a story, and fails with the seed to replay it.
fn story(name: &str, plan: Plan, tell: impl FnOnce(&mut World) -> Result<(), Violation>) {
    let seed = plan.seed;
    let told = World::new(plan).and_then(|mut world| tell(&mut world));
    if let Err(violation) = told {
        panic!(
            "seed {seed}: {violation}\nreplay: SHOUWANG_SEED={seed} cargo test \
             -p shouwang-simulations --test scenarios {name}"
        );
    }
}

/// A county of one township where nothing happens by itself.
fn quiet(seed: u64, villages: u32, elders: u32) -> Plan {
    Plan {
        townships: 1,
        villages,
        elders: villages * elders,
        work_every_ms: 100_000 * DAY,
        faults: Faults::NONE,
        ..Plan::new(seed)
    }
}

fn node(world: &World, name: &str) -> Node {
    world.node(name).unwrap()
}

/// Programs of several versions in one county: each speaks as the older of two does, and what the later one writes
/// is kept by all, whatever others write beside it.
#[test]
fn what_a_later_version_writes_is_carried_and_kept_by_all() {
    for seed in seeds(0..4) {
        let plan = Plan { mixed: true, plainly: false, ..quiet(seed, 2, 3) };
        story("what_a_later_version_writes_is_carried_and_kept_by_all", plan, |world| {
            let (town, village) = (node(world, TOWN), node(world, VILLAGE));
            world.act(town, |people, engine, now, _| people.imports(engine, now))?;
            world.converge(10 * MINUTE)?;
            let before = world.counts().edits;
            world.act(village, People::visits_later)?;
            world.act(town, People::visits)?;
            world.converge(10 * MINUTE)?;
            world.act(village, People::visits)?;
            world.act(town, People::visits_later)?;
            world.converge(10 * MINUTE)?;
            assert_eq!(world.counts().edits - before, 4);
            Ok(())
        });
    }
}

#[test]
fn a_county_converges_whatever_goes_wrong() {
    for seed in seeds(0..3) {
        let report = holds(Plan::new(seed), 4);
        assert!(report.counts.faults.len() >= 6, "{:?}", report.counts.faults);
        assert!(report.counts.restarts_checked > 5);
        assert!(report.entries > 50);
    }
}

#[test]
fn a_county_converges_where_the_same_entries_come_by_several_ways() {
    for seed in seeds(0..2) {
        let plan = Plan { meshed: true, townships: 1, elders: 12, ..Plan::new(seed) };
        let report = holds(plan, 3);
        assert!(report.counts.done_checks > 20);
    }
}

#[test]
fn a_county_whose_places_count_their_bytes_converges_when_they_no_longer_do() {
    for seed in seeds(30..33) {
        let plan = Plan { budgets: true, work_every_ms: 4 * MINUTE, ..Plan::new(seed) };
        let report = holds(plan, 4);
        assert!(report.counts.faults.contains_key("budget"), "{:?}", report.counts.faults);
        assert!(report.counts.held_back > 0, "nobody ever held anything back");
    }
}

#[test]
fn a_seed_replays_exactly() {
    let plan = |seed| Plan { townships: 1, elders: 6, ..Plan::new(seed) };
    for seed in seeds([11]) {
        let (first, again) = (simulate(plan(seed), 3), simulate(plan(seed), 3));
        assert_eq!(first.trace_hash, again.trace_hash, "seed {seed}");
        assert_eq!(first.counts, again.counts);
        let other = simulate(plan(seed + 1), 3);
        assert_ne!(first.trace_hash, other.trace_hash);
    }
}

#[test]
fn what_was_saved_survives_power_loss_every_few_minutes() {
    for seed in seeds(20..22) {
        let faults =
            Faults { power_loss_every_ms: Some(8 * MINUTE), wrong_clocks: true, ..Faults::NONE };
        let plan =
            Plan { townships: 1, elders: 20, work_every_ms: 2 * MINUTE, faults, ..Plan::new(seed) };
        let report = holds(plan, 4);
        let faults = &report.counts.faults;
        assert!(faults["power_loss"] > 10 && faults["power_loss_in_commit"] > 10, "{faults:?}");
        assert!(report.sectors_lost > 100);
    }
}

#[test]
fn a_village_that_was_off_line_for_a_month_catches_up() {
    for seed in seeds([30]) {
        story("a_village_that_was_off", quiet(seed, 2, 4), |world| {
            let (town, village) = (node(world, TOWN), node(world, VILLAGE));
            let (county, neighbour) = (node(world, COUNTY), node(world, NEIGHBOUR));
            world.run_for(2 * MINUTE)?;
            world.act(town, |people, engine, now, _| people.imports(engine, now))?;
            world.run_for(MINUTE)?;
            let link = world.link(village, town).unwrap();
            let entries = world.entries_at(county);
            world.partition(link);
            for day in 0..30 {
                world.act(village, People::visits)?;
                world.act(village, People::corrects)?;
                world.act(town, People::corrects)?;
                world.act(neighbour, People::visits)?;
                if day % 10 == 0 {
                    world
                        .act(village, |people, engine, now, _| people.opens_a_file(engine, now))?;
                    world.lose_power(village, HOUR)?;
                }
                world.run_for(DAY)?;
            }
            let missing = world.entries_at(village);
            assert!(world.entries_at(county) >= entries + 60);
            world.heal(link);
            let took = world.converge(20 * MINUTE)?;
            assert!(world.entries_at(village) > missing);
            assert!(took < 2 * MINUTE, "{took} ms");
            let (_, conflicts) = world.elders_and_conflicts_at(county);
            assert!(conflicts > 0, "a month of corrections on both sides leaves conflicts");
            Ok(())
        });
    }
}

#[test]
fn a_thin_line_that_is_cut_every_ten_seconds_makes_progress() {
    for seed in seeds([40]) {
        story("a_thin_line", quiet(seed, 1, 10), |world| {
            let (town, village) = (node(world, TOWN), node(world, VILLAGE));
            let link = world.link(village, town).unwrap();
            world.run_for(2 * MINUTE)?;
            world.act(town, |people, engine, now, _| people.imports(engine, now))?;
            world.run_for(MINUTE)?;
            world.partition(link);
            for _ in 0..100 {
                world.act(village, People::visits)?;
            }
            world.set_quality(link, THIN);
            let (entries, before) = (world.entries_at(town), world.counts().clone());
            world.heal(link);
            let mut minutes = 0;
            while world.entries_at(town) < entries + 100 {
                world.run_for(MINUTE)?;
                minutes += 1;
                assert!(minutes < 60, "{} of 100 after an hour", world.entries_at(town) - entries);
            }
            // What arrived and was of no use is less than what was.
            let arrived = world.counts().bytes_arrived - before.bytes_arrived;
            world.set_quality(link, Quality { cuts: Cuts::Never, ..THIN });
            world.converge(30 * MINUTE)?;
            let useful = 100 * 300;
            assert!(arrived < 2 * useful, "{arrived} B");
            assert!(world.counts().connections - before.connections > 1, "it was cut");
            Ok(())
        });
    }
}

/// 64 kbit/s, 600 ms there and back.
const SLOW: Quality = Quality {
    delay_ms: [300, 300],
    jitter_ms: 0,
    rate: [8_000, 8_000],
    late_per_mille: 0,
    cuts: Cuts::Never,
};

/// Incidents that a node knows of.
fn incidents(world: &mut World, at: Node) -> Result<usize, Violation> {
    let mut found = 0;
    world.act(at, |_, engine, now, _| {
        let list = IncidentList { which: Which::All, elder: None, as_of: None };
        found = list.execute(engine, now).unwrap().incidents.len();
        Done::nothing()
    })?;
    Ok(found)
}

#[test]
fn an_incident_overtakes_a_bulk_exchange_that_is_under_way() {
    for seed in seeds([50, 51]) {
        story("an_incident_overtakes", quiet(seed, 1, 10), |world| {
            let (county, town, village) =
                (node(world, COUNTY), node(world, TOWN), node(world, VILLAGE));
            let link = world.link(village, town).unwrap();
            world.run_for(2 * MINUTE)?;
            world.act(town, |people, engine, now, _| people.imports(engine, now))?;
            world.run_for(MINUTE)?;
            world.partition(link);
            world.set_quality(world.link(town, county).unwrap(), Quality::OFFICE);
            // A minute of the link: what each says compresses badly.
            for number in 0..400u32 {
                let note: String = (0..400u32)
                    .filter_map(|n| {
                        char::from_u32(0x4e00 + (n * n * 7_919 + n * number * 613) % 20_000)
                    })
                    .collect();
                world.act(village, move |people, engine, now, random| {
                    people.visits_saying(engine, now, random, &note)
                })?;
            }
            let before = world.entries_at(town);
            world.set_quality(link, SLOW);
            world.heal(link);
            // Both early, while the window is still as it was at first, and when it has grown.
            for (number, share) in [10, 120].into_iter().enumerate() {
                while world.entries_at(town) < before + share {
                    world.run_for(100)?;
                }
                world.act(village, move |_, engine, now, _| {
                    let (scope, elder) = elders(engine, engine.area())[number];
                    let words = format!("晕倒{number}");
                    let date = chrono::DateTime::from_timestamp_millis(now.wall_ms).unwrap();
                    let report = IncidentReport {
                        date: date.date_naive(),
                        time: None,
                        place: None,
                        by: None,
                        note: Some(words.clone()),
                    };
                    let (elder_id, kind) = (elder.to_string(), IncidentKind::ALL[0]);
                    let raise = IncidentRaise { elder: elder_id, kind, report };
                    let error = raise.execute(engine, now).err();
                    Done { facts: vec![Fact::Event(scope, elder, words)], error }
                })?;
                let raised_ms = world.now_ms();
                while incidents(world, county)? <= number {
                    world.run_for(50)?;
                    let took_ms = world.now_ms() - raised_ms;
                    assert!(took_ms <= 3 * SECOND + 600, "{took_ms} ms");
                }
                println!("{} ms", world.now_ms() - raised_ms);
                assert!(world.entries_at(town) < before + 350, "the bulk was over by then");
            }
            world.converge(20 * MINUTE).map(drop)
        });
    }
}

#[test]
fn a_full_disk_stops_a_node_and_room_lets_it_go_on() {
    story("a_full_disk", quiet(50, 1, 5), |world| {
        let (town, village) = (node(world, TOWN), node(world, VILLAGE));
        world.run_for(2 * MINUTE)?;
        world.act(town, |people, engine, now, _| people.imports(engine, now))?;
        world.run_for(MINUTE)?;
        let length = world.disk(village).length();
        world.disk(village).set_capacity(Some(length));
        let mut edits = 0;
        while !world.counts().faults.contains_key("full") {
            // Long words fill it sooner.
            let note: String = (0..450).filter_map(|n| char::from_u32(0x4e00 + n * 41)).collect();
            world.act(village, move |people, engine, now, random| {
                people.visits_saying(engine, now, random, &note)
            })?;
            edits += 1;
            assert!(edits < 2_000, "the disk never fills");
        }
        // It starts again as soon as there is room, and everything that was saved is there.
        world.disk(village).set_capacity(None);
        world.run_for(10 * MINUTE)?;
        world.act(village, People::visits)?;
        world.converge(10 * MINUTE).map(drop)
    });
}

#[test]
fn a_village_that_meets_the_county_before_its_township_does() {
    let plan = Plan { meshed: true, ..quiet(60, 1, 0) };
    story("a_village_that_meets", plan, |world| {
        let (county, town) = (node(world, COUNTY), node(world, TOWN));
        let (village, helper) = (node(world, VILLAGE), node(world, "990121101201-helper"));
        for (one, two) in [(town, county), (village, town), (helper, town)] {
            let link = world.link(one, two).unwrap();
            world.partition(link);
        }
        world.act(village, |people, engine, now, _| people.opens_a_file(engine, now))?;
        world.run_for(5 * MINUTE)?;
        assert_eq!(
            elders(world.engine(county).unwrap(), world.engine(county).unwrap().area()).len(),
            1
        );
        world.act(helper, People::visits)?;
        world.run_for(5 * MINUTE)?;
        world.calm_down()?;
        world.converge(CONVERGE_WITHIN_MS).map(drop)
    });
}

#[test]
fn concurrent_corrections_are_all_kept_until_somebody_who_saw_them_decides() {
    story("concurrent_corrections", quiet(70, 1, 1), |world| {
        let (county, town, village) =
            (node(world, COUNTY), node(world, TOWN), node(world, VILLAGE));
        world.run_for(2 * MINUTE)?;
        world.act(town, |people, engine, now, _| people.imports(engine, now))?;
        world.run_for(MINUTE)?;
        let (scope, elder) =
            elders(world.engine(town).unwrap(), world.engine(town).unwrap().area())[0];
        for (one, two) in [(village, town), (town, county)] {
            let link = world.link(one, two).unwrap();
            world.partition(link);
        }
        for place in [village, town, county] {
            world.act(place, |people, engine, now, _| {
                people.sets(engine, now, scope, elder, Field::Phone)
            })?;
        }
        world.calm_down()?;
        world.converge(CONVERGE_WITHIN_MS)?;
        assert_eq!(world.elders_and_conflicts_at(county), (1, 1));
        world.act(village, |people, engine, now, _| {
            people.sets(engine, now, scope, elder, Field::Phone)
        })?;
        world.converge(CONVERGE_WITHIN_MS)?;
        assert_eq!(world.elders_and_conflicts_at(county), (1, 0));
        Ok(())
    });
}

#[test]
fn an_idle_day_costs_little() {
    story("an_idle_day", quiet(80, 1, 5), |world| {
        let town = node(world, TOWN);
        world.run_for(2 * MINUTE)?;
        world.act(town, |people, engine, now, _| people.imports(engine, now))?;
        world.converge(10 * MINUTE)?;
        let before = world.counts().clone();
        let syncs: u64 = (0..world.node_count()).map(|n| world.disk(n).counts().syncs).sum();
        world.run_for(DAY)?;
        let bytes = world.counts().bytes - before.bytes;
        let after: u64 = (0..world.node_count()).map(|n| world.disk(n).counts().syncs).sum();
        // Two links, a sign of life every five minutes each way.
        assert!(bytes <= 2 * 2 * 290, "{bytes} B");
        assert_eq!(world.counts().connections, before.connections);
        // What a node counts of its peers is written now and then, not at every frame.
        assert!(after - syncs <= 3 * 300, "{} syncs", after - syncs);
        Ok(())
    });
}

#[test]
fn in_the_end_everything_is_held_and_then_nobody_writes() {
    for seed in seeds([50, 51]) {
        // What a device in the wrong hands withholds nobody confirms.
        let faults = Faults { malice_every_ms: None, ..Faults::ALL };
        let meshed = seed % 2 == 1;
        let plan = Plan { townships: 1, elders: 12, meshed, faults, ..Plan::new(seed) };
        story("in_the_end_everything", plan, |world| {
            world.run_for(3 * HOUR)?;
            world.calm_down()?;
            world.converge(CONVERGE_WITHIN_MS)?;
            world.run_for(30 * MINUTE)?;
            world.converge(CONVERGE_WITHIN_MS)?;
            // Node 0 is the county's, above which there is nobody.
            for node in 1..world.node_count() {
                assert_eq!(world.not_held(node)?, 0, "node {node}");
            }
            let entries = |world: &World| -> Vec<u64> {
                (0..world.node_count()).map(|node| world.entries_at(node)).collect()
            };
            let before = entries(world);
            world.run_for(2 * HOUR)?;
            world.converge(CONVERGE_WITHIN_MS)?;
            assert_eq!(entries(world), before);
            Ok(())
        });
    }
}

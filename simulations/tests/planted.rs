//! Each check finds what is planted for it.

use std::collections::BTreeMap;

use shouwang_crdt_schema::automerge::Change;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::edit::{Action, write_change};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::command::{CommandError, ErrorKind};
use shouwang_node::index;
use shouwang_node::log::{Entry, EntryPlace, Incarnation, Lane, LogKey};
use shouwang_node::store::custody::{Claim, CustodyRead};
use shouwang_node::store::drafts::DraftRow;
use shouwang_node::store::rows::{DocumentKey, DocumentRow};
use shouwang_node::store::{StoreError, StoreRead};
use shouwang_simulations::check::drafts::{Drafts, NOTE};
use shouwang_simulations::check::{self, Fact, Guarantee, Violation, Written};
use shouwang_simulations::forger::Deed;
use shouwang_simulations::workload::{Done, People, elders};
use shouwang_simulations::world::{DAY, Faults, HOUR, MINUTE, Node, Plan, Plant, World};

const TOWN: &str = "990121101000";
const VILLAGE: &str = "990121101201";

/// A county of one township and one village, an imported ledger, all in agreement.
fn county() -> (World, Node, Node) {
    county_of(1)
}

fn county_of(seed: u64) -> (World, Node, Node) {
    let plan = Plan {
        townships: 1,
        villages: 1,
        elders: 2,
        work_every_ms: 100_000 * DAY,
        faults: Faults::NONE,
        plainly: true,
        ..Plan::new(seed)
    };
    let mut world = World::new(plan).unwrap();
    let (town, village) = (world.node(TOWN).unwrap(), world.node(VILLAGE).unwrap());
    world.run_for(2 * MINUTE).unwrap();
    world.act(town, |people, engine, now, _| people.imports(engine, now)).unwrap();
    world.converge(10 * MINUTE).unwrap();
    (world, town, village)
}

fn somebody(world: &World, node: Node) -> (DivisionCode, ElderId) {
    let engine = world.engine(node).unwrap();
    elders(engine, engine.area())[0]
}

/// Somebody is told that this is saved, and it is not.
fn promises(world: &mut World, node: Node, fact: Fact) {
    world.act(node, |_, _, _, _| Done { facts: vec![fact], error: None }).unwrap();
}

fn found(guarantee: Guarantee, result: Result<impl std::fmt::Debug, Violation>) {
    let violation = result.unwrap_err();
    assert_eq!(violation.guarantee, guarantee, "{violation}");
}

/// The program itself goes on with what it has in memory: copies of disks that are read again find it.
#[test]
fn what_is_damaged_at_rest_under_a_running_node_is_found_by_reading_its_disk_again() {
    let (mut world, _, village) = county();
    world.run_for(3 * DAY).unwrap();
    let entries: u64 = (0..world.node_count()).map(|node| world.entries_at(node)).sum();
    assert!(world.counts().entries_read_again >= 3 * entries, "every day every store");
    assert!(world.disk(village).damage("周国强1".as_bytes()));
    found(Guarantee::NodeWorks, world.run_for(2 * DAY));
}

/// What somebody was told is kept, and is not; and what stays of somebody of whom nothing else is left.
#[test]
fn a_draft_that_is_gone_is_found_and_one_that_outlives_its_file() {
    let (mut world, _, village) = county();
    let (_, elder) = somebody(&world, village);
    let (form, note) = (format!("visit:{elder}"), "写到一半".to_owned());
    let row = |elder, note: &str| DraftRow {
        at_ms: 0,
        elder: Some(elder),
        fields: BTreeMap::from([(NOTE.to_owned(), vec![note.to_owned()])]),
    };
    let stand = |world: &World| {
        let mut drafts = Drafts::default();
        drafts.kept(village, &form, Some(note.clone()));
        drafts.stand(village, world.engine(village).unwrap())
    };
    found(Guarantee::SavedSurvives, stand(&world));
    world.engine_mut(village).unwrap().keep_draft(&form, &row(elder, "别的")).unwrap();
    found(Guarantee::SavedSurvives, stand(&world));
    world.engine_mut(village).unwrap().keep_draft(&form, &row(elder, &note)).unwrap();
    stand(&world).unwrap();
    let nobody = ElderId([7; 16]);
    world.engine_mut(village).unwrap().keep_draft("visit:of", &row(nobody, "便条")).unwrap();
    found(Guarantee::ErasedIsGone, stand(&world));
}

/// The county and the root have erased a file: what is left of it anywhere is found, and so is what
/// is gone of another.
#[test]
fn a_body_that_stays_after_an_erasure_is_found_and_one_that_goes_with_it() {
    let (mut world, town, village) = county();
    let county = world.node("990121000000").unwrap();
    let (scope, elder) = somebody(&world, village);
    let bodies = |world: &World| {
        let snapshot = world.engine(town).unwrap().read().unwrap();
        let mut found = Vec::new();
        for log in snapshot.logs_of(scope).unwrap() {
            let entries = snapshot.entries_from(log.number, 0, 1_000).unwrap();
            found.extend(entries.into_iter().map(|entry| (log.number, entry)));
        }
        found
    };
    let before = bodies(&world);
    let of_elder = |entry: &Entry, wanted: bool| {
        let whose = entry.header.document.id().and_then(|id| id.elder_id());
        whose.is_some() && (whose == Some(elder)) == wanted
    };
    for signed in 1..=2u8 {
        world
            .act(county, |people, engine, now, random| people.erases(engine, now, random))
            .unwrap();
        world.converge(10 * MINUTE).unwrap();
        let erased = world.engine(county).unwrap().erasures().unwrap();
        assert_eq!(erased.len(), 1);
        assert_eq!(erased[0].report.signatures, signed);
    }
    let gone = world.engine(county).unwrap().erasures().unwrap()[0].elder;
    let is_gone = |entry: &Entry| of_elder(entry, gone == elder);
    let (log, whole) = before.iter().find(|(_, entry)| is_gone(entry)).unwrap().clone();
    let stripped = bodies(&world).into_iter().find(|(_, entry)| is_gone(entry)).unwrap().1;
    assert_eq!(stripped.body, None);
    let puts = |world: &mut World, log, entry: &Entry| {
        let store = world.engine_mut(town).unwrap().store_mut();
        store.write::<_, StoreError>(|tables| tables.put_entry(log, entry)).unwrap();
    };
    puts(&mut world, log, &whole);
    found(Guarantee::ErasedIsGone, world.check_all());
    puts(&mut world, log, &stripped);
    world.check_all().unwrap();
    let (log, other) = before
        .iter()
        .find(|(_, entry)| {
            entry.header.document.id().and_then(|id| id.elder_id()).is_some() && !is_gone(entry)
        })
        .unwrap()
        .clone();
    puts(&mut world, log, &Entry { body: None, ..other.clone() });
    found(Guarantee::ErasedIsGone, world.check_all());
    puts(&mut world, log, &other);
    world.check_all().unwrap();
}

#[test]
fn a_disk_that_lies_about_syncs_is_found() {
    let lost = (0..8).find_map(|seed| {
        let (mut world, _, village) = county_of(seed);
        world.disk(village).lie();
        for _ in 0..5 {
            world.act(village, People::visits).unwrap();
        }
        world.lose_power(village, MINUTE).unwrap();
        world.run_for(5 * MINUTE).err()
    });
    let guarantee = lost.map(|violation| violation.guarantee);
    // Either promises are missing, or the store does not open at all.
    assert!(
        matches!(guarantee, Some(Guarantee::SavedSurvives | Guarantee::NodeWorks)),
        "{guarantee:?}"
    );
}

#[test]
fn a_promise_that_is_not_kept_is_found() {
    let (mut world, _, village) = county();
    let (scope, elder) = somebody(&world, village);
    promises(&mut world, village, Fact::Visit(scope, elder, "never recorded".into()));
    found(Guarantee::SavedArrives, world.check_all());
    world.lose_power(village, MINUTE).unwrap();
    found(Guarantee::SavedSurvives, world.run_for(5 * MINUTE));
}

/// A node that reads what a later version wrote, and drops what it does not know.
#[test]
fn what_a_later_version_wrote_and_is_gone_is_found() {
    let (mut world, _, village) = county();
    world
        .act(village, |people, engine, now, random| people.visits_later(engine, now, random))
        .unwrap();
    world.converge(10 * MINUTE).unwrap();
    // This visit is there, as every version knows it.
    world
        .act(village, |people, engine, now, random| {
            let done = people.visits_saying(engine, now, random, "走访");
            let later = done.facts.into_iter().filter_map(|fact| match fact {
                Fact::Visit(scope, elder, note) => Some(Fact::Later(scope, elder, note)),
                _ => None,
            });
            Done { facts: later.collect(), error: done.error }
        })
        .unwrap();
    found(Guarantee::SavedArrives, world.converge(10 * MINUTE));
}

#[test]
fn nodes_that_differ_are_found() {
    let (mut world, town, village) = county();
    let link = world.link(village, town).unwrap();
    world.partition(link);
    world.act(village, People::visits).unwrap();
    found(Guarantee::Converges, world.check_all());
    found(Guarantee::Converges, world.converge(30 * MINUTE));
}

#[test]
fn runs_that_never_arrive_make_done_a_lie_that_is_found() {
    let (mut world, town, village) = county();
    let link = world.link(village, town).unwrap();
    world.plant(Plant::SwallowedRuns(link));
    world.act(village, People::visits).unwrap();
    found(Guarantee::DoneIsTrue, world.converge(30 * MINUTE));
}

#[test]
fn a_flipped_bit_is_found() {
    let (mut world, _, village) = county();
    let name = "周国强1".as_bytes();
    // The file is read afresh, as after a start: what was read before may be in memory still.
    world.lose_power(village, MINUTE).unwrap();
    assert!(world.disk(village).damage(name));
    match world.run_for(5 * MINUTE) {
        Err(violation) => assert!(
            matches!(
                violation.guarantee,
                Guarantee::SavedSurvives | Guarantee::NodeWorks | Guarantee::Verifies
            ),
            "{violation}"
        ),
        Ok(()) => {
            found(Guarantee::Verifies, check::verified(village, world.engine(village).unwrap()))
        }
    }
}

#[test]
fn a_log_from_elsewhere_is_found() {
    let (mut world, _, village) = county();
    let engine = world.engine_mut(village).unwrap();
    let (device, grant) = (engine.device(), engine.grant_id());
    let log = LogKey {
        scope: "990121102201".parse().unwrap(),
        lane: Lane::Routine,
        device,
        incarnation: Incarnation { number: 0, nonce: [0; 8] },
    };
    engine.store_mut().write::<_, StoreError>(|tables| tables.log_for(&log, grant)).unwrap();
    found(Guarantee::InsideArea, check::inside_area(village, world.engine(village).unwrap()));
}

#[test]
fn a_value_that_got_lost_is_found() {
    let (mut world, _, village) = county();
    let (scope, elder) = somebody(&world, village);
    world
        .act(village, |people, engine, now, _| {
            // What is written replaces the ledger's number; the promise says that it did not see it.
            let mut done = people.sets(engine, now, scope, elder, Field::Phone);
            for fact in &mut done.facts {
                if let Fact::Value(written) = fact {
                    written.seen.clear();
                }
            }
            done
        })
        .unwrap();
    found(Guarantee::ConflictsKept, world.converge(10 * MINUTE));
}

#[test]
fn a_value_that_came_back_is_found() {
    let (mut world, _, village) = county();
    let (scope, elder) = somebody(&world, village);
    world
        .act(village, |people, engine, now, _| people.sets(engine, now, scope, elder, Field::Phone))
        .unwrap();
    world.converge(10 * MINUTE).unwrap();
    let stands = {
        let snapshot = world.engine(village).unwrap().read().unwrap();
        check::standing(&index::view(&snapshot, scope, elder).unwrap(), Field::Phone)
    };
    let written = Written { scope, elder, field: Field::Phone, value: "x".into(), seen: stands };
    promises(&mut world, village, Fact::Value(written));
    found(Guarantee::ConflictsKept, world.check_all());
}

/// Nothing is new, and yet the two talk and talk.
#[test]
fn more_words_than_what_is_new_calls_for_are_found() {
    let (mut world, town, village) = county();
    let link = world.link(village, town).unwrap();
    let meets_again = |world: &mut World| {
        world.partition(link);
        world.run_for(5 * MINUTE).unwrap();
        world.heal(link);
        world.run_for(5 * MINUTE)
    };
    let before = world.counts().exchanges;
    meets_again(&mut world).unwrap();
    assert!(world.counts().exchanges > before);
    world.plant(Plant::Chatter(link));
    found(Guarantee::Frugal, meets_again(&mut world));
}

#[test]
fn a_forged_acknowledgement_makes_done_a_lie_that_is_found() {
    let (mut world, town, village) = county();
    let link = world.link(village, town).unwrap();
    world.plant(Plant::ForgedHave(link));
    let told = world.act(village, People::visits).and_then(|()| world.run_for(5 * MINUTE));
    found(Guarantee::DoneIsTrue, told);
}

#[test]
fn an_accusation_is_found() {
    let (mut world, town, village) = county();
    let link = world.link(village, town).unwrap();
    world.plant(Plant::Garbage(link));
    let told = world.act(village, People::visits).and_then(|()| world.run_for(5 * MINUTE));
    found(Guarantee::NobodyAccused, told);
}

#[test]
fn an_engine_that_fails_over_a_sound_disk_is_found() {
    let (mut world, _, village) = county();
    let told = world.act(village, |_, _, _, _| Done {
        facts: Vec::new(),
        error: Some(CommandError::new(ErrorKind::Failed, "store_failed", "for no reason")),
    });
    found(Guarantee::NodeWorks, told);
}

#[test]
fn custody_of_what_nobody_else_holds_is_found() {
    let (mut world, town, village) = county();
    world.check_custody_every(1);
    world.act(village, People::visits).unwrap();
    world.run_for(30 * MINUTE).unwrap();
    assert_eq!(world.not_held(village), Ok(0));
    let link = world.link(village, town).unwrap();
    world.partition(link);
    world.act(village, People::visits).unwrap();
    let not_held = world.not_held(village).unwrap();
    assert!(not_held > 0);
    // A row that no receipt says.
    let town_device = world.engine(town).unwrap().device();
    let engine = world.engine_mut(village).unwrap();
    let (scope, own, snapshot) = (engine.area().0, engine.device(), engine.read().unwrap());
    let claims = snapshot.claims_of(scope).unwrap();
    let claim = claims.iter().find(|claim| claim.holder == town_device).unwrap();
    let logs = snapshot.logs_of(scope).unwrap();
    let forged: Vec<Claim> = logs
        .iter()
        .filter(|log| log.key.device == own && log.key.lane.carries_records())
        .map(|log| {
            let head = snapshot.head_of(log.number).unwrap().unwrap();
            let place = EntryPlace { log: log.key, seq: head.seq, hash: head.hash };
            Claim { place, ..claim.clone() }
        })
        .collect();
    let put = |claims: &[Claim], engine: &mut shouwang_node::engine::Engine| {
        let store = engine.store_mut();
        let put = store.write::<_, StoreError>(|tables| {
            claims.iter().try_for_each(|claim| tables.put_claim(claim))
        });
        put.unwrap();
    };
    put(&forged, engine);
    found(Guarantee::CustodyIsTrue, world.not_held(village));
    world.heal(link);
    found(Guarantee::CustodyIsTrue, world.run_for(HOUR));
}

/// Two write off line what the other has not seen, and one of the values is no longer in the inbox.
#[test]
fn a_conflict_that_is_not_in_the_inbox_is_found() {
    let (mut world, town, village) = county();
    let (scope, elder) = somebody(&world, village);
    let link = world.link(town, village).unwrap();
    world.partition(link);
    for node in [town, village] {
        world
            .act(node, |people, engine, now, _| {
                people.sets(engine, now, scope, elder, Field::Phone)
            })
            .unwrap();
    }
    world.heal(link);
    world.converge(10 * MINUTE).unwrap();
    let store = world.engine_mut(village).unwrap().store_mut();
    let mut row = store.read().unwrap().elder(scope, elder).unwrap().unwrap();
    assert_eq!(row.conflict_count(), 1);
    row.conflicts.clear();
    store.write::<_, StoreError>(|tables| tables.put_elder(scope, elder, &row)).unwrap();
    let (checker, engine) = world.checker_and_engine(village);
    found(Guarantee::InboxIsWhole, check::inbox::whole(checker, village, engine));
}

/// A change that nobody has signed stands in a document.
#[test]
fn what_counts_by_no_right_is_found() {
    let (mut world, _, village) = county();
    let (scope, elder) = somebody(&world, village);
    let key = DocumentKey { scope, id: DocumentId::elder(elder, Part::Card) };
    let engine = world.engine_mut(village).unwrap();
    let row = engine.read().unwrap().document(&key).unwrap().unwrap();
    let mut document = index::load(&key, &row.saved).unwrap();
    let value = Field::Remarks.value("无人所写").unwrap();
    let actions = [Action::Set { field: Field::Remarks, value }];
    let body = write_change(&document, scope, &key.id, [9; 16], &actions).unwrap().unwrap();
    document.apply_changes([Change::from_bytes(body).unwrap()]).unwrap();
    let mut heads: Vec<[u8; 32]> = document.get_heads().iter().map(|head| head.0).collect();
    heads.sort_unstable();
    let row = DocumentRow { heads, saved: document.save() };
    let store = engine.store_mut();
    store.write::<_, StoreError>(|tables| tables.put_document(&key, &row)).unwrap();
    let (_, engine) = world.checker_and_engine(village);
    found(Guarantee::CountsByRight, check::rightful::counts_by_right(village, engine));
}

/// An entry is stored, does not count, and the list of those that do not has lost it.
#[test]
fn what_is_neither_counted_nor_listed_is_found() {
    let (mut world, town, village) = county();
    let turned = world.lets_in(town, village, &[]).unwrap();
    world.heal(world.link(turned, town).unwrap());
    world.run_for(2 * MINUTE).unwrap();
    let (key, entry) = (0..12)
        .find_map(|_| {
            world.misbehave(turned, Deed::BeyondRights).unwrap();
            world.run_for(15 * MINUTE).unwrap();
            let engine = world.engine(town).unwrap();
            check::rightful::accounted_for(town, engine).unwrap();
            let snapshot = engine.read().unwrap();
            let files = elders(engine, engine.area()).into_iter();
            let mut ledgers = files.map(|(scope, elder)| DocumentKey {
                scope,
                id: DocumentId::elder(elder, Part::Ledger),
            });
            ledgers.find_map(|key| {
                let (entry, _) = snapshot.unsettled_of(&key).unwrap().into_iter().next()?;
                Some((key, entry))
            })
        })
        .expect("something beyond its rights is listed");
    let store = world.engine_mut(town).unwrap().store_mut();
    store.write::<_, StoreError>(|tables| tables.remove_unsettled(&key, entry)).unwrap();
    let (_, engine) = world.checker_and_engine(town);
    found(Guarantee::NothingDropped, check::rightful::accounted_for(town, engine));
}

/// A device has written under more incarnations than its grant allows.
#[test]
fn more_than_a_grant_allows_is_found() {
    let (mut world, _, village) = county();
    let engine = world.engine_mut(village).unwrap();
    let (device, grant, scope) = (engine.device(), engine.grant_id(), engine.area().0);
    let most = engine.grant().quota.incarnations;
    let store = engine.store_mut();
    store
        .write::<_, StoreError>(|tables| {
            for number in 1..=most + 1 {
                let incarnation = Incarnation { number, nonce: [7; 8] };
                let log = LogKey { scope, lane: Lane::Routine, device, incarnation };
                tables.log_for(&log, grant)?;
            }
            Ok(())
        })
        .unwrap();
    let (_, engine) = world.checker_and_engine(village);
    found(Guarantee::Bounded, check::rightful::within_bounds(village, engine));
}

/// What a device in the wrong hands does accuses nobody; the same from an honest one does.
#[test]
fn an_accusation_beside_a_device_in_the_wrong_hands_is_found() {
    let (mut world, town, village) = county();
    let turned = world.lets_in(town, village, &[]).unwrap();
    world.heal(world.link(turned, town).unwrap());
    world.run_for(2 * MINUTE).unwrap();
    for _ in 0..3 {
        world.misbehave(turned, Deed::Oversized).unwrap();
        world.run_for(2 * MINUTE).unwrap();
    }
    world.plant(Plant::Garbage(world.link(village, town).unwrap()));
    let told = world.act(village, People::visits).and_then(|()| world.run_for(5 * MINUTE));
    found(Guarantee::NobodyAccused, told);
}

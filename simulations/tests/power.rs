//! Power loss at every single operation that a step asks of the disk.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::device::GrantDevice;
use shouwang_node::command::elder::{ElderAdd, ElderList, VisitAdd, VisitList};
use shouwang_node::command::import::Import;
use shouwang_node::command::verify::Verify;
use shouwang_node::command::{CommandError, Request};
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::identity::grant::Role;
use shouwang_node::setup::{self, SetupError};
use shouwang_node::store::{Store, StoreError};
use shouwang_node::sync::Now;
use shouwang_simulations::disk::{Disk, Mishap};

/// Power losses at each operation: what survives is left to chance.
const SEEDS: u64 = 2;

const NOW: Now = Now { monotonic_ms: 1_000, wall_ms: 1_000 };

fn township() -> DivisionCode {
    "990121101000".parse().unwrap()
}

fn village() -> DivisionCode {
    "990121101201".parse().unwrap()
}

fn opened(disk: &Disk, seed: u8) -> Engine {
    Engine::open(Store::with_backend(disk.mount()).unwrap(), [seed; 32]).unwrap()
}

/// Does a step with the power failing at its first operation, its second, and so on until it gets
/// through, each time from the same disk; `after` looks at what is left, and at whether the step
/// was reported as done.
fn at_every_operation(
    name: &str,
    disk: &Disk,
    step: impl Fn(&Disk) -> bool,
    after: impl Fn(&Disk, bool),
) {
    for operation in 0.. {
        let mut fired = false;
        for seed in 0..SEEDS {
            let disk = disk.copy();
            disk.plan(operation, Mishap::PowerLoss);
            let done = step(&disk);
            fired = disk.broken() == Some(Mishap::PowerLoss);
            disk.lose_power(&mut ChaCha8Rng::seed_from_u64(operation * SEEDS + seed));
            after(&disk, done);
            if !fired {
                break;
            }
        }
        if !fired {
            assert!(operation > 3, "{name} writes nothing");
            return;
        }
        assert!(operation < 2_000, "{name} never ends");
    }
}

#[test]
fn an_edit_is_there_if_it_was_reported_and_whole_if_it_is_there() {
    let (disk, elder) = {
        let disk = Disk::new();
        let store = Store::with_backend(disk.mount()).unwrap();
        setup::init(&store, &mut Entropy::new([1; 32]), township(), "镇", 0).unwrap();
        let mut engine = Engine::open(store, [2; 32]).unwrap();
        let fields = BTreeMap::from([(Field::Name, "周国强".to_owned())]);
        let saved = ElderAdd { scope: Some(village()), fields, entry: None }
            .execute(&mut engine, NOW)
            .unwrap();
        for _ in 0..12 {
            visits(&mut engine, saved.elder_id).unwrap();
        }
        drop(engine);
        (disk, saved.elder_id)
    };
    let step = |disk: &Disk| with_engine(disk, |engine| visits(engine, elder).is_ok());
    at_every_operation("a visit", &disk, step, |disk, done| {
        let mut engine = opened(disk, 9);
        let list = VisitList { elder: None, from: None, to: None };
        let found = list.execute(&mut engine, NOW).unwrap().visits.len();
        assert!(found == 13 || (found == 12 && !done), "{found} visits, done: {done}");
        sound(&mut engine);
    });
}

#[test]
fn an_import_is_there_whole_or_not_at_all() {
    let disk = Disk::new();
    let store = Store::with_backend(disk.mount()).unwrap();
    setup::init(&store, &mut Entropy::new([1; 32]), township(), "镇", 0).unwrap();
    drop(store);
    let rows: Vec<LedgerRow> = (0..8)
        .map(|number| {
            let mut row = LedgerRow::new(village());
            row.fields.insert(Field::Name, format!("周国强{number}"));
            row.fields.insert(Field::Address, "第一组".repeat(20));
            row
        })
        .collect();
    let import = Import { rows, dry_run: false };
    let step =
        |disk: &Disk| with_engine(disk, |engine| import.clone().execute(engine, NOW).is_ok());
    at_every_operation("an import", &disk, step, |disk, done| {
        let mut engine = opened(disk, 9);
        let list = ElderList { scope: None, matching: None, as_of: "2026-03-02".parse().unwrap() };
        let found = list.execute(&mut engine, NOW).unwrap().elders.len();
        assert!(found == 8 || (found == 0 && !done), "{found} elders, done: {done}");
        sound(&mut engine);
    });
}

#[test]
fn a_mesh_begins_and_a_device_joins_whenever_the_power_fails() {
    // A county that can grant.
    let county = Disk::new();
    let store = Store::with_backend(county.mount()).unwrap();
    setup::init(&store, &mut Entropy::new([1; 32]), township(), "镇", 0).unwrap();
    drop(store);

    let begin = |disk: &Disk| -> Result<(), SetupError> {
        let store = Store::with_backend(disk.mount_with_plan())?;
        setup::init(&store, &mut Entropy::new([3; 32]), township(), "镇", 0).map(drop)
    };
    at_every_operation(
        "init",
        &Disk::new(),
        |disk| begin(disk).is_ok(),
        |disk, done| {
            again(disk, done, begin);
        },
    );

    let join = |disk: &Disk| -> Result<(), SetupError> {
        let store = Store::with_backend(disk.mount_with_plan())?;
        let mut entropy = Entropy::new([4; 32]);
        let request = setup::request(&store, &mut entropy)?.to_text();
        let mut granter = opened(&county.copy(), 5);
        let name = "上禾村".to_owned();
        let grant = GrantDevice {
            request,
            name,
            area: village(),
            role: Role::Clerk,
            addresses: vec![],
            replace: false,
            root: None,
            quota_bytes: None,
        };
        let granted = grant.execute(&mut granter, NOW).unwrap();
        setup::join(&store, &mut entropy, &granted.invite).map(drop)
    };
    at_every_operation(
        "join",
        &Disk::new(),
        |disk| join(disk).is_ok(),
        |disk, done| {
            again(disk, done, join);
        },
    );
}

/// The step was interrupted and is tried again: it goes through, or it had gone through before.
fn again(disk: &Disk, done: bool, step: impl Fn(&Disk) -> Result<(), SetupError>) {
    match step(disk) {
        Ok(()) => assert!(!done, "it was reported as done and was not"),
        Err(SetupError::AlreadyJoined) => {}
        // redb writes its magic number last, so a file that lost power before it was ever a
        // database is none, and holds nothing: a new one is made in its place.
        Err(SetupError::Store(StoreError::Database(error)))
            if !done && format!("{error:?}").contains("magic number") =>
        {
            return again(&Disk::new(), done, step);
        }
        Err(error) => panic!("{error:?}"),
    }
    sound(&mut opened(disk, 9));
}

fn visits(engine: &mut Engine, elder: ElderId) -> Result<(), CommandError> {
    let visit = Visit::on("2026-03-02".parse().unwrap());
    VisitAdd { elder: elder.to_string(), visit }.execute(engine, NOW).map(drop)
}

fn sound(engine: &mut Engine) {
    let report = Verify {}.execute(engine, NOW).unwrap();
    assert!(report.ok, "{:?}", report.faults);
}

/// Opens the engine with the power failing at the planned operation, counted from before opening.
fn with_engine(disk: &Disk, work: impl FnOnce(&mut Engine) -> bool) -> bool {
    let Ok(store) = Store::with_backend(disk.mount_with_plan()) else { return false };
    let Ok(mut engine) = Engine::open(store, [7; 32]) else { return false };
    work(&mut engine)
}

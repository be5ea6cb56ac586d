//! Reading everything again finds whatever the disk has changed: any byte of any row by name, and
//! any byte of the file by name or by a clear error, never as other data and never as a crash.

mod county;
#[path = "../../crdt-schema/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "the writer of hostile changes, shared with the schema's own tests")]
mod draft;
mod impostor;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use automerge::ChangeHash;
use county::{County, code, today};
use draft::{Draft, Op};
use impostor::Impostor;
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use shouwang_crdt_schema::document::{GENESIS_ACTOR, genesis};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_node::command::Request;
use shouwang_node::command::elder::{ElderList, VisitList};
use shouwang_node::command::status::Status;
use shouwang_node::command::verify::{Verify, VerifyReport};
use shouwang_node::engine::Engine;
use shouwang_node::entropy::Entropy;
use shouwang_node::identity::grant::Role;
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{Kind, Lane};
use shouwang_node::progress::Progress;
use shouwang_node::store::{Store, StoreError};
use shouwang_node::sync::Now;
use shouwang_node::sync::wire::Frame;
use shouwang_node::verify;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";

const NOW: Now = Now { monotonic_ms: 10_000_000, wall_ms: 10_000_000 };

/// The bytes of a database. Clones are handles to the same ones.
#[derive(Clone, Debug)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl StorageBackend for Bytes {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.lock().unwrap();
        let end = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let from = usize::try_from(offset).map_err(|_| end())?;
        let range = from..from.checked_add(out.len()).ok_or_else(end)?;
        out.copy_from_slice(bytes.get(range).ok_or_else(end)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = offset as usize;
        self.0.lock().unwrap()[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }
}

/// A township's store with something of everything in it, closed.
struct Shelf {
    folder: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("whole.redb")).unwrap();
        let mut county = County::begin(COUNTY);
        county.grant_in(COUNTY, SONGWU, SONGWU, None, store);
        county.grant(SONGWU, SHANGHE);
        county.connect(SONGWU, COUNTY);
        county.connect(SHANGHE, SONGWU);
        let elders: Vec<String> = ["周国强", "许桂英", "褚顺昌"]
            .iter()
            .map(|name| county.adds_elder(SHANGHE, name))
            .collect();
        county.settle();
        county.disconnect(SHANGHE, SONGWU);
        for (nth, elder) in elders.iter().enumerate() {
            for day in 1..=3 + nth {
                county.records_visit(SHANGHE, elder, &format!("2026-09-0{day}"));
            }
            county.sets(SHANGHE, elder, Field::Phone, "13900000001");
            county.sets(SONGWU, elder, Field::Phone, "13900000002");
        }
        county.connect(SHANGHE, SONGWU);
        county.settle();
        // Entries that are kept and do not count, each kind that a store notes.
        let mut impostor = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
        impostor.enters(&mut county, SONGWU);
        let routine = impostor.log(SHANGHE, Lane::Routine);
        let card = DocumentId::elder(elders[0].parse().unwrap(), Part::Card);
        let registry = DocumentId::elder(elders[0].parse().unwrap(), Part::Registry);
        let op = [Op::put(&(2, GENESIS_ACTOR.to_vec()), "phone", "1", &[])];
        let actor = Impostor::actor(&routine, 1);
        let gap = Draft::new(&genesis(code(SHANGHE), &card).get_heads(), &actor, 2, 11, &op);
        let waits = Draft::new(&[ChangeHash([5; 32])], &actor, 1, 90, &op);
        let entries = vec![
            impostor::change(card, b"not a change".to_vec()),
            impostor::change(card, gap.bytes()),
            impostor::change(card, waits.bytes()),
            impostor::change(registry, waits.bytes()),
            RunEntry::new(Kind::from_number(99), None, b"later".to_vec(), 0),
        ];
        let run = impostor.writes(routine, entries);
        impostor.says(&mut county, SONGWU, &Frame::Run(run));
        let authority = impostor.log(SHANGHE, Lane::Authority);
        let no_grant = RunEntry::new(Kind::Grant, None, b"no grant".to_vec(), 0);
        let run = impostor.writes(authority, vec![no_grant]);
        impostor.says(&mut county, SONGWU, &Frame::Run(run));
        impostor.sends(&mut county, SONGWU, vec![0xff]);
        county.assert_converged();
        county.verify_all();
        county.stops(SONGWU);
        Self { folder }
    }

    fn whole(&self) -> PathBuf {
        self.folder.path().join("whole.redb")
    }

    fn bytes(&self) -> Bytes {
        Bytes(Arc::new(Mutex::new(std::fs::read(self.whole()).unwrap())))
    }
}

/// What came of opening a store and reading everything again.
#[derive(Debug)]
enum Found {
    /// It does not open, and says why.
    Refused(String),
    /// It opens, and something is wrong.
    Faults(VerifyReport),
    /// Nothing is wrong; this is all that people see of it.
    Sound(String),
}

fn look(store: Result<Store, StoreError>) -> Found {
    let opened = store
        .map_err(|error| format!("{error:?}"))
        .and_then(|store| Engine::open(store, [9; 32]).map_err(|error| format!("{error:?}")));
    let mut engine = match opened {
        Ok(engine) => engine,
        Err(error) => return Found::Refused(error),
    };
    let report = match (Verify {}).execute(&mut engine, NOW) {
        Ok(report) => report,
        Err(error) => return Found::Refused(format!("{error:?}")),
    };
    if !report.ok {
        return Found::Faults(report);
    }
    let list = ElderList { scope: None, matching: None, as_of: today() };
    let elders = list.execute(&mut engine, NOW).unwrap();
    let visits = VisitList { elder: None, from: None, to: None };
    let visits = visits.execute(&mut engine, NOW).unwrap();
    let status = Status {}.execute(&mut engine, NOW).unwrap();
    let shown = (status.device, status.area, status.scopes, status.unsettled, elders, visits);
    Found::Sound(format!("{shown:?}"))
}

/// A table with keys of one type.
trait Rows {
    fn name(&self) -> &'static str;
    /// Values in key order.
    fn values(&self, database: &Database) -> Vec<Vec<u8>>;
    /// Changes the nth value.
    fn set(&self, database: &Database, nth: usize, value: &[u8]);
}

struct Table<K>(&'static str, std::marker::PhantomData<K>);

impl<K: redb::Key + 'static> Rows for Table<K> {
    fn name(&self) -> &'static str {
        self.0
    }

    fn values(&self, database: &Database) -> Vec<Vec<u8>> {
        let definition: TableDefinition<'_, K, &[u8]> = TableDefinition::new(self.0);
        let table = database.begin_read().unwrap().open_table(definition).unwrap();
        table.iter().unwrap().map(|row| row.unwrap().1.value().to_vec()).collect()
    }

    fn set(&self, database: &Database, nth: usize, value: &[u8]) {
        let definition: TableDefinition<'_, K, &[u8]> = TableDefinition::new(self.0);
        let transaction = database.begin_write().unwrap();
        {
            let mut table = transaction.open_table(definition).unwrap();
            let key = {
                let (key, _) = table.iter().unwrap().nth(nth).unwrap().unwrap();
                K::as_bytes(&key.value()).as_ref().to_vec()
            };
            table.insert(K::from_bytes(&key), value).unwrap();
        }
        transaction.commit().unwrap();
    }
}

fn table<K: redb::Key + 'static>(name: &'static str) -> Box<dyn Rows> {
    Box::new(Table::<K>(name, std::marker::PhantomData))
}

/// Whether an error tells a damaged store from one that was never joined or whose device was turned
/// away.
fn says_damage(why: &str) -> bool {
    ["Corrupt", "Database(", "OtherSchema"].iter().any(|damage| why.contains(damage))
}

/// Bytes of a value to change: all of a short one; of a long one the first, where the fixed fields
/// are, and some behind.
fn places(value: &[u8], step: usize) -> impl Iterator<Item = usize> + use<> {
    let dense = 16;
    (0..value.len()).filter(move |at| *at < dense || at % step == 0)
}

/// Whoever waits sees how far it is, and at the end that all of it is done.
#[test]
fn every_step_of_reading_is_counted() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SHANGHE);
    county.connect(COUNTY, SHANGHE);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.records_visit(SHANGHE, &elder, "2026-08-20");
    county.settle();
    for place in [COUNTY, SHANGHE] {
        let engine = county.engine(place);
        let (snapshot, progress) = (engine.read().unwrap(), Progress::default());
        let secret = engine.index_secret();
        let report = verify::run_telling(&snapshot, engine.authority(), secret, &progress);
        let steps = report.entries + report.elders;
        assert_eq!(progress.get(), (steps, steps));
        assert!(steps > 4, "{report:?}");
        drop(snapshot);
        // Whoever asks after that is not told of what has ended.
        let now = county.now();
        Verify {}.execute(county.engine(place), now).unwrap();
        assert_eq!(county.engine(place).verify_progress().get(), (0, 0));
    }
}

#[test]
fn a_sound_store_is_sound() {
    let shelf = Shelf::new();
    let Found::Sound(first) = look(Store::open(&shelf.whole())) else { panic!("not sound") };
    assert!(first.contains("周国强") && first.contains("ill_formed"), "{first}");
    let Found::Sound(second) = look(Store::with_backend(shelf.bytes())) else {
        panic!("not sound")
    };
    assert_eq!(first, second);
}

/// Rows of every kind, a byte changed here and there in each: a database whose pages are in order,
/// and whose content is not what was written.
#[test]
fn a_changed_byte_in_a_row_is_named() {
    let shelf = Shelf::new();
    let Found::Sound(whole) = look(Store::with_backend(shelf.bytes())) else { panic!() };
    let mut missed = Vec::new();
    for (table, rows_max, step) in [
        (table::<(u32, u64)>("entries-2"), 3, 97),
        (table::<u32>("heads-2"), 1, 5),
        (table::<u32>("logs-1"), 1, 7),
        (table::<&[u8]>("documents-2"), 2, 37),
        (table::<&[u8]>("unsettled-1"), 9, 9),
        (table::<&[u8]>("elders-2"), 1, 5),
        (table::<u64>("scopes-1"), 1, 5),
        (table::<&[u8]>("grants-1"), 2, 23),
        (table::<&[u8]>("custody-1"), 2, 7),
    ] {
        // `a_head_far_beyond_the_last_entry` has the rest of a head's number.
        let first = if table.name() == "heads-2" { 6 } else { 0 };
        let values = table.values(&Database::builder().create_with_backend(shelf.bytes()).unwrap());
        let (mut named, mut refused) = (0, 0);
        for nth in (0..values.len()).step_by(values.len().div_ceil(rows_max)) {
            for at in places(&values[nth], step).filter(|at| *at >= first) {
                let bytes = shelf.bytes();
                let mut value = values[nth].clone();
                value[at] ^= 1 << (at % 8);
                let database = Database::builder().create_with_backend(bytes.clone()).unwrap();
                table.set(&database, nth, &value);
                drop(database);
                let place = format!("{} row {nth} byte {at}", table.name());
                match look(Store::with_backend(bytes)) {
                    Found::Refused(why) if says_damage(&why) => refused += 1,
                    Found::Refused(why) => missed.push(format!("{place}: only {why:?}")),
                    Found::Faults(report) => {
                        named += 1;
                        for fault in report.faults {
                            assert!(!fault.place.is_empty() && !fault.code.is_empty(), "{place}");
                        }
                    }
                    Found::Sound(shown) => {
                        let as_before = if shown == whole { "" } else { ", AND SHOWS OTHER DATA" };
                        missed.push(format!("{place}{as_before}"));
                    }
                }
            }
        }
        println!("{}: {named} named, {refused} do not open", table.name());
    }
    assert!(missed.is_empty(), "{} were not found:\n{}", missed.len(), missed.join("\n"));
}

/// What a node knows of itself is checked where something else says the same: its keys by its
/// grant, its grant by its chain, the key of its index by the index.
#[test]
fn a_changed_byte_of_the_nodes_own_is_named() {
    let shelf = Shelf::new();
    let meta: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta-1");
    let mut missed = Vec::new();
    for name in ["device_secret", "own_grant", "root_grant", "index_secret", "format"] {
        for at in [0, 1, 9, 31, 32, 40, 63] {
            let bytes = shelf.bytes();
            let database = Database::builder().create_with_backend(bytes.clone()).unwrap();
            let transaction = database.begin_write().unwrap();
            {
                let mut table = transaction.open_table(meta).unwrap();
                let mut value = table.get(name).unwrap().unwrap().value().to_vec();
                let Some(byte) = value.get_mut(at) else { continue };
                *byte ^= 1 << (at % 8);
                table.insert(name, value.as_slice()).unwrap();
            }
            transaction.commit().unwrap();
            drop(database);
            match look(Store::with_backend(bytes)) {
                Found::Refused(why) if says_damage(&why) => {}
                Found::Refused(why) => missed.push(format!("{name} byte {at}: only {why:?}")),
                Found::Faults(_) => {}
                Found::Sound(_) => missed.push(format!("{name} byte {at}")),
            }
        }
    }
    assert!(missed.is_empty(), "{} were not found:\n{}", missed.len(), missed.join("\n"));
}

/// What is read again is what is there, not what a damaged number says that there should be.
#[test]
fn a_head_far_beyond_the_last_entry() {
    let shelf = Shelf::new();
    let heads = table::<u32>("heads-2");
    let values = heads.values(&Database::builder().create_with_backend(shelf.bytes()).unwrap());
    for at in (0..6).rev() {
        let bytes = shelf.bytes();
        let mut value = values[0].clone();
        value[at] ^= 1;
        let database = Database::builder().create_with_backend(bytes.clone()).unwrap();
        heads.set(&database, 0, &value);
        drop(database);
        let Found::Faults(report) = look(Store::with_backend(bytes)) else { panic!("byte {at}") };
        let faults = report.faults.len();
        assert!(faults < 1_000, "byte {at}: {faults} faults, of {} entries", report.entries);
    }
}

/// Any byte of the closed file: whatever it is part of, nothing crashes and nothing else is shown.
#[test]
fn a_changed_byte_in_the_file_is_never_other_data() {
    let shelf = Shelf::new();
    let whole_bytes = std::fs::read(shelf.whole()).unwrap();
    let Found::Sound(whole) = look(Store::open(&shelf.whole())) else { panic!() };
    let whole_bytes_after = std::fs::read(shelf.whole()).unwrap();
    assert_eq!(whole_bytes.len(), whole_bytes_after.len());
    let seed = [21; 32];
    let mut entropy = Entropy::new(seed);
    let (mut named, mut refused, mut harmless) = (0, 0, 0);
    let mut wrong = Vec::new();
    let spoilt = shelf.folder.path().join("spoilt.redb");
    for nth in 0..250 {
        let random: [u8; 9] = entropy.bytes();
        let at = u64::from_be_bytes(random[..8].try_into().unwrap()) as usize % whole_bytes.len();
        // A few of them where all begins.
        let at = if nth < 40 { at % 512 } else { at };
        let mut bytes = whole_bytes.clone();
        bytes[at] ^= 1 << (random[8] % 8);
        std::fs::write(&spoilt, &bytes).unwrap();
        let found = catch_unwind(AssertUnwindSafe(|| look(Store::open(&spoilt))));
        match found {
            Ok(Found::Refused(_)) => refused += 1,
            Ok(Found::Faults(_)) => named += 1,
            Ok(Found::Sound(shown)) if shown == whole => {
                // Harmless is what no page uses.
                std::fs::write(&spoilt, &bytes).unwrap();
                match Store::open(&spoilt).and_then(|mut store| store.check_pages()) {
                    Ok(true) => harmless += 1,
                    found => wrong.push(format!("byte {at}: a page is damaged: {found:?}")),
                }
            }
            Ok(Found::Sound(_)) => wrong.push(format!("byte {at}: shows other data")),
            Err(panic) => {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                wrong.push(format!("byte {at} bit {}: panics: {why}", random[8] % 8));
            }
        }
    }
    println!("{named} named, {refused} do not open, {harmless} harmless, of {}", whole_bytes.len());
    assert!(wrong.is_empty(), "{} wrong, seed {seed:?}:\n{}", wrong.len(), wrong.join("\n"));
}

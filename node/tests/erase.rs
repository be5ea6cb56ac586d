//! Erasing a file: hidden at one signature, removed at two, whatever order things arrive in.

#[path = "erase/bodies.rs"]
mod bodies;
mod county;
mod impostor;
#[path = "erase/orders.rs"]
mod orders;

use std::path::Path;

use county::{County, code};
use redb::{Database, Key, ReadableDatabase, ReadableTable, TableDefinition, TableHandle, Value};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::resident_id::ResidentId;
use shouwang_node::authority::RevocationReason;
use shouwang_node::command::elder::{ElderAdd, VisitAdd};
use shouwang_node::command::erase::{ElderErase, ErasureList, ErasureReport, ErasuresReport};
use shouwang_node::command::revoke::DeviceRevoke;
use shouwang_node::command::{CommandError, Request};
use shouwang_node::erasure::ErasureReason;
use shouwang_node::identity::grant::Role;
use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::store::{REWRITE_DUE, Store, StoreRead, unpacked_row};

const COUNTY: &str = "990121000000";
const SECOND: &str = "second registrar";
const THIRD: &str = "third registrar";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";

const NAME: &str = "周国强";
const PHONE: &str = "13812345678";

fn resident_id() -> String {
    ResidentId::with_check("99012119450909001").unwrap().as_str().to_owned()
}

/// A county with two registrars, a township and a village that has two files.
struct Scene {
    county: County,
    folder: tempfile::TempDir,
    elder: String,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = |name: &str| Store::open(&folder.path().join(name)).unwrap();
        let mut county = County::begin_in(COUNTY, store(COUNTY), 7);
        county.grant_in(COUNTY, COUNTY, SECOND, Some(Role::Registrar), store(SECOND));
        county.grant_in(COUNTY, SONGWU, SONGWU, None, store(SONGWU));
        county.grant_in(SONGWU, SHANGHE, SHANGHE, None, store(SHANGHE));
        let fields = [
            (Field::Name, NAME.to_owned()),
            (Field::Phone, PHONE.to_owned()),
            (Field::ResidentId, resident_id()),
        ];
        let now = county.now();
        let add = ElderAdd { scope: None, fields: fields.into(), entry: None };
        let saved = add.execute(county.engine(SHANGHE), now).unwrap();
        let elder = saved.elder_id.to_string();
        county.records_visit(SHANGHE, &elder, "2026-09-01");
        county.adds_elder(SHANGHE, "许桂英");
        let mut scene = Self { county, folder, elder };
        scene.all_meet();
        scene.county.settle();
        scene
    }

    fn all_meet(&mut self) {
        self.county.connect(SHANGHE, SONGWU);
        self.county.connect(SONGWU, COUNTY);
        self.county.connect(SECOND, COUNTY);
        self.county.settle();
    }

    fn erases(&mut self, place: &str) -> Result<ErasureReport, CommandError> {
        let now = self.county.now();
        let erase = ElderErase {
            elder: self.elder.clone(),
            reason: ErasureReason::RightToErasure,
            root: None,
            dry_run: false,
        };
        let dry = ElderErase { dry_run: true, ..erase.clone() };
        let said = dry.execute(self.county.engine(place), now);
        let done = erase.execute(self.county.engine(place), now);
        let undry = |report: ErasureReport| ErasureReport { dry_run: false, ..report };
        assert_eq!(said.map(undry), done, "what was said beforehand");
        done
    }

    fn listed(&mut self, place: &str) -> ErasuresReport {
        let now = self.county.now();
        ErasureList {}.execute(self.county.engine(place), now).unwrap()
    }

    fn is_shown(&mut self, place: &str) -> bool {
        self.county.elders(place).iter().any(|name| name == NAME)
    }

    /// Bodies for the elder that a place still has.
    fn bodies(&mut self, place: &str) -> usize {
        let elder: ElderId = self.elder.parse().unwrap();
        let snapshot = self.county.engine(place).read().unwrap();
        let mut bodies = 0;
        for log in snapshot.logs_of(code(SHANGHE)).unwrap() {
            snapshot
                .for_each_entry(log.number, |_, entry| {
                    let entry = entry?;
                    let whose = entry.header.document.id().and_then(|id| id.elder_id());
                    bodies += usize::from(whose == Some(elder) && entry.body.is_some());
                    Ok(())
                })
                .unwrap();
        }
        bodies
    }

    fn missing(&mut self, place: &str) -> u64 {
        self.county.engine(place).read().unwrap().missing_count().unwrap()
    }

    fn path(&self, place: &str) -> std::path::PathBuf {
        self.folder.path().join(place)
    }

    /// What anybody could know the person by.
    fn traces(&self) -> [Vec<u8>; 3] {
        [NAME.as_bytes().to_vec(), PHONE.as_bytes().to_vec(), resident_id().into_bytes()]
    }
}

/// Every key and value of every table of a store's file.
fn rows(path: &Path) -> Vec<(String, Vec<u8>)> {
    let database = Database::open(path).unwrap();
    let read = database.begin_read().unwrap();
    let mut rows = Vec::new();
    for table in read.list_tables().unwrap() {
        let name = table.name().to_owned();
        let mut dump = Dump { read: &read, name: &name, rows: &mut rows };
        let known = dump.take::<&str, &[u8]>()
            || dump.take::<u32, &[u8]>()
            || dump.take::<&[u8], u32>()
            || dump.take::<(u32, u64), &[u8]>()
            || dump.take::<&[u8], &[u8]>()
            || dump.take::<&[u8], ()>()
            || dump.take::<u64, &[u8]>()
            || dump.take::<(u32, u64), ()>();
        assert!(known, "{name} has other types: teach this test to read it");
    }
    rows
}

struct Dump<'a> {
    read: &'a redb::ReadTransaction,
    name: &'a str,
    rows: &'a mut Vec<(String, Vec<u8>)>,
}

impl Dump<'_> {
    fn take<K: Key + 'static, V: Value + 'static>(&mut self) -> bool {
        let Ok(table) = self.read.open_table(TableDefinition::<K, V>::new(self.name)) else {
            return false;
        };
        for row in table.iter().unwrap() {
            let (key, value) = row.unwrap();
            let bytes = V::as_bytes(&value.value()).as_ref().to_vec();
            let value = match self.name {
                "entries-2" | "documents-2" => {
                    let (text, plain) = unpacked_row(&bytes).unwrap();
                    [text, plain].concat()
                }
                _ => bytes,
            };
            let bytes = [K::as_bytes(&key.value()).as_ref(), &value].concat();
            self.rows.push((self.name.to_owned(), bytes));
        }
        true
    }
}

fn holds(bytes: &[u8], piece: &[u8]) -> bool {
    bytes.windows(piece.len()).any(|window| window == piece)
}

#[test]
fn one_signature_hides_and_removes_nothing() {
    let mut scene = Scene::new();
    let before = scene.bodies(SHANGHE);
    assert!(before >= 2);
    let report = scene.erases(COUNTY).unwrap();
    assert_eq!((report.signatures, report.removed, report.late), (1, 0, 0));
    assert_eq!(report.entries_covered, before as u64);
    scene.county.settle();
    for place in [COUNTY, SECOND, SONGWU, SHANGHE] {
        assert!(!scene.is_shown(place), "{place}");
        assert_eq!(scene.bodies(place), before, "{place}");
        assert_eq!(scene.county.elders(place), ["许桂英"], "{place}");
        assert_eq!(scene.county.status(place).erasures_waiting, 1, "{place}");
        assert_eq!(scene.missing(place), 0, "{place}");
    }
    let listed = scene.listed(SHANGHE);
    assert_eq!(listed.erasures.len(), 1);
    assert_eq!(listed.erasures[0].signed.len(), 1);
    // Nobody below may sign, and the same device not twice.
    assert_eq!(scene.erases(SHANGHE).unwrap_err().code, "erase_right");
    assert_eq!(scene.erases(COUNTY).unwrap_err().code, "erase_again");
    // What is written for a file that is gone here is refused, not set aside.
    let now = scene.county.now();
    let visit = shouwang_crdt_schema::visit::Visit::on("2026-09-03".parse().unwrap());
    let visit = VisitAdd { elder: scene.elder.clone(), visit };
    assert_eq!(visit.execute(scene.county.engine(SHANGHE), now).unwrap_err().code, "elder_unknown");
    scene.county.assert_converged();
    scene.county.verify_all();
    scene.county.stops(SHANGHE);
    let rows = rows(&scene.path(SHANGHE));
    for trace in scene.traces() {
        assert!(rows.iter().any(|(table, row)| table == "entries-2" && holds(row, &trace)));
    }
}

#[test]
fn two_signatures_leave_nothing_of_the_file_in_any_table() {
    let mut scene = Scene::new();
    scene.erases(COUNTY).unwrap();
    scene.county.settle();
    let report = scene.erases(SECOND).unwrap();
    assert_eq!((report.signatures, report.late), (2, 0));
    assert_eq!(report.removed, report.entries_covered);
    scene.county.settle();
    let places = [COUNTY, SECOND, SONGWU, SHANGHE];
    for place in places {
        assert!(!scene.is_shown(place), "{place}");
        assert_eq!((scene.bodies(place), scene.missing(place)), (0, 0), "{place}");
        let snapshot = scene.county.engine(place).read().unwrap();
        assert_eq!(snapshot.meta(REWRITE_DUE).unwrap().as_deref(), Some(&[1][..]), "{place}");
        let status = scene.county.status(place);
        assert_eq!((status.erasures_waiting, status.late_edits), (0, 0), "{place}");
        assert!(status.unsettled.is_empty(), "{place}: {:?}", status.unsettled);
    }
    for (one, two) in [(SHANGHE, SONGWU), (SONGWU, COUNTY), (SECOND, COUNTY)] {
        scene.county.assert_done(one, two);
    }
    assert_eq!(scene.erases(COUNTY).unwrap_err().code, "erase_done");
    scene.county.assert_converged();
    scene.county.verify_all();
    assert!(scene.county.hangups().is_empty(), "{:?}", scene.county.hangups());
    let elder: ElderId = scene.elder.parse().unwrap();
    for place in places {
        scene.county.stops(place);
        let rows = rows(&scene.path(place));
        assert!(rows.len() > 20);
        for (table, row) in &rows {
            for trace in scene.traces() {
                assert!(!holds(row, &trace), "{place}: {table}");
            }
            let of_document = ["documents-2", "unsettled-1", "elders-2", "elder_keys-1"];
            if of_document.contains(&table.as_str()) {
                assert!(!holds(row, &elder.0), "{place}: {table}");
            }
        }
        // The other file is as it was.
        assert!(
            rows.iter().any(|(table, row)| table == "entries-2" && holds(row, "许桂英".as_bytes()))
        );
    }
}

#[test]
fn a_node_that_was_off_line_gets_it_later_and_its_late_edits_are_kept() {
    let mut scene = Scene::new();
    scene.county.disconnect(SHANGHE, SONGWU);
    scene.erases(COUNTY).unwrap();
    scene.county.settle();
    scene.erases(SECOND).unwrap();
    scene.county.settle();
    assert!(scene.is_shown(SHANGHE));
    // The village goes on meanwhile.
    scene.county.records_visit(SHANGHE, &scene.elder.clone(), "2026-09-05");
    let phone = "13800000000";
    scene.county.sets(SHANGHE, &scene.elder.clone(), Field::Phone, phone);
    scene.county.connect(SHANGHE, SONGWU);
    scene.county.settle();
    for place in [COUNTY, SECOND, SONGWU, SHANGHE] {
        assert!(!scene.is_shown(place), "{place}");
        assert_eq!(scene.bodies(place), 2, "{place}: the late edits");
        assert_eq!(scene.county.status(place).late_edits, 2, "{place}");
        assert_eq!(scene.listed(place).erasures[0].late, 2, "{place}");
        assert_eq!(scene.missing(place), 0, "{place}");
    }
    scene.county.assert_done(SHANGHE, SONGWU);
    scene.county.assert_converged();
    scene.county.verify_all();
    // They are erased like the rest, by two.
    let first = scene.erases(SECOND).unwrap();
    assert_eq!((first.signatures, first.late), (1, 0));
    scene.county.settle();
    let second = scene.erases(COUNTY).unwrap();
    assert_eq!((second.signatures, second.late), (2, 0));
    scene.county.settle();
    for place in [COUNTY, SECOND, SONGWU, SHANGHE] {
        assert_eq!(scene.bodies(place), 0, "{place}");
        assert_eq!(scene.county.status(place).late_edits, 0, "{place}");
    }
    scene.county.assert_converged();
    scene.county.verify_all();
}

#[test]
fn a_fresh_node_gets_headers_only_and_is_done() {
    let mut scene = Scene::new();
    scene.erases(COUNTY).unwrap();
    scene.county.settle();
    scene.erases(SECOND).unwrap();
    scene.county.settle();
    let store = Store::open(&scene.path("fresh")).unwrap();
    scene.county.grant_in(COUNTY, COUNTY, "fresh", Some(Role::Registrar), store);
    scene.county.connect("fresh", SONGWU);
    scene.county.settle();
    assert_eq!(scene.county.elders("fresh"), ["许桂英"]);
    assert_eq!((scene.bodies("fresh"), scene.missing("fresh")), (0, 0));
    scene.county.assert_done("fresh", SONGWU);
    scene.county.assert_converged();
    scene.county.verify_all();
    assert!(scene.county.hangups().is_empty(), "{:?}", scene.county.hangups());
    let snapshot = scene.county.engine("fresh").read().unwrap();
    assert_eq!(snapshot.meta("rewrite_due").unwrap(), None, "no body ever reached the disk");
    drop(snapshot);
    scene.county.stops("fresh");
    for (table, row) in rows(&scene.path("fresh")) {
        for trace in scene.traces() {
            assert!(!holds(&row, &trace), "{table}");
        }
    }
}

/// A signature is cut off: what it removed is missing, asked for, and comes back from whoever still
/// has it, at last to a node that never meets that one.
#[test]
fn what_an_erasure_that_counts_no_more_has_removed_is_asked_for_and_comes_back() {
    let mut scene = Scene::new();
    let before = scene.bodies(SHANGHE);
    let store = Store::open(&scene.folder.path().join(THIRD)).unwrap();
    scene.county.grant_in(COUNTY, COUNTY, THIRD, Some(Role::Registrar), store);
    scene.county.connect(THIRD, COUNTY);
    scene.county.settle();
    scene.county.disconnect(THIRD, COUNTY);
    scene.county.disconnect(SHANGHE, SONGWU);
    scene.erases(SECOND).unwrap();
    scene.county.settle();
    assert_eq!(scene.erases(COUNTY).unwrap().signatures, 2);
    scene.county.settle();
    assert_eq!((scene.bodies(SONGWU), scene.bodies(COUNTY)), (0, 0));
    // The root takes the first signer's grant back where its signature has not been heard of.
    let revoke = DeviceRevoke {
        device: scene.county.engine(SECOND).device().to_string(),
        reason: RevocationReason::Lost,
        root: Some(scene.county.root()),
        personal: false,
        dry_run: false,
    };
    let now = scene.county.now();
    revoke.execute(scene.county.engine(THIRD), now).unwrap();

    scene.county.connect(THIRD, COUNTY);
    scene.county.settle();
    assert_eq!((scene.bodies(COUNTY), scene.missing(COUNTY)), (before, 0));
    assert_eq!((scene.bodies(SONGWU), scene.missing(SONGWU)), (before, 0));
    assert!(scene.is_shown(SONGWU));
    scene.county.connect(SHANGHE, SONGWU);
    scene.county.settle();
    for place in [SHANGHE, SONGWU, COUNTY, THIRD] {
        assert_eq!((scene.bodies(place), scene.missing(place)), (before, 0), "{place}");
        assert!(scene.is_shown(place), "{place}");
        assert_eq!(scene.county.shows(place, &scene.elder.clone()).visits.len(), 1, "{place}");
    }
    scene.county.assert_done(SHANGHE, SONGWU);
    scene.county.assert_done(SONGWU, COUNTY);
    scene.county.disconnect(SECOND, COUNTY);
    scene.county.stops(SECOND);
    scene.county.assert_converged();
    scene.county.verify_all();
}

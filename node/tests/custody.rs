//! Who holds what, by receipt: nothing is said to be held before it is, and nobody is believed who
//! may not say so.

mod county;
mod impostor;

use county::{County, code};
use impostor::Impostor;
use shouwang_crdt_schema::division::Level;
use shouwang_crdt_schema::field::Field;
use shouwang_node::command::Request;
use shouwang_node::command::custody::{ReceiptAwaited, RetireCheck, RetireReport};
use shouwang_node::command::elder::ElderAdd;
use shouwang_node::command::revoke::DeviceRetire;
use shouwang_node::custody::{Outlook, Receipt};
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::RECEIPT_INTERVAL_MS;
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{EntryHash, EntryPlace, Incarnation, Kind, Lane, LogKey};
use shouwang_node::store::{Store, StoreRead};
use shouwang_node::sync::wire::Frame;
use shouwang_node::sync::{Input, Output};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn county() -> County {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county
}

fn outlook(county: &mut County, place: &str) -> Outlook {
    county.status(place).not_held_elsewhere
}

fn not_held(county: &mut County, place: &str) -> u64 {
    outlook(county, place).entries
}

fn retire(county: &mut County, place: &str) -> RetireReport {
    let now = county.now();
    RetireCheck {}.execute(county.engine(place), now).unwrap()
}

/// The village's own logs of records, as they are now.
fn heads(county: &mut County, place: &str) -> Vec<EntryPlace> {
    let engine = county.engine(place);
    let (device, snapshot) = (engine.device(), engine.read().unwrap());
    let mut found: Vec<EntryPlace> = snapshot
        .logs_all()
        .unwrap()
        .into_iter()
        .filter(|log| log.key.device == device && log.key.lane.carries_records())
        .map(|log| {
            let head = snapshot.head_of(log.number).unwrap().unwrap();
            EntryPlace { log: log.key, seq: head.seq, hash: head.hash }
        })
        .collect();
    found.sort_by_key(|place| place.log);
    found
}

fn receipt(positions: &[EntryPlace]) -> RunEntry {
    let body = Receipt { positions: positions.to_vec() }.encode();
    RunEntry::new(Kind::Receipt, None, body, 0)
}

fn receipts_at(county: &mut County, place: &str) -> u64 {
    receipts_in(county, place, |_| true)
}

/// Those that a place's device has written itself.
fn receipts_of(county: &mut County, place: &str) -> u64 {
    let own = county.engine(place).device();
    receipts_in(county, place, |log| log.device == own)
}

fn receipts_in(county: &mut County, place: &str, counts: impl Fn(&LogKey) -> bool) -> u64 {
    let snapshot = county.engine(place).read().unwrap();
    let mut count = 0;
    for log in snapshot.logs_all().unwrap().into_iter().filter(|log| counts(&log.key)) {
        snapshot
            .for_each_entry(log.number, |_, entry| {
                count += u64::from(entry?.header.kind == Kind::Receipt);
                Ok(())
            })
            .unwrap();
    }
    count
}

#[test]
fn what_a_village_wrote_is_held_once_its_township_and_then_its_county_say_so() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    for day in 1..=3 {
        county.records_visit(SHANGHE, &elder, &format!("2026-09-0{day}"));
    }
    let before = outlook(&mut county, SHANGHE);
    assert_eq!(before.entries, 4);
    assert!(before.oldest_written_at_ms.is_some() && !before.nobody_confirms);
    assert_eq!(before.by_level, [(Level::County, 4), (Level::Township, 4)].into());
    assert!(!retire(&mut county, SHANGHE).safe);

    county.connect(SHANGHE, SONGWU);
    county.settle();
    let township = outlook(&mut county, SHANGHE);
    assert_eq!((township.entries, township.oldest_written_at_ms), (0, None));
    assert_eq!(township.by_level, [(Level::County, 4), (Level::Township, 0)].into());
    let status = county.status(SHANGHE);
    let scope = status.scopes.iter().find(|scope| scope.code == code(SHANGHE)).unwrap();
    assert_eq!(scope.held.len(), 1);
    assert_eq!((scope.held[0].level, scope.held[0].all_but), (Level::Township, 0));
    let report = retire(&mut county, SHANGHE);
    assert!(report.safe && report.scopes.is_empty(), "{report:?}");

    county.connect(SONGWU, COUNTY);
    county.settle();
    let both = outlook(&mut county, SHANGHE);
    assert_eq!(both.by_level, [(Level::County, 0), (Level::Township, 0)].into());
    county.assert_converged();
    county.verify_all();
}

#[test]
fn what_the_township_has_received_and_not_committed_is_not_held() {
    let mut county = county();
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.adds_elder(SHANGHE, "周国强");
    let (village, mut frames) = (county.engine(SHANGHE).device(), 0);
    loop {
        match county.engine(SHANGHE).poll() {
            Output::Send(_, frame) => {
                let now = county.now();
                county.engine(SONGWU).handle(now, Input::Frame(village, frame)).unwrap();
                frames += 1;
            }
            Output::Timeout(_) => break,
            _ => {}
        }
    }
    assert!(frames > 0);
    assert!(!matches!(county.engine(SONGWU).poll(), Output::Send(..)), "nothing is answered yet");
    assert_eq!(not_held(&mut county, SHANGHE), 1);
    // Now it commits, and says so.
    county.settle();
    assert_eq!(not_held(&mut county, SHANGHE), 0);
}

#[test]
fn edits_of_one_session_are_confirmed_within_ten_minutes() {
    let mut county = county();
    county.connect(SHANGHE, SONGWU);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.settle();
    assert_eq!(not_held(&mut county, SHANGHE), 0);
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    county.records_visit(SHANGHE, &elder, "2026-09-02");
    county.settle();
    assert_eq!(not_held(&mut county, SHANGHE), 2);
    let now = county.now();
    assert!(ReceiptAwaited {}.execute(county.engine(SHANGHE), now).unwrap());
    county.passes(RECEIPT_INTERVAL_MS + MINUTE);
    assert_eq!(not_held(&mut county, SHANGHE), 0);
    let now = county.now();
    assert!(!ReceiptAwaited {}.execute(county.engine(SHANGHE), now).unwrap());
    // A new session need not wait.
    county.records_visit(SHANGHE, &elder, "2026-09-03");
    county.settle();
    assert_eq!(not_held(&mut county, SHANGHE), 1);
    county.disconnect(SHANGHE, SONGWU);
    county.connect(SHANGHE, SONGWU);
    county.settle();
    assert_eq!(not_held(&mut county, SHANGHE), 0);
}

/// The township's process ends before the ten minutes are over that a receipt waits.
#[test]
fn what_an_earlier_process_owed_is_confirmed_once_anybody_comes() {
    for comes in [SHANGHE, COUNTY] {
        let folder = tempfile::tempdir().unwrap();
        let open = || Store::open(&folder.path().join("township.redb")).unwrap();
        let mut county = County::begin(COUNTY);
        county.grant_in(COUNTY, SONGWU, SONGWU, None, open());
        county.grant(SONGWU, SHANGHE);
        county.connect(SHANGHE, SONGWU);
        let elder = county.adds_elder(SHANGHE, "周国强");
        county.settle();
        county.records_visit(SHANGHE, &elder, "2026-09-01");
        county.settle();
        let before = receipts_of(&mut county, SONGWU);
        county.stops(SONGWU);
        county.opens(SONGWU, open());
        county.connect(SONGWU, comes);
        county.settle();
        assert_eq!(receipts_of(&mut county, SONGWU), before + 1);
        county.passes(3 * RECEIPT_INTERVAL_MS);
        assert_eq!(receipts_of(&mut county, SONGWU), before + 1);
    }
}

/// It writes nothing any more, so it waits for nothing either: a time that is past would wake it for ever.
#[test]
fn a_retired_device_that_owed_a_receipt_rests() {
    let mut county = county();
    county.connect(SHANGHE, SONGWU);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.settle();
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    county.settle();
    assert_eq!(not_held(&mut county, SHANGHE), 1);
    let before = receipts_of(&mut county, SONGWU);
    let now = county.now();
    DeviceRetire { dry_run: false }.execute(county.engine(SONGWU), now).unwrap();
    county.disconnect(SHANGHE, SONGWU);
    county.passes(3 * RECEIPT_INTERVAL_MS);
    let Output::Timeout(wakes) = county.engine(SONGWU).poll() else { panic!() };
    let now_ms = county.now().monotonic_ms;
    assert!(wakes.is_none_or(|at| at > now_ms), "{wakes:?} at {now_ms}");
    assert_eq!(receipts_of(&mut county, SONGWU), before);
}

#[test]
fn an_idle_mesh_writes_nothing() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, SONGWU);
    county.connect(SONGWU, COUNTY);
    county.settle();
    county.records_visit(SONGWU, &elder, "2026-09-01");
    county.passes(2 * RECEIPT_INTERVAL_MS);
    let entries = |county: &mut County| -> Vec<u64> {
        [SHANGHE, SONGWU, COUNTY]
            .map(|place| county.status(place).scopes.iter().map(|scope| scope.entries).sum())
            .to_vec()
    };
    let before = entries(&mut county);
    county.passes(2 * HOUR);
    assert_eq!(entries(&mut county), before);
    assert_eq!(not_held(&mut county, SHANGHE), 0);
    assert_eq!(not_held(&mut county, SONGWU), 0);
}

#[test]
fn a_day_of_edits_costs_a_bounded_number_of_receipts() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    for day in 0..240 {
        let date = format!("2026-{:02}-{:02}", 1 + day / 28 % 12, 1 + day % 28);
        county.records_visit(SHANGHE, &elder, &date);
        county.passes(3 * MINUTE);
    }
    county.passes(RECEIPT_INTERVAL_MS);
    let receipts = receipts_at(&mut county, SONGWU);
    let most = 240 * 3 * MINUTE / RECEIPT_INTERVAL_MS + 3;
    assert!((20..=most).contains(&receipts), "{receipts} receipts, at most {most}");
    assert_eq!(not_held(&mut county, SHANGHE), 0);
}

#[test]
fn at_the_top_another_device_of_the_same_area_confirms() {
    let mut county = County::begin(SONGWU);
    let now = county.now();
    let fields = [(Field::Name, "周国强".to_owned())].into();
    let add = ElderAdd { scope: Some(code(SONGWU)), fields, entry: None };
    add.execute(county.engine(SONGWU), now).unwrap();
    let alone = outlook(&mut county, SONGWU);
    assert_eq!((alone.entries, alone.nobody_confirms), (1, true));
    county.grant_as(SONGWU, SONGWU, "archive", None);
    county.grant(SONGWU, SHANGHE);
    let elder = county.adds_elder(SHANGHE, "许桂英");
    assert!(!outlook(&mut county, SONGWU).nobody_confirms);
    // A village below confirms nothing of the township's.
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.records_visit(SONGWU, &elder, "2026-09-01");
    county.settle();
    assert_eq!(not_held(&mut county, SONGWU), 2);
    county.connect(SONGWU, "archive");
    county.passes(RECEIPT_INTERVAL_MS);
    assert_eq!(not_held(&mut county, SONGWU), 0);
    assert_eq!(not_held(&mut county, SHANGHE), 0);
    county.verify_all();
}

/// A device of the township whose receipts the village gets.
fn holder(county: &mut County, role: Role) -> Impostor {
    let holder = Impostor::granted(county, COUNTY, SONGWU, role);
    holder.enters(county, SHANGHE);
    holder
}

/// A village with two entries that nobody holds.
fn scene() -> (County, Vec<EntryPlace>) {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    let heads = heads(&mut county, SHANGHE);
    assert_eq!(not_held(&mut county, SHANGHE), 2);
    (county, heads)
}

fn says(county: &mut County, holder: &mut Impostor, log: LogKey, entry: RunEntry) {
    let run = holder.writes(log, vec![entry]);
    holder.says(county, SHANGHE, &Frame::Run(run));
}

#[test]
fn only_what_fits_the_log_as_it_is_here_is_believed() {
    let (mut county, heads) = scene();
    let mut holder = holder(&mut county, Role::Manager);
    let log = holder.log(SHANGHE, Lane::Notice);
    let at = heads[0];
    for wrong in [
        // Another branch, a lie about the future, and an entry of another number.
        EntryPlace { hash: EntryHash([9; 32]), ..at },
        EntryPlace { seq: at.seq + 7, ..at },
        EntryPlace { seq: 0, ..at },
    ] {
        says(&mut county, &mut holder, log, receipt(&[wrong]));
        assert_eq!(not_held(&mut county, SHANGHE), 2, "{wrong:?}");
    }
    says(&mut county, &mut holder, log, receipt(&[at]));
    assert_eq!(not_held(&mut county, SHANGHE), 0);
    // What it says later counts, not what it once said.
    says(&mut county, &mut holder, log, receipt(&[EntryPlace { hash: EntryHash([9; 32]), ..at }]));
    assert_eq!(not_held(&mut county, SHANGHE), 2);
    assert!(county.status(SHANGHE).unsettled.is_empty());
    county.verify_all();
}

#[test]
fn only_the_newest_incarnation_is_believed_and_each_clone_of_it() {
    let (mut county, heads) = scene();
    let mut holder = holder(&mut county, Role::Manager);
    let first = holder.log(SHANGHE, Lane::Notice);
    let again = |number, nonce| LogKey { incarnation: Incarnation { number, nonce }, ..first };
    says(&mut county, &mut holder, first, receipt(&heads));
    assert_eq!(not_held(&mut county, SHANGHE), 0);
    // After a rollback: any log of the new lineage voids what the old one said.
    let other = RunEntry::new(Kind::Other(99), None, vec![1], 0);
    says(&mut county, &mut holder, again(1, [1; 8]), other);
    assert_eq!(not_held(&mut county, SHANGHE), 2);
    // Its clone counts for itself.
    says(&mut county, &mut holder, again(1, [2; 8]), receipt(&heads));
    assert_eq!(not_held(&mut county, SHANGHE), 0);
    says(&mut county, &mut holder, again(1, [1; 8]), receipt(&heads));
    says(&mut county, &mut holder, first, receipt(&heads));
    assert_eq!(not_held(&mut county, SHANGHE), 0);
    says(&mut county, &mut holder, again(2, [1; 8]), receipt(&[EntryPlace { seq: 0, ..heads[0] }]));
    assert_eq!(not_held(&mut county, SHANGHE), 2);
    county.verify_all();
}

#[test]
fn nobody_is_believed_who_may_not_say_so() {
    for (area, role, why) in [
        (SONGWU, Role::Provider, "not_allowed:receipt_right"),
        (SONGWU, Role::Relay, "not_allowed:receipt_right"),
        (SHANGHE, Role::Clerk, "not_allowed:receipt_area"),
        (SHANGHE, Role::Helper, "not_allowed:receipt_area"),
    ] {
        let (mut county, heads) = scene();
        let mut impostor = Impostor::granted(&mut county, COUNTY, area, role);
        impostor.enters(&mut county, SHANGHE);
        let log = impostor.log(SHANGHE, Lane::Notice);
        says(&mut county, &mut impostor, log, receipt(&heads));
        assert_eq!(not_held(&mut county, SHANGHE), 2, "{role:?}");
        assert_eq!(county.status(SHANGHE).unsettled, [(why.to_owned(), 1)].into());
        assert!(
            impostor
                .hears(&mut county)
                .iter()
                .any(|frame| matches!(frame, Frame::Aside(asides) if asides[0].code == why))
        );
        county.verify_all();
    }
}

#[test]
fn hostile_bodies_are_kept_and_named() {
    let (mut county, heads) = scene();
    let mut holder = holder(&mut county, Role::Manager);
    let notice = holder.log(SHANGHE, Lane::Notice);
    let own = EntryPlace { log: LogKey { lane: Lane::Routine, ..notice }, ..heads[0] };
    let raw = |body: Vec<u8>| RunEntry::new(Kind::Receipt, None, body, 0);
    let whole = Receipt { positions: heads.clone() }.encode();
    let mut of_document = receipt(&heads);
    of_document.document = Some(shouwang_crdt_schema::parts::DocumentId::Directory).into();
    let bad = vec![
        raw(vec![]),
        raw(vec![0xff; 16_384]),
        raw(vec![1, 0]),
        raw([&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1][..], &whole].concat()),
        raw(whole[..whole.len() - 1].to_vec()),
        raw([&whole[..], &[0]].concat()),
        raw([&[2][..], &whole[1..]].concat()),
        of_document,
    ];
    let forms = bad.len() as u64;
    for entry in bad {
        says(&mut county, &mut holder, notice, entry);
    }
    says(&mut county, &mut holder, notice, receipt(&[own]));
    for lane in [Lane::Routine, Lane::Urgent] {
        let log = holder.log(SHANGHE, lane);
        says(&mut county, &mut holder, log, receipt(&heads));
    }
    assert!(county.hangups().is_empty(), "{:?}", county.hangups());
    assert_eq!(not_held(&mut county, SHANGHE), 2);
    let expected = [
        ("not_allowed:receipt_form".to_owned(), forms),
        ("not_allowed:receipt_lane".to_owned(), 2),
        ("not_allowed:receipt_own".to_owned(), 1),
    ];
    assert_eq!(county.status(SHANGHE).unsettled, expected.into());
    // The log behind them is not blocked.
    says(&mut county, &mut holder, notice, receipt(&heads));
    assert_eq!(not_held(&mut county, SHANGHE), 0);
    county.verify_all();
}

//! Stories of nodes that exchange frames without sockets, over stores in memory.

mod county;
mod power;

use std::collections::VecDeque;

use county::{County, field};
use power::Disk;
use shouwang_crdt_schema::division::Area;
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_node::command::Request;
use shouwang_node::command::conflicts::{ConflictList, ConflictResolve};
use shouwang_node::command::import::{Import, RowOutcome};
use shouwang_node::command::status::{Notice, Status};
use shouwang_node::engine::DocumentEdit;
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::GrantId;
use shouwang_node::store::{Snapshot, Store, StoreRead};
use shouwang_node::sync::summary::Salt;
use shouwang_node::sync::wire::{Frame, Hello, PROTOCOL_VERSION};
use shouwang_node::sync::{Input, Now, Output};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const QINGHE: &str = "990121200000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";
const HETANG: &str = "990121200201";

/// Each place dials the one above.
const LINKS: [(&str, &str); 5] =
    [(SHANGHE, SONGWU), (XIAHE, SONGWU), (HETANG, QINGHE), (SONGWU, COUNTY), (QINGHE, COUNTY)];

fn county() -> County {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(COUNTY, QINGHE);
    county.grant(SONGWU, SHANGHE);
    county.grant(SONGWU, XIAHE);
    county.grant(QINGHE, HETANG);
    county
}

#[test]
fn records_flow_up_and_siblings_see_nothing() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    for (below, above) in LINKS {
        county.connect(below, above);
    }
    county.settle();
    county.assert_converged();
    assert_eq!(county.elders(SONGWU), ["周国强"]);
    assert_eq!(county.elders(COUNTY), ["周国强"]);
    assert!(county.elders(XIAHE).is_empty());
    assert!(county.elders(QINGHE).is_empty());
    county.verify_all();
}

#[test]
fn a_township_edit_and_a_village_edit_off_line_are_a_conflict_on_both() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    for (below, above) in LINKS {
        county.connect(below, above);
    }
    county.settle();
    county.disconnect(SHANGHE, SONGWU);
    county.sets(SHANGHE, &elder, Field::Phone, "13900000001");
    county.sets(SONGWU, &elder, Field::Phone, "13900000002");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.assert_converged();
    for place in [SHANGHE, SONGWU] {
        let phone = field(&county.shows(place, &elder), Field::Phone);
        assert_eq!(phone.conflict.len(), 1);
    }
    let now = county.now();
    let list = ConflictList::default().execute(county.engine(SHANGHE), now).unwrap();
    let id = list.conflicts[0].id.clone();
    let resolve = ConflictResolve { id, keep: None, value: Some("13900000001".into()) };
    resolve.execute(county.engine(SHANGHE), now).unwrap();
    county.settle();
    assert!(field(&county.shows(SONGWU, &elder), Field::Phone).conflict.is_empty());
    county.verify_all();
}

#[test]
fn an_idle_reconnect_costs_a_few_hundred_bytes_and_sends_no_entry() {
    let mut county = county();
    for n in 0..40 {
        county.adds_elder(SHANGHE, &format!("老人{n}"));
    }
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.disconnect(SHANGHE, SONGWU);
    let before = county.bytes();
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.assert_done(SHANGHE, SONGWU);
    let idle = county.bytes() - before;
    assert!(idle < 1_500, "{idle} B");
}

#[test]
fn everything_that_one_side_knew_of_the_other_is_relayed() {
    // The village talks to the county only through the township, and both ways.
    let mut county = county();
    for (below, above) in LINKS {
        county.connect(below, above);
    }
    county.settle();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.settle();
    county.sets(COUNTY, &elder, Field::Hardship, "Yes");
    county.settle();
    county.assert_converged();
    assert_eq!(field(&county.shows(SHANGHE, &elder), Field::Hardship).value, "Yes");
    let status = {
        let now = county.now();
        Status {}.execute(county.engine(COUNTY), now).unwrap()
    };
    assert!(status.unsettled.is_empty());
    assert_eq!(status.scopes.iter().filter(|scope| scope.elders > 0).count(), 1);
}

#[test]
fn a_village_that_meets_the_county_before_its_own_township_does_is_believed() {
    // The township granted the village off line; the county has not heard of it. The village's
    // chain proves it, and goes ahead of its log to whoever is sent that.
    let mut county = county();
    county.grant_as(COUNTY, COUNTY, "second", None);
    county.connect("second", COUNTY);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, COUNTY);
    county.settle();
    assert_eq!(county.hangups(), []);
    assert_eq!(county.elders(COUNTY), ["周国强"]);
    assert_eq!(county.elders("second"), ["周国强"]);

    county.connect(SONGWU, COUNTY);
    county.settle();
    assert_eq!(county.hangups(), []);
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    county.settle();
    county.assert_done(SHANGHE, COUNTY);
    county.verify_all();
}

#[test]
fn a_restored_image_that_goes_on_keeps_both_branches_and_heals_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (path, image) = (folder.path().join("store.redb"), folder.path().join("image.redb"));
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant_in(SONGWU, SHANGHE, SHANGHE, None, Store::open(&path).unwrap());
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.records_visit(SHANGHE, &elder, "2026-07-01");
    std::fs::copy(&path, &image).unwrap();
    county.records_visit(SHANGHE, &elder, "2026-08-01");
    county.records_visit(SHANGHE, &elder, "2026-08-15");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.assert_done(SHANGHE, SONGWU);
    county.disconnect(SHANGHE, SONGWU);

    county.goes_on_with(SHANGHE, || Store::open(&image).unwrap());
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    for day in ["2026-09-02", "2026-09-03", "2026-09-04"] {
        county.records_visit(SHANGHE, &elder, day);
        county.settle();
    }
    county.connect(SONGWU, COUNTY);
    county.settle();
    county.assert_done(SHANGHE, SONGWU);
    county.assert_done(SONGWU, COUNTY);
    county.assert_converged();
    for place in [SHANGHE, SONGWU, COUNTY] {
        assert_eq!(county.shows(place, &elder).visits.len(), 7, "{place}");
        let (status, codes) = (county.status(place), |notice: &Notice| notice.code.clone());
        let notices: Vec<String> = status.notices.iter().map(codes).collect();
        assert!(notices.contains(&"forked_log".to_owned()), "{place}: {notices:?}");
        assert_eq!(notices.contains(&"rolled_back".to_owned()), place == SHANGHE, "{notices:?}");
        // Whoever carries a fork is not to blame for it.
        for peer in status.peers {
            assert!(peer.stuck == 0 && peer.refused.is_empty(), "{place}: {peer:?}");
        }
    }
    assert_eq!(county.engine(SHANGHE).incarnation().number, 1);
    assert!(county.engine(SHANGHE).heads_confirmed());
    county.sets(SONGWU, &elder, Field::Phone, "13900000001");
    county.settle();
    assert_eq!(field(&county.shows(SHANGHE, &elder), Field::Phone).value, "13900000001");
    county.verify_all();
}

#[test]
fn two_rows_for_one_file_in_one_import_do_not_displace_each_other() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    let row = |field, text: &str| {
        let mut row = LedgerRow::new(SHANGHE.parse().unwrap());
        row.fields.insert(Field::Name, "周国强".into());
        row.fields.insert(field, text.into());
        row
    };
    let rows = vec![row(Field::Phone, "13900000001"), row(Field::Hamlet, "3组")];
    let now = county.now();
    let import = Import { rows, dry_run: false };
    let outcomes = import.execute(county.engine(SHANGHE), now).unwrap().outcomes;
    assert!(matches!(&outcomes[0], RowOutcome::Changed { .. }), "{outcomes:?}");
    assert!(
        matches!(&outcomes[1], RowOutcome::Rejected { reason, .. } if reason == "repeated_row"),
        "{outcomes:?}"
    );
    let shown = county.shows(SHANGHE, &elder);
    assert!(shown.unsettled.is_empty(), "{:?}", shown.unsettled);
    assert_eq!(field(&shown, Field::Phone).value, "13900000001");

    // And whatever is done to a document at once is one change.
    let edit = |field: Field, text: &str| DocumentEdit {
        scope: SHANGHE.parse().unwrap(),
        document: DocumentId::elder(elder.parse().unwrap(), Part::Card),
        actions: vec![Action::Set { field, value: field.value(text).unwrap() }],
    };
    let edits = [edit(Field::Hamlet, "3组"), edit(Field::Address, "上禾村3组7号")];
    assert_eq!(county.engine(SHANGHE).capture(now, &edits).unwrap(), 1);
    assert_eq!(field(&county.shows(SHANGHE, &elder), Field::Address).value, "上禾村3组7号");
    county.verify_all();
}

/// A laptop's disk takes longest to say that something is there for good, so a command asks it once, and
/// what the visit brings about (frames, receipts of others) not before.
#[test]
fn a_visit_on_a_connected_laptop_is_one_durable_commit() {
    let disk = Disk::default();
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    let store = Store::with_backend(disk.clone()).unwrap();
    county.grant_in(SONGWU, SHANGHE, SHANGHE, None, store);
    county.connect(SHANGHE, SONGWU);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.records_visit(SHANGHE, &elder, "2026-08-01");
    county.settle();
    let commits = |county: &mut County| {
        county.engine(SHANGHE).read().unwrap().meta_number("commit_number").unwrap()
    };
    let (syncs, before) = (disk.syncs(), commits(&mut county));
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    assert_eq!((disk.syncs() - syncs, commits(&mut county) - before), (1, 1));
    // It is there for good.
    let entries = |snapshot: &Snapshot| {
        let scopes = snapshot.scopes_in(Area(SHANGHE.parse().unwrap())).unwrap();
        scopes.into_iter().map(|(_, row)| row.entries).sum::<u64>()
    };
    let kept = Store::with_backend(disk.after_power_loss()).unwrap();
    let here = entries(&county.engine(SHANGHE).read().unwrap());
    assert_eq!(entries(&kept.read().unwrap()), here);
}

#[test]
fn a_stranger_that_never_proves_itself_is_not_kept() {
    let mut county = county();
    let stranger = DeviceKeys::from_secret(&[99; 64]).device();
    let mesh = county.engine(COUNTY).authority().mesh();
    let hello = Frame::Hello(Hello {
        version: PROTOCOL_VERSION,
        mesh,
        grant: GrantId([1; 32]),
        salt: Salt([0; 8]),
        clock_ms: 0,
        stream_version: 0,
    });
    let at = |monotonic_ms| Now { monotonic_ms, wall_ms: 0 };
    let engine = county.engine(COUNTY);
    engine.handle(at(0), Input::PeerUp(stranger)).unwrap();
    engine.handle(at(1), Input::Frame(stranger, hello.encode())).unwrap();
    let mut hung_up = false;
    for second in 1..=90 {
        let now = at(second * 1_000);
        engine.handle(now, Input::Frame(stranger, Frame::Alive.encode())).unwrap();
        engine.handle(now, Input::Timeout).unwrap();
        loop {
            match engine.poll() {
                Output::Hangup(peer, _) => hung_up |= peer == stranger,
                Output::Timeout(_) => break,
                _ => {}
            }
        }
    }
    assert!(hung_up && engine.sessions().is_empty());
}

/// Neither says "done" while it lacks what the other has told it of, or the other lacks what it has: frame by frame.
#[test]
fn nobody_is_done_before_all_that_was_told_of_is_here() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.disconnect(SHANGHE, SONGWU);
    for number in 0..40 {
        county.sets(SONGWU, &elder, Field::Phone, &format!("1380000{number:04}"));
    }
    let devices = [SHANGHE, SONGWU].map(|place| county.engine(place).device());
    let entries = |county: &mut County, place: &str| {
        let snapshot = county.engine(place).read().unwrap();
        let rows = snapshot.scopes_in(Area(county::code(SHANGHE))).unwrap();
        rows.iter().map(|(_, row)| row.entries).sum::<u64>()
    };
    let behind = entries(&mut county, SONGWU) - entries(&mut county, SHANGHE);
    assert_eq!(behind, 40);
    county.connect(SHANGHE, SONGWU);
    let mut ways = [VecDeque::new(), VecDeque::new()];
    let (mut frames, mut done) = (0, false);
    while !done {
        assert!(frames < 10_000, "the two never come to an end");
        for (at, place) in [SHANGHE, SONGWU].into_iter().enumerate() {
            loop {
                match county.engine(place).poll() {
                    Output::Send(_, frame) => ways[1 - at].push_back(frame),
                    Output::Timeout(_) => break,
                    _ => {}
                }
            }
        }
        let now = county.now();
        for (at, place) in [SHANGHE, SONGWU].into_iter().enumerate() {
            match ways[at].pop_front() {
                Some(frame) => {
                    frames += 1;
                    let input = Input::Frame(devices[1 - at], frame);
                    county.engine(place).handle(now, input).unwrap();
                }
                None => county.engine(place).settle(now).unwrap(),
            }
        }
        let agree = entries(&mut county, SONGWU) == entries(&mut county, SHANGHE);
        let says = [0, 1].map(|at| {
            let place = [SHANGHE, SONGWU][at];
            let progress = county.engine(place).progress(devices[1 - at]).unwrap();
            progress.is_some_and(|progress| progress.done)
        });
        assert!(agree || says == [false, false], "after {frames} frames {says:?}");
        done = says == [true, true];
    }
    assert!(frames > 4, "{frames}");
    assert_eq!(field(&county.shows(SHANGHE, &elder), Field::Phone).value, "13800000039");
}

/// What a process knew of silent addresses when it ended is good until somebody was met after that.
#[test]
fn where_nobody_answers_is_forgotten_once_somebody_was_met() {
    let mut county = county();
    let address = "/ip4/10.1.2.3/tcp/4420".to_owned();
    let now = county.now();
    county.engine(SHANGHE).note_unanswered(now, vec![address.clone()]).unwrap();
    assert_eq!(county.engine(SHANGHE).unanswered().unwrap(), std::slice::from_ref(&address));
    county.passes(1_000);
    county.connect(SHANGHE, SONGWU);
    county.settle();
    assert!(county.engine(SHANGHE).unanswered().unwrap().is_empty());
    // Another of its addresses may be silent all the same, and whoever ends now says so.
    county.passes(1_000);
    let now = county.now();
    county.engine(SHANGHE).note_unanswered(now, vec![address.clone()]).unwrap();
    assert_eq!(county.engine(SHANGHE).unanswered().unwrap(), [address]);
    county.engine(SHANGHE).note_unanswered(now, Vec::new()).unwrap();
    assert!(county.engine(SHANGHE).unanswered().unwrap().is_empty());
}

//! What is unwanted is listed, and who sent it learns of it; who looked at elders is written down.

mod county;
#[path = "../../crdt-schema/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "the writer of hostile changes, shared with the schema's own tests")]
mod draft;
mod impostor;

use county::{County, code};
use impostor::Impostor;
use redb::backends::InMemoryBackend;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_node::command::Request;
use shouwang_node::command::audit::{Audit, AuditList, AuditReport, AuditRow};
use shouwang_node::command::refused::{Refused, RefusedKind, RefusedRow};
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::{ASIDES_PER_FRAME, ASIDES_PER_SESSION, AUDIT_ROWS_MAX};
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{EntryHash, Kind, Lane};
use shouwang_node::store::audit::AuditRead;
use shouwang_node::store::{Store, StoreError, StoreRead};
use shouwang_node::sync::wire::{Aside, Frame, LogPosition};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";

fn county() -> (County, String) {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.connect(SHANGHE, SONGWU);
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.settle();
    (county, elder)
}

fn refused(county: &mut County, place: &str, all: bool) -> Vec<RefusedRow> {
    let now = county.now();
    Refused { all }.execute(county.engine(place), now).unwrap().refused
}

#[test]
fn refused_things_and_entries_that_do_not_count_stand_in_one_list() {
    let (mut county, elder) = county();
    let mut clerk = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
    clerk.enters(&mut county, SONGWU);
    let card = DocumentId::elder(elder.parse().unwrap(), Part::Card);
    let log = clerk.log(SHANGHE, Lane::Routine);
    let run = clerk.writes(log, vec![impostor::change(card, b"not a change".to_vec())]);
    clerk.says(&mut county, SONGWU, &Frame::Run(run));
    clerk.sends(&mut county, SONGWU, vec![0xff]);
    let rows = refused(&mut county, SONGWU, false);
    assert_eq!(rows.len(), 2, "{rows:?}");
    let entry = rows.iter().find(|row| row.kind == RefusedKind::Entry).unwrap();
    assert!(entry.code.starts_with("ill_formed:"), "{entry:?}");
    assert_eq!(entry.author.as_ref().unwrap().name.as_deref(), Some("impostor"));
    assert_eq!(entry.log.as_ref().unwrap().scope, code(SHANGHE));
    assert_eq!(entry.seq, Some(0));
    let evidence = rows.iter().find(|row| row.kind == RefusedKind::Evidence).unwrap();
    assert_eq!(evidence.code, "unknown_frame");
    assert_eq!(evidence.peer.as_ref().unwrap().device, clerk.keys.device());
}

#[test]
fn entries_that_only_wait_are_listed_when_asked_for() {
    use shouwang_crdt_schema::automerge::ChangeHash;
    let (mut county, elder) = county();
    let mut clerk = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
    clerk.enters(&mut county, SONGWU);
    let card = DocumentId::elder(elder.parse().unwrap(), Part::Card);
    let log = clerk.log(SHANGHE, Lane::Routine);
    let actor = Impostor::actor(&log, 1);
    let put = [draft::Op::put(
        &(2, shouwang_crdt_schema::document::GENESIS_ACTOR.to_vec()),
        "phone",
        "1",
        &[],
    )];
    let waits = draft::Draft::new(&[ChangeHash([5; 32])], &actor, 1, 90, &put);
    let run = clerk.writes(log, vec![impostor::change(card, waits.bytes())]);
    clerk.says(&mut county, SONGWU, &Frame::Run(run));
    assert!(refused(&mut county, SONGWU, false).is_empty());
    let all = refused(&mut county, SONGWU, true);
    assert_eq!(all.iter().map(|row| row.code.as_str()).collect::<Vec<_>>(), ["pending"]);
    // What only waits is nothing to tell the sender.
    assert!(!clerk.hears(&mut county).iter().any(|frame| matches!(frame, Frame::Aside(_))));
}

#[test]
fn the_sender_of_set_aside_entries_is_told_so_often_and_no_more() {
    let (mut county, _) = county();
    let mut clerk = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
    clerk.enters(&mut county, SONGWU);
    let log = clerk.log(SHANGHE, Lane::Routine);
    clerk.hears(&mut county);
    let mut told = Vec::new();
    for _ in 0..ASIDES_PER_SESSION / 32 + 2 {
        let fillers = (0..32).map(|_| RunEntry::new(Kind::Other(99), None, vec![7], 0)).collect();
        let run = clerk.writes(log, fillers);
        clerk.says(&mut county, SONGWU, &Frame::Run(run));
        for frame in clerk.hears(&mut county) {
            if let Frame::Aside(asides) = frame {
                assert!(asides.len() <= ASIDES_PER_FRAME);
                told.extend(asides);
            }
        }
    }
    assert_eq!(told.len(), ASIDES_PER_SESSION);
    assert!(told.iter().all(|aside| aside.code == "unknown_kind" && aside.position.log == log));
    assert_eq!(told[5].position.seq, 5);
    assert!(clerk.is_heard(&mut county, SONGWU));
}

/// The village hears from its township that an entry of its own does not count there.
#[test]
fn a_node_knows_which_of_its_own_entries_do_not_count_elsewhere() {
    let (mut county, _) = county();
    let own = county.engine(SHANGHE).device();
    let snapshot = county.engine(SHANGHE).read().unwrap();
    let row = snapshot.logs_all().unwrap().into_iter().find(|log| log.key.device == own).unwrap();
    let head = snapshot.head_of(row.number).unwrap().unwrap();
    drop(snapshot);
    let peer = Impostor::granted(&mut county, COUNTY, SONGWU, Role::Manager);
    peer.enters(&mut county, SHANGHE);
    let aside = |seq, hash| Aside {
        position: LogPosition { log: row.key, seq, hash },
        code: "not_allowed:right".into(),
    };
    let lie = Frame::Aside(vec![aside(head.seq, EntryHash([1; 32]))]);
    peer.says(&mut county, SHANGHE, &lie);
    assert!(refused(&mut county, SHANGHE, false).is_empty());
    for _ in 0..3 {
        let told = Frame::Aside(vec![aside(head.seq, head.hash)]);
        peer.says(&mut county, SHANGHE, &told);
    }
    let rows = refused(&mut county, SHANGHE, false);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].code, "set_aside_by_peer");
    assert_eq!(rows[0].detail.as_deref(), Some("not_allowed:right"));
    assert_eq!((rows[0].seq, rows[0].author.as_ref().unwrap().device), (Some(head.seq), own));
    let status = county.status(SHANGHE);
    let peer_row = status.peers.iter().find(|row| row.device == peer.keys.device()).unwrap();
    assert_eq!(peer_row.set_aside_there, [("not_allowed:right".to_owned(), 4)].into());
    // Without end it is a fault.
    let flood = vec![aside(0, EntryHash([1; 32])); ASIDES_PER_FRAME];
    for _ in 0..ASIDES_PER_SESSION / ASIDES_PER_FRAME {
        peer.says(&mut county, SHANGHE, &Frame::Aside(flood.clone()));
    }
    assert_eq!(county.hangups(), [(SHANGHE.to_owned(), "too_many".to_owned())]);
    county.verify_all();
}

fn audit(county: &mut County) -> AuditReport {
    let now = county.now();
    AuditList {}.execute(county.engine(SHANGHE), now).unwrap()
}

#[test]
fn who_looked_is_written_down() {
    let (mut county, _) = county();
    let look = |what: &str, who: &str| Audit {
        what: what.into(),
        area: None,
        elders: 3,
        personal: true,
        who: who.into(),
    };
    let now = county.now();
    assert_eq!(look("list", "wei\n").execute(county.engine(SHANGHE), now).unwrap().gone, 0);
    look("print", &"x".repeat(500)).execute(county.engine(SHANGHE), now).unwrap();
    for what in ["", "周国强", "a b", &"x".repeat(33)] {
        assert!(look(what, "wei").execute(county.engine(SHANGHE), now).is_err(), "{what}");
    }
    let report = audit(&mut county);
    assert_eq!((report.audit.len(), report.gone), (2, 0));
    assert_eq!(report.audit[1].who, "wei");
    assert_eq!((report.audit[1].area, report.audit[1].elders), (code(SHANGHE), 3));
    assert!(report.audit[0].who.len() < 100);
    county.verify_all();
}

#[test]
fn the_audit_is_bounded_and_says_what_has_gone() {
    let store = Store::with_backend(InMemoryBackend::new()).unwrap();
    let row = |at_ms| AuditRow {
        at_ms,
        what: "list".into(),
        area: code(SHANGHE),
        elders: 1,
        personal: true,
        who: "wei".into(),
    };
    let gone: u64 = store
        .write::<_, StoreError>(|tables| {
            (0..AUDIT_ROWS_MAX as i64 + 5).map(|at| tables.put_audit(&row(at))).sum()
        })
        .unwrap();
    assert_eq!(gone, 5);
    let (rows, gone) = store.read().unwrap().audit_all().unwrap();
    assert_eq!((rows.len() as u64, gone), (AUDIT_ROWS_MAX, 5));
    assert_eq!(rows[0].at_ms, 5);
}

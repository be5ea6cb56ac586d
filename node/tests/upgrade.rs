//! A store of an earlier version is brought to this one's format when it is opened, and what that version could not
//! read is judged as if it always had been readable.

mod county;
mod impostor;
mod power;

use std::path::Path;

use county::{County, code, today};
use impostor::Impostor;
use power::Disk;
use redb::StorageBackend;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::DocumentId;
use shouwang_crdt_schema::record::IncidentKind;
use shouwang_node::authority::{Revocation, RevocationReason};
use shouwang_node::command::elder::{ElderList, ElderShow};
use shouwang_node::command::erase::ElderErase;
use shouwang_node::command::incident::{IncidentList, IncidentRaise, IncidentReport, Which};
use shouwang_node::command::revoke::DeviceRevoke;
use shouwang_node::command::ruleset::{RulesetSet, RulesetShow};
use shouwang_node::command::status::Status;
use shouwang_node::command::transfer::{TransferList, TransferOffer};
use shouwang_node::command::verify::Verify;
use shouwang_node::command::{Request, devices::DeviceList};
use shouwang_node::engine::Engine;
use shouwang_node::erasure::ErasureReason;
use shouwang_node::identity::grant::Role;
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{Entry, EntryHash, Kind, Lane};
use shouwang_node::store::rows::{DocumentKey, Unsettled, UnsettledRow};
use shouwang_node::store::{JUDGED_BY, Store, StoreError, StoreRead, Transaction};
use shouwang_node::sync::Now;
use shouwang_node::sync::wire::Frame;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";

const NOW: Now = Now { monotonic_ms: 10_000_000, wall_ms: 10_000_000 };

/// What a program would have kept that knew none of the kinds of these entries: each in its log, and set aside.
fn keep_unread(old: &Path, new: &Store) {
    let store = Store::open(old).unwrap();
    let from = new.read().unwrap();
    store
        .write::<_, StoreError>(|tables| {
            for log in from.logs_all()? {
                let (head, whole) = (tables.head(&log.key)?, from.head(&log.key)?.unwrap());
                let first = head.as_ref().map_or(0, |head| head.seq + 1);
                let mut fresh: Vec<(EntryHash, Entry)> = Vec::new();
                for seq in first..=whole.seq {
                    let entry = from.entry(log.number, seq)?.unwrap();
                    fresh.push((entry.header.hash(), entry));
                }
                if fresh.is_empty() {
                    continue;
                }
                let row = tables.log_for(&log.key, log.grant)?;
                tables.append(&row, head, fresh.iter().map(|(hash, entry)| (*hash, entry)))?;
                for (hash, entry) in &fresh {
                    let key = DocumentKey { scope: log.key.scope, id: DocumentId::Directory };
                    let (seq, standing) = (entry.header.seq, Unsettled::UnknownKind);
                    let unread = UnsettledRow { log: row.number, seq, change: None, standing };
                    tables.put_unsettled(&key, *hash, &unread)?;
                }
            }
            // As it was before a store said who had judged.
            tables.set_meta(JUDGED_BY, &0_u64.to_be_bytes())?;
            tables.set_meta("format", b"shouwang store 3, schema 1")
        })
        .unwrap();
}

/// What people and other nodes see of a township.
fn seen(engine: &mut Engine) -> String {
    let list = ElderList { scope: None, matching: None, as_of: today() };
    let list = list.execute(engine, NOW).unwrap();
    let mut text = format!("{list:#?}");
    for elder in &list.elders {
        let elder = elder.elder_id.to_string();
        let show = ElderShow { elder, show_resident_id: true, as_of: today() };
        text += &format!("{:#?}", show.execute(engine, NOW).unwrap());
    }
    let incidents = IncidentList { which: Which::All, elder: None, as_of: None };
    text += &format!("{:#?}", incidents.execute(engine, NOW).unwrap());
    text += &format!("{:#?}", TransferList { scope: None }.execute(engine, NOW).unwrap());
    text += &format!("{:#?}", RulesetShow {}.execute(engine, NOW).unwrap());
    text += &format!("{:#?}", DeviceList { all: true }.execute(engine, NOW).unwrap());
    let mut status = Status {}.execute(engine, NOW).unwrap();
    // Whom this process has met, and what they sent.
    status.peers.clear();
    status.evidence = 0;
    text + &format!("{status:#?}")
}

#[test]
fn what_an_earlier_version_could_not_read_counts_as_if_it_had_been_readable_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (file, old) = (folder.path().join("township.redb"), folder.path().join("old.redb"));
    let mut county = County::begin(COUNTY);
    county.grant_in(COUNTY, SONGWU, SONGWU, None, Store::open(&file).unwrap());
    county.grant(SONGWU, SHANGHE);
    county.grant(SONGWU, XIAHE);
    let stranger = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
    let one = county.adds_elder(SHANGHE, "周国强");
    let two = county.adds_elder(SHANGHE, "许桂英");
    for (below, above) in [(SONGWU, COUNTY), (SHANGHE, SONGWU), (XIAHE, SONGWU)] {
        county.connect(below, above);
    }
    county.settle();
    county.assert_converged();
    county.stops(SONGWU);
    std::fs::copy(&file, &old).unwrap();

    // Everything that is written after an earlier program stopped: all kinds of entries.
    county.opens(SONGWU, Store::open(&file).unwrap());
    county.sets(SHANGHE, &one, Field::Phone, "13900000001");
    county.records_visit(SHANGHE, &one, "2026-08-20");
    county.adds_elder(SHANGHE, "钱菊香");
    let report = IncidentReport { date: today(), time: None, place: None, by: None, note: None };
    let raise = IncidentRaise { elder: one.clone(), kind: IncidentKind::CriticalIllness, report };
    county.asks(SHANGHE, raise).unwrap();
    let to = code(XIAHE);
    let offer = TransferOffer { elder: one.clone(), to, date: Some(today()), note: None };
    county.asks(SHANGHE, offer).unwrap();
    let reason = ErasureReason::RightToErasure;
    let erase = ElderErase { elder: two, reason, root: None, dry_run: false };
    county.asks(COUNTY, erase).unwrap();
    let rule = RulesetSet { key: "key_visits_per_month".into(), value: "3".into() };
    county.asks(COUNTY, rule).unwrap();
    for (below, above) in [(SONGWU, COUNTY), (SHANGHE, SONGWU), (XIAHE, SONGWU)] {
        county.connect(below, above);
    }
    county.settle();
    // What nobody can read yet, and what nobody ever will.
    let mut writer = stranger;
    writer.enters(&mut county, SONGWU);
    let log = writer.log(SHANGHE, Lane::Routine);
    let unknown = RunEntry::new(Kind::Other(200), None, b"of a later version".to_vec(), 5);
    let run = writer.writes(log, vec![unknown]);
    writer.says(&mut county, SONGWU, &Frame::Run(run));
    // A statement that reads and does not count: a village's device takes the county's grant back.
    let grant = county.engine(COUNTY).grant_id();
    let reason = RevocationReason::Lost;
    let beyond = Revocation { grant, reason, cuts: Vec::new(), apart: Vec::new() }.encode();
    let log = writer.log(SHANGHE, Lane::Authority);
    let run = writer.writes(log, vec![RunEntry::new(Kind::Revoke, None, beyond, 5)]);
    writer.says(&mut county, SONGWU, &Frame::Run(run));
    county.settle();
    let device = county.engine(XIAHE).device().to_string();
    let revoke = DeviceRevoke {
        device,
        reason: RevocationReason::Lost,
        root: None,
        personal: false,
        dry_run: false,
    };
    county.asks(SONGWU, revoke).unwrap();
    county.settle();
    county.verify_all();
    county.stops(SONGWU);

    let new = Store::open(&file).unwrap();
    keep_unread(&old, &new);
    let bytes = std::fs::read(&old).unwrap();
    let mut expected = Engine::open(new, [1; 32]).unwrap();
    let expected = seen(&mut expected);
    assert!(expected.contains("not_allowed") && expected.contains("unknown_kind"));
    assert!(expected.contains("13900000001"));
    // The power may go at any moment of it: then it begins anew, from a store that is whole.
    let mut cut_off = 0;
    for syncs in 0.. {
        let disk = disk(&bytes);
        disk.fails_after(syncs);
        let opened = Store::with_backend(disk.clone()).map(|store| Engine::open(store, [2; 32]));
        let whole = matches!(opened, Ok(Ok(_)));
        drop(opened);
        let store = Store::with_backend(disk.after_power_loss()).unwrap();
        let mut found = Engine::open(store, [3; 32]).unwrap();
        let report = Verify {}.execute(&mut found, NOW).unwrap();
        assert!(report.ok, "{syncs}: {:?}", report.faults);
        let found = seen(&mut found);
        for (expected, found) in expected.lines().zip(found.lines()) {
            assert_eq!(expected, found, "{syncs}");
        }
        assert_eq!(expected, found, "{syncs}");
        if whole {
            break;
        }
        cut_off += 1;
    }
    assert!(cut_off >= 2, "it was cut off {cut_off} times: before and after the format is another");
}

/// A disk with these bytes.
fn disk(bytes: &[u8]) -> Disk {
    let disk = Disk::default();
    disk.set_len(bytes.len() as u64).unwrap();
    disk.write(0, bytes).unwrap();
    disk.sync_data().unwrap();
    disk
}

#[test]
fn a_store_of_a_later_version_is_left_alone() {
    let disk = Disk::default();
    drop(Store::with_backend(disk.clone()).unwrap());
    for (format, is_later) in [
        ("shouwang store 99, schema 1", true),
        ("shouwang store 4, schema 2", true),
        ("shouwang store 2, schema 1", false),
        ("somebody else's", false),
    ] {
        let disk = disk.after_power_loss();
        let store = Store::with_backend(disk.clone()).unwrap();
        let names = |tables: &mut Transaction<'_>| tables.set_meta("format", format.as_bytes());
        store.write::<_, StoreError>(names).unwrap();
        drop(store);
        for _ in 0..2 {
            match (Store::with_backend(disk.clone()), is_later) {
                (Err(StoreError::LaterFormat { found, .. }), true) => {
                    assert_eq!(found.to_string(), format);
                }
                (Err(StoreError::OtherSchema { found, .. }), false) => assert_eq!(found, format),
                (opened, _) => panic!("{format}: {opened:?}"),
            }
        }
    }
}

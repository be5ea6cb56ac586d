//! What a stick says beside records: which of the receiver's own entries do not count, and what is missing
//! where headers came without their bodies.

mod county;
mod impostor;
mod sticks;

use std::io::Cursor;

use county::County;
use impostor::Impostor;
use shouwang_node::bundle::part::{PartReader, PartWriter};
use shouwang_node::bundle::{Fault, Item, Opened, Segment};
use shouwang_node::codec::Writer;
use shouwang_node::identity::DeviceKeys;
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::ASIDES_PER_SESSION;
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{Body, EntryHash, Kind, Lane};
use shouwang_node::store::StoreRead;
use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::sync::wire::{Aside, Frame, LogPosition};
use sticks::{carries, reads, writes};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";

fn county() -> County {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county
}

/// What is in the segments of a part that open with these keys.
fn opened(part: &[u8], keys: &DeviceKeys) -> Vec<(Segment, Vec<Item>)> {
    let mut reader = PartReader::open(part).unwrap();
    let head = reader.head().clone();
    let mut found = Vec::new();
    for number in 0.. {
        let Some(segment) = reader.segment().unwrap() else { break };
        if let Opened::Ours(segment, items) = Segment::open(&head, number, &segment, keys).unwrap()
        {
            found.push((segment, items));
        }
    }
    found
}

#[test]
fn a_bundle_says_which_entries_of_its_receiver_do_not_count() {
    let mut county = county();
    let mut clerk = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
    clerk.enters(&mut county, SONGWU);
    let log = clerk.log(SHANGHE, Lane::Routine);
    let run = clerk.writes(log, [RunEntry::new(Kind::Other(99), None, vec![7], 0)].into());
    clerk.says(&mut county, SONGWU, &Frame::Run(run));
    county.adds_elder(SHANGHE, "周国强");
    carries(&mut county, SHANGHE, SONGWU);
    let device = clerk.keys.device().to_string();
    // Each bundle says it, for any may be lost, and says it to nobody else.
    for full in [false, true] {
        let to = [device.as_str(), SHANGHE];
        let written = writes(&mut county, SONGWU, &to, u64::MAX, full).unwrap();
        let asides = |keys: &DeviceKeys| -> Vec<Aside> {
            let items = opened(&written.parts[0], keys).into_iter().flat_map(|(_, items)| items);
            let of = |item| match item {
                Item::Asides(asides) => asides,
                _ => Vec::new(),
            };
            items.flat_map(of).collect()
        };
        let told = asides(&clerk.keys);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].code.as_str(), told[0].position.seq), ("unknown_kind", 0));
        assert_eq!(told[0].position.log, log);
        assert_eq!(asides(county.engine(SHANGHE).keys()), []);
    }
}

/// The township's bundle for the village, in which the township says this too.
fn saying(county: &mut County, asides: Vec<Aside>) -> Vec<u8> {
    let written = writes(county, SONGWU, &[SHANGHE], u64::MAX, false).unwrap();
    let part = &written.parts[0];
    let head = PartReader::open(&part[..]).unwrap().head().clone();
    let to = [(0, county.engine(SHANGHE).keys().sealing_key())];
    let mut writer = PartWriter::begin(Cursor::new(Vec::new()), head.clone()).unwrap();
    for (number, (segment, mut items)) in
        opened(part, county.engine(SHANGHE).keys()).into_iter().enumerate()
    {
        if number == 0 {
            items.extend(asides.chunks(32).map(|asides| Item::Asides(asides.to_vec())));
        }
        let mut content = Writer::new();
        items.into_iter().for_each(|item| item.write(&mut content));
        let keys = county.engine(SONGWU).keys();
        writer.append(&segment.seal(&content.finish(), &to, keys).unwrap(), 1).unwrap();
    }
    writer.finish(head.parts).unwrap().0.into_inner()
}

#[test]
fn who_is_told_by_a_stick_knows_it_and_counts_it_once() {
    let mut county = county();
    county.adds_elder(SHANGHE, "周国强");
    carries(&mut county, SHANGHE, SONGWU);
    let (own, town) = (county.engine(SHANGHE).device(), county.engine(SONGWU).device());
    let snapshot = county.engine(SHANGHE).read().unwrap();
    let row = snapshot.logs_all().unwrap().into_iter().find(|log| log.key.device == own).unwrap();
    let head = snapshot.head_of(row.number).unwrap().unwrap();
    drop(snapshot);
    let aside = |seq, hash| Aside {
        position: LogPosition { log: row.key, seq, hash },
        code: "not_allowed:right".into(),
    };
    let told = |county: &mut County| {
        let peers = county.status(SHANGHE).peers;
        peers.into_iter().find(|peer| peer.device == town).unwrap().set_aside_there
    };
    // Of an entry that is not here as it says it knows nothing.
    let lie = saying(&mut county, vec![aside(head.seq, EntryHash([1; 32]))]);
    assert_eq!(reads(&mut county, SHANGHE, &lie).fault, None);
    assert_eq!(told(&mut county), [].into());
    for _ in 0..3 {
        let part = saying(&mut county, vec![aside(head.seq, head.hash)]);
        assert_eq!(reads(&mut county, SHANGHE, &part).fault, None);
        assert_eq!(told(&mut county), [("not_allowed:right".to_owned(), 1)].into());
    }
    let evidence = county.engine(SHANGHE).read().unwrap().evidence_all().unwrap();
    let said: Vec<_> = evidence.iter().filter(|row| row.code == "set_aside_by_peer").collect();
    assert_eq!(said.len(), 1, "{evidence:?}");
    // Without end it is nothing that an honest sender writes.
    let flood = vec![aside(head.seq, head.hash); ASIDES_PER_SESSION + 1];
    let part = saying(&mut county, flood);
    assert_eq!(reads(&mut county, SHANGHE, &part).fault, Some(Fault::Altered));
    county.verify_all();
}

#[test]
fn bodies_that_are_missing_are_brought_by_the_next_stick() {
    let mut county = county();
    county.connect(SONGWU, COUNTY);
    county.settle();
    // The county has bodies that the township was given headers of only.
    let mut clerk = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
    county.settle();
    county.disconnect(SONGWU, COUNTY);
    let log = clerk.log(SHANGHE, Lane::Routine);
    let entries = |count: u8| {
        (0..count).map(|nth| RunEntry::new(Kind::Other(99), None, vec![nth; 40], 0)).collect()
    };
    let run = clerk.writes(log, entries(3));
    let mut bare = run.clone();
    for entry in &mut bare.entries {
        entry.body = Body::Absent { length: entry.body.length(), hash: entry.body.hash() };
    }
    clerk.enters(&mut county, COUNTY);
    clerk.says(&mut county, COUNTY, &Frame::Run(run));
    clerk.enters(&mut county, SONGWU);
    clerk.says(&mut county, SONGWU, &Frame::Run(bare));
    let missing =
        |county: &mut County| county.engine(SONGWU).read().unwrap().missing_count().unwrap();
    assert_eq!(missing(&mut county), 3);
    // The township's bundle says how far it holds the log, and the county's brings the rest.
    carries(&mut county, SONGWU, COUNTY);
    carries(&mut county, COUNTY, SONGWU);
    assert_eq!(missing(&mut county), 0);
    county.verify_all();
}

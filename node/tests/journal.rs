//! What a node says has happened is what has happened: no more, no less, and nothing of whoever knocks in a loop.

mod county;
#[path = "../../crdt-schema/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "the writer of hostile changes, shared with the schema's own tests")]
mod draft;
mod impostor;

use std::collections::BTreeMap;

use county::{County, code, today};
use draft::Draft;
use impostor::{Impostor, change};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::IncidentKind;
use shouwang_node::command::happenings::{Happening, Happenings, What};
use shouwang_node::command::incident::{IncidentRaise, IncidentReport};
use shouwang_node::command::transfer::{TransferAccept, TransferOffer};
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::HAPPENINGS_KEPT;
use shouwang_node::log::Lane;
use shouwang_node::sync::wire::Frame;

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";

/// Reads on where it stopped.
#[derive(Default)]
struct Reader {
    last: u64,
}

impl Reader {
    fn reads(&mut self, county: &mut County, place: &str) -> Vec<Happening> {
        let report = county.asks(place, Happenings { after: self.last }).unwrap();
        assert_eq!(report.forgotten, 0);
        self.last = report.last;
        report.happenings
    }

    /// How many of each code, with a peer or of a place.
    fn codes(&mut self, county: &mut County, place: &str) -> BTreeMap<&'static str, u64> {
        let mut codes = BTreeMap::new();
        for happening in self.reads(county, place) {
            *codes.entry(happening.what.code()).or_default() += 1;
        }
        codes
    }
}

fn mesh() -> County {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.grant(SONGWU, XIAHE);
    county
}

fn raises(county: &mut County, elder: &str) {
    let report = IncidentReport { date: today(), time: None, place: None, by: None, note: None };
    let kind = IncidentKind::CriticalIllness;
    county.asks(SHANGHE, IncidentRaise { elder: elder.into(), kind, report }).unwrap();
}

#[test]
fn a_session_from_beginning_to_end() {
    let mut county = mesh();
    let elder = county.adds_elder(SHANGHE, "周国强");
    raises(&mut county, &elder);
    let village = county.engine(SHANGHE).device();
    county.connect(SHANGHE, SONGWU);
    county.settle();
    let mut reader = Reader::default();
    let seen = reader.reads(&mut county, SONGWU);
    let of = |code: &str| -> Vec<&Happening> {
        seen.iter().filter(|happening| happening.what.code() == code).collect()
    };
    for code in ["began", "proved", "done", "received"] {
        assert!(of(code).iter().all(|happening| happening.peer == Some(village)), "{code}");
        assert!(!of(code).is_empty(), "{code} in {seen:?}");
    }
    let received: u64 = of("received").iter().filter_map(|one| one.what.count()).sum();
    let peers = county.status(SONGWU).peers;
    let peer = peers.iter().find(|peer| peer.device == village).unwrap();
    assert_eq!(received, peer.entries_received);
    let incidents = of("incidents");
    assert_eq!(incidents.len(), 1, "{seen:?}");
    assert_eq!(incidents[0].scope, Some(code(SHANGHE)));
    assert_eq!(incidents[0].what, What::Incidents { count: 1 });
    assert!(of("failed").is_empty() && of("refused").is_empty(), "{seen:?}");
    assert_eq!(of("wrote").len(), 3, "two grants and a receipt: {seen:?}");

    // Two offices write one field without knowing of one another; then the link goes down.
    county.disconnect(SHANGHE, SONGWU);
    let parted = reader.codes(&mut county, SONGWU);
    assert_eq!(parted.get("parted"), Some(&1), "{parted:?}");
    county.sets(SHANGHE, &elder, Field::Phone, "13900000001");
    county.sets(SONGWU, &elder, Field::Phone, "13900000002");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    let codes = reader.codes(&mut county, SONGWU);
    assert_eq!((codes.get("conflicts"), codes.get("incidents")), (Some(&1), None), "{codes:?}");
}

#[test]
fn what_moves_with_an_elder_is_nothing_new() {
    let mut county = mesh();
    let elder = county.adds_elder(SHANGHE, "周国强");
    raises(&mut county, &elder);
    for below in [SHANGHE, XIAHE] {
        county.connect(below, SONGWU);
    }
    county.settle();
    let mut reader = Reader::default();
    reader.reads(&mut county, SONGWU);
    let offer = TransferOffer { elder, to: code(XIAHE), date: Some(today()), note: None };
    let offered = county.asks(SHANGHE, offer).unwrap().transfer.transfer_id.to_string();
    county.settle();
    let accept = TransferAccept { transfer: offered, date: Some(today()), note: None };
    county.asks(XIAHE, accept).unwrap();
    county.settle();
    assert_eq!(county.elders(XIAHE).len(), 1, "it has moved");
    let codes = reader.codes(&mut county, SONGWU);
    assert_eq!(codes.get("incidents"), None, "{codes:?}");
}

#[test]
fn what_does_not_count_and_what_ends_a_session_is_said_once_each() {
    let mut county = mesh();
    let mut writer = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
    writer.enters(&mut county, SONGWU);
    let device = writer.keys.device();
    let mut reader = Reader::default();
    reader.reads(&mut county, SONGWU);
    // A change that no honest program writes: kept, and not counted.
    let document =
        DocumentId::elder("00112233445566778899aabbccddeeff".parse().unwrap(), Part::Card);
    let log = writer.log(SHANGHE, Lane::Routine);
    let body = Draft::new(&[], &Impostor::actor(&log, 1), 1, 1, &[]).bytes();
    let run = writer.writes(log, vec![change(document, body)]);
    writer.says(&mut county, SONGWU, &Frame::Run(run));
    county.settle();
    let seen = reader.reads(&mut county, SONGWU);
    let aside: Vec<&Happening> =
        seen.iter().filter(|one| matches!(one.what, What::SetAside { .. })).collect();
    assert_eq!(aside.len(), 1, "{seen:?}");
    assert_eq!((aside[0].peer, aside[0].what.count()), (Some(device), Some(1)));
    // Bytes that are no frame.
    writer.sends(&mut county, SONGWU, vec![0xff; 40]);
    county.settle();
    let seen = reader.reads(&mut county, SONGWU);
    let failed: Vec<&Happening> =
        seen.iter().filter(|one| matches!(one.what, What::Failed { .. })).collect();
    assert_eq!(failed.len(), 1, "{seen:?}");
    assert_eq!(failed[0].peer, Some(device));
}

#[test]
fn whoever_knocks_in_a_loop_fills_nothing() {
    let mut county = mesh();
    let mut reader = Reader::default();
    reader.reads(&mut county, SONGWU);
    let knocks = HAPPENINGS_KEPT + 20;
    for _ in 0..knocks {
        let stranger = Impostor::stranger(&mut county, SONGWU);
        stranger.dials(&mut county, SONGWU);
        stranger.sends(&mut county, SONGWU, vec![0xff; 40]);
    }
    let seen = reader.reads(&mut county, SONGWU);
    assert!(seen.len() <= 6, "{seen:?}");
    let counts: BTreeMap<&str, u64> = county.engine(SONGWU).journal().counts().collect();
    assert_eq!(counts["failed"], knocks as u64, "{counts:?}");
    // A minute later it is said again.
    county.passes(61_000);
    let stranger = Impostor::stranger(&mut county, SONGWU);
    stranger.dials(&mut county, SONGWU);
    assert_eq!(reader.reads(&mut county, SONGWU).len(), 1);
}

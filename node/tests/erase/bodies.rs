//! Bodies that are missing: what a peer may ask and answer, and what it may leave out.

use std::collections::BTreeSet;

use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::{BODIES_ASKED_MAX, UNACKNOWLEDGED_BYTES_MAX};
use shouwang_node::log::run::RunEntry;
use shouwang_node::log::{Body, Kind, Lane, LogKey, UnverifiedRun};
use shouwang_node::store::StoreRead;
use shouwang_node::store::erasures::ErasureRead;
use shouwang_node::sync::wire::{Frame, LogPosition};

use super::{COUNTY, SHANGHE, SONGWU};
use crate::county::{County, code};
use crate::impostor::{Impostor, sealed};

/// A county, a township, and a clerk who speaks frames by hand.
struct Office {
    county: County,
    clerk: Impostor,
}

impl Office {
    fn new() -> Self {
        let mut county = County::begin(COUNTY);
        county.grant(COUNTY, SONGWU);
        county.connect(SONGWU, COUNTY);
        county.settle();
        let clerk = Impostor::granted(&mut county, SONGWU, SHANGHE, Role::Clerk);
        clerk.enters(&mut county, SONGWU);
        clerk.hears(&mut county);
        Self { county, clerk }
    }

    fn says(&mut self, frame: &Frame) -> Vec<Frame> {
        self.clerk.says(&mut self.county, SONGWU, frame);
        self.clerk.hears(&mut self.county)
    }

    fn missing(&mut self, place: &str) -> u64 {
        self.county.engine(place).read().unwrap().missing_count().unwrap()
    }

    fn assert_refused(&mut self, heard: &[Frame], code: &str) {
        let told: Vec<_> = heard.iter().filter(|frame| matches!(frame, Frame::Close(_))).collect();
        assert_eq!(told, [&Frame::Close(code.into())]);
        assert!(!self.clerk.is_heard(&mut self.county, SONGWU));
        let refused = self.county.refused(SONGWU, self.clerk.keys.device());
        assert_eq!(refused.get(code), Some(&1), "{refused:?}");
        self.county.verify_all();
    }
}

/// Entries for a file, as long as may be told from each other.
fn entries(count: u8, bytes: usize) -> Vec<RunEntry> {
    let document = DocumentId::elder(ElderId([7; 16]), Part::Card);
    let body = |nth| [vec![nth], vec![8; bytes]].concat();
    (0..count).map(|nth| RunEntry::new(Kind::Change, Some(document), body(nth), 0)).collect()
}

/// The same run without its bodies.
fn bare(run: &UnverifiedRun) -> UnverifiedRun {
    let mut bare = run.clone();
    for entry in &mut bare.entries {
        entry.body = Body::Absent { length: entry.body.length(), hash: entry.body.hash() };
    }
    bare
}

fn places(county: &mut County, place: &str, log: &LogKey) -> Vec<LogPosition> {
    let snapshot = county.engine(place).read().unwrap();
    let row = snapshot.log(log).unwrap().unwrap();
    let entries = snapshot.entries_from(row.number, 0, 10_000).unwrap();
    let position = |seq, hash| LogPosition { log: *log, seq, hash };
    entries.iter().map(|entry| position(entry.header.seq, entry.header.hash())).collect()
}

fn body_of(run: &UnverifiedRun, seq: u64) -> Vec<u8> {
    run.entries[seq as usize].body.bytes().unwrap().to_vec()
}

#[test]
fn a_body_left_out_is_listed_asked_for_and_taken_in_when_it_comes() {
    let mut office = Office::new();
    let log = office.clerk.log(SHANGHE, Lane::Routine);
    let run = office.clerk.writes(log, entries(3, 10));
    let heard = office.says(&Frame::Run(bare(&run)));
    assert_eq!(office.missing(SONGWU), 3);
    let asked: Vec<_> = heard
        .iter()
        .filter_map(|frame| match frame {
            Frame::AskBodies(places) => Some(places.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(asked, places(&mut office.county, SONGWU, &log));
    // The county gets headers, lists them too, and neither is done with the other.
    assert_eq!(office.missing(COUNTY), 3);
    let county = office.county.engine(COUNTY).device();
    let progress = office.county.engine(SONGWU).progress(county).unwrap().unwrap();
    assert_eq!((progress.done, progress.settled, progress.missing), (false, true, 3));
    assert_eq!(office.county.status(SONGWU).missing_bodies, 3);
    assert_eq!(office.county.status(SONGWU).unsettled, [].into(), "nothing is known of them yet");
    office.county.verify_all();
    let digest = |office: &mut Office| office.county.status(SONGWU).scopes[1].digest.clone();
    let lacking = digest(&mut office);

    let at = asked;
    // The clerk answers one of them, says that it has not got another, and sends that one later.
    office.says(&Frame::Body { place: at[0], body: Some(body_of(&run, 0)) });
    office.says(&Frame::Body { place: at[1], body: None });
    let heard = office.says(&Frame::Body { place: at[2], body: Some(body_of(&run, 2)) });
    assert!(heard.iter().any(|frame| matches!(frame, Frame::Have(_))), "{heard:?}");
    assert_eq!((office.missing(SONGWU), office.missing(COUNTY)), (1, 1));
    assert_ne!(digest(&mut office), lacking, "digests speak of what is missing");
    office.says(&Frame::Body { place: at[1], body: Some(body_of(&run, 1)) });
    assert_eq!((office.missing(SONGWU), office.missing(COUNTY)), (0, 0));
    let progress = office.county.engine(SONGWU).progress(county).unwrap().unwrap();
    assert!(progress.done, "{progress:?}");
    assert!(office.clerk.is_heard(&mut office.county, SONGWU));
    office.county.assert_converged();
    office.county.verify_all();
    // They are no changes at all, and that is known now.
    assert_eq!(office.county.status(COUNTY).unsettled, [("ill_formed:magic".into(), 3)].into());
}

#[test]
fn a_body_that_nobody_asked_for_or_another_than_the_header_names() {
    let mut office = Office::new();
    let log = office.clerk.log(SHANGHE, Lane::Routine);
    let run = office.clerk.writes(log, entries(2, 10));
    office.says(&Frame::Run(run.clone()));
    let at = places(&mut office.county, SONGWU, &log);
    let heard = office.says(&Frame::Body { place: at[0], body: Some(body_of(&run, 0)) });
    office.assert_refused(&heard, "out_of_turn");

    let mut office = Office::new();
    let log = office.clerk.log(SHANGHE, Lane::Routine);
    let run = office.clerk.writes(log, entries(2, 10));
    office.says(&Frame::Run(bare(&run)));
    let at = places(&mut office.county, SONGWU, &log);
    let heard = office.says(&Frame::Body { place: at[0], body: Some(body_of(&run, 1)) });
    assert_eq!(office.missing(SONGWU), 2);
    office.assert_refused(&heard, "wrong_body");

    // To say twice that one has none is a second answer to one question.
    let mut office = Office::new();
    let log = office.clerk.log(SHANGHE, Lane::Routine);
    let run = office.clerk.writes(log, entries(1, 10));
    office.says(&Frame::Run(bare(&run)));
    let at = places(&mut office.county, SONGWU, &log);
    office.says(&Frame::Body { place: at[0], body: None });
    let heard = office.says(&Frame::Body { place: at[0], body: None });
    office.assert_refused(&heard, "out_of_turn");
}

#[test]
fn what_others_are_proved_by_is_never_without_its_body() {
    for (lane, kind) in [
        (Lane::Authority, Kind::Other(99)),
        (Lane::Authority, Kind::Grant),
        (Lane::Notice, Kind::Change),
        (Lane::Routine, Kind::Erase),
        (Lane::Routine, Kind::Revoke),
    ] {
        let mut office = Office::new();
        let log = office.clerk.log(SHANGHE, lane);
        let run = office.clerk.writes(log, vec![RunEntry::new(kind, None, vec![1; 9], 0)]);
        let heard = office.says(&Frame::Run(bare(&run)));
        println!("{lane:?} {kind:?}");
        assert_eq!(office.missing(SONGWU), 0);
        office.assert_refused(&heard, "absent_body");
    }
}

#[test]
fn a_body_announced_longer_than_any_may_be_is_no_frame() {
    let mut office = Office::new();
    let log = office.clerk.log(SHANGHE, Lane::Routine);
    let previous = shouwang_node::log::EntryHash::of_grant(office.clerk.grant_id());
    let mut entry = entries(1, 1).remove(0);
    entry.body = Body::Absent { length: u32::MAX, hash: [1; 32] };
    let run = sealed(&office.clerk.keys, log, 0, previous, vec![entry]);
    let heard = office.says(&Frame::Run(run));
    office.assert_refused(&heard, "malformed_frame");
}

/// Whoever asks and asks is sent no more than runs would be before it acknowledges, and no more
/// questions wait than any honest node has.
#[test]
fn questions_are_answered_within_bounds() {
    let mut office = Office::new();
    let log = office.clerk.log(SHANGHE, Lane::Routine);
    for _ in 0..30 {
        let run = office.clerk.writes(log, entries(1, 16_000));
        office.says(&Frame::Run(run));
    }
    let all = places(&mut office.county, SONGWU, &log);
    assert_eq!(all.len(), 30);
    let bodies = |heard: &[Frame]| -> Vec<u64> {
        let seqs = heard.iter().filter_map(|frame| match frame {
            Frame::Body { place, body: Some(_) } => Some(place.seq),
            _ => None,
        });
        seqs.collect()
    };
    let first = bodies(&office.says(&Frame::AskBodies(all.clone())));
    assert!(!first.is_empty() && first.len() * 16_000 < UNACKNOWLEDGED_BYTES_MAX + 17_000);
    let again = bodies(&office.says(&Frame::AskBodies(all.clone())));
    assert!(again.is_empty(), "{again:?}");
    let mut seen: BTreeSet<u64> = first.iter().copied().collect();
    let mut acknowledged = first;
    for _ in 0..30 {
        let have = acknowledged.iter().map(|seq| all[*seq as usize]).collect();
        acknowledged = bodies(&office.says(&Frame::Have(have)));
        seen.extend(&acknowledged);
    }
    assert_eq!(seen.len(), 30);
    assert!(office.clerk.is_heard(&mut office.county, SONGWU));

    // More questions than may wait: while nothing is acknowledged they pile up.
    let mut heard = Vec::new();
    let unknown = |nth: u64| LogPosition { seq: 1_000 + nth, ..all[0] };
    let held = office.says(&Frame::AskBodies(all[..20].to_vec()));
    assert!(bodies(&held).len() < 20);
    for nth in 0..2 {
        let ask = (0..BODIES_ASKED_MAX as u64).map(|n| unknown(nth * 1_000 + n)).collect();
        heard.extend(office.says(&Frame::AskBodies(ask)));
    }
    office.assert_refused(&heard, "too_many");

    // More in one frame than may be in it is no frame; of a place that is not its own, no answer.
    let mut office = Office::new();
    let log = office.clerk.log(SHANGHE, Lane::Routine);
    let run = office.clerk.writes(log, entries(1, 10));
    office.says(&Frame::Run(run));
    let place = places(&mut office.county, SONGWU, &log)[0];
    let heard = office.says(&Frame::AskBodies(vec![place; BODIES_ASKED_MAX + 1]));
    office.assert_refused(&heard, "malformed_frame");

    let mut office = Office::new();
    let elsewhere =
        LogKey { scope: code("990121200201"), ..office.clerk.log(SHANGHE, Lane::Routine) };
    let heard = office.says(&Frame::AskBodies(vec![LogPosition { log: elsewhere, ..place }]));
    office.assert_refused(&heard, "outside_area");
}

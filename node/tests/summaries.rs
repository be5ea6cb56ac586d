//! What two nodes say of what they hold costs what differs, and never leaves anything behind.

mod county;
mod impostor;

use std::collections::BTreeSet;

use county::{County, code};
use impostor::Impostor;
use proptest::prelude::*;
use proptest::sample::Index;
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_node::digest;
use shouwang_node::engine::DocumentEdit;
use shouwang_node::identity::grant::Role;
use shouwang_node::limits::{SUMMARY_CHILDREN_MAX, SUMMARY_PLACES_MAX};
use shouwang_node::log::Lane;
use shouwang_node::store::digests::{Digest, Family};
use shouwang_node::store::{Store, StoreRead};
use shouwang_node::sync::summary::{
    Fingerprint, HashMark, Place, StatedHead, Statement, Summary, Word,
};
use shouwang_node::sync::wire::Frame;

const COUNTY: &str = "990121000000";
const SECOND: &str = "second registrar";
const SONGWU: &str = "990121101000";
const QINGHE: &str = "990121200000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";
const PROVIDER: &str = "provider";

/// A county's device, and a second one of the same area.
fn twins() -> County {
    let mut county = County::begin(COUNTY);
    county.grant_as(COUNTY, COUNTY, SECOND, None);
    county
}

/// A device writes a card in each of so many villages of so many townships.
fn writes_in(county: &mut County, place: &str, townships: u64, villages: u64) {
    let now = county.now();
    let mut edits = Vec::new();
    for township in 0..townships {
        for village in 0..villages {
            let scope = code(COUNTY).child(101 + township).unwrap().child(201 + village).unwrap();
            let elder = county.engine(place).new_elder_id();
            let value = Field::Hardship.value("Yes").unwrap();
            let actions = vec![Action::Set { field: Field::Hardship, value }];
            edits.push(DocumentEdit {
                scope,
                document: DocumentId::elder(elder, Part::Registry),
                actions,
            });
        }
    }
    county.engine(place).capture(now, &edits).unwrap();
}

/// What it costs that two meet: bytes and frames, of both.
fn meets(county: &mut County, one: &str, two: &str) -> (u64, u64) {
    let before = (county.bytes(), county.frames());
    county.connect(one, two);
    county.settle();
    county.assert_done(one, two);
    (county.bytes() - before.0, county.frames() - before.1)
}

#[test]
fn two_that_hold_the_same_say_so_in_one_statement_however_much_it_is() {
    let mut costs = BTreeSet::new();
    for (townships, villages) in [(1, 2), (4, 40)] {
        let mut county = twins();
        writes_in(&mut county, COUNTY, townships, villages);
        meets(&mut county, COUNTY, SECOND);
        county.disconnect(COUNTY, SECOND);
        let (bytes, frames) = meets(&mut county, COUNTY, SECOND);
        assert!(bytes <= 400, "{bytes} B for {villages} villages");
        assert_eq!(frames, 4, "a Hello and a Summary from each");
        costs.insert(bytes);
        for (place, peer) in [(COUNTY, SECOND), (SECOND, COUNTY)] {
            assert_eq!(county.remembers(place, peer), 0);
        }
    }
    assert!(costs.last().unwrap() - costs.first().unwrap() <= 4, "{costs:?}");
}

#[test]
fn one_log_that_differs_costs_its_way_down_the_tree() {
    let mut costs = Vec::new();
    for townships in [4, 12] {
        let mut county = twins();
        writes_in(&mut county, COUNTY, townships, 30);
        meets(&mut county, COUNTY, SECOND);
        county.disconnect(COUNTY, SECOND);
        let (idle, _) = meets(&mut county, COUNTY, SECOND);
        county.disconnect(COUNTY, SECOND);
        writes_in(&mut county, COUNTY, 1, 1);
        let (bytes, frames) = meets(&mut county, COUNTY, SECOND);
        // On each side the townships with their digests, and the heads of the thirty villages of one
        // (27 B, and 94 B where they are spelled out because they are the other's own); then a run, a
        // receipt and what acknowledges them.
        let bound = 2 * townships * 23 + 30 * (27 + 94) + 1_000;
        assert!(bytes - idle < bound, "{bytes} B, idle {idle} B, bound {bound} B");
        assert!(frames < 16, "{frames} frames");
        county.assert_converged();
        costs.push(bytes);
    }
    assert!(costs[1] - costs[0] < 2 * 8 * 23 + 50, "{costs:?}");
}

#[test]
fn a_session_remembers_only_what_differs() {
    for villages in [5, 60] {
        let mut county = twins();
        writes_in(&mut county, COUNTY, 2, villages);
        county.connect(COUNTY, SECOND);
        county.settle();
        for (place, peer) in [(COUNTY, SECOND), (SECOND, COUNTY)] {
            assert_eq!(county.remembers(place, peer), 0, "all has been acknowledged");
        }
        writes_in(&mut county, SECOND, 1, 3);
        assert_eq!(county.remembers(SECOND, COUNTY), 3, "three logs are on their way");
        county.settle();
        county.assert_done(COUNTY, SECOND);
        for (place, peer) in [(COUNTY, SECOND), (SECOND, COUNTY)] {
            assert_eq!(county.remembers(place, peer), 0);
        }
        county.verify_all();
    }
}

#[test]
fn what_is_written_while_the_two_compare_is_sent() {
    // After each number of turns of the exchange something is written on both sides.
    for turns in [0, 1, 2, 3, 4, 5, 7, 9] {
        let mut county = twins();
        writes_in(&mut county, COUNTY, 2, 35);
        meets(&mut county, COUNTY, SECOND);
        county.disconnect(COUNTY, SECOND);
        writes_in(&mut county, COUNTY, 2, 1);
        writes_in(&mut county, SECOND, 1, 2);
        county.connect(COUNTY, SECOND);
        for turn in 0..turns {
            county.acts(if turn % 2 == 0 { COUNTY } else { SECOND });
        }
        writes_in(&mut county, COUNTY, 2, 3);
        writes_in(&mut county, SECOND, 2, 2);
        county.settle();
        county.assert_done(COUNTY, SECOND);
        county.assert_converged();
        assert_eq!(county.hangups(), [], "after {turns} turns");
        let heads = |county: &mut County, place: &str| {
            let snapshot = county.engine(place).read().unwrap();
            snapshot.logs_all().unwrap().len()
        };
        assert_eq!(heads(&mut county, COUNTY), heads(&mut county, SECOND));
        county.verify_all();
    }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody writes in some village.
    Writes(Index, Index),
    /// Two places are linked, or no longer.
    Links(Index, bool),
    /// One place deals with what has come.
    Acts(Index),
    /// The village's disk is as it was at the beginning.
    Restores,
    /// Everything is carried.
    Settles,
}

const PLACES: [&str; 7] = [COUNTY, SECOND, SONGWU, QINGHE, SHANGHE, XIAHE, PROVIDER];

/// Nested, equal and disjoint areas, and one without the right to replicate.
const LINKS: [(&str, &str); 9] = [
    (SONGWU, COUNTY),
    (SHANGHE, SONGWU),
    (XIAHE, SONGWU),
    (PROVIDER, SONGWU),
    (QINGHE, COUNTY),
    (SECOND, COUNTY),
    (SHANGHE, SECOND),
    (QINGHE, SONGWU),
    (PROVIDER, SECOND),
];

/// A link ends, and with it what was on the way.
fn unlinks(county: &mut County, one: &str, two: &str) {
    if county.is_linked(one, two) {
        county.disconnect(one, two);
        county.acts(one);
        county.acts(two);
    }
}

/// A new link: whatever was said over an old one is gone.
fn links(county: &mut County, one: &str, two: &str) {
    unlinks(county, one, two);
    county.connect(one, two);
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        5 => (index(), index()).prop_map(|(who, which)| Step::Writes(who, which)),
        4 => (index(), prop::bool::weighted(0.7)).prop_map(|(link, up)| Step::Links(link, up)),
        8 => index().prop_map(Step::Acts),
        1 => Just(Step::Restores),
        1 => Just(Step::Settles),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_in_between_the_end_is_the_same(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut county = twins();
        county.grant(COUNTY, SONGWU);
        county.grant(COUNTY, QINGHE);
        county.grant_in(SONGWU, SHANGHE, SHANGHE, None, Store::open(&path("0")).unwrap());
        county.grant(SONGWU, XIAHE);
        county.grant_as(SONGWU, SONGWU, PROVIDER, Some(Role::Provider));
        let mut elders = vec![county.adds_elder(SHANGHE, "周国强"), county.adds_elder(XIAHE, "李桂兰")];
        for (one, two) in LINKS {
            county.connect(one, two);
        }
        county.settle();
        std::fs::copy(path("0"), path("image")).unwrap();
        let mut images = 0;
        for step in &steps {
            match step {
                Step::Writes(who, which) => {
                    let who = who.get(&[SONGWU, SHANGHE, XIAHE, PROVIDER, COUNTY]);
                    match *who {
                        SHANGHE | XIAHE => elders.push(county.adds_elder(who, "王秀英")),
                        COUNTY => writes_in(&mut county, COUNTY, 2, 2),
                        who => {
                            let elder = which.get(&elders[..2]).clone();
                            let known = !county.elders(who).is_empty() || who == PROVIDER;
                            if known && who != PROVIDER {
                                county.records_visit(who, &elder, "2026-09-01");
                            } else {
                                let now = county.now();
                                let value = Field::Remarks.value("x").unwrap();
                                let edit = DocumentEdit {
                                    scope: code(XIAHE),
                                    document: DocumentId::elder(elder.parse().unwrap(), Part::Journal(2026)),
                                    actions: vec![Action::Set { field: Field::Remarks, value }],
                                };
                                // Whether its office may is beside the point here.
                                let _ = county.engine(who).capture(now, &[edit]);
                            }
                        }
                    }
                }
                Step::Links(link, up) => {
                    let (one, two) = link.get(&LINKS);
                    match up {
                        true => links(&mut county, one, two),
                        false => unlinks(&mut county, one, two),
                    }
                }
                Step::Acts(place) => {
                    let place: &&str = place.get(&PLACES);
                    county.acts(place);
                }
                Step::Restores => {
                    images += 1;
                    for (one, two) in LINKS {
                        if one == SHANGHE || two == SHANGHE {
                            unlinks(&mut county, one, two);
                        }
                    }
                    let image = path(&images.to_string());
                    std::fs::copy(path("image"), &image).unwrap();
                    county.goes_on_with(SHANGHE, || Store::open(&image).unwrap());
                }
                Step::Settles => county.settle(),
            }
        }
        for (one, two) in LINKS {
            unlinks(&mut county, one, two);
        }
        for (one, two) in LINKS {
            links(&mut county, one, two);
        }
        county.settle();
        county.passes(60 * 60_000);
        prop_assert_eq!(county.hangups(), []);
        for (one, two) in LINKS {
            county.assert_done(one, two);
            prop_assert_eq!((county.remembers(one, two), county.remembers(two, one)), (0, 0));
        }
        for place in PLACES {
            let snapshot = county.engine(place).read().unwrap();
            for log in snapshot.logs_all().unwrap() {
                let scope = log.key.scope;
                let kept = digest::stored(&snapshot, scope).unwrap();
                prop_assert_eq!(kept, digest::of_scope(&snapshot, scope).unwrap());
            }
        }
        // The provider holds only its own records, and authority like everybody.
        county.stops(PROVIDER);
        county.assert_converged();
        county.verify_all();
    }
}

fn digest(nth: u8) -> Digest {
    Digest([nth; 16])
}

fn says(family: Family, place: Place, what: Word) -> Frame {
    Frame::Summary(Summary { round: 0, statements: vec![Statement { family, place, what }] })
}

/// A township with villages, and a clerk of the township's area who has said `Hello` and nothing more.
fn hostile() -> (County, Impostor) {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.adds_elder(SHANGHE, "周国强");
    county.connect(SHANGHE, SONGWU);
    county.settle();
    let impostor = Impostor::granted(&mut county, SONGWU, SONGWU, Role::Clerk);
    impostor.dials(&mut county, SONGWU);
    impostor.says(&mut county, SONGWU, &Frame::Hello(impostor.hello()));
    assert!(impostor.is_heard(&mut county, SONGWU));
    impostor.hears(&mut county);
    (county, impostor)
}

#[test]
fn statements_that_have_no_place_end_the_session_by_name() {
    let township = Place::Inside(code(SONGWU));
    let village = Place::Inside(code(SHANGHE));
    let own = Place::Own(code(SONGWU));
    let elsewhere = Place::Inside(code(QINGHE));
    let records = |place, what| says(Family::Records, place, what);
    let children = |children: &[Place]| {
        let children = children.iter().zip(1..).map(|(place, nth)| (*place, digest(nth)));
        Word::Children(children.collect())
    };
    let all = Place::All;
    let wrong = records(all, Word::Digest(digest(9)));
    for (frames, code) in [
        // Nobody has spoken of them.
        (vec![records(township, Word::Digest(digest(1)))], "out_of_turn"),
        (vec![records(village, Word::Heads(vec![], true))], "out_of_turn"),
        (vec![records(all, children(&[own]))], "out_of_turn"),
        (vec![records(all, Word::Rest(vec![], true))], "out_of_turn"),
        // Few logs: heads are said, and children are no answer to them, nor a digest again.
        (vec![wrong.clone(), records(all, children(&[village, own]))], "out_of_turn"),
        (vec![wrong.clone(), records(village, Word::Heads(vec![], true))], "out_of_turn"),
        // Two kinds of heads of one place.
        (
            vec![
                wrong.clone(),
                records(all, Word::Heads(vec![], false)),
                records(all, Word::Rest(vec![], true)),
            ],
            "out_of_turn",
        ),
        // What is settled is settled.
        (
            vec![records(all, Word::Heads(vec![], true)), records(all, Word::Heads(vec![], true))],
            "out_of_turn",
        ),
        (vec![records(all, Word::Heads(vec![], true)), wrong.clone()], "out_of_turn"),
        (vec![wrong.clone(), records(all, children(&[elsewhere, Place::All]))], "out_of_turn"),
        // A round after the last.
        (vec![Frame::Summary(Summary { round: 3, statements: vec![] })], "malformed_frame"),
    ] {
        let (mut county, impostor) = hostile();
        for frame in &frames {
            assert!(impostor.is_heard(&mut county, SONGWU), "{frames:?}");
            impostor.says(&mut county, SONGWU, frame);
        }
        assert!(!impostor.is_heard(&mut county, SONGWU), "{frames:?}");
        let refused = county.refused(SONGWU, impostor.keys.device());
        assert_eq!(refused, [(code.to_owned(), 1)].into(), "{frames:?}");
        county.verify_all();
    }
}

#[test]
fn heads_of_other_places_and_other_lanes_are_refused() {
    for (scope, lane) in [(QINGHE, Lane::Routine), (SHANGHE, Lane::Notice), (COUNTY, Lane::Urgent)]
    {
        let (mut county, impostor) = hostile();
        let head = StatedHead::Full(impostor.log(scope, lane), Some((3, HashMark([1; 5]))));
        let frame = says(Family::Records, Place::All, Word::Heads(vec![head], true));
        impostor.says(&mut county, SONGWU, &frame);
        let refused = county.refused(SONGWU, impostor.keys.device());
        assert_eq!(refused, [("outside_area".to_owned(), 1)].into(), "{scope} {lane:?}");
    }
}

#[test]
fn a_log_with_more_heads_than_branches_may_be_and_names_that_stand_for_nothing() {
    let (mut county, impostor) = hostile();
    let name = Fingerprint([7; 5]);
    let heads = (0..5).map(|seq| StatedHead::Short(name, Some((seq, HashMark([1; 5])))));
    let frame = says(Family::Records, Place::All, Word::Heads(heads.collect(), true));
    impostor.says(&mut county, SONGWU, &frame);
    let refused = county.refused(SONGWU, impostor.keys.device());
    assert_eq!(refused, [("too_many".to_owned(), 1)].into());

    // What nobody knows is waited for, and never taken for done.
    let (mut county, impostor) = hostile();
    let head = StatedHead::Short(name, Some((4, HashMark([1; 5]))));
    for family in Family::ALL {
        impostor.says(
            &mut county,
            SONGWU,
            &says(family, Place::All, Word::Heads(vec![head], true)),
        );
    }
    let peers = county.status(SONGWU).peers;
    let peer = peers.iter().find(|peer| peer.device == impostor.keys.device()).unwrap();
    assert!(!peer.done && !peer.settled && peer.we_lack.is_some_and(|lacks| lacks >= 5));
}

#[test]
fn digests_made_up_are_answered_once_and_come_to_an_end() {
    let mut county = twins();
    county.grant(COUNTY, SONGWU);
    writes_in(&mut county, COUNTY, 3, 40);
    let impostor = Impostor::granted(&mut county, COUNTY, COUNTY, Role::Registrar);
    impostor.dials(&mut county, COUNTY);
    impostor.says(&mut county, COUNTY, &Frame::Hello(impostor.hello()));
    let mut open = vec![(Family::Records, Place::All), (Family::Authority, Place::All)];
    let mut said = 0;
    impostor.hears(&mut county);
    for (family, place) in open.clone() {
        impostor.says(&mut county, COUNTY, &says(family, place, Word::Digest(digest(1))));
    }
    // Whatever it is told of it contradicts.
    while !open.is_empty() {
        open.clear();
        for frame in impostor.hears(&mut county) {
            let Frame::Summary(summary) = frame else { continue };
            for Statement { family, place, what } in summary.statements {
                if let Word::Children(children) = what {
                    let false_: Vec<_> = children.iter().map(|(at, _)| (*at, digest(2))).collect();
                    impostor.says(
                        &mut county,
                        COUNTY,
                        &says(family, place, Word::Children(false_)),
                    );
                    open.push((family, place));
                }
                said += 1;
            }
        }
        assert!(said < 1_000, "it goes on for ever");
    }
    assert!(impostor.is_heard(&mut county, COUNTY));
    // What it was told by heads it never answers: nothing is done, and nothing goes on.
    let peers = county.status(COUNTY).peers;
    assert!(!peers.iter().any(|peer| peer.device == impostor.keys.device() && peer.done));
    meets(&mut county, COUNTY, SECOND);
    county.verify_all();
}

#[test]
fn statements_without_end_are_too_many() {
    let (mut county, impostor) = hostile();
    let now = county.now();
    let device = impostor.keys.device();
    let mut said = 0;
    while impostor.is_heard(&mut county, SONGWU) {
        // An empty digest is only waited for while nothing stands here.
        let statement = |nth: u64| Statement {
            family: Family::Records,
            place: Place::All,
            what: Word::Digest(digest(1 + (nth % 2) as u8)),
        };
        let statements = (0..1_000).map(statement).collect();
        let bytes = Frame::Summary(Summary { round: 0, statements }).encode();
        let input = shouwang_node::sync::Input::Frame(device, bytes);
        county.engine(SONGWU).handle(now, input).unwrap();
        county.settle();
        said += 1_000;
        assert!(said <= SUMMARY_PLACES_MAX + 1_000);
    }
    let refused = county.refused(SONGWU, device);
    assert_eq!(refused.values().sum::<u64>(), 1, "{refused:?}");

    let (mut county, impostor) = hostile();
    let many = (0..=SUMMARY_CHILDREN_MAX as u64).map(|nth| {
        let place = Place::Inside(code(COUNTY).child(1 + nth % 999).unwrap());
        (place, digest(1))
    });
    let frame = says(Family::Records, Place::All, Word::Children(many.collect()));
    impostor.says(&mut county, SONGWU, &frame);
    let refused = county.refused(SONGWU, impostor.keys.device());
    assert_eq!(refused, [("malformed_frame".to_owned(), 1)].into());
}

/// A stranger that is not proved yet may say no more than where it begins.
#[test]
fn a_stranger_is_not_asked_to_be_remembered() {
    let (mut county, _) = hostile();
    let stranger = Impostor::stranger(&mut county, SONGWU);
    stranger.dials(&mut county, SONGWU);
    stranger.says(&mut county, SONGWU, &Frame::Hello(stranger.hello()));
    let place = Place::Own(code(SONGWU));
    let frame = says(Family::Records, place, Word::Heads(vec![], true));
    stranger.says(&mut county, SONGWU, &frame);
    assert!(!stranger.is_heard(&mut county, SONGWU));
}

//! Bundles: a stick is as good as a wire, and nothing on one is believed that a wire would not bring.

mod county;
mod sticks;

use std::collections::BTreeMap;

use county::{County, code};
use proptest::prelude::*;
use shouwang_crdt_schema::field::Field;
use shouwang_node::authority::RevocationReason;
use shouwang_node::bundle::Fault;
use shouwang_node::command::bundle::BundleLook;
use shouwang_node::command::elder::ElderSet;
use shouwang_node::command::revoke::DeviceRevoke;
use sticks::{assert_converged, carries, reads, writes};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const QINGHE: &str = "990121200000";
const SHANGHE: &str = "990121101203";
const XIAHE: &str = "990121101204";

fn county() -> County {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(COUNTY, QINGHE);
    county.grant(SONGWU, SHANGHE);
    county.grant(SONGWU, XIAHE);
    county
}

fn held(county: &mut County, place: &str) -> u64 {
    county.status(place).not_held_elsewhere.entries
}

#[test]
fn a_village_that_only_uses_sticks_is_held_and_knows_it() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    assert_eq!(held(&mut county, SHANGHE), 2);

    carries(&mut county, SHANGHE, SONGWU);
    assert_eq!(county.elders(SONGWU), ["周国强"]);
    // The stick comes back with the receipt.
    carries(&mut county, SONGWU, SHANGHE);
    assert_eq!(held(&mut county, SHANGHE), 0);
    county.sets(SONGWU, &elder, Field::Phone, "13900000001");
    carries(&mut county, SONGWU, COUNTY);
    carries(&mut county, COUNTY, SONGWU);
    assert_eq!(held(&mut county, SONGWU), 0);
    carries(&mut county, SONGWU, SHANGHE);
    carries(&mut county, SHANGHE, SONGWU);
    carries(&mut county, SONGWU, COUNTY);
    carries(&mut county, COUNTY, SONGWU);
    carries(&mut county, SONGWU, SHANGHE);
    assert_converged(&mut county, &[SHANGHE, SONGWU, COUNTY]);
    county.verify_all();

    let peers = county.status(SONGWU).peers;
    let village = peers.iter().find(|peer| peer.area == Some(code(SHANGHE))).unwrap();
    assert_eq!(village.name.as_deref(), Some(SHANGHE));
    assert!(village.last_bundle_ms.is_some() && village.last_seen_ms == village.last_bundle_ms);
    assert!(village.entries_received >= 2 && village.bytes_received > 0);
}

#[test]
fn only_what_the_receiver_lacks_goes_in() {
    let mut county = county();
    let elders: Vec<String> =
        (0..40).map(|n| county.adds_elder(SHANGHE, &format!("老人{n}"))).collect();
    carries(&mut county, SHANGHE, SONGWU);
    carries(&mut county, SONGWU, SHANGHE);
    county.records_visit(SHANGHE, &elders[3], "2026-09-02");
    let written = writes(&mut county, SHANGHE, &[SONGWU], u64::MAX, false).unwrap();
    assert_eq!(written.entries, 1);
    let full = writes(&mut county, SHANGHE, &[SONGWU], u64::MAX, true).unwrap();
    assert!(full.entries > 41, "{}", full.entries);
    // What it wrote itself does not come back to a village.
    let back = writes(&mut county, SONGWU, &[SHANGHE], u64::MAX, false).unwrap();
    assert!(back.entries < 5, "{}", back.entries);
    assert!(reads(&mut county, SONGWU, &full.parts[0]).new == 1);
    assert!(reads(&mut county, SONGWU, &written.parts[0]).new == 0);
}

#[test]
fn after_a_meeting_over_a_wire_only_what_is_newer_goes_in() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    carries(&mut county, SHANGHE, SONGWU);
    carries(&mut county, SONGWU, SHANGHE);
    for day in 1..20 {
        county.records_visit(SHANGHE, &elder, &format!("2026-08-{day:02}"));
    }
    county.connect(SHANGHE, SONGWU);
    county.settle();
    county.disconnect(SHANGHE, SONGWU);
    county.records_visit(SHANGHE, &elder, "2026-09-01");
    let written = writes(&mut county, SHANGHE, &[SONGWU], u64::MAX, false).unwrap();
    assert_eq!(written.entries, 1);
    assert_eq!(reads(&mut county, SONGWU, &written.parts[0]).new, 1);
    let back = writes(&mut county, SONGWU, &[SHANGHE], u64::MAX, false).unwrap();
    assert!(back.entries < 8, "{}", back.entries);
}

#[test]
fn one_bundle_for_several_shows_each_only_its_own() {
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    county.adds_elder(XIAHE, "和玉兰");
    carries(&mut county, SHANGHE, SONGWU);
    carries(&mut county, XIAHE, SONGWU);
    county.sets(SONGWU, &elder, Field::Phone, "13900000001");
    let written = writes(&mut county, SONGWU, &[SHANGHE, XIAHE], u64::MAX, true).unwrap();
    assert_eq!(written.begun.receivers.len(), 2);
    for (place, name, other) in [(SHANGHE, "周国强", XIAHE), (XIAHE, "和玉兰", SHANGHE)] {
        let contents = looks(&mut county, place, &written.parts[0]);
        let scopes: Vec<String> = contents.iter().map(ToString::to_string).collect();
        assert!(scopes.contains(&place.to_owned()), "{scopes:?}");
        assert!(!scopes.contains(&other.to_owned()), "{scopes:?}");
        let read = reads(&mut county, place, &written.parts[0]);
        assert_eq!((read.fault, read.waiting), (None, 0));
        assert!(read.for_others > 0 && read.refused.is_empty());
        assert_eq!(county.elders(place), [name]);
    }
    county.verify_all();
}

/// Scopes of which something can be read.
fn looks(
    county: &mut County,
    place: &str,
    part: &[u8],
) -> Vec<shouwang_crdt_schema::division::DivisionCode> {
    let mut reader = shouwang_node::bundle::part::PartReader::open(part).unwrap();
    let head = reader.head().encode();
    let mut segments = Vec::new();
    while let Some(segment) = reader.segment().unwrap() {
        segments.extend(segment);
    }
    let contents = county.asks(place, BundleLook { head, first: 0, segments }).unwrap();
    assert_eq!(contents.fault, None);
    contents.scopes.into_iter().map(|scope| scope.code).collect()
}

#[test]
fn a_split_bundle_is_taken_in_any_order() {
    let mut county = county();
    for n in 0..200 {
        let elder = county.adds_elder(SHANGHE, &format!("老人{n}"));
        let address = hex::encode(county.random::<32>());
        county.sets(SHANGHE, &elder, Field::Address, &address);
    }
    let written = writes(&mut county, SHANGHE, &[SONGWU], 30_000, false).unwrap();
    let parts = &written.parts;
    println!("{} parts of {:?}", parts.len(), parts.iter().map(Vec::len).collect::<Vec<_>>());
    assert!(parts.len() >= 2);
    // The last alone waits for the others, and says so.
    let alone = reads(&mut county, SONGWU, parts.last().unwrap());
    assert_eq!(alone.fault, None);
    assert!(alone.waiting > 0 && alone.new == 0);
    for part in parts {
        let read = reads(&mut county, SONGWU, part);
        assert_eq!((read.fault, read.waiting), (None, 0));
    }
    for part in parts.iter().rev() {
        assert_eq!(reads(&mut county, SONGWU, part).new, 0);
    }
    assert_eq!(county.elders(SONGWU).len(), 200);
    county.verify_all();
}

#[test]
fn strangers_and_wrong_receivers_are_refused_by_name() {
    let mut county = county();
    county.adds_elder(SHANGHE, "周国强");
    let written = writes(&mut county, SHANGHE, &[SONGWU], u64::MAX, false).unwrap();
    let part = written.parts[0].clone();
    assert_eq!(reads(&mut county, COUNTY, &part).fault, Some(Fault::NotForUs));
    assert_eq!(reads(&mut county, SONGWU, b"PK\x03\x04").fault, Some(Fault::NotABundle));
    assert_eq!(reads(&mut county, SONGWU, b"").fault, Some(Fault::NotABundle));
    let mut later = part.clone();
    later[8] = 2;
    assert_eq!(reads(&mut county, SONGWU, &later).fault, Some(Fault::BundleVersion));

    let mut elsewhere = County::elsewhere(COUNTY);
    elsewhere.grant(COUNTY, SONGWU);
    elsewhere.grant(SONGWU, SHANGHE);
    let foreign = writes(&mut elsewhere, SHANGHE, &[SONGWU], u64::MAX, false).unwrap();
    assert_eq!(reads(&mut county, SONGWU, &foreign.parts[0]).fault, Some(Fault::OtherMesh));
    assert!(county.elders(SONGWU).is_empty());

    // A village that was never granted by anybody whom its receiver can follow is not heard; one whose
    // grant is revoked is not either.
    let device = county.engine(SHANGHE).device();
    let revoke = DeviceRevoke {
        device: device.to_string(),
        reason: RevocationReason::Lost,
        root: None,
        personal: false,
        dry_run: false,
    };
    county.asks(SONGWU, revoke).unwrap();
    let refused = reads(&mut county, SONGWU, &part);
    assert_eq!((refused.fault, refused.new), (Some(Fault::Revoked), 0));
    assert!(county.elders(SONGWU).is_empty());
    assert_eq!(county.refused(SONGWU, device).get("revoked"), Some(&1));
    county.verify_all();
}

#[test]
fn a_disk_that_was_put_back_is_found_out_by_a_stick_and_healed() {
    use shouwang_node::store::Store;
    let mut county = county();
    let elder = county.adds_elder(SHANGHE, "周国强");
    carries(&mut county, SHANGHE, SONGWU);
    carries(&mut county, SONGWU, SHANGHE);
    // An image of the village as it is now.
    let mut image = Store::with_backend(redb::backends::InMemoryBackend::new()).unwrap();
    let copy = county.engine(SHANGHE).store_mut().image().unwrap();
    copy.copy_into(&mut image, &Default::default()).unwrap();
    county.records_visit(SHANGHE, &elder, "2026-09-02");
    county.records_visit(SHANGHE, &elder, "2026-09-03");
    carries(&mut county, SHANGHE, SONGWU);
    let before = county.engine(SHANGHE).incarnation();
    county.goes_on_with(SHANGHE, || image);
    assert_eq!(county.engine(SHANGHE).incarnation(), before);

    // The township tells what it holds; the village writes under another incarnation from then on.
    let told = writes(&mut county, SONGWU, &[SHANGHE], u64::MAX, false).unwrap();
    reads(&mut county, SHANGHE, &told.parts[0]);
    assert_ne!(county.engine(SHANGHE).incarnation(), before);
    // And says what it has now: what it lost comes back.
    carries(&mut county, SHANGHE, SONGWU);
    carries(&mut county, SONGWU, SHANGHE);
    assert_eq!(county.shows(SHANGHE, &elder).visits.len(), 2);
    county.records_visit(SHANGHE, &elder, "2026-09-04");
    carries(&mut county, SHANGHE, SONGWU);
    carries(&mut county, SONGWU, SHANGHE);
    assert_converged(&mut county, &[SHANGHE, SONGWU]);
    assert_eq!(held(&mut county, SHANGHE), 0);
    county.verify_all();
}

/// Places of the random stories, each with those it exchanges sticks with.
const PLACES: [&str; 4] = [COUNTY, SONGWU, SHANGHE, XIAHE];
const ROADS: [(&str, &str); 6] = [
    (SHANGHE, SONGWU),
    (XIAHE, SONGWU),
    (SONGWU, COUNTY),
    (SONGWU, SHANGHE),
    (SONGWU, XIAHE),
    (COUNTY, SONGWU),
];

#[derive(Clone, Debug)]
enum Step {
    /// A file is begun.
    Adds(usize),
    /// A visit, to any elder that the place knows.
    Visits(usize, usize, u8),
    /// A phone is set.
    Sets(usize, usize, u8),
    /// A bundle is written, split small or not at all.
    Writes(usize, bool, bool),
    /// Any stick that was ever written is read once more by whom it is for.
    Reads(usize),
    /// The whole way is gone over once.
    Sends(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..PLACES.len()).prop_map(|place| Step::Adds(place.max(2))),
        3 => (0..PLACES.len(), 0..8usize, 1..28u8).prop_map(|(a, b, c)| Step::Visits(a, b, c)),
        3 => (0..PLACES.len(), 0..8usize, any::<u8>()).prop_map(|(a, b, c)| Step::Sets(a, b, c)),
        4 => (0..ROADS.len(), any::<bool>(), any::<bool>()).prop_map(|(a, b, c)| Step::Writes(a, b, c)),
        4 => (0..64usize).prop_map(Step::Reads),
        2 => (0..ROADS.len()).prop_map(Step::Sends),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_history_of_sticks_converges(steps in prop::collection::vec(step(), 8..40)) {
        let mut county = county();
        let (mut sticks, mut elders) = (Vec::<(&str, Vec<u8>)>::new(), Vec::<(String, String)>::new());
        for step in steps {
            match step {
                Step::Adds(place) => {
                    let place = PLACES[place];
                    let id = county.adds_elder(place, &format!("老人{}", elders.len()));
                    elders.push((place.to_owned(), id));
                }
                Step::Visits(place, which, day) => {
                    if let Some(elder) = known(&mut county, PLACES[place], &elders, which) {
                        let date = format!("2026-08-{day:02}");
                        county.records_visit(PLACES[place], &elder, &date);
                    }
                }
                Step::Sets(place, which, digit) => {
                    if let Some(elder) = known(&mut county, PLACES[place], &elders, which) {
                        let phone = format!("1390000{digit:04}");
                        let fields = BTreeMap::from([(Field::Phone, phone)]);
                        let set = ElderSet { elder, fields, certified: false };
                        // Two who wrote apart leave a conflict, which is resolved and not written over.
                        if let Err(refused) = county.asks(PLACES[place], set) {
                            prop_assert_eq!(refused.code, "in_conflict");
                        }
                    }
                }
                Step::Writes(road, small, full) => {
                    let (from, to) = ROADS[road];
                    let size = if small { 6_000 } else { u64::MAX };
                    let written = writes(&mut county, from, &[to], size, full).unwrap();
                    sticks.extend(written.parts.into_iter().map(|part| (to, part)));
                }
                Step::Reads(which) => {
                    if let Some((to, part)) = sticks.get(which % sticks.len().max(1)).cloned() {
                        let read = reads(&mut county, to, &part);
                        prop_assert_eq!(read.fault, None);
                        prop_assert!(read.refused.is_empty(), "{:?}", read.refused);
                    }
                }
                Step::Sends(road) => {
                    let (from, to) = ROADS[road];
                    let written = writes(&mut county, from, &[to], u64::MAX, false).unwrap();
                    prop_assert_eq!(reads(&mut county, to, &written.parts[0]).fault, None);
                }
            }
        }
        // Whatever was lost or came late: one round tells, another brings, a third confirms.
        for _ in 0..4 {
            for (from, to) in ROADS {
                let written = writes(&mut county, from, &[to], u64::MAX, false).unwrap();
                let read = reads(&mut county, to, &written.parts[0]);
                prop_assert_eq!(read.fault, None);
            }
        }
        assert_converged(&mut county, &PLACES);
        for place in [SHANGHE, XIAHE, SONGWU] {
            prop_assert_eq!(held(&mut county, place), 0, "{}", place);
        }
        county.verify_all();
    }
}

/// One of the elders, if the place knows it.
fn known(
    county: &mut County,
    place: &str,
    elders: &[(String, String)],
    which: usize,
) -> Option<String> {
    use shouwang_node::command::elder::ElderShow;
    let (_, elder) = elders.get(which % elders.len().max(1))?;
    let show = ElderShow { elder: elder.clone(), as_of: county::today(), show_resident_id: false };
    county.asks(place, show).is_ok().then(|| elder.clone())
}

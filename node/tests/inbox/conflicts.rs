//! The inbox itself.

use std::collections::{BTreeMap, BTreeSet};

use shouwang_crdt_schema::element::{
    Device, EmergencyContact, GuardianContact, Maintainer, Member, Pairing, Supporter,
};
use shouwang_crdt_schema::field::{Field, Kind};
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::merge::Policy;
use shouwang_crdt_schema::parts::{Part, PartKind};
use shouwang_crdt_schema::record::{DeviceKind, PairingKind, SupportCapacity};
use shouwang_node::command::elder::ElderSet;
use shouwang_node::command::import::{Import, RowOutcome};
use shouwang_node::command::told::ClockDoubt;
use shouwang_node::command::{CommandError, Request};

use super::*;

/// Two values that may stand in a field; where it has an order, the one that asks for more care first.
fn values(field: Field) -> [&'static str; 2] {
    match field.spec().kind {
        Kind::Text(_) => ["甲", "乙"],
        Kind::Date => ["1942-03-15", "1943-04-16"],
        Kind::Division => ["990121101204", "990121101205"],
        Kind::ResidentId => ["990121194203150047", "99012119420315008X"],
        Kind::Number(_) => ["10", "20"],
        Kind::Choice(words) => [words[0].0, words[1].0],
    }
}

/// Two devices that may write a kind of part.
fn writers(kind: PartKind) -> (Part, [&'static str; 2]) {
    match kind {
        PartKind::Card => (Part::Card, [SONGWU, SHANGHE]),
        PartKind::Ledger => (Part::Ledger, [SONGWU, COUNTY]),
        _ => (Part::Registry, [COUNTY, "second"]),
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, CommandError>) -> String {
    result.unwrap_err().code
}

/// Every field in every part in which it may stand, and every key of an element of a set, is written by
/// two who have not heard of one another: all of it is in everybody's inbox, and takes effect by its
/// policy; deciding clears it everywhere.
#[test]
fn every_field_and_key_that_two_write_at_once_is_in_every_inbox_until_somebody_decides() {
    let mut county = offices();
    let elder = county.adds_elder(SHANGHE, "周国强");
    let (name, relation, phone) = ("周明".to_owned(), None, None);
    let elements = vec![
        insert(&Member { name: name.clone(), relation: relation.clone() }),
        insert(&Supporter {
            name: name.clone(),
            relation: relation.clone(),
            whereabouts: None,
            phone: phone.clone(),
            capacity: SupportCapacity::Unknown,
        }),
        insert(&Maintainer { name: name.clone(), relation }),
        insert(&GuardianContact { name: name.clone(), phone: phone.clone(), rank: None }),
        insert(&EmergencyContact { name: name.clone(), phone, rank: None }),
        insert(&Device { kind: DeviceKind::OneTouchCall, serial: None }),
        insert(&Pairing { helper: name, kind: PairingKind::Cadre, from: None, until: None }),
    ];
    does(&mut county, SHANGHE, &elder, elements).unwrap();
    county.settle();
    part(&mut county);

    let mut expected: BTreeMap<(String, String), [String; 2]> = BTreeMap::new();
    let mut edits: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
    for field in Field::ALL {
        for kind in field.spec().parts {
            let (part, writers) = writers(*kind);
            for (at, writer) in writers.into_iter().enumerate() {
                edits.entry(writer).or_default().push(set(part, *field, values(*field)[at]));
            }
            let place = (part.to_string(), field.spec().key.to_owned());
            expected.insert(place, values(*field).map(str::to_owned));
        }
    }
    let before = view(&mut county, SHANGHE, &elder);
    let mut keys = |list: &str, key: &str, texts: [&str; 2], edit: &dyn Fn(&str) -> Edit| {
        for (at, writer) in [SONGWU, SHANGHE].into_iter().enumerate() {
            edits.entry(writer).or_default().push(edit(texts[at]));
        }
        expected.insert(("Card".into(), format!("{list}/{key}")), texts.map(str::to_owned));
    };
    macro_rules! keys {
        ($($element:ty, $list:literal, $key:literal, $texts:expr;)+) => {$(
            keys($list, $key, $texts, &|text| amend::<$element>(&before, $key, text));
        )+};
    }
    let texts = ["甲", "乙"];
    keys! {
        Member, "members", "name", texts;
        Member, "members", "relation", texts;
        Supporter, "supporters", "name", texts;
        Supporter, "supporters", "relation", texts;
        Supporter, "supporters", "whereabouts", texts;
        Supporter, "supporters", "phone", texts;
        Supporter, "supporters", "capacity", ["Incapable", "Capable"];
        Maintainer, "maintainers", "name", texts;
        Maintainer, "maintainers", "relation", texts;
        GuardianContact, "guardian_contacts", "name", texts;
        GuardianContact, "guardian_contacts", "phone", texts;
        GuardianContact, "guardian_contacts", "rank", ["1", "2"];
        EmergencyContact, "emergency_contacts", "name", texts;
        EmergencyContact, "emergency_contacts", "phone", texts;
        EmergencyContact, "emergency_contacts", "rank", ["1", "2"];
        Device, "devices", "serial", texts;
        Pairing, "pairings", "helper", texts;
        Pairing, "pairings", "kind", ["PartyMember", "Neighbour"];
        Pairing, "pairings", "from", ["2026-01-01", "2026-02-01"];
        Pairing, "pairings", "until", ["2027-01-01", "2027-02-01"];
    }
    for (writer, edits) in edits {
        does(&mut county, writer, &elder, edits).unwrap();
    }
    meet(&mut county);
    county.assert_converged();

    let first = inbox(&mut county, COUNTY).conflicts;
    let found: BTreeSet<_> =
        first.iter().map(|one| (one.part.clone(), one.field.clone())).collect();
    assert_eq!(found, expected.keys().cloned().collect());
    for place in ALL {
        assert_eq!(inbox(&mut county, place).conflicts, first, "{place}");
    }
    for conflict in &first {
        let written = &expected[&(conflict.part.clone(), conflict.field.clone())];
        let shown: BTreeSet<&str> =
            conflict.values.iter().map(|value| value.value.as_str()).collect();
        if conflict.field.starts_with("resident_id") {
            assert_eq!(shown.len(), 2, "{conflict:?}");
        } else {
            assert_eq!(shown, written.iter().map(String::as_str).collect(), "{conflict:?}");
        }
        if conflict.policy == Policy::MostProtectiveWins {
            assert_eq!(conflict.values[0].value, written[0], "{conflict:?}");
        }
        for value in &conflict.values {
            assert_eq!(value.written.len(), 1, "{conflict:?}");
            assert!(value.written[0].device_name.is_some());
        }
        assert_eq!(conflict.values[0].number, 1);
        assert!(conflict.values[0].effective && !conflict.values[1].effective);
    }

    // A second number is for the county to certify.
    let number = first
        .iter()
        .find(|one| (one.field.as_str(), one.part.as_str()) == ("resident_id", "Card"))
        .unwrap();
    assert_eq!(refusal(keep(&mut county, SONGWU, &number.id, 1)), "resident_id_review");
    let mut replaced = 0;
    // The Registry first: what is certified there is what the Card may then be settled by.
    let of_registry = |one: &&_| {
        let one: &shouwang_node::command::conflicts::InboxConflict = one;
        one.part == "Registry"
    };
    let (registry, others): (Vec<_>, Vec<_>) = first.iter().partition(of_registry);
    let number_at = |view: &ElderView, part: Part| {
        view.part(part).unwrap().field(Field::ResidentId).unwrap().effective.clone()
    };
    for conflict in registry.into_iter().chain(others) {
        let kept = match (conflict.field.as_str(), conflict.part.as_str()) {
            ("resident_id", "Card") => {
                let file = view(&mut county, COUNTY, &elder);
                let same = number_at(&file, Part::Card) == number_at(&file, Part::Registry);
                if same { 1 } else { 2 }
            }
            _ => 2,
        };
        let resolved = keep(&mut county, COUNTY, &conflict.id, kept).unwrap();
        assert_eq!(resolved.replaced.len(), 1, "{resolved:?}");
        let safer = conflict.policy == Policy::MostProtectiveWins;
        assert_eq!(resolved.safer_than.is_some(), safer, "{resolved:?}");
        replaced += resolved.replaced.len();
    }
    assert_eq!(replaced, expected.len());
    county.settle();
    county.settle();
    county.assert_converged();
    for place in ALL {
        assert_eq!(inbox(&mut county, place).conflicts, [], "{place}");
        assert_eq!(county.shows(place, &elder).conflicts, [], "{place}");
    }
    county.verify_all();
}

/// Three at once: whoever decides between the two that he has seen does not put out the third.
#[test]
fn a_decision_about_values_that_are_no_longer_all_is_refused_and_shown_again() {
    let mut county = offices();
    let elder = county.adds_elder(SHANGHE, "许桂英");
    county.settle();
    part(&mut county);
    let field = Field::MentalState;
    for (place, text) in [(SHANGHE, "Stable"), ("tablet", "Concern"), (SONGWU, "Severe")] {
        does(&mut county, place, &elder, vec![set(Part::Card, field, text)]).unwrap();
    }
    county.connect(SHANGHE, "tablet");
    county.settle();
    let seen = inbox(&mut county, SHANGHE).conflicts.remove(0);
    assert_eq!(seen.values[0].value, "Concern");
    county.connect(SONGWU, SHANGHE);
    county.settle();
    assert_eq!(refusal(keep(&mut county, SHANGHE, &seen.id, 2)), "conflict_changed");
    let now = inbox(&mut county, SHANGHE).conflicts.remove(0);
    assert_eq!(now.id.split('-').next(), seen.id.split('-').next());
    assert_eq!(now.values.len(), 3);
    assert_eq!(now.values[0].value, "Severe");
    assert_eq!(refusal(keep(&mut county, SHANGHE, &now.id, 4)), "conflict_number");
    assert_eq!(refusal(keep(&mut county, SHANGHE, "00000000-000000", 1)), "conflict_unknown");
    // Somebody who has not heard of the third decides: that one stays, and is effective.
    let theirs = inbox(&mut county, "tablet").conflicts.remove(0);
    county.settle();
    let stale = keep(&mut county, "tablet", &theirs.id, 2);
    assert!(stale.is_ok() || refusal(stale) == "conflict_changed");
    county.settle();
    let last = inbox(&mut county, SHANGHE).conflicts;
    if let Some(last) = last.first() {
        assert_eq!(last.values[0].value, "Severe");
    }
}

/// A decision made off line about two values, and a third that nobody there had seen.
#[test]
fn a_value_that_asks_for_more_care_never_falls_to_a_decision_that_had_not_seen_it() {
    let mut county = offices();
    let elder = county.adds_elder(SHANGHE, "褚顺昌");
    county.settle();
    part(&mut county);
    let field = Field::ObservedFunction;
    for (place, text) in
        [(SHANGHE, "NoLimitation"), ("tablet", "MobilityLimited"), (SONGWU, "Bedridden")]
    {
        does(&mut county, place, &elder, vec![set(Part::Card, field, text)]).unwrap();
    }
    county.connect(SHANGHE, "tablet");
    county.settle();
    let seen = inbox(&mut county, SHANGHE).conflicts.remove(0);
    let resolved = keep(&mut county, SHANGHE, &seen.id, 2).unwrap();
    assert_eq!(
        (resolved.value.as_str(), resolved.safer_than.as_deref()),
        ("NoLimitation", Some("MobilityLimited"))
    );
    assert_eq!(inbox(&mut county, SHANGHE).conflicts, []);
    county.connect(SONGWU, SHANGHE);
    county.settle();
    for place in [SONGWU, SHANGHE, "tablet"] {
        let values: Vec<String> = inbox(&mut county, place).conflicts[0]
            .values
            .iter()
            .map(|value| value.value.clone())
            .collect();
        assert_eq!(values, ["Bedridden", "NoLimitation"], "{place}");
    }
    // Neither by hand nor by a ledger does it fall unseen.
    let now = county.now();
    let fields = BTreeMap::from([(field, "NoLimitation".to_owned())]);
    let by_hand = ElderSet { elder: elder.clone(), fields: fields.clone(), certified: false };
    let error = by_hand.execute(county.engine(SHANGHE), now).unwrap_err();
    assert_eq!(error.code, "in_conflict");
    assert_eq!(error.arguments["id"], inbox(&mut county, SHANGHE).conflicts[0].id);
    let mut row = LedgerRow::new(code(SHANGHE));
    row.fields = fields;
    row.fields.insert(Field::Name, "褚顺昌".into());
    row.fields.insert(Field::Phone, "13900000001".into());
    let import = Import { rows: vec![row], dry_run: false };
    let report = import.execute(county.engine(SHANGHE), now).unwrap();
    let RowOutcome::Changed { gaps, .. } = &report.outcomes[0] else { panic!("{report:?}") };
    assert_eq!(
        (gaps[0].field.as_str(), gaps[0].reason.as_str()),
        ("observed_function", "in_conflict")
    );
    assert_eq!(inbox(&mut county, SHANGHE).conflicts.len(), 1);
    assert_eq!(county::field(&county.shows(SHANGHE, &elder), field).value, "Bedridden");
}

/// A laptop with a dead clock battery says 1970, having seen what was written in 2026.
#[test]
fn clocks_that_cannot_be_right_are_named() {
    use shouwang_node::sync::Now;
    const YEAR_2026_MS: i64 = 1_788_000_000_000;
    let mut county = offices();
    let elder = county.adds_elder(SHANGHE, "冯翠莲");
    county.settle();
    let write = |county: &mut County, place: &str, text: &str, wall_ms: i64| {
        let now = Now { wall_ms, ..county.now() };
        let edit = DocumentEdit {
            scope: code(SHANGHE),
            document: DocumentId::elder(elder.parse().unwrap(), Part::Card),
            actions: vec![set(Part::Card, Field::Phone, text).action],
        };
        county.engine(place).capture(now, &[edit]).unwrap();
    };
    write(&mut county, SHANGHE, "1", YEAR_2026_MS);
    county.settle();
    part(&mut county);
    write(&mut county, SHANGHE, "2", YEAR_2026_MS + 1_000);
    write(&mut county, SONGWU, "3", 5_000);
    meet(&mut county);
    let conflict = inbox(&mut county, COUNTY).conflicts.remove(0);
    assert!(conflict.clocks_disagree);
    let doubts: BTreeMap<&str, _> = conflict
        .values
        .iter()
        .map(|value| (value.value.as_str(), value.written[0].clock))
        .collect();
    assert_eq!(doubts["2"], None);
    assert_eq!(doubts["3"], Some(ClockDoubt::BeforeSeen));
}

/// Parts that say different things are no conflict, and are listed beside them.
#[test]
fn parts_that_differ_are_listed_beside_conflicts() {
    let mut county = offices();
    let elder = county.adds_elder(SHANGHE, "黎玉珍");
    does(&mut county, SHANGHE, &elder, vec![set(Part::Card, Field::DisabilityGrade, "G3")])
        .unwrap();
    county.settle();
    does(&mut county, COUNTY, &elder, vec![set(Part::Registry, Field::DisabilityGrade, "G2")])
        .unwrap();
    county.settle();
    for place in ALL {
        let found = inbox(&mut county, place);
        assert_eq!(found.conflicts, []);
        let differs = &found.differs[0];
        assert_eq!((differs.value.as_str(), differs.part.as_str()), ("G2", "Registry"));
        assert_eq!(differs.others, BTreeMap::from([("Card".into(), "G3".into())]));
    }
}

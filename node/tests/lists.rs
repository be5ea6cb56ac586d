//! Lists, rosters and searches read rows of their own: what they find is what the documents say, and
//! no document is opened for it.

mod county;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use county::{County, code, today};
use proptest::prelude::*;
use shouwang_crdt_schema::edit::Edit;
use shouwang_crdt_schema::element::{
    Absence, Agreement, EmergencyContact, IncidentEvent, Pairing, Review, RosterEvent, Supporter,
};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{
    AbsenceReason, AgreementEvent, Condition, ElderId, EntryReason, ExitReason, IncidentKind,
    IncidentStep, PairingKind, ReviewOutcome, RosterStep, SupportCapacity, VisitOutcome, YesNo,
};
use shouwang_crdt_schema::report::due::{DueDetails, DueList};
use shouwang_crdt_schema::rules::facts::ElderFacts;
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::due::Due;
use shouwang_node::command::elder::ElderList;
use shouwang_node::command::merge::ElderMerge;
use shouwang_node::command::roster::RosterList;
use shouwang_node::command::undo::Undo;
use shouwang_node::engine::DocumentEdit;
use shouwang_node::index::facts::{Person, each_person};
use shouwang_node::index::merged;
use shouwang_node::store::incidents::IncidentRow;
use shouwang_node::store::{CountedReads, StoreError};

const COUNTY: &str = "990121000000";
const SONGWU: &str = "990121101000";
const SHANGHE: &str = "990121101203";
const PLACES: [&str; 3] = [COUNTY, SONGWU, SHANGHE];

/// Something that somebody does to one of a few files.
#[derive(Clone, Copy, Debug)]
struct Deed {
    at_township: bool,
    elder: usize,
    what: u8,
    number: u32,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = (any::<bool>(), 0..4usize, 0..18u8, 0..1_000u32)
        .prop_map(|(at_township, elder, what, number)| Deed { at_township, elder, what, number });
    prop::collection::vec(deed, 1..40)
}

fn day(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024 + (number % 3) as i32, 1 + number % 8, 1 + number % 28).unwrap()
}

impl Deed {
    /// The edit of a file, for what is no command of its own.
    fn edit(&self) -> Option<Edit> {
        let (number, date) = (self.number, day(self.number));
        let name = format!("李明{}", number % 3);
        let journal = Part::Journal(2024 + (number % 3) as u16);
        let set =
            |part, field: Field, text: &str| Some(Edit::set(part, field, field.value(text).ok()?));
        let one_of = |texts: &[&'static str]| texts[number as usize % texts.len()];
        let above = if self.at_township { Part::Ledger } else { Part::Card };
        match self.what {
            0 => set(Part::Card, Field::Name, &format!("周国强{}", number % 5)),
            1 => set(Part::Card, Field::BirthDate, &format!("{}-03-15", 1930 + number % 40)),
            2 => set(
                Part::Card,
                Field::LivingArrangement,
                one_of(&["Alone", "SpouseOnly", "Unknown"]),
            ),
            3 => {
                set(Part::Card, Field::CareConsent, one_of(&["Declined", "Consented", "NotAsked"]))
            }
            4 => set(Part::Card, Field::HukouCode, SHANGHE),
            5 => set(Part::Ledger, Field::AbilityLevel, one_of(&["Severe", "Mild", "Intact"])),
            6 => Some(Edit::insert(
                Part::Card,
                &Supporter {
                    name,
                    relation: Some(one_of(&["长子", "女儿", "老伴", "孙子"]).to_owned()),
                    whereabouts: None,
                    phone: None,
                    capacity: [SupportCapacity::Capable, SupportCapacity::Incapable]
                        [number as usize % 2],
                },
            )),
            7 => Some(Edit::insert(
                Part::Card,
                &Absence {
                    supporter: name,
                    left: Some(date),
                    returned: None,
                    destination: Some(code("530102000000")),
                    reason: AbsenceReason::Work,
                },
            )),
            8 => Some(Edit::insert(
                Part::Card,
                &Agreement {
                    event: [AgreementEvent::Signed, AgreementEvent::Filed, AgreementEvent::Ended]
                        [number as usize % 3],
                    date: Some(date),
                    supporter: Some(name),
                    caretaker: None,
                    elder_consent: YesNo::Yes,
                    note: number.is_multiple_of(2).then(|| "口头".to_owned()),
                },
            )),
            9 => Some(Edit::insert(Part::Card, &Condition::Hypertension)),
            10 => Some(Edit::insert(
                above,
                &Pairing {
                    helper: name,
                    kind: PairingKind::Neighbour,
                    from: Some(date),
                    until: None,
                },
            )),
            11 => Some(Edit::insert(
                above,
                &RosterEvent {
                    step: [RosterStep::Entered, RosterStep::Left, RosterStep::Confirmed]
                        [number as usize % 3],
                    date,
                    entry_reason: Some(EntryReason::Omission),
                    exit_reason: Some(ExitReason::MovedOut),
                    note: None,
                },
            )),
            12 => Some(Edit::insert(
                Part::Card,
                &EmergencyContact { name, phone: Some("13900000001".to_owned()), rank: None },
            )),
            13 => {
                let mut visit = Visit::on(date);
                if number.is_multiple_of(4) {
                    visit.outcome = VisitOutcome::NoAnswer;
                }
                Some(Edit::insert(journal, &visit))
            }
            14 => {
                let outcome = ReviewOutcome::NoChange;
                Some(Edit::insert(journal, &Review { date, outcome, reviewer: None, note: None }))
            }
            15 => {
                let incident = Part::Incident(shouwang_crdt_schema::record::IncidentId(
                    [(number % 3) as u8; 16],
                ));
                Some(Edit::insert(
                    incident,
                    &IncidentEvent {
                        step: [IncidentStep::Raised, IncidentStep::Closed][number as usize % 2],
                        kind: Some(IncidentKind::CriticalIllness),
                        date,
                        time: None,
                        place: Some("村口".to_owned()),
                        by: None,
                        note: None,
                    },
                ))
            }
            _ => None,
        }
    }
}

fn elder(number: usize) -> ElderId {
    ElderId([number as u8 + 1; 16])
}

fn do_it(county: &mut County, deed: &Deed) {
    let place = if deed.at_township { SONGWU } else { SHANGHE };
    let now = county.now();
    if let Some(edit) = deed.edit() {
        let document = DocumentId::elder(elder(deed.elder), edit.part);
        let edit = DocumentEdit { scope: code(SHANGHE), document, actions: vec![edit.action] };
        // What an office may not write is not written.
        let _ = county.engine(place).capture(now, &[edit]);
    } else if deed.what == 16 {
        let (keep, other) = (deed.elder, (deed.elder + 1 + deed.number as usize % 3) % 4);
        let merge = ElderMerge {
            keep: elder(keep).to_string(),
            other: elder(other).to_string(),
            date: today(),
            dry_run: false,
        };
        let _ = county.asks(place, merge);
    } else {
        let _ = county.asks(place, Undo { dry_run: false, edit: None });
    }
    if deed.number.is_multiple_of(3) {
        county.settle();
    }
}

/// The people of the whole county as the documents have them.
fn by_documents(county: &mut County, place: &str) -> Vec<(ElderId, String)> {
    let engine = county.engine(place);
    let (snapshot, secret) = (engine.read().unwrap(), *engine.index_secret());
    let mut found = Vec::new();
    for (scope, elder, _) in merged::people(&snapshot, &secret, engine.area()).unwrap() {
        let view = merged::joined(&snapshot, scope, elder).unwrap();
        let mut facts = ElderFacts::of(&view);
        facts.incidents = facts
            .incidents
            .into_iter()
            .map(|(id, events)| (id, IncidentRow::of(&events).events()))
            .collect();
        let pairings: Vec<Pairing> =
            view.elements::<Pairing>().into_iter().map(|(_, listed)| listed.element).collect();
        let name = view.text(Field::Name).map(str::to_owned);
        let details = DueDetails::of(&view);
        found.push((elder, format!("{scope} {name:?} {facts:#?} {details:?} {pairings:?}")));
    }
    found
}

/// The same, as lists read them, how often documents were gone to, and whether files are merged.
fn by_rows(county: &mut County, place: &str) -> (Vec<(ElderId, String)>, u64, bool) {
    let engine = county.engine(place);
    let snapshot = engine.read().unwrap();
    let counted = CountedReads::of(&snapshot);
    let mut found = Vec::new();
    each_person(&counted, engine.area().0.range(), |person| {
        let Person { scope, elder, name, mut facts, details, pairings } = person;
        for events in facts.incidents.values_mut() {
            *events = IncidentRow::of(&*events).events();
        }
        found.push((elder, format!("{scope} {name:?} {facts:#?} {details:?} {pairings:?}")));
        Ok::<_, StoreError>(())
    })
    .unwrap();
    let rows = merged::people(&snapshot, engine.index_secret(), engine.area()).unwrap();
    let merged = rows.iter().any(|(.., row)| row.is_merged());
    (found, counted.count("documents"), merged)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn lists_say_what_the_documents_say(deeds in deeds()) {
        let mut county = County::begin(COUNTY);
        county.grant(COUNTY, SONGWU);
        county.grant(SONGWU, SHANGHE);
        county.connect(COUNTY, SONGWU);
        county.connect(SONGWU, SHANGHE);
        county.settle();
        for deed in &deeds {
            do_it(&mut county, deed);
        }
        county.settle();
        county.verify_all();
        for place in PLACES {
            let expected = by_documents(&mut county, place);
            let (found, opened, merged) = by_rows(&mut county, place);
            prop_assert_eq!(&found, &expected);
            prop_assert!(merged || opened == 0, "{} documents", opened);
        }
    }
}

#[test]
fn a_list_of_many_goes_to_each_table_as_often_as_a_list_of_few() {
    let mut reads: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for elders in [2, 20] {
        let mut county = County::begin(COUNTY);
        county.grant(COUNTY, SONGWU);
        county.grant(SONGWU, SHANGHE);
        for number in 0..elders {
            let elder = county.adds_elder(SHANGHE, &format!("周国强{number}"));
            county.records_visit(SHANGHE, &elder, "2026-08-03");
        }
        let engine = county.engine(SHANGHE);
        let snapshot = engine.read().unwrap();
        let counted = CountedReads::of(&snapshot);
        let mut found = 0;
        each_person(&counted, engine.area().0.range(), |_| {
            found += 1;
            Ok::<_, StoreError>(())
        })
        .unwrap();
        assert_eq!(found, elders);
        let tables = ["facts", "incidents", "documents", "elders", "entries"];
        reads.insert(elders, tables.map(|table| counted.count(table)).to_vec());
    }
    assert_eq!(reads[&2], reads[&20]);
    assert_eq!(reads[&2], [1, 1, 0, 0, 0]);
}

#[test]
fn a_search_finds_names_tails_and_ids_and_nobody_else() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    let first = county.adds_elder(SHANGHE, "和秀英");
    let second = county.adds_elder(SHANGHE, "周国强");
    county.sets(SHANGHE, &second, Field::ResidentId, "99012119420315008X");
    let mut finds = |text: &str| {
        let matching = Some(text.to_owned());
        let list = ElderList { scope: None, matching, as_of: today() };
        let found = county.asks(SHANGHE, list).unwrap().elders;
        found.into_iter().map(|elder| elder.elder_id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(finds("秀"), vec![first.clone()]);
    assert_eq!(finds("国强"), vec![second.clone()]);
    assert_eq!(finds("008x"), vec![second.clone()]);
    assert_eq!(finds(&first[..8].to_uppercase()), vec![first.clone()]);
    assert!(finds("王").is_empty());
    assert_eq!(finds("").len(), 2);
}

#[test]
fn a_file_whose_last_word_was_taken_back_is_on_no_list() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, SONGWU);
    county.grant(SONGWU, SHANGHE);
    county.adds_elder(SHANGHE, "和秀英");
    let due = || Due { scopes: vec![code(SHANGHE)], lists: DueList::ALL.to_vec(), as_of: today() };
    assert_eq!(county.asks(SHANGHE, due()).unwrap().roster, 1);
    county.asks(SHANGHE, Undo { dry_run: false, edit: None }).unwrap();
    assert_eq!(county.asks(SHANGHE, due()).unwrap().roster, 0);
    let list = RosterList { scope: None, on: today(), all: true };
    assert!(county.asks(SHANGHE, list).unwrap().elders.is_empty());
    assert!(county.elders(SHANGHE).is_empty());
}

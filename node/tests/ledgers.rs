//! What a ledger says of a file is what the file says: importing it again changes nothing, and an
//! empty county has equal records from it.

mod county;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use county::{County, code, today};
use proptest::prelude::*;
use shouwang_crdt_schema::element::{
    Absence, Agreement, Device, EmergencyContact, Entitlement, GuardianContact, Member, Pairing,
    Supporter,
};
use shouwang_crdt_schema::field::{Field, Kind};
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::{Choice, Condition, ElderId, EntitlementKind, EntitlementState};
use shouwang_crdt_schema::visit::Visit;
use shouwang_node::command::Request;
use shouwang_node::command::export::ExportElders;
use shouwang_node::command::import::{
    CertificateRow, Import, ImportCertificates, ImportVisits, Person, RowOutcome, VisitRow,
};
use shouwang_node::identity::grant::Role;

const COUNTY: &str = "990121000000";
const VILLAGES: [&str; 2] = ["990121101203", "990121200201"];

#[test]
fn a_visit_comes_in_with_as_long_a_note_as_a_person_may_write() {
    let mut county = County::begin(COUNTY);
    county.grant(COUNTY, VILLAGES[0]);
    let file: ElderId = county.adds_elder(VILLAGES[0], "周国强").parse().unwrap();
    let row = |characters: usize, day: u32| VisitRow {
        person: Person { file: Some(file), resident_id: None, name: None, scope: None },
        visit: Visit {
            note: Some("好".repeat(characters)),
            ..Visit::on(NaiveDate::from_ymd_opt(2026, 8, day).unwrap())
        },
    };
    // More than fits one change: each then has its own.
    let mut rows: Vec<VisitRow> = (1..12).map(|day| row(Visit::NOTE_CHARACTERS_MAX, day)).collect();
    rows.push(row(Visit::NOTE_CHARACTERS_MAX + 1, 20));
    let import = ImportVisits { rows, today: today(), dry_run: false };
    let outcomes = county.asks(VILLAGES[0], import).unwrap().outcomes;
    let (last, others) = outcomes.split_last().unwrap();
    assert!(matches!(last, RowOutcome::Rejected { .. }), "{last:?}");
    for outcome in others {
        assert!(matches!(outcome, RowOutcome::New { gaps, .. } if gaps.is_empty()), "{outcome:?}");
    }
    assert_eq!(county.shows(VILLAGES[0], &file.to_string()).visits.len(), 11);
}

fn choice<C: Choice + std::fmt::Debug>() -> impl Strategy<Value = C> {
    proptest::sample::select(C::ALL.to_vec())
}

fn set<C: Choice + Ord + std::fmt::Debug>() -> impl Strategy<Value = BTreeSet<C>> {
    prop::collection::btree_set(choice::<C>(), 0..3)
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[=+@一二三 0-9a、-]{1,5}")
}

fn name() -> impl Strategy<Value = String> {
    "[张李]?[一二三=、]{1,2}"
}

fn date() -> impl Strategy<Value = Option<NaiveDate>> {
    prop::option::of((1i32..2000).prop_map(|days| {
        NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + chrono::Duration::days(days.into())
    }))
}

fn value(field: Field) -> BoxedStrategy<Option<String>> {
    match field.spec().kind {
        Kind::Text(_) => {
            text().prop_map(move |text| Some(field.value(&text?).ok()?.as_str().to_owned())).boxed()
        }
        Kind::Date => date().prop_map(|date| date.map(|date| date.to_string())).boxed(),
        Kind::Division => prop::option::of(Just(VILLAGES[0].to_owned())).boxed(),
        Kind::ResidentId => Just(None).boxed(),
        Kind::Number(limit) => prop::option::of((0..=limit).prop_map(|n| n.to_string())).boxed(),
        Kind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| word.0.to_owned()).collect();
            prop::option::of(proptest::sample::select(words)).boxed()
        }
    }
}

prop_compose! {
    fn row()(
        values in Field::ALL.iter().map(|field| value(*field)).collect::<Vec<_>>(),
        village in 0..2usize,
        supporters in prop::collection::vec((name(), text(), text(), choice(), date(), choice()), 0..3),
        members in prop::collection::vec((name(), text()), 0..3),
        contacts in prop::collection::vec((name(), text(), prop::option::of(1u16..4)), 0..3),
        devices in prop::collection::vec((choice(), text()), 0..3),
        pairings in prop::collection::vec((name(), choice(), date(), date()), 0..3),
        sets in (set(), set(), set(), set(), set()),
        steps in prop::collection::btree_map(
            choice::<EntitlementKind>(), (choice::<EntitlementState>(), date()), 0..3,
        ),
        agreement in prop::option::of((choice(), date(), text(), text(), choice(), text())),
        plain in (any::<Option<bool>>(), any::<Option<bool>>(), any::<bool>()),
    ) -> LedgerRow {
        let scope = code(VILLAGES[village]);
        let mut row = LedgerRow::new(scope);
        for (field, value) in Field::ALL.iter().zip(values) {
            row.fields.extend(value.map(|value| (*field, value)));
        }
        row.fields.insert(Field::Name, "周国强".into());
        row.fields.insert(Field::ResidenceCode, scope.to_string());
        for (name, relation, whereabouts, capacity, left, reason) in supporters {
            if let Some(left) = left {
                row.absences.push(Absence {
                    supporter: name.clone(), left: Some(left), returned: None, destination: None, reason,
                });
            }
            row.supporters.push(Supporter { name, relation, whereabouts, phone: None, capacity });
        }
        row.members = members.into_iter().map(|(name, relation)| Member { name, relation }).collect();
        for (name, phone, rank) in contacts {
            let (other, number) = (name.clone(), phone.clone());
            row.guardian_contacts.push(GuardianContact { name, phone, rank });
            row.emergency_contacts.push(EmergencyContact { name: other, phone: number, rank: None });
        }
        row.devices = devices.into_iter().map(|(kind, serial)| Device { kind, serial }).collect();
        row.pairings = pairings
            .into_iter()
            .map(|(helper, kind, from, until)| Pairing { helper, kind, from, until })
            .collect();
        (row.income_sources, row.conditions, row.hazards, row.service_needs, row.special_categories) =
            sets;
        row.entitlements = steps
            .into_iter()
            .map(|(kind, (state, date))| Entitlement { kind, state, date })
            .collect();
        row.agreement_event =
            agreement.map(|(event, date, supporter, caretaker, elder_consent, note)| Agreement {
                event, date, supporter, caretaker, elder_consent, note,
            });
        (row.agreement, row.subsistence_allowance, row.pairing_kinds_stated) = plain;
        row
    }
}

fn import(county: &mut County, rows: Vec<LedgerRow>) -> Vec<RowOutcome> {
    let now = county.now();
    Import { rows, dry_run: false }.execute(county.engine(COUNTY), now).unwrap().outcomes
}

fn export(county: &mut County) -> Vec<LedgerRow> {
    let now = county.now();
    let request =
        ExportElders { scope: None, elder: None, after: None, as_of: today(), whole_ids: true };
    let exported = request.execute(county.engine(COUNTY), now).unwrap();
    exported.elders.into_iter().map(|elder| elder.row).collect()
}

/// Numbers that belong to nobody: without them namesakes of one village are one person to a county
/// that has never seen their files.
const NUMBERS: [&str; 3] = ["990121194203150047", "99012119420315008X", "990121194802119834"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_exported_changes_nothing_and_makes_equal_records(
        rows in prop::collection::vec(row(), 1..4),
    ) {
        let mut county = County::begin(COUNTY);
        let rows: Vec<LedgerRow> = rows
            .into_iter()
            .zip(NUMBERS)
            .map(|(mut row, number)| {
                row.fields.insert(Field::ResidentId, number.into());
                row
            })
            .collect();
        let outcomes = import(&mut county, rows);
        let new = |outcome: &RowOutcome| matches!(outcome, RowOutcome::New { .. });
        prop_assert!(outcomes.iter().all(new), "{outcomes:?}");
        let exported = export(&mut county);
        for outcome in import(&mut county, exported.clone()) {
            prop_assert!(matches!(outcome, RowOutcome::Unchanged { .. }), "{outcome:?}");
        }
        // Without the numbers the files are found by their ids.
        let mut masked = exported.clone();
        masked.iter_mut().for_each(|row| drop(row.fields.remove(&Field::ResidentId)));
        for outcome in import(&mut county, masked) {
            prop_assert!(matches!(outcome, RowOutcome::Unchanged { .. }), "{outcome:?}");
        }
        let mut other = County::elsewhere(COUNTY);
        import(&mut other, exported.clone());
        let without_id = |rows: Vec<LedgerRow>| {
            let mut rows: Vec<LedgerRow> =
                rows.into_iter().map(|row| LedgerRow { file: None, ..row }).collect();
            rows.sort_by_key(|row| row.fields.get(&Field::ResidentId).cloned());
            rows
        };
        prop_assert_eq!(without_id(export(&mut other)), without_id(exported));
    }
}

#[test]
fn a_row_of_an_unknown_file_is_matched_like_any_other() {
    let mut county = County::begin(COUNTY);
    let mut row = LedgerRow::new(code(VILLAGES[0]));
    row.fields.insert(Field::Name, "周国强".into());
    row.fields.insert(Field::BirthDate, "1942-03-15".into());
    row.file = Some(ElderId([9; 16]));
    assert!(matches!(import(&mut county, vec![row.clone()])[0], RowOutcome::New { .. }));
    assert!(matches!(import(&mut county, vec![row.clone()])[0], RowOutcome::Unchanged { .. }));
    // A file that is here, in a row of another village, has to be moved and not written.
    let elder = export(&mut county)[0].file;
    let moved = LedgerRow { file: elder, scope: code(VILLAGES[1]), ..row };
    let outcome = &import(&mut county, vec![moved])[0];
    let RowOutcome::Rejected { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, "filed_in_another_village");
}

/// A birth that has not come is a gap, and the rest of the row comes in.
#[test]
fn a_birth_date_to_come_is_a_gap() {
    let mut county = County::begin(COUNTY);
    county.sets_clocks(1_795_233_600_000);
    county.grant(COUNTY, VILLAGES[0]);
    county.connect(COUNTY, VILLAGES[0]);
    county.settle();
    let mut row = LedgerRow::new(code(VILLAGES[0]));
    row.fields.insert(Field::Name, "周国强".into());
    row.fields.insert(Field::BirthDate, "2052-02-03".into());
    let outcome = &import(&mut county, vec![row])[0];
    let RowOutcome::New { gaps, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((&*gaps[0].field, &*gaps[0].reason), ("birth_date", "value"));
    let row = &export(&mut county)[0];
    assert_eq!(row.fields.get(&Field::Name).map(String::as_str), Some("周国强"));
    assert!(!row.fields.contains_key(&Field::BirthDate));
}

#[test]
fn a_department_certifies_and_nothing_else() {
    const DEPARTMENT: &str = "县残联";
    let mut county = County::begin(COUNTY);
    county.grant_as(COUNTY, COUNTY, DEPARTMENT, Some(Role::Department));
    county.connect(COUNTY, DEPARTMENT);
    let mut row = LedgerRow::new(code(VILLAGES[0]));
    row.fields.insert(Field::Name, "周国强".into());
    row.fields.insert(Field::ResidentId, NUMBERS[0].into());
    row.fields.insert(Field::DisabilityGrade, "G3".into());
    import(&mut county, vec![row.clone()]);
    county.settle();
    let certificate = |grade: &str| CertificateRow {
        resident_id: NUMBERS[0].into(),
        fields: [(Field::DisabilityGrade, grade.to_owned())].into(),
        conditions: [Condition::Diabetes].into(),
        entitlements: Vec::new(),
        health_checks: Vec::new(),
        special_categories: BTreeSet::new(),
    };
    let certify = |county: &mut County, grade: &str| {
        let now = county.now();
        let rows = vec![certificate(grade)];
        let request = ImportCertificates { rows, dry_run: false };
        let imported = request.execute(county.engine(DEPARTMENT), now).unwrap();
        county.settle();
        imported.outcomes
    };
    assert!(matches!(certify(&mut county, "G1")[0], RowOutcome::Changed { .. }));
    // What the village says too is certified all the same, once.
    let outcomes = certify(&mut county, "G3");
    let [RowOutcome::Changed { differences, .. }] = outcomes.as_slice() else { panic!() };
    assert_eq!(differences[0].old["value"], "G1");
    assert!(matches!(certify(&mut county, "G3")[0], RowOutcome::Unchanged { .. }));
    let elder = export(&mut county)[0].file.unwrap().to_string();
    let shown = county.shows(COUNTY, &elder);
    let grade = county::field(&shown, Field::DisabilityGrade);
    assert_eq!((grade.value.as_str(), grade.part.as_str()), ("G3", "Registry"));
    assert!(shown.unsettled.is_empty(), "{:?}", shown.unsettled);
    // A ledger is no department's.
    let now = county.now();
    let outcomes =
        Import { rows: vec![row], dry_run: false }.execute(county.engine(DEPARTMENT), now).unwrap();
    let RowOutcome::Rejected { reason, .. } = &outcomes.outcomes[0] else { panic!() };
    assert_eq!(reason, "no_right");
    county.verify_all();
}

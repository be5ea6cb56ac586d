//! What is written is read again as it was, whatever stands in it.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use proptest::prelude::*;
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::element::{
    Absence, Agreement, Device, EmergencyContact, Entitlement, GuardianContact, Maintainer, Member,
    Pairing, Supporter,
};
use shouwang_crdt_schema::field::{Field, Kind};
use shouwang_crdt_schema::ledger_row::{LedgerRow, stands};
use shouwang_crdt_schema::record::{Choice, ElderId, EntitlementKind, EntitlementState};

use super::*;

fn code(text: &str) -> DivisionCode {
    text.parse().unwrap()
}

fn places() -> Places {
    let places = [
        ("990121000000", "霁川县"),
        ("990121101000", "松雾镇"),
        ("990121101203", "新村"),
        ("990121101204", "下禾村"),
        ("990121200000", "清荷乡"),
        // A namesake of a village in another township.
        ("990121200201", "新村"),
    ];
    Places::new(places.map(|(number, name)| (code(number), name.to_owned())))
}

/// Texts that have harmed spreadsheets and readers of them.
fn text() -> impl Strategy<Value = String> {
    let odd = [
        "=1+1",
        "=cmd|'/c calc'!A1",
        "+86 139",
        "-5",
        "@here",
        "'=1",
        "''x",
        "'",
        "=\"0123\"",
        "0831",
        "13900000000",
        "990121194203150047",
        "1.39E+10",
        "2026-9-1",
        "2020年3月",
        "无",
        "不详",
        "合计",
        "-",
        "/",
        "——",
        "a,b;c、d",
        "a\nb",
        "\"quoted\"",
        "back\\slash\\",
        "，；",
        "ＡＢＣ１２３",
        "<b>&",
        "TRUE",
        "#REF!",
        "张　三",
        "_x000D_",
        "_x0041_",
        "\u{200b}零宽",
        "e\u{301}",
        "👵",
        "本村",
        "新村",
        "姓名",
        "填表人：张三",
        "否",
        "是",
    ];
    prop_oneof![
        3 => proptest::sample::select(odd.to_vec()).prop_map(str::to_owned),
        2 => "[一-龥]{1,6}",
        1 => "[ -~、，；\n一二]{1,12}",
    ]
}

fn date() -> impl Strategy<Value = NaiveDate> {
    (0u64..140_000)
        .prop_map(|days| NaiveDate::from_ymd_opt(1800, 1, 1).unwrap() + chrono::Days::new(days))
}

fn choice<C: Choice + std::fmt::Debug>() -> impl Strategy<Value = C> {
    proptest::sample::select(C::ALL.to_vec())
}

fn set<C: Choice + Ord + std::fmt::Debug>() -> impl Strategy<Value = BTreeSet<C>> {
    prop::collection::btree_set(choice::<C>(), 0..4)
}

fn maybe(of: impl Strategy<Value = String>) -> impl Strategy<Value = Option<String>> {
    // What is only white space says nothing in a cell.
    prop::option::of(of).prop_map(|text| text.filter(|text| !text.chars().all(cell::is_blank)))
}

fn named() -> impl Strategy<Value = String> {
    text().prop_filter("somebody", |text| !text.chars().all(cell::is_blank))
}

fn value(field: Field) -> BoxedStrategy<Option<String>> {
    let fits = move |text: &String| field.value(text).ok().map(|value| value.as_str().to_owned());
    match field.spec().kind {
        Kind::Text(_) => maybe(text()).prop_map(move |text| text.as_ref().and_then(fits)).boxed(),
        Kind::Date => prop::option::of(date()).prop_map(|date| date.map(|d| d.to_string())).boxed(),
        Kind::Division => proptest::sample::select(vec![
            None,
            Some("990121101203".to_owned()),
            Some("990121200201".to_owned()),
            Some("530721000000".to_owned()),
            Some("990121000000".to_owned()),
        ])
        .boxed(),
        Kind::ResidentId => {
            proptest::sample::select(vec![None, Some("99012119420315008X".to_owned())]).boxed()
        }
        Kind::Number(limit) => {
            prop::option::of(0..=limit).prop_map(|number| number.map(|n| n.to_string())).boxed()
        }
        Kind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| word.0.to_owned()).collect();
            prop::option::of(proptest::sample::select(words))
                .prop_map(move |word| {
                    word.filter(|word| !field.is_unknown(&field.value(word).unwrap()))
                })
                .boxed()
        }
    }
}

prop_compose! {
    fn supporter()(
        name in named(), relation in maybe(text()), whereabouts in maybe(text()),
        phone in maybe(text()), capacity in choice(),
    ) -> Supporter {
        Supporter { name, relation, whereabouts, phone, capacity }
    }
}

prop_compose! {
    fn people()(
        supporters in prop::collection::vec(supporter(), 0..4),
        away in prop::collection::vec(
            prop::option::of((prop::option::of(date()), prop::option::of(date()), any::<bool>(), choice())),
            4,
        ),
        members in prop::collection::vec((named(), maybe(text())), 0..3),
        maintainers in prop::collection::vec((named(), maybe(text())), 0..2),
        guardians in prop::collection::vec((named(), maybe(text()), prop::option::of(0u16..9)), 0..3),
        emergency in prop::collection::vec((named(), maybe(text()), prop::option::of(0u16..9)), 0..3),
        pairings in prop::collection::vec(
            (named(), choice(), prop::option::of(date()), prop::option::of(date())), 0..3,
        ),
        devices in prop::collection::vec((choice(), maybe(text())), 0..3),
    ) -> LedgerRow {
        let mut row = LedgerRow::new(code("990121101203"));
        for (supporter, away) in supporters.iter().zip(away) {
            let known = row.absences.iter().any(|absence| absence.supporter == supporter.name);
            if let Some((left, returned, near, reason)) = away.filter(|_| !known) {
                let destination = near.then(|| code("990121000000"));
                let supporter = supporter.name.clone();
                row.absences.push(Absence { supporter, left, returned, destination, reason });
            }
        }
        row.supporters = supporters;
        row.members =
            members.into_iter().map(|(name, relation)| Member { name, relation }).collect();
        row.maintainers =
            maintainers.into_iter().map(|(name, relation)| Maintainer { name, relation }).collect();
        row.guardian_contacts = guardians
            .into_iter()
            .map(|(name, phone, rank)| GuardianContact { name, phone, rank })
            .collect();
        row.emergency_contacts = emergency
            .into_iter()
            .map(|(name, phone, rank)| EmergencyContact { name, phone, rank })
            .collect();
        row.pairings = pairings
            .into_iter()
            .map(|(helper, kind, from, until)| Pairing { helper, kind, from, until })
            .collect();
        row.devices =
            devices.into_iter().map(|(kind, serial)| Device { kind, serial }).collect();
        row
    }
}

prop_compose! {
    fn row()(
        people in people(),
        values in Field::ALL.iter().map(|field| value(*field)).collect::<Vec<_>>(),
        income_sources in set(), conditions in set(), hazards in set(), service_needs in set(),
        special_categories in set(),
        steps in prop::collection::btree_map(
            choice::<EntitlementKind>(),
            (choice::<EntitlementState>(), prop::option::of(date())),
            0..4,
        ),
        agreement in prop::option::of((
            choice(), prop::option::of(date()), maybe(text()), maybe(text()), choice(), maybe(text()),
        )),
        village in proptest::sample::select(vec![
            "990121101203", "990121101204", "990121200201", "990121101000", "990121101299",
        ]),
        file in any::<[u8; 16]>(),
    ) -> LedgerRow {
        let mut row = people;
        row.file = Some(ElderId(file));
        row.scope = code(village);
        for (field, value) in Field::ALL.iter().zip(values) {
            row.fields.extend(value.map(|value| (*field, value)));
        }
        row.fields.entry(Field::Name).or_insert_with(|| "周国强".into());
        // Years that no ledger of living people has are read all the same.
        row.income_sources = income_sources;
        row.conditions = conditions;
        row.hazards = hazards;
        row.service_needs = service_needs;
        row.special_categories = special_categories;
        row.entitlements = steps
            .into_iter()
            .map(|(kind, (state, date))| Entitlement {
                kind,
                state,
                date: date.filter(|day| (1900..2200).contains(&chrono::Datelike::year(day))),
            })
            .collect();
        row.pairing_kinds_stated = true;
        row.agreement_event =
            agreement.map(|(event, date, supporter, caretaker, elder_consent, note)| Agreement {
                event, date, supporter, caretaker, elder_consent, note,
            });
        row.agreement = row.agreement_event.as_ref().map(|event| stands(event.event));
        let allowance = row.entitlements.iter();
        let allowance = allowance.filter(|s| s.kind == EntitlementKind::SubsistenceAllowance);
        row.subsistence_allowance = allowance.map(|step| step.state).find_map(|state| match state {
            EntitlementState::Receiving => Some(true),
            EntitlementState::Ended => Some(false),
            _ => None,
        });
        row
    }
}

/// What a row says once it is read: an allowance that is simply received has no step of its own,
/// a number as written that reads as valid is written beside, a number of which only the last four
/// are shown says nothing (what the file has of it stays), and absences come as their supporters do.
fn said(row: &LedgerRow) -> LedgerRow {
    let mut said = row.clone();
    said.fields
        .retain(|field, text| *field != Field::ResidentIdAsWritten || !super::row::is_masked(text));
    said.entitlements.retain(|step| {
        step.kind != EntitlementKind::SubsistenceAllowance
            || step.date.is_some()
            || !matches!(step.state, EntitlementState::Receiving | EntitlementState::Ended)
    });
    said.pairing_kinds_stated = !row.pairings.is_empty();
    // An absence stands beside the first supporter of its name.
    said.absences.sort_by_key(|absence| {
        row.supporters.iter().position(|supporter| supporter.name == absence.supporter)
    });
    said
}

fn heading() -> Heading {
    Heading {
        title: "松雾镇台账".into(), unit: "=松雾镇".into(), date: "2026年9月1日".into()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_ledger_is_read_as_it_was_written(
        rows in prop::collection::btree_map(any::<[u8; 16]>(), row(), 1..4),
        workbook in any::<bool>(),
    ) {
        let rows: Vec<LedgerRow> = rows
            .into_iter()
            .map(|(file, row)| LedgerRow { file: Some(ElderId(file)), ..row })
            .collect();
        let area = Area(code("990121000000"));
        let written = Written::new(&rows, &places(), area);
        let (name, bytes) = match workbook {
            true => ("台账.xlsx", written.workbook(&heading()).unwrap()),
            false => ("台账.csv", written.text(&heading()).unwrap()),
        };
        let reading = read(name, &bytes, &places(), area).unwrap();
        prop_assert!(reading.rejected.is_empty() && reading.skipped.is_empty(), "{reading:?}");
        prop_assert!(reading.unknown_columns.is_empty(), "{:?}", reading.unknown_columns);
        let read: Vec<LedgerRow> =
            reading.accepted.iter().map(|row| row.ledger_row.clone()).collect();
        let expected: Vec<LedgerRow> = rows.iter().map(said).collect();
        prop_assert_eq!(&read, &expected);
        if !workbook {
            let text = decode(&bytes).unwrap();
            for record in csv_rows(&text) {
                for field in record.unwrap().1.iter() {
                    prop_assert!(!cell::is_evaluated(field), "{field}");
                }
            }
        }
    }
}

#[test]
fn masked_numbers_are_no_numbers_and_no_gaps() {
    let masked =
        [(Field::ResidentId, "**************0047"), (Field::ResidentIdAsWritten, "*a；Aa")];
    for (field, number) in masked {
        let mut row = LedgerRow::new(code("990121101204"));
        row.file = Some(ElderId([7; 16]));
        row.fields.insert(Field::Name, "周国强".into());
        row.fields.insert(Field::ResidenceCode, "990121101204".into());
        row.fields.insert(field, number.into());
        let area = Area(code("990121000000"));
        let written = Written::new(&[row], &places(), area).text(&heading()).unwrap();
        let reading = read("台账.csv", &written, &places(), area).unwrap();
        let read = &reading.accepted[0].ledger_row;
        assert_eq!((read.field(field), read.file), (None, Some(ElderId([7; 16]))));
        assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
    }
}

#[test]
fn what_offices_call_a_file_is_no_id_of_one() {
    let text = "姓名,性别,所在村,身份证号码,档案编号\n周国强,男,下禾村,,0017\n";
    let reading = read("一.csv", text.as_bytes(), &places(), Area(code("990121000000"))).unwrap();
    assert_eq!(reading.accepted[0].ledger_row.file, None);
    assert!(reading.gaps.iter().any(|gap| gap.field == Column::File));
}

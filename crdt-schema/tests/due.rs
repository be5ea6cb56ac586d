//! Which lists an elder stands on, row by row.

use automerge::Change;
use chrono::NaiveDate;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document;
use shouwang_crdt_schema::edit::{Action, Edit, write_change};
use shouwang_crdt_schema::element::{Agreement, HealthCheck, IncidentEvent, Review, RosterEvent};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{
    AgreementEvent, ElderId, ExitReason, IncidentId, IncidentKind, IncidentStep, ReviewOutcome,
    RosterStep, YesNo,
};
use shouwang_crdt_schema::report::due::{DueDetails, DueItem, DueList, DueWhy, Gap, due_items};
use shouwang_crdt_schema::rules::agreement::AgreementStanding;
use shouwang_crdt_schema::rules::alert::Alert;
use shouwang_crdt_schema::rules::facts::ElderFacts;
use shouwang_crdt_schema::rules::ruleset::Ruleset;
use shouwang_crdt_schema::view::{ElderView, PartView};
use shouwang_crdt_schema::visit::Visit;

const VILLAGE: &str = "990121101203";
const ELDER: ElderId = ElderId([1; 16]);

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A file with these edits, one change each.
fn file(edits: Vec<Edit>) -> ElderView {
    let scope: DivisionCode = VILLAGE.parse().unwrap();
    let mut parts: Vec<(Part, automerge::Automerge)> = Vec::new();
    for (nth, Edit { part, action }) in edits.into_iter().enumerate() {
        let id = DocumentId::elder(ELDER, part);
        if !parts.iter().any(|(known, _)| *known == part) {
            parts.push((part, document::genesis(scope, &id)));
        }
        let (_, document) = parts.iter_mut().find(|(known, _)| *known == part).unwrap();
        let actor = [u8::try_from(nth).unwrap() + 1; 16];
        let change = write_change(document, scope, &id, actor, &[action]).unwrap().unwrap();
        document.apply_changes([Change::from_bytes(change).unwrap()]).unwrap();
    }
    let views = parts
        .iter()
        .filter_map(|(part, document)| PartView::read(document, &DocumentId::elder(ELDER, *part)));
    ElderView::new(ELDER, views.collect::<Vec<_>>())
}

fn set(part: Part, field: Field, text: &str) -> Edit {
    Edit { part, action: Action::Set { field, value: field.value(text).unwrap() } }
}

/// A file of somebody of 70 in good health, of whom everything is known but the supporters.
fn known() -> Vec<Edit> {
    vec![
        set(Part::Card, Field::Name, "周国强"),
        set(Part::Card, Field::BirthDate, "1956-03-15"),
        set(Part::Card, Field::ResidentId, "990121194203150047"),
        set(Part::Card, Field::HukouCode, VILLAGE),
        set(Part::Card, Field::ResidenceCode, VILLAGE),
        set(Part::Card, Field::LivingArrangement, "SpouseOnly"),
        set(Part::Card, Field::CareConsent, "Consented"),
        set(Part::Card, Field::Phone, "13377009236"),
        set(Part::Ledger, Field::AbilityLevel, "Intact"),
    ]
}

fn visit(date: &str) -> Edit {
    Edit::insert(Part::Journal(2026), &Visit::on(day(date)))
}

fn review(date: &str) -> Edit {
    let (date, outcome) = (day(date), ReviewOutcome::NoChange);
    Edit::insert(Part::Journal(2026), &Review { date, outcome, reviewer: None, note: None })
}

fn filed() -> Edit {
    let agreement = Agreement {
        event: AgreementEvent::Filed,
        date: Some(day("2026-01-05")),
        supporter: None,
        caretaker: None,
        elder_consent: YesNo::Yes,
        note: None,
    };
    Edit::insert(Part::Card, &agreement)
}

fn check(year: u16) -> Edit {
    let check = HealthCheck {
        year,
        date: None,
        lifestyle_assessment: true,
        physical: true,
        auxiliary_tests: true,
        guidance: true,
        clinic: None,
    };
    Edit::insert(Part::Registry, &check)
}

fn died(date: &str) -> Edit {
    let event = RosterEvent {
        step: RosterStep::Left,
        date: day(date),
        entry_reason: None,
        exit_reason: Some(ExitReason::Deceased),
        note: None,
    };
    Edit::insert(Part::Card, &event)
}

fn raised(date: &str) -> Edit {
    let event = IncidentEvent {
        step: IncidentStep::Raised,
        kind: Some(IncidentKind::Wandering),
        date: day(date),
        time: None,
        place: None,
        by: None,
        note: None,
    };
    Edit::insert(Part::Incident(IncidentId([2; 16])), &event)
}

fn items(edits: Vec<Edit>, as_of: &str) -> Vec<DueItem> {
    let view = file(edits);
    let scope = VILLAGE.parse().unwrap();
    let facts = ElderFacts::of(&view).in_scope(scope);
    due_items(&DueDetails::of(&view), &facts, scope, &Ruleset::default(), day(as_of))
}

/// The lists, each with the day by which it is to be done and the days late.
fn lists(edits: Vec<Edit>, as_of: &str) -> Vec<(DueList, Option<NaiveDate>, Option<u32>)> {
    let mut lists: Vec<_> =
        items(edits, as_of).into_iter().map(|item| (item.list, item.by, item.days_late)).collect();
    lists.sort();
    lists
}

#[test]
fn lists_row_by_row() {
    use DueList::{Agreements, Alerts, Checks, Due, Overdue, Refresh};
    let with = |more: Vec<Edit>| [known(), more].concat();
    let complete = || vec![visit("2026-09-03"), review("2026-08-01"), filed(), check(2026)];
    type Line = (DueList, Option<&'static str>, Option<u32>);
    // (source, edits, as of, lists but for gaps)
    let cases: Vec<(&str, Vec<Edit>, &str, Vec<Line>)> = vec![
        ("everything is done", with(complete()), "2026-09-20", vec![]),
        (
            "R3, Lijiang 2024 item 12: a new month, a new visit",
            with(complete()),
            "2026-10-01",
            vec![(Due, Some("2026-10-31"), None), (Refresh, Some("2026-12-31"), None)],
        ),
        (
            "R3: the month has gone by without a visit",
            with(complete()),
            "2026-11-02",
            vec![
                (Overdue, Some("2026-10-31"), Some(2)),
                (Due, Some("2026-11-30"), None),
                (Refresh, Some("2026-12-31"), None),
            ],
        ),
        (
            "R5, Lijiang 2024 item 7: no agreement",
            with(vec![visit("2026-09-03"), review("2026-08-01"), check(2026)]),
            "2026-09-20",
            vec![(Agreements, None, None)],
        ),
        (
            "Ziyang 2018 (5): no check this year, and none last year",
            with(vec![visit("2026-09-03"), review("2026-08-01"), filed()]),
            "2026-09-20",
            vec![(Checks, Some("2025-12-31"), Some(263))],
        ),
        (
            "Ziyang 2018 (5): last year's is there",
            with(vec![visit("2026-09-03"), review("2026-08-01"), filed(), check(2025)]),
            "2026-09-20",
            vec![(Checks, Some("2026-12-31"), None)],
        ),
        ("R9: who has died is on no list", with(vec![died("2026-09-01")]), "2026-09-20", vec![]),
        (
            "R8: an incident is answered all the same",
            with(vec![raised("2026-08-01"), died("2026-09-01")]),
            "2026-09-20",
            vec![(Alerts, Some("2026-08-02"), Some(49))],
        ),
    ];
    for (source, edits, as_of, expected) in cases {
        let mut expected: Vec<_> =
            expected.into_iter().map(|(list, by, late)| (list, by.map(day), late)).collect();
        expected.sort();
        let mut found = lists(edits, as_of);
        found.retain(|(list, ..)| *list != DueList::Gaps);
        assert_eq!(found, expected, "{source}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let gaps = |edits: Vec<Edit>| -> Vec<Gap> {
        let items = items(edits, "2026-09-20");
        let gaps = items.iter().filter(|item| item.list == DueList::Gaps);
        gaps.flat_map(|item| &item.why)
            .map(|why| match why {
                DueWhy::Gap(gap) => *gap,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    // A name and nothing else.
    let bare = gaps(vec![set(Part::Card, Field::Name, "周国强")]);
    for gap in [Gap::CareGroup, Gap::BirthDate, Gap::ResidentId, Gap::CareConsent, Gap::Contact] {
        assert!(bare.contains(&gap), "{gap:?} {bare:?}");
    }
    let with = |field, text: &str| [known(), vec![set(Part::Card, field, text)]].concat();
    assert!(!gaps(known()).contains(&Gap::CareGroup));
    assert!(gaps(with(Field::CareConsent, "NotAsked")).contains(&Gap::CareConsent));
    assert!(gaps(with(Field::LivingArrangement, "Unknown")).contains(&Gap::LivingArrangement));
}

#[test]
fn agreements_and_alerts_say_why() {
    let alone = set(Part::Card, Field::LivingArrangement, "Alone");
    let severe = set(Part::Ledger, Field::AbilityLevel, "Severe");
    let found = items([known(), vec![alone, severe]].concat(), "2026-09-20");
    let why = |list: DueList| -> Vec<DueWhy> {
        found.iter().filter(|item| item.list == list).flat_map(|item| item.why.clone()).collect()
    };
    assert_eq!(why(DueList::Alerts), [DueWhy::Alert(Alert::LoneLiving)]);
    assert_eq!(why(DueList::Agreements), [DueWhy::Agreement(AgreementStanding::NothingNoted)]);
}

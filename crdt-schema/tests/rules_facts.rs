//! The facts of real documents: what two people wrote apart and merged, through a view to a rule.

use chrono::{NaiveDate, NaiveTime};
use shouwang_crdt_schema::automerge::{Automerge, Change};
use shouwang_crdt_schema::division::{DivisionCode, Level};
use shouwang_crdt_schema::document;
use shouwang_crdt_schema::edit::{Action, Edit, write_change};
use shouwang_crdt_schema::element::{
    Absence, Agreement, IncidentEvent, List, Maintainer, Review, RosterEvent, Supporter,
};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{
    AbsenceReason, AgreementEvent, CareGroup, Condition, ElderId, EntryReason, ExitReason,
    IncidentId, IncidentKind, IncidentStep, ReviewOutcome, RosterStep, SpecialCategory,
    SupportCapacity, YesNo,
};
use shouwang_crdt_schema::rules::agreement::AgreementStanding;
use shouwang_crdt_schema::rules::alert::Alert;
use shouwang_crdt_schema::rules::eligibility::{Eligibility, MissingFact, NotEligible};
use shouwang_crdt_schema::rules::escalation::IncidentState;
use shouwang_crdt_schema::rules::facts::ElderFacts;
use shouwang_crdt_schema::rules::roster::RosterStanding;
use shouwang_crdt_schema::rules::ruleset::Ruleset;
use shouwang_crdt_schema::view::{ElderView, PartView};
use shouwang_crdt_schema::visit::Visit;

const ELDER: ElderId = ElderId([7; 16]);

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn scope() -> DivisionCode {
    "990121101203".parse().unwrap()
}

/// One person's copy of one part.
#[derive(Clone)]
struct Copy {
    part: Part,
    actor: u8,
    document: Automerge,
}

impl Copy {
    fn new(part: Part) -> Self {
        let id = DocumentId::elder(ELDER, part);
        Self { part, actor: 1, document: document::genesis(scope(), &id) }
    }

    /// The copy of another person.
    fn by(&self, actor: u8) -> Self {
        Self { actor, ..self.clone() }
    }

    fn writes(&mut self, edits: Vec<Edit>) {
        let id = DocumentId::elder(ELDER, self.part);
        let actions: Vec<Action> = edits.into_iter().map(|edit| edit.action).collect();
        let change =
            write_change(&self.document, scope(), &id, [self.actor; 16], &actions).unwrap();
        self.document.apply_changes([Change::from_bytes(change.unwrap()).unwrap()]).unwrap();
    }

    fn sets(&mut self, field: Field, text: &str) {
        self.writes(vec![Edit::set(self.part, field, field.value(text).unwrap())]);
    }

    fn enters(&mut self, on: &str, reason: EntryReason) {
        self.writes(vec![Edit::insert(
            self.part,
            &RosterEvent {
                step: RosterStep::Entered,
                date: day(on),
                entry_reason: Some(reason),
                exit_reason: None,
                note: None,
            },
        )]);
    }

    fn leaves(&mut self, on: &str, reason: ExitReason) {
        self.writes(vec![Edit::insert(
            self.part,
            &RosterEvent {
                step: RosterStep::Left,
                date: day(on),
                entry_reason: None,
                exit_reason: Some(reason),
                note: None,
            },
        )]);
    }

    fn meets(&mut self, other: &mut Self) {
        self.document.merge(&mut other.document).unwrap();
        other.document.merge(&mut self.document).unwrap();
    }

    fn view(&self) -> PartView {
        PartView::read(&self.document, &DocumentId::elder(ELDER, self.part)).unwrap()
    }
}

fn facts(parts: &[&Copy]) -> ElderFacts {
    ElderFacts::of(&ElderView::new(ELDER, parts.iter().map(|part| part.view())))
}

fn is_on(card: &Copy, on: &str) -> bool {
    facts(&[card]).standing(day(on)).is_on()
}

#[test]
fn an_entry_and_an_exit_written_apart_leave_the_elder_on_the_roster() {
    let mut clerk = Copy::new(Part::Card);
    clerk.enters("2025-01-01", EntryReason::FirstSurvey);
    let mut helper = clerk.by(2);
    clerk.leaves("2026-05-01", ExitReason::SupporterReturned);
    helper.enters("2026-05-01", EntryReason::SupporterLeft);
    assert!(!is_on(&clerk, "2026-09-01"));
    clerk.meets(&mut helper);
    assert!(is_on(&clerk, "2026-09-01") && is_on(&helper, "2026-09-01"));
    // Whoever has seen both has the last word.
    helper.leaves("2026-06-01", ExitReason::SupporterReturned);
    assert!(!is_on(&helper, "2026-09-01"));
}

#[test]
fn a_death_written_apart_prevails_and_can_be_taken_back() {
    let mut clerk = Copy::new(Part::Card);
    clerk.enters("2025-01-01", EntryReason::FirstSurvey);
    let mut helper = clerk.by(2);
    clerk.leaves("2026-05-01", ExitReason::Deceased);
    helper.enters("2026-05-02", EntryReason::SupporterLeft);
    clerk.meets(&mut helper);
    assert!(!is_on(&clerk, "2026-09-01"));
    let death = clerk
        .view()
        .elements::<RosterEvent>()
        .into_iter()
        .find(|event| event.element.exit_reason == Some(ExitReason::Deceased));
    clerk.writes(vec![Edit {
        part: Part::Card,
        action: Action::Retract { list: List::RosterEvents, element: death.unwrap().id },
    }]);
    assert!(is_on(&clerk, "2026-09-01"));
}

#[test]
fn one_person_s_exit_after_their_own_entry_is_an_exit() {
    // In one change, in two, and across a merge that brings other edits only.
    let mut clerk = Copy::new(Part::Card);
    clerk.enters("2025-01-01", EntryReason::FirstSurvey);
    clerk.leaves("2026-01-01", ExitReason::MovedOut);
    let mut helper = clerk.by(2);
    helper.sets(Field::Phone, "13900000001");
    clerk.enters("2026-02-01", EntryReason::ReEntry);
    clerk.meets(&mut helper);
    helper.leaves("2026-03-01", ExitReason::MovedOut);
    clerk.meets(&mut helper);
    for (on, expected) in [
        ("2024-12-31", false),
        ("2025-06-01", true),
        ("2026-01-15", false),
        ("2026-02-15", true),
        ("2026-03-01", false),
    ] {
        assert_eq!(is_on(&clerk, on), expected, "{on}");
    }
    let mut both = Copy::new(Part::Card);
    let event = |step, on: &str| RosterEvent {
        step,
        date: day(on),
        entry_reason: None,
        exit_reason: None,
        note: None,
    };
    both.writes(vec![
        Edit::insert(Part::Card, &event(RosterStep::Entered, "2025-01-01")),
        Edit::insert(Part::Card, &event(RosterStep::Left, "2025-01-01")),
    ]);
    assert!(!is_on(&both, "2025-01-01"));
}

#[test]
fn a_township_confirms_in_its_ledger() {
    let mut card = Copy::new(Part::Card);
    card.enters("2025-01-01", EntryReason::FirstSurvey);
    let mut ledger = Copy::new(Part::Ledger);
    let confirm = |part| {
        Edit::insert(
            part,
            &RosterEvent {
                step: RosterStep::Confirmed,
                date: day("2025-01-10"),
                entry_reason: None,
                exit_reason: None,
                note: None,
            },
        )
    };
    let confirmed =
        |card: &Copy, ledger: &Copy| match facts(&[card, ledger]).standing(day("2026-09-01")) {
            RosterStanding::On { confirmed, .. } => confirmed,
            other => panic!("{other:?}"),
        };
    // A village cannot confirm itself.
    card.writes(vec![confirm(Part::Card)]);
    assert!(!confirmed(&card, &ledger));
    ledger.writes(vec![confirm(Part::Ledger)]);
    assert!(confirmed(&card, &ledger));
}

fn supporter(name: &str, relation: &str, capacity: SupportCapacity) -> Supporter {
    Supporter {
        name: name.into(),
        relation: Some(relation.into()),
        whereabouts: None,
        phone: None,
        capacity,
    }
}

fn away(name: &str, left: &str) -> Absence {
    Absence {
        supporter: name.into(),
        left: Some(day(left)),
        returned: None,
        destination: Some("990300000000".parse().unwrap()),
        reason: AbsenceReason::Work,
    }
}

#[test]
fn a_file_becomes_eligible_as_it_fills() {
    let ruleset = Ruleset::default();
    let mut card = Copy::new(Part::Card);
    card.sets(Field::BirthDate, "1956-03-01");
    card.sets(Field::HukouCode, "990121101203");
    let answer =
        |card: &Copy| facts(&[card]).in_scope(scope()).eligibility(&ruleset, day("2026-09-01"));
    let Eligibility::Undetermined { missing } = answer(&card) else { panic!() };
    // The village that keeps the file stands for an address that nobody noted.
    assert_eq!(
        missing.iter().map(|missing| missing.fact).collect::<Vec<_>>(),
        [MissingFact::Supporters]
    );
    // A spouse at home is no supporter, also where a ledger calls her one.
    card.writes(vec![
        Edit::insert(Part::Card, &supporter("马桂香", "老伴", SupportCapacity::Capable)),
        Edit::insert(Part::Card, &away("马桂香", "2020-01-01")),
    ]);
    assert_eq!(answer(&card), Eligibility::NotEligible { reason: NotEligible::NoSupporter });
    card.writes(vec![
        Edit::insert(Part::Card, &supporter("卫德福", "长子", SupportCapacity::Capable)),
        Edit::insert(Part::Card, &away("卫德福", "2026-03-01")),
    ]);
    assert_eq!(answer(&card), Eligibility::Eligible);
    // Somebody who is away and stands in no list is a supporter of whom little is known.
    card.writes(vec![Edit::insert(
        Part::Card,
        &Absence { returned: Some(day("2026-05-01")), ..away("卫秀兰", "2026-01-01") },
    )]);
    let Eligibility::Undetermined { missing } = answer(&card) else { panic!() };
    assert_eq!(missing[0].supporter.as_deref(), Some("卫秀兰"));
    assert_eq!(missing[0].fact, MissingFact::Capacity);
}

#[test]
fn a_household_that_somebody_has_described_without_children_has_none() {
    let mut card = Copy::new(Part::Card);
    card.sets(Field::BirthDate, "1956-03-01");
    card.sets(Field::HukouCode, "990121101203");
    card.sets(Field::LivingArrangement, "Unknown");
    let answer = |card: &Copy| {
        facts(&[card]).in_scope(scope()).eligibility(&Ruleset::default(), day("2026-09-01"))
    };
    assert!(matches!(answer(&card), Eligibility::Undetermined { .. }));
    let mut with_spouse = card.clone();
    with_spouse.writes(vec![Edit::insert(
        Part::Card,
        &Maintainer { name: "马桂香".into(), relation: None },
    )]);
    card.sets(Field::LivingArrangement, "Alone");
    for card in [card, with_spouse] {
        assert_eq!(answer(&card), Eligibility::NotEligible { reason: NotEligible::NoSupporter });
    }
}

#[test]
fn two_people_who_enter_one_child_enter_one_child() {
    let mut clerk = Copy::new(Part::Card);
    let mut helper = clerk.by(2);
    clerk.writes(vec![Edit::insert(
        Part::Card,
        &supporter("卫德福", "长子", SupportCapacity::Unknown),
    )]);
    helper.writes(vec![
        Edit::insert(Part::Card, &supporter("卫德福", "长子", SupportCapacity::Incapable)),
        Edit::insert(Part::Card, &away("卫德福", "2026-03-01")),
    ]);
    clerk.meets(&mut helper);
    let supporters = facts(&[&clerk]).eligibility.supporters.unwrap();
    assert_eq!(supporters.len(), 1);
    assert_eq!(supporters[0].capacity, SupportCapacity::Incapable);
    assert_eq!(supporters[0].absences.len(), 1);
}

#[test]
fn every_rule_finds_its_facts() {
    let ruleset = Ruleset::default();
    let mut card = Copy::new(Part::Card);
    card.sets(Field::BirthDate, "1956-03-01");
    card.sets(Field::LivingArrangement, "Alone");
    card.sets(Field::CareConsent, "Declined");
    card.enters("2026-08-01", EntryReason::FirstSurvey);
    card.writes(vec![
        Edit::insert(Part::Card, &SpecialCategory::EmptyNest),
        Edit::insert(Part::Card, &Condition::Tuberculosis),
        Edit::insert(
            Part::Card,
            &Agreement {
                event: AgreementEvent::Filed,
                date: Some(day("2026-08-05")),
                supporter: None,
                caretaker: Some("李大嫂".into()),
                elder_consent: YesNo::Yes,
                note: None,
            },
        ),
    ]);
    let mut ledger = Copy::new(Part::Ledger);
    ledger.sets(Field::AbilityLevel, "Severe");
    let mut registry = Copy::new(Part::Registry);
    registry.sets(Field::DisabilityGrade, "G2");
    let mut journal = Copy::new(Part::Journal(2026));
    let mistaken = Visit::on(day("2026-09-05"));
    journal.writes(vec![
        Edit::insert(Part::Journal(2026), &Visit::on(day("2026-09-02"))),
        Edit::insert(Part::Journal(2026), &mistaken),
        Edit::insert(
            Part::Journal(2026),
            &Review {
                date: day("2026-08-10"),
                outcome: ReviewOutcome::NoChange,
                reviewer: None,
                note: None,
            },
        ),
    ]);
    let visits = journal.view().elements::<Visit>();
    let visit = visits.iter().find(|visit| visit.element == mistaken).unwrap();
    let taken_back = Action::Retract { list: List::Visits, element: visit.id.clone() };
    journal.writes(vec![Edit { part: Part::Journal(2026), action: taken_back }]);
    let mut incident = Copy::new(Part::Incident(IncidentId([3; 16])));
    incident.writes(vec![Edit::insert(
        incident.part,
        &IncidentEvent {
            step: IncidentStep::Raised,
            kind: Some(IncidentKind::SafetyRisk),
            date: day("2026-09-05"),
            time: NaiveTime::from_hms_opt(8, 0, 0),
            place: None,
            by: None,
            note: None,
        },
    )]);

    let facts = facts(&[&card, &ledger, &registry, &journal, &incident]);
    let as_of = day("2026-09-10");
    assert_eq!(facts.care_group(as_of), CareGroup::Key);
    let duty = facts.visit_duty(&ruleset, as_of).unwrap();
    assert_eq!((duty.required, duty.made, duty.declined), (2, 1, true));
    assert_eq!(facts.agreement(as_of), AgreementStanding::InForce);
    assert_eq!(facts.review_duty(&ruleset, as_of).unwrap().done_on, Some(day("2026-08-10")));
    assert_eq!(facts.alerts(&ruleset, as_of), [Alert::LoneLiving, Alert::AskChildToStay]);
    let categories: Vec<SpecialCategory> =
        facts.special_categories(&ruleset, as_of).into_iter().collect();
    assert_eq!(
        categories,
        [
            SpecialCategory::LivingAlone,
            SpecialCategory::EmptyNest,
            SpecialCategory::Impaired,
            SpecialCategory::SevereDisability,
        ]
    );
    let moment = as_of.and_hms_opt(9, 0, 0).unwrap();
    let open: Vec<_> = facts.incidents(Level::Village, &ruleset, moment).collect();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].1.state, open[0].1.escalated), (IncidentState::Open, true));
}

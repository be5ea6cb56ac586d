//! One full element of every list, and every word that may stand in one.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write};

use chrono::{NaiveDate, NaiveTime};
use shouwang_crdt_schema::element::{
    Absence, Agreement, BlacklistEntry, Device, Element, EmergencyContact, Entitlement,
    GuardianContact, HealthCheck, IncidentEvent, Maintainer, Member, Merge, Observation, Pairing,
    Review, RosterEvent, Service, SupportDuty, Supporter, TransferEvent,
};
use shouwang_crdt_schema::record::*;
use shouwang_crdt_schema::visit::{AreaReport, Visit};

fn element<E: Element + Debug + PartialEq>(text: &mut String, element: &E) {
    let stored = element.store();
    assert_eq!(E::read(&stored).as_ref(), Some(element), "it reads back");
    writeln!(text, "element {} {:?}", E::LIST.key(), stored.texts()).unwrap();
}

fn words<C: Choice>(text: &mut String) {
    let words: Vec<_> = C::ALL.iter().map(|word| word.as_str()).collect();
    let name = std::any::type_name::<C>().rsplit("::").next().unwrap();
    writeln!(text, "words {name} {words:?}").unwrap();
}

pub(crate) fn write(text: &mut String) {
    let date = NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
    let some = |text: &str| Some(text.to_owned());
    let place = "990121101203".parse().unwrap();
    let time = NaiveTime::from_hms_opt(9, 30, 0);
    let other = ElderId([5; 16]);
    element(text, &Member { name: "a".into(), relation: some("b") });
    element(
        text,
        &Supporter {
            name: "a".into(),
            relation: some("b"),
            whereabouts: some("c"),
            phone: some("d"),
            capacity: SupportCapacity::Capable,
        },
    );
    element(
        text,
        &Absence {
            supporter: "a".into(),
            left: Some(date),
            returned: Some(date),
            destination: Some(place),
            reason: AbsenceReason::Work,
        },
    );
    element(text, &Maintainer { name: "a".into(), relation: some("b") });
    element(
        text,
        &SupportDuty {
            date,
            supporter: some("a"),
            economic: DutyLevel::Failed,
            daily_care: DutyLevel::Partial,
            emotional: DutyLevel::Met,
            note: some("b"),
        },
    );
    element(
        text,
        &BlacklistEntry {
            step: BlacklistStep::Listed,
            supporter: "a".into(),
            date: Some(date),
            basis: some("b"),
        },
    );
    element(text, &GuardianContact { name: "a".into(), phone: some("b"), rank: Some(1) });
    element(text, &EmergencyContact { name: "a".into(), phone: some("b"), rank: Some(1) });
    element(text, &IncomeSource::Pension);
    element(
        text,
        &Entitlement {
            kind: EntitlementKind::SubsistenceAllowance,
            state: EntitlementState::Receiving,
            date: Some(date),
        },
    );
    element(text, &Condition::Diabetes);
    element(
        text,
        &HealthCheck {
            year: 2026,
            date: Some(date),
            lifestyle_assessment: true,
            physical: true,
            auxiliary_tests: true,
            guidance: true,
            clinic: some("a"),
        },
    );
    element(text, &SafetyItem::Fire);
    element(text, &Device { kind: DeviceKind::SmokeSensor, serial: some("a") });
    element(text, &ServiceNeed::Meals);
    element(text, &SpecialCategory::EmptyNest);
    element(
        text,
        &Agreement {
            event: AgreementEvent::Filed,
            date: Some(date),
            supporter: some("a"),
            caretaker: some("b"),
            elder_consent: YesNo::Yes,
            note: some("c"),
        },
    );
    element(
        text,
        &Pairing {
            helper: "a".into(),
            kind: PairingKind::Cadre,
            from: Some(date),
            until: Some(date),
        },
    );
    element(
        text,
        &RosterEvent {
            step: RosterStep::Entered,
            date,
            entry_reason: Some(EntryReason::FirstSurvey),
            exit_reason: Some(ExitReason::Deceased),
            note: some("a"),
        },
    );
    element(text, &Merge { step: MergeStep::Absorbed, other, date: Some(date), note: some("a") });
    element(
        text,
        &Visit {
            time,
            visitor: some("a"),
            health: Some(AreaReport {
                finding: Finding::Concern,
                items: [HealthItem::Mobility, HealthItem::Illness].into(),
            }),
            economic: Some(AreaReport {
                finding: Finding::Fine,
                items: [EconomicItem::BenefitsReceived].into(),
            }),
            family: Some(AreaReport { finding: Finding::Problem, items: BTreeSet::new() }),
            safety: Some(AreaReport { finding: Finding::Fine, items: [SafetyItem::Gas].into() }),
            needs: [ServiceNeed::Meals, ServiceNeed::Medical].into(),
            actions: [VisitAction::Reminded].into(),
            note: some("b"),
            ..Visit::on(date)
        },
    );
    element(
        text,
        &Review { date, outcome: ReviewOutcome::NoChange, reviewer: some("a"), note: some("b") },
    );
    element(
        text,
        &Service {
            date,
            need: ServiceNeed::Cleaning,
            provider: some("a"),
            minutes: Some(45),
            note: some("b"),
        },
    );
    element(
        text,
        &Observation {
            date,
            hazard: Some(SafetyItem::Power),
            need: Some(ServiceNeed::Errands),
            device: Some(DeviceKind::OneTouchCall),
            serial: some("a"),
            provider: some("b"),
            note: some("c"),
        },
    );
    element(
        text,
        &IncidentEvent {
            step: IncidentStep::Raised,
            kind: Some(IncidentKind::Wandering),
            date,
            time,
            place: some("a"),
            by: some("b"),
            note: some("c"),
        },
    );
    element(
        text,
        &TransferEvent {
            step: TransferStep::Offered,
            from: place,
            to: place,
            name: some("a"),
            date: Some(date),
            note: some("b"),
        },
    );

    words::<AbsenceReason>(text);
    words::<AgreementEvent>(text);
    words::<BlacklistStep>(text);
    words::<Condition>(text);
    words::<DeviceKind>(text);
    words::<DutyLevel>(text);
    words::<EconomicItem>(text);
    words::<EntitlementKind>(text);
    words::<EntitlementState>(text);
    words::<EntryReason>(text);
    words::<ExitReason>(text);
    words::<FamilyItem>(text);
    words::<Finding>(text);
    words::<HealthItem>(text);
    words::<IncidentKind>(text);
    words::<IncidentStep>(text);
    words::<IncomeSource>(text);
    words::<MergeStep>(text);
    words::<PairingKind>(text);
    words::<ReviewOutcome>(text);
    words::<RosterStep>(text);
    words::<SafetyItem>(text);
    words::<ServiceNeed>(text);
    words::<SpecialCategory>(text);
    words::<SupportCapacity>(text);
    words::<TransferStep>(text);
    words::<VisitAction>(text);
    words::<VisitMode>(text);
    words::<VisitOccasion>(text);
    words::<VisitOutcome>(text);
}

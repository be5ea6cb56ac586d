//! R5, R6, R7, R10, R11 and the special categories. Each row names the line of the policy.

use chrono::NaiveDate;
use shouwang_crdt_schema::element::Agreement;
use shouwang_crdt_schema::parts::Part;
use shouwang_crdt_schema::record::AgreementEvent::{
    self, Ended, Filed, NoCaretaker, Refused, Signed,
};
use shouwang_crdt_schema::record::{
    AbilityLevel, Choice, DisabilityGrade, EntryReason, LivingArrangement, ObservedFunction,
    RosterStep, SpecialCategory, YesNo,
};
use shouwang_crdt_schema::rules::agreement::{AgreementStanding, agreement};
use shouwang_crdt_schema::rules::alert::{Alert, AlertFacts, alerts};
use shouwang_crdt_schema::rules::calendar::{Month, Period, ReportKind, next_reports};
use shouwang_crdt_schema::rules::eligibility::Eligibility;
use shouwang_crdt_schema::rules::phase::{PHASES, Programme, phase_on};
use shouwang_crdt_schema::rules::review::{review_duty, reviewed_in};
use shouwang_crdt_schema::rules::roster::{Roster, RosterFact};
use shouwang_crdt_schema::rules::ruleset::Ruleset;
use shouwang_crdt_schema::rules::special_category::{CategoryFacts, special_categories};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn event(
    event: AgreementEvent,
    date: Option<&str>,
    caretaker: Option<&str>,
    consent: YesNo,
) -> Agreement {
    Agreement {
        event,
        date: date.map(day),
        supporter: None,
        caretaker: caretaker.map(str::to_owned),
        elder_consent: consent,
        note: None,
    }
}

#[test]
fn an_agreement_is_filed_consented_and_not_ended() {
    use YesNo::{No, Unknown, Yes};
    let (li, he) = (Some("李大嫂"), Some("何嫂"));
    let on = |what, date, whom, consent| event(what, Some(date), whom, consent);
    let rows: Vec<(&str, Vec<Agreement>, AgreementStanding)> = vec![
        ("Lijiang 2024 item 7: none", vec![], AgreementStanding::NothingNoted),
        (
            "item 7: signed and not filed",
            vec![on(Signed, "2026-03-01", li, Yes)],
            AgreementStanding::NotFiled,
        ),
        (
            "item 7: filed with the village",
            vec![on(Signed, "2026-03-01", li, Yes), on(Filed, "2026-03-05", li, Unknown)],
            AgreementStanding::InForce,
        ),
        (
            "item 7: the filing names nobody",
            vec![on(Signed, "2026-03-01", li, Yes), on(Filed, "2026-03-05", None, Unknown)],
            AgreementStanding::InForce,
        ),
        (
            "a ledger's filing with consent",
            vec![event(Filed, None, li, Yes)],
            AgreementStanding::InForce,
        ),
        (
            "filed on the day asked for",
            vec![on(Signed, "2026-08-01", li, Yes), on(Filed, "2026-09-01", li, Unknown)],
            AgreementStanding::InForce,
        ),
        (
            "filed the day after",
            vec![on(Signed, "2026-08-01", li, Yes), on(Filed, "2026-09-02", li, Unknown)],
            AgreementStanding::NotFiled,
        ),
        (
            "item 7: the elder did not agree",
            vec![on(Signed, "2026-03-01", li, No), on(Filed, "2026-03-05", li, Unknown)],
            AgreementStanding::NoConsent,
        ),
        (
            "item 7: agreed afterwards",
            vec![on(Signed, "2026-03-01", li, No), on(Filed, "2026-03-05", li, Yes)],
            AgreementStanding::InForce,
        ),
        (
            "project decision: nobody noted it",
            vec![on(Signed, "2026-03-01", li, Unknown), on(Filed, "2026-03-05", li, Unknown)],
            AgreementStanding::ConsentUnknown,
        ),
        (
            "item 7: ended",
            vec![
                on(Signed, "2026-03-01", li, Yes),
                on(Filed, "2026-03-05", li, Unknown),
                on(Ended, "2026-09-01", li, Unknown),
            ],
            AgreementStanding::Ended,
        ),
        (
            "ended, noted before it was filed",
            vec![
                on(Ended, "2026-06-01", li, Unknown),
                on(Filed, "2026-03-05", li, Unknown),
                on(Signed, "2026-03-01", li, Yes),
            ],
            AgreementStanding::Ended,
        ),
        (
            "another caretaker's goes on",
            vec![
                on(Signed, "2026-03-01", li, Yes),
                on(Filed, "2026-03-05", li, Unknown),
                on(Signed, "2026-04-01", he, Yes),
                on(Ended, "2026-05-01", he, Unknown),
            ],
            AgreementStanding::InForce,
        ),
        (
            "signed again",
            vec![
                on(Signed, "2025-03-01", li, Yes),
                on(Filed, "2025-03-05", li, Unknown),
                on(Ended, "2026-03-01", li, Unknown),
                on(Signed, "2026-03-02", li, Yes),
            ],
            AgreementStanding::NotFiled,
        ),
        (
            "project decision: refused",
            vec![on(Refused, "2026-03-01", None, Unknown)],
            AgreementStanding::Refused,
        ),
        (
            "project decision: nobody to be found",
            vec![
                on(Refused, "2026-03-01", None, Unknown),
                on(NoCaretaker, "2026-04-01", None, Unknown),
            ],
            AgreementStanding::NoCaretaker,
        ),
        (
            "refused, and later signed",
            vec![on(Refused, "2026-03-01", None, Unknown), on(Signed, "2026-04-01", li, Yes)],
            AgreementStanding::NotFiled,
        ),
        (
            "ended, and refused to renew",
            vec![
                on(Signed, "2025-03-01", li, Yes),
                on(Filed, "2025-03-05", li, Unknown),
                on(Ended, "2026-03-01", li, Unknown),
                on(Refused, "2026-03-02", None, Unknown),
            ],
            AgreementStanding::Refused,
        ),
        (
            "an end without a day is after what it ends",
            vec![
                on(Signed, "2026-03-01", li, Yes),
                on(Filed, "2026-03-05", li, Unknown),
                event(Ended, None, None, Unknown),
            ],
            AgreementStanding::Ended,
        ),
    ];
    for (source, events, expected) in rows {
        assert_eq!(agreement(&events, day("2026-09-01")), expected, "{source}");
    }
}

fn since(on: &str) -> Roster {
    Roster::new(&[RosterFact {
        step: RosterStep::Entered,
        entry_reason: Some(EntryReason::FirstSurvey),
        exit_reason: None,
        date: Some(day(on)),
        part: Part::Card,
        seen: [].into(),
    }])
}

#[test]
fn every_file_is_gone_through_each_quarter() {
    type Row<'a> =
        (&'a str, &'a str, &'a [&'a str], &'a str, Option<&'a str>, Option<(&'a str, u32)>);
    let rows: &[Row<'_>] = &[
        (
            "Lijiang 2024 item 3: this quarter",
            "2025-01-01",
            &["2026-07-01"],
            "2026-09-30",
            Some("2026-07-01"),
            None,
        ),
        ("item 3: not yet", "2025-01-01", &["2026-06-30"], "2026-09-30", None, None),
        (
            "item 3: the quarter is over",
            "2025-01-01",
            &["2026-06-30"],
            "2026-10-01",
            None,
            Some(("2026-09-30", 1)),
        ),
        (
            "a later review ends it",
            "2025-01-01",
            &["2026-03-31", "2026-10-02"],
            "2026-10-02",
            Some("2026-10-02"),
            None,
        ),
        (
            "two quarters",
            "2025-01-01",
            &["2026-03-31"],
            "2026-10-02",
            None,
            Some(("2026-06-30", 94)),
        ),
        (
            "never, on the roster since May",
            "2026-05-20",
            &[],
            "2026-07-01",
            None,
            Some(("2026-06-30", 1)),
        ),
        ("never, on the roster since today", "2026-07-01", &[], "2026-07-01", None, None),
        ("a review before the roster", "2026-05-20", &["2025-02-01"], "2026-06-30", None, None),
        (
            "one that is to come",
            "2025-01-01",
            &["2026-06-01", "2026-08-02"],
            "2026-08-01",
            None,
            None,
        ),
        (
            "the year's end",
            "2025-01-01",
            &["2026-09-30"],
            "2027-01-01",
            None,
            Some(("2026-12-31", 1)),
        ),
    ];
    for (source, entered, reviews, as_of, done, overdue) in rows {
        let reviews: Vec<NaiveDate> = reviews.iter().map(|on| day(on)).collect();
        let duty = review_duty(&reviews, &since(entered), &Ruleset::default(), day(as_of)).unwrap();
        assert_eq!(duty.done_on, done.map(day), "{source}");
        assert_eq!(duty.overdue, overdue.map(|(on, days)| (day(on), days)), "{source}");
        assert_eq!(
            reviewed_in(&reviews, Period { to: day(as_of), ..duty.period }),
            done.is_some(),
            "{source}"
        );
    }
    assert!(
        review_duty(&[], &since("2026-10-01"), &Ruleset::default(), day("2026-09-30")).is_none()
    );
    let half_yearly = Ruleset { review_months: 6, ..Ruleset::default() };
    let duty =
        review_duty(&[day("2026-06-30")], &since("2025-01-01"), &half_yearly, day("2026-12-31"));
    assert_eq!(duty.unwrap().overdue, None);
}

#[test]
fn who_should_not_be_alone() {
    use AbilityLevel::{Intact, Mild, Moderate, Severe, Total, Unassessed};
    use LivingArrangement::{Alone, SpouseOnly, Unknown};
    let facts = |ability, living, observed, ill| AlertFacts {
        ability_level: ability,
        living_arrangement: living,
        observed_function: observed,
        seriously_ill: ill,
    };
    let bedridden = Some(ObservedFunction::Bedridden);
    for (source, facts, expected) in [
        (
            "Lijiang 2024 item 5: moderate",
            facts(Some(Moderate), Some(Alone), None, false),
            vec![Alert::LoneLiving],
        ),
        ("item 5: total", facts(Some(Total), Some(Alone), None, false), vec![Alert::LoneLiving]),
        ("item 5: mild", facts(Some(Mild), Some(Alone), None, false), vec![]),
        ("item 5: with the spouse", facts(Some(Severe), Some(SpouseOnly), None, false), vec![]),
        ("item 5: not known", facts(Some(Severe), Some(Unknown), None, false), vec![]),
        ("item 5: unassessed", facts(Some(Unassessed), Some(Alone), bedridden, false), vec![]),
        (
            "Ziyang 2018 (3)",
            facts(Some(Severe), Some(SpouseOnly), None, true),
            vec![Alert::AskChildToStay],
        ),
        (
            "(3): both",
            facts(Some(Severe), Some(Alone), None, true),
            vec![Alert::LoneLiving, Alert::AskChildToStay],
        ),
        ("(3): looks after himself", facts(Some(Moderate), None, None, true), vec![]),
        (
            "project decision: long in bed",
            facts(None, None, bedridden, true),
            vec![Alert::AskChildToStay],
        ),
        (
            "an assessment outweighs what was seen",
            facts(Some(Intact), None, bedridden, true),
            vec![],
        ),
    ] {
        assert_eq!(alerts(&facts), expected, "{source}");
    }
}

#[test]
fn special_categories_follow_from_the_file() {
    use SpecialCategory::{
        EmptyNest, FamilyPlanningSpecial, Impaired, LeftBehind, LivingAlone, SevereDisability,
    };
    let of = |facts: CategoryFacts, left_behind: &Eligibility| -> Vec<SpecialCategory> {
        special_categories(&facts, left_behind).into_iter().collect()
    };
    let undetermined = Eligibility::Undetermined { missing: vec![] };
    assert_eq!(of(CategoryFacts::default(), &undetermined), []);
    assert_eq!(of(CategoryFacts::default(), &Eligibility::Eligible), [LeftBehind]);
    for level in AbilityLevel::ALL {
        let facts = CategoryFacts { ability_level: Some(*level), ..Default::default() };
        let impaired = !matches!(level, AbilityLevel::Intact | AbilityLevel::Unassessed);
        assert_eq!(of(facts, &undetermined).contains(&Impaired), impaired, "{level}");
    }
    for grade in DisabilityGrade::ALL {
        let facts = CategoryFacts { disability_grade: Some(*grade), ..Default::default() };
        let severe = matches!(grade, DisabilityGrade::G1 | DisabilityGrade::G2);
        assert_eq!(of(facts, &undetermined).contains(&SevereDisability), severe, "{grade}");
    }
    // What follows is never taken from what somebody wrote.
    let facts = CategoryFacts {
        living_arrangement: Some(LivingArrangement::Alone),
        written: SpecialCategory::ALL.iter().copied().collect(),
        ..Default::default()
    };
    assert_eq!(of(facts, &undetermined), [LivingAlone, EmptyNest, FamilyPlanningSpecial]);
}

#[test]
fn reports_are_due() {
    use ReportKind::{Monthly, Progress};
    let expected = |days: &[(&str, ReportKind, u32)]| -> Vec<(NaiveDate, ReportKind, u32)> {
        days.iter().map(|(by, kind, left)| (day(by), *kind, *left)).collect()
    };
    for (source, as_of, reports) in [
        (
            "Lijiang 2024 4(3): on the day",
            "2026-09-25",
            [("2026-09-25", Monthly, 0), ("2026-11-10", Progress, 46)],
        ),
        (
            "4(3): the day after",
            "2026-09-26",
            [("2026-10-25", Monthly, 29), ("2026-11-10", Progress, 45)],
        ),
        (
            "4(3): 10 November",
            "2026-11-10",
            [("2026-11-10", Progress, 0), ("2026-11-25", Monthly, 15)],
        ),
        (
            "4(3): next year's June",
            "2026-11-11",
            [("2026-11-25", Monthly, 14), ("2027-06-10", Progress, 211)],
        ),
        (
            "4(3): the year's end",
            "2026-12-26",
            [("2027-01-25", Monthly, 30), ("2027-06-10", Progress, 166)],
        ),
    ] {
        let found: Vec<_> = next_reports(&Ruleset::default(), day(as_of))
            .into_iter()
            .map(|due| (due.by, due.kind, due.days_left))
            .collect();
        assert_eq!(found, expected(&reports), "{source}");
    }
    let last = Ruleset { monthly_report_day: 31, ..Ruleset::default() };
    for (as_of, by) in
        [("2026-02-01", "2026-02-28"), ("2028-02-01", "2028-02-29"), ("2026-03-01", "2026-03-31")]
    {
        assert_eq!(next_reports(&last, day(as_of))[0].by, day(by));
    }
}

#[test]
fn phases_of_the_programmes() {
    let keys =
        |programme, on| phase_on(programme, day(on)).map(|phase| phase.key).collect::<Vec<_>>();
    use Programme::{DistrictPlan, Hengnan, Lijiang2024};
    for (source, programme, on, expected) in [
        ("Lijiang 2024 3", Lijiang2024, "2024-04-30", vec![]),
        ("3", Lijiang2024, "2024-05-01", vec!["launch"]),
        ("3", Lijiang2024, "2024-06-30", vec!["launch", "push"]),
        ("3", Lijiang2024, "2024-07-01", vec!["push"]),
        ("3", Lijiang2024, "2025-12-31", vec!["push"]),
        ("3", Lijiang2024, "2026-01-01", vec!["consolidate"]),
        ("3", Lijiang2024, "2027-01-01", vec![]),
        ("XX district plan 4", DistrictPlan, "2022-12-31", vec!["first_stage"]),
        ("XX district plan 4", DistrictPlan, "2025-06-01", vec!["third_stage"]),
        ("Hengnan wuchang plan 1: a target only", Hengnan, "2023-01-01", vec![]),
    ] {
        assert_eq!(keys(programme, on), expected, "{source} on {on}");
    }
    let ends = |key| PHASES.iter().find(|phase| phase.key == key).unwrap().ends();
    assert_eq!(ends("survey_and_system_update"), Some(day("2024-06-15")));
    assert_eq!(ends("acceptance"), Some(day("2025-11-30")));
    assert!(PHASES.iter().all(|phase| phase.ends().is_some()));
}

#[test]
fn months_and_periods() {
    let month: Month = "2028-02".parse().unwrap();
    assert_eq!((month.first(), month.last()), (day("2028-02-01"), day("2028-02-29")));
    assert_eq!(
        (month.next().to_string(), month.previous().to_string()),
        ("2028-03".into(), "2028-01".into())
    );
    for text in ["2026-13", "2026-00", "2026-9", "26-09", "2026", "2026-09-01", "", "二〇二六-09"]
    {
        assert!(text.parse::<Month>().is_err(), "{text}");
    }
    let quarter = Period::block(day("2026-08-15"), 3);
    assert_eq!(quarter, Period { from: day("2026-07-01"), to: day("2026-09-30") });
    // Every part of a period ends in it, the last at its end, and none before the one ahead of it.
    for parts in 1..40 {
        let ends: Vec<NaiveDate> = (1..=parts).map(|nth| quarter.end_of_part(nth, parts)).collect();
        assert!(ends.is_sorted() && ends.iter().all(|end| quarter.contains(*end)));
        assert_eq!(ends.last(), Some(&quarter.to));
    }
}

//! R3, R4: visits due and the monthly rate. Each row names the line of the policy.

use chrono::NaiveDate;
use proptest::prelude::*;
use shouwang_crdt_schema::parts::Part;
use shouwang_crdt_schema::record::{
    AbilityLevel, CareConsent, CareGroup, EntryReason, ExitReason, RosterStep, VisitMode,
    VisitOccasion, VisitOutcome,
};
use shouwang_crdt_schema::rules::calendar::Month;
use shouwang_crdt_schema::rules::care_group::CareFacts;
use shouwang_crdt_schema::rules::rate::Rate;
use shouwang_crdt_schema::rules::roster::{Roster, RosterFact};
use shouwang_crdt_schema::rules::ruleset::Ruleset;
use shouwang_crdt_schema::rules::visits::{
    DueReason, VisitDuty, VisitFact, VisitFacts, visit_duty, visit_rate,
};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn visit(on: &str) -> VisitFact {
    VisitFact {
        date: day(on),
        mode: VisitMode::Home,
        occasion: VisitOccasion::Routine,
        outcome: VisitOutcome::Completed,
    }
}

fn entered(on: &str) -> RosterFact {
    RosterFact {
        step: RosterStep::Entered,
        entry_reason: Some(EntryReason::FirstSurvey),
        exit_reason: None,
        date: Some(day(on)),
        part: Part::Card,
        seen: [].into(),
    }
}

fn died(on: &str) -> RosterFact {
    RosterFact {
        step: RosterStep::Left,
        entry_reason: None,
        exit_reason: Some(ExitReason::Deceased),
        seen: [0].into(),
        ..entered(on)
    }
}

/// On the roster since this day, of this group, with these visits.
fn elder(group: CareGroup, since: &str, visits: &[VisitFact]) -> VisitFacts {
    let ability_level = match group {
        CareGroup::Key => Some(AbilityLevel::Severe),
        CareGroup::Secondary => Some(AbilityLevel::Moderate),
        CareGroup::General => Some(AbilityLevel::Intact),
        CareGroup::Unclassified => None,
    };
    VisitFacts {
        care: CareFacts {
            birth_date: Some(day("1956-03-01")),
            ability_level,
            ..Default::default()
        },
        consent: None,
        residence: Some("990121101203".parse().unwrap()),
        visits: visits.to_vec(),
        roster: Roster::new(&[entered(since)]),
    }
}

fn duty(facts: &VisitFacts, as_of: &str) -> VisitDuty {
    visit_duty(facts, &Ruleset::default(), day(as_of)).unwrap()
}

/// required, made, days by which the open ones are due, (late since, days, missed).
type Expected<'a> = (u32, u32, &'a [&'a str], Option<(&'a str, u32, u32)>);

fn check(source: &str, duty: &VisitDuty, expected: Expected<'_>) {
    let open: Vec<String> = duty.open.iter().map(|due| due.by.to_string()).collect();
    let overdue = duty.overdue.map(|late| (late.since.to_string(), late.days, late.missed));
    let late = expected.3.map(|(since, days, missed)| (since.to_owned(), days, missed));
    let found = (duty.required, duty.made, open, overdue);
    assert_eq!(
        found,
        (expected.0, expected.1, expected.2.iter().map(|d| (*d).to_owned()).collect(), late),
        "{source}"
    );
}

#[test]
fn everyone_has_a_visit_a_month_and_the_key_group_two() {
    use CareGroup::{General, Key, Secondary, Unclassified};
    const LONG: &str = "2025-01-01";
    type Row<'a> = (&'a str, CareGroup, &'a str, &'a [&'a str], &'a str, Expected<'a>);
    let rows: &[Row<'_>] = &[
        (
            "Lijiang 2024 item 12",
            General,
            LONG,
            &["2026-08-20"],
            "2026-09-01",
            (1, 0, &["2026-09-30"], None),
        ),
        ("item 12", Secondary, LONG, &["2026-09-01"], "2026-09-01", (1, 1, &[], None)),
        (
            "project decision: unclassified",
            Unclassified,
            LONG,
            &["2026-08-31"],
            "2026-09-30",
            (1, 0, &["2026-09-30"], None),
        ),
        (
            "due on its last day",
            General,
            LONG,
            &["2026-08-20"],
            "2026-09-30",
            (1, 0, &["2026-09-30"], None),
        ),
        (
            "late the day after",
            General,
            LONG,
            &["2026-08-20"],
            "2026-10-01",
            (1, 0, &["2026-10-31"], Some(("2026-09-30", 1, 1))),
        ),
        (
            "two months missed",
            General,
            LONG,
            &["2026-06-20"],
            "2026-09-10",
            (1, 0, &["2026-09-30"], Some(("2026-07-31", 41, 2))),
        ),
        (
            "a late visit ends it",
            General,
            LONG,
            &["2026-06-20", "2026-09-09"],
            "2026-09-10",
            (1, 1, &[], None),
        ),
        (
            "project decision: 2 a month",
            Key,
            LONG,
            &["2026-08-01", "2026-08-20"],
            "2026-09-10",
            (2, 0, &["2026-09-15", "2026-09-30"], None),
        ),
        (
            "the first half is over",
            Key,
            LONG,
            &["2026-08-01", "2026-08-20"],
            "2026-09-16",
            (2, 0, &["2026-09-30"], Some(("2026-09-15", 1, 1))),
        ),
        ("one made", Key, LONG, &["2026-09-02"], "2026-09-20", (2, 1, &["2026-09-30"], None)),
        (
            "the first came late",
            Key,
            LONG,
            &["2026-08-30", "2026-09-20"],
            "2026-09-20",
            (2, 1, &["2026-09-30"], None),
        ),
        (
            "the second is missing",
            Key,
            LONG,
            &["2026-08-20"],
            "2026-09-05",
            (2, 0, &["2026-09-15", "2026-09-30"], Some(("2026-08-31", 5, 1))),
        ),
        (
            "31 days",
            Key,
            LONG,
            &["2026-09-01", "2026-09-20"],
            "2026-10-15",
            (2, 0, &["2026-10-15", "2026-10-31"], None),
        ),
        (
            "February",
            Key,
            LONG,
            &["2026-01-01", "2026-01-30"],
            "2026-02-15",
            (2, 0, &["2026-02-28"], Some(("2026-02-14", 1, 1))),
        ),
        (
            "29 February",
            Key,
            LONG,
            &["2028-01-01", "2028-01-30"],
            "2028-02-14",
            (2, 0, &["2028-02-14", "2028-02-29"], None),
        ),
        (
            "project decision: two on one day are one",
            Key,
            LONG,
            &["2026-09-02", "2026-09-02"],
            "2026-09-03",
            (2, 1, &["2026-09-30"], None),
        ),
        ("came in mid-month", Key, "2026-09-16", &[], "2026-09-16", (1, 0, &["2026-09-30"], None)),
        (
            "came in on the day the first is due",
            Key,
            "2026-09-15",
            &[],
            "2026-09-15",
            (2, 0, &["2026-09-15", "2026-09-30"], None),
        ),
        (
            "came in on the last day",
            General,
            "2026-09-30",
            &[],
            "2026-10-02",
            (1, 0, &["2026-10-31"], Some(("2026-09-30", 2, 1))),
        ),
        (
            "visited before coming in",
            General,
            "2026-09-20",
            &["2026-09-03"],
            "2026-09-25",
            (1, 1, &[], None),
        ),
        (
            "never visited since coming in",
            General,
            "2026-06-10",
            &[],
            "2026-09-01",
            (1, 0, &["2026-09-30"], Some(("2026-06-30", 63, 3))),
        ),
        (
            "a visit to come is none",
            General,
            LONG,
            &["2026-08-20", "2026-09-20"],
            "2026-09-10",
            (1, 0, &["2026-09-30"], None),
        ),
    ];
    for (source, group, since, visits, as_of, expected) in rows {
        let visits: Vec<VisitFact> = visits.iter().map(|on| visit(on)).collect();
        let facts = elder(*group, since, &visits);
        let duty = duty(&facts, as_of);
        assert_eq!(duty.group, *group, "{source}");
        check(source, &duty, *expected);
    }
}

#[test]
fn only_a_completed_visit_by_somebody_counts() {
    use VisitMode::{Gathering, Home, Phone, RemoteMonitoring, Video};
    use VisitOutcome::{Away, Completed, NoAnswer, Refused};
    for (source, mode, outcome, counts) in [
        ("Lijiang 2024 item 7", Home, Completed, true),
        ("item 7", Phone, Completed, true),
        ("item 7", Video, Completed, true),
        ("item 7", Gathering, Completed, true),
        ("project decision: a sensor", RemoteMonitoring, Completed, false),
        ("1(2)", Home, NoAnswer, false),
        ("1(2)", Home, Refused, false),
        ("1(2)", Phone, Away, false),
    ] {
        let visits = [VisitFact { mode, outcome, ..visit("2026-09-02") }];
        let facts = elder(CareGroup::General, "2026-09-01", &visits);
        assert_eq!(
            duty(&facts, "2026-09-03").made,
            u32::from(counts),
            "{source}: {mode} {outcome}"
        );
        let rate = visit_rate([&facts], month("2026-09"), day("2026-10-01")).unwrap();
        assert_eq!(rate.all.numerator, u64::from(counts), "{source}: {mode} {outcome}");
    }
}

#[test]
fn a_birthday_in_the_month_makes_it_a_key_month() {
    // Eighty on 20 September: in the group of its last day.
    let mut facts = elder(CareGroup::General, "2025-01-01", &[visit("2026-08-02")]);
    facts.care.birth_date = Some(day("1946-09-20"));
    assert_eq!(duty(&facts, "2026-09-19").required, 1);
    assert_eq!(duty(&facts, "2026-09-20").required, 2);
    assert_eq!(duty(&facts, "2026-09-20").group, CareGroup::Key);
}

#[test]
fn who_is_off_the_roster_is_owed_nothing_and_who_is_undecided_is() {
    let mut facts = elder(CareGroup::General, "2025-01-01", &[]);
    facts.roster = Roster::new(&[entered("2025-01-01"), died("2026-09-10")]);
    let on = |facts: &VisitFacts, as_of| visit_duty(facts, &Ruleset::default(), day(as_of));
    assert!(on(&facts, "2026-09-09").is_some());
    assert!(on(&facts, "2026-09-10").is_none());
    assert!(on(&facts, "2024-12-31").is_none());
    facts.roster = Roster::default();
    // Project decision: nobody has decided, and nobody is left alone for that.
    let undecided = on(&facts, "2026-09-10").unwrap();
    assert!(!undecided.standing.is_on());
    check("undecided", &undecided, (1, 0, &["2026-09-30"], None));
}

#[test]
fn decliners_are_owed_visits_and_shown() {
    let mut facts = elder(CareGroup::General, "2025-01-01", &[visit("2026-08-02")]);
    facts.consent = Some(CareConsent::Declined);
    let duty = duty(&facts, "2026-10-03");
    assert!(duty.declined);
    check("Lijiang 2024 item 4", &duty, (1, 0, &["2026-10-31"], Some(("2026-09-30", 3, 1))));
}

fn ruleset(occasions: &[(&str, &str)]) -> Ruleset {
    let mut ruleset = Ruleset::default();
    for (name, text) in occasions {
        ruleset.set(&format!("occasion.{name}"), text).unwrap();
    }
    ruleset
}

#[test]
fn occasions_bring_visits_of_their_own() {
    use VisitOccasion::{ExtremeWeather, Festival, Routine, SealedOff};
    let festival = ruleset(&[("重阳节", "Festival 2026-10-12 2026-10-18")]);
    let elsewhere = ruleset(&[("寒潮", "ExtremeWeather 2026-10-12 2026-10-18 990121102000")]);
    let here = ruleset(&[("寒潮", "ExtremeWeather 2026-10-12 2026-10-18 990121101000")]);
    let sealed = ruleset(&[("封控", "SealedOff 2026-10-11 2026-10-20 x2")]);
    let on = |date, occasion, mode| VisitFact { occasion, mode, ..visit(date) };
    let home = VisitMode::Home;
    let september = visit("2026-09-20");
    let rows: Vec<(&str, &Ruleset, Vec<VisitFact>, &str, Expected<'_>)> = vec![
        (
            "Lijiang 2024 item 14: before it",
            &festival,
            vec![september],
            "2026-10-01",
            (1, 0, &["2026-10-18", "2026-10-31"], None),
        ),
        (
            "MCA 2022 guidance 2(5): added",
            &festival,
            vec![september, on("2026-10-13", Festival, home)],
            "2026-10-14",
            (1, 0, &["2026-10-31"], None),
        ),
        (
            "2(5): a routine visit as well",
            &festival,
            vec![on("2026-10-02", Routine, home), on("2026-10-13", Festival, home)],
            "2026-10-14",
            (1, 1, &[], None),
        ),
        (
            "2(5): one visit serves one of the two",
            &festival,
            vec![on("2026-10-13", Routine, home)],
            "2026-10-14",
            (1, 0, &["2026-10-31"], None),
        ),
        (
            "2(5): too early",
            &festival,
            vec![on("2026-10-11", Festival, home)],
            "2026-10-14",
            (1, 1, &["2026-10-18"], None),
        ),
        (
            "project decision: a greeting by telephone",
            &festival,
            vec![on("2026-10-13", Festival, VisitMode::Phone)],
            "2026-10-14",
            (1, 1, &["2026-10-18"], None),
        ),
        (
            "2(5): missed",
            &festival,
            vec![on("2026-10-02", Routine, home)],
            "2026-10-20",
            (1, 1, &[], Some(("2026-10-18", 2, 1))),
        ),
        (
            "2(5): missed, and somebody came later",
            &festival,
            vec![on("2026-10-02", Routine, home), on("2026-10-19", Routine, home)],
            "2026-10-20",
            (1, 2, &[], None),
        ),
        (
            "2(5): in another township",
            &elsewhere,
            vec![september],
            "2026-10-14",
            (1, 0, &["2026-10-31"], None),
        ),
        (
            "2(5): in this township",
            &here,
            vec![september],
            "2026-10-14",
            (1, 0, &["2026-10-18", "2026-10-31"], None),
        ),
        (
            "2(5): the one that is meant for it",
            &here,
            vec![on("2026-10-12", Routine, home), on("2026-10-13", ExtremeWeather, home)],
            "2026-10-14",
            (1, 1, &[], None),
        ),
        (
            "2(5): more often when sealed off",
            &sealed,
            vec![september],
            "2026-10-12",
            (1, 0, &["2026-10-15", "2026-10-20", "2026-10-31"], None),
        ),
        (
            "2(5): remotely when sealed off",
            &sealed,
            vec![on("2026-10-12", SealedOff, VisitMode::Phone)],
            "2026-10-13",
            (1, 0, &["2026-10-20", "2026-10-31"], None),
        ),
        (
            "project decision: not by a sensor",
            &sealed,
            vec![september, on("2026-10-12", SealedOff, VisitMode::RemoteMonitoring)],
            "2026-10-13",
            (1, 0, &["2026-10-15", "2026-10-20", "2026-10-31"], None),
        ),
    ];
    for (source, rules, visits, as_of, expected) in rows {
        let facts = elder(CareGroup::General, "2025-01-01", &visits);
        check(source, &visit_duty(&facts, rules, day(as_of)).unwrap(), expected);
    }
    let facts = elder(CareGroup::General, "2025-01-01", &[september]);
    let open = visit_duty(&facts, &festival, day("2026-10-01")).unwrap().open;
    assert_eq!(open[0].from, day("2026-10-12"));
    assert_eq!(open[0].why, DueReason::Occasion { name: "重阳节".into(), kind: Festival });
}

#[test]
fn the_ruleset_decides_how_often() {
    let facts = elder(CareGroup::Key, "2025-01-01", &[visit("2026-08-31")]);
    let often = Ruleset { key_visits_per_month: 4, ..Ruleset::default() };
    let due = visit_duty(&facts, &often, day("2026-09-07")).unwrap();
    // August had three too few; the last of them was due on the day of the last visit.
    check(
        "four a month",
        &due,
        (
            4,
            0,
            &["2026-09-07", "2026-09-15", "2026-09-22", "2026-09-30"],
            Some(("2026-08-31", 7, 1)),
        ),
    );
}

#[test]
fn the_rate_counts_elders() {
    let general = |since, visits: &[VisitFact]| elder(CareGroup::General, since, visits);
    let visited = general("2025-01-01", &[visit("2026-09-01"), visit("2026-09-30")]);
    let not_visited = general("2025-01-01", &[visit("2026-08-31"), visit("2026-10-01")]);
    let entered_last_day = general("2026-09-30", &[visit("2026-09-30")]);
    let entered_after = general("2026-10-01", &[visit("2026-09-30")]);
    let mut died_last_day = general("2025-01-01", &[visit("2026-09-02")]);
    died_last_day.roster = Roster::new(&[entered("2025-01-01"), died("2026-09-30")]);
    let mut died_after = general("2025-01-01", &[visit("2026-09-02")]);
    died_after.roster = Roster::new(&[entered("2025-01-01"), died("2026-10-01")]);
    let mut declines = general("2025-01-01", &[]);
    declines.consent = Some(CareConsent::Declined);
    let mut undecided = general("2025-01-01", &[visit("2026-09-02")]);
    undecided.roster = Roster::default();
    let rate = |elders: &[&VisitFacts], as_of| {
        let rate = visit_rate(elders.iter().copied(), month("2026-09"), day(as_of)).unwrap();
        (
            (rate.all.numerator, rate.all.denominator),
            (rate.declined.numerator, rate.declined.denominator),
            rate.undetermined,
        )
    };
    for (source, elders, as_of, expected) in [
        (
            "Lijiang 2024 1(2): elders, not visits",
            vec![&visited],
            "2026-10-05",
            ((1, 1), (0, 0), 0),
        ),
        ("1(2): in the month alone", vec![&not_visited], "2026-10-05", ((0, 1), (0, 0), 0)),
        (
            "project decision: at month end",
            vec![&entered_last_day],
            "2026-10-05",
            ((1, 1), (0, 0), 0),
        ),
        ("project decision: at month end", vec![&entered_after], "2026-10-05", ((0, 0), (0, 0), 0)),
        ("project decision: at month end", vec![&died_last_day], "2026-10-05", ((0, 0), (0, 0), 0)),
        ("project decision: at month end", vec![&died_after], "2026-10-05", ((1, 1), (0, 0), 0)),
        (
            "project decision: decliners stay counted",
            vec![&visited, &declines],
            "2026-10-05",
            ((1, 2), (0, 1), 0),
        ),
        (
            "project decision: undecided count, and are shown beside",
            vec![&not_visited, &undecided],
            "2026-10-05",
            ((1, 2), (0, 0), 1),
        ),
        ("the month so far", vec![&visited, &entered_last_day], "2026-09-15", ((1, 1), (0, 0), 0)),
        ("nobody", vec![], "2026-10-05", ((0, 0), (0, 0), 0)),
    ] {
        assert_eq!(rate(&elders, as_of), expected, "{source}");
    }
    assert!(visit_rate([&visited], month("2026-09"), day("2026-08-31")).is_none());
}

#[test]
fn a_rate_is_complete_only_when_everybody_is() {
    let rate = |numerator, denominator| Rate { numerator, denominator };
    for (rate, text, complete, reaches) in [
        (rate(0, 0), "n/a", false, None),
        (rate(3, 3), "100.0%", true, Some(true)),
        (rate(9_999, 10_000), "99.9%", false, Some(false)),
        (rate(99_999, 100_000), "99.9%", false, Some(false)),
        (rate(2, 3), "66.6%", false, Some(false)),
        (rate(0, 5), "0.0%", false, Some(false)),
    ] {
        assert_eq!(
            (rate.to_string().as_str(), rate.is_complete(), rate.reaches(100)),
            (text, complete, reaches)
        );
    }
    assert_eq!(rate(19, 20).reaches(95), Some(true));
    assert_eq!(rate(1, 0).tenths_of_percent(), None);
}

fn any_visits() -> impl Strategy<Value = Vec<VisitFact>> {
    let visit = (
        0u64..120,
        prop::sample::select(vec![VisitMode::Home, VisitMode::Phone, VisitMode::RemoteMonitoring]),
        prop::sample::select(vec![VisitOutcome::Completed, VisitOutcome::NoAnswer]),
        prop::sample::select(vec![VisitOccasion::Routine, VisitOccasion::Festival]),
    )
        .prop_map(|(days, mode, outcome, occasion)| VisitFact {
            date: day("2026-07-01") + chrono::Days::new(days),
            mode,
            occasion,
            outcome,
        });
    prop::collection::vec(visit, 0..12)
}

proptest! {
    /// One visit more never makes anything later or more owed, in whatever order they stand.
    #[test]
    fn a_visit_more_never_hurts(
        visits in any_visits(),
        more in 0u64..100,
        as_of in 0u64..120,
        key: bool,
    ) {
        let rules = ruleset(&[("重阳节", "Festival 2026-10-12 2026-10-18")]);
        let group = if key { CareGroup::Key } else { CareGroup::General };
        let as_of = day("2026-07-01") + chrono::Days::new(as_of);
        let before = elder(group, "2026-07-05", &visits);
        let mut after = before.clone();
        let date = day("2026-07-01") + chrono::Days::new(more);
        after.visits.insert(0, VisitFact { date, ..visit("2026-07-01") });
        if let Some((before, after)) = visit_duty(&before, &rules, as_of).zip(visit_duty(&after, &rules, as_of)) {
            let late = |duty: &VisitDuty| duty.overdue.map_or(0, |late| late.days);
            prop_assert!(late(&after) <= late(&before));
            prop_assert!(after.open.len() <= before.open.len());
        }
    }

    /// The rate never exceeds one, and the parts add up to the whole.
    #[test]
    fn rates_are_at_most_one_and_add_up(elders in prop::collection::vec((any_visits(), any::<bool>()), 0..8)) {
        let facts: Vec<VisitFacts> = elders
            .iter()
            .map(|(visits, declined)| VisitFacts {
                consent: declined.then_some(CareConsent::Declined),
                ..elder(CareGroup::General, "2026-08-15", visits)
            })
            .collect();
        let of = |facts: &[VisitFacts]| visit_rate(facts, month("2026-09"), day("2026-10-05")).unwrap();
        let (one, two) = facts.split_at(facts.len() / 2);
        let whole = of(&facts);
        prop_assert!(whole.all.numerator <= whole.all.denominator);
        prop_assert!(whole.declined.denominator <= whole.all.denominator);
        prop_assert_eq!([of(one), of(two)].into_iter().sum::<shouwang_crdt_schema::rules::rate::RosterRate>(), whole);
    }
}

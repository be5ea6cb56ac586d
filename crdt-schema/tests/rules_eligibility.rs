//! R1: decision tables. Each row names the line of the policy that it comes from.

use chrono::NaiveDate;
use proptest::prelude::*;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::record::SupportCapacity::{self, Capable, Incapable, Unknown};
use shouwang_crdt_schema::record::{AbsenceReason, EligibilityRule};
use shouwang_crdt_schema::rules::absence::AbsenceFact;
use shouwang_crdt_schema::rules::eligibility::Eligibility::{self, Eligible};
use shouwang_crdt_schema::rules::eligibility::{
    EligibilityFacts, Missing, MissingFact, NotEligible, SupporterFacts, eligibility,
};
use shouwang_crdt_schema::rules::relation::Kinship;
use shouwang_crdt_schema::rules::ruleset::Ruleset;

const AS_OF: &str = "2026-09-01";
const COUNTY: &str = "990121000000";
const VILLAGE: &str = "990121101203";
/// Outside the county, and not a real place.
const AWAY: &str = "990300000000";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn code(text: &str) -> DivisionCode {
    text.parse().unwrap()
}

/// Left for work on this day.
fn left(on: &str) -> AbsenceFact {
    AbsenceFact {
        left: Some(day(on)),
        returned: None,
        destination: Some(code(AWAY)),
        reason: AbsenceReason::Work,
    }
}

fn back(on: &str) -> AbsenceFact {
    AbsenceFact {
        left: None,
        returned: Some(day(on)),
        destination: None,
        reason: AbsenceReason::Unknown,
    }
}

fn son(capacity: SupportCapacity, absences: Vec<AbsenceFact>) -> SupporterFacts {
    SupporterFacts { name: "卫德福".into(), kinship: Kinship::Child, capacity, absences }
}

fn daughter(capacity: SupportCapacity, absences: Vec<AbsenceFact>) -> SupporterFacts {
    SupporterFacts { name: "卫秀兰".into(), ..son(capacity, absences) }
}

/// At home since before anybody noted: came back long ago.
fn at_home(capacity: SupportCapacity) -> SupporterFacts {
    daughter(capacity, vec![back("2020-02-01")])
}

/// Seventy, registered and living in the village, one son away for years.
fn elder() -> EligibilityFacts {
    EligibilityFacts {
        birth_date: Some(day("1956-03-01")),
        hukou: Some(code(VILLAGE)),
        residence: Some(code(VILLAGE)),
        supporters: Some(vec![son(Capable, vec![left("2020-03-01")])]),
    }
}

fn with_son(absences: Vec<AbsenceFact>) -> EligibilityFacts {
    EligibilityFacts { supporters: Some(vec![son(Capable, absences)]), ..elder() }
}

fn with(supporters: Vec<SupporterFacts>) -> EligibilityFacts {
    EligibilityFacts { supporters: Some(supporters), ..elder() }
}

fn not(reason: NotEligible) -> Eligibility {
    Eligibility::NotEligible { reason }
}

fn lacks(facts: &[(MissingFact, Option<&str>)]) -> Eligibility {
    let missing = facts
        .iter()
        .map(|(fact, supporter)| Missing { fact: *fact, supporter: supporter.map(str::to_owned) });
    Eligibility::Undetermined { missing: missing.collect() }
}

fn ziyang() -> Ruleset {
    Ruleset { eligibility: EligibilityRule::Ziyang2018, ..Ruleset::default() }
}

fn check(ruleset: &Ruleset, rows: Vec<(&str, EligibilityFacts, &str, Eligibility)>) {
    for (source, facts, as_of, expected) in rows {
        assert_eq!(eligibility(&facts, ruleset, day(as_of)), expected, "{source} on {as_of}");
    }
}

#[test]
fn age_registration_and_village() {
    let born = |on: &str| EligibilityFacts { birth_date: Some(day(on)), ..elder() };
    let hukou = |at: &str| EligibilityFacts { hukou: Some(code(at)), ..elder() };
    let lives =
        |at: &str| EligibilityFacts { residence: Some(code(at)), hukou: Some(code(at)), ..elder() };
    check(
        &Ruleset::default(),
        vec![
            ("Lijiang 2024 1(4): all hold", elder(), AS_OF, Eligible),
            ("1(4): 60 on the day", born("1966-09-01"), AS_OF, Eligible),
            ("1(4): 60 tomorrow", born("1966-09-02"), AS_OF, not(NotEligible::TooYoung)),
            (
                "29 February, common year",
                born("1968-02-29"),
                "2028-02-28",
                not(NotEligible::TooYoung),
            ),
            ("29 February, leap year", born("1968-02-29"), "2028-02-29", Eligible),
            ("29 February, 28 in common years", born("1964-02-29"), "2026-02-28", Eligible),
            ("born after the day", born("2027-01-01"), AS_OF, not(NotEligible::TooYoung)),
            ("1(4): elsewhere in the county", hukou("990121102201"), AS_OF, Eligible),
            ("1(4): the county's own code", hukou(COUNTY), AS_OF, Eligible),
            (
                "1(4): registered in the next county",
                hukou("990122101203"),
                AS_OF,
                not(NotEligible::RegisteredElsewhere),
            ),
            (
                "project decision: only the prefecture is noted",
                hukou("990100000000"),
                AS_OF,
                lacks(&[(MissingFact::Hukou, None)]),
            ),
            ("1(4): a villagers' committee", lives("990121101200"), AS_OF, Eligible),
            ("1(4): a villagers' committee", lives("990121101399"), AS_OF, Eligible),
            (
                "1(4): a residents' committee",
                lives("990121101199"),
                AS_OF,
                not(NotEligible::NotInVillage),
            ),
            (
                "project decision: either kind of committee",
                lives("990121101400"),
                AS_OF,
                lacks(&[(MissingFact::Residence, None)]),
            ),
            (
                "project decision: a home of the township",
                lives("990121101000"),
                AS_OF,
                lacks(&[(MissingFact::Residence, None)]),
            ),
            (
                "project decision: no birth date",
                EligibilityFacts { birth_date: None, ..elder() },
                AS_OF,
                lacks(&[(MissingFact::BirthDate, None)]),
            ),
            (
                "project decision: nothing is known",
                EligibilityFacts::default(),
                AS_OF,
                lacks(&[
                    (MissingFact::BirthDate, None),
                    (MissingFact::Residence, None),
                    (MissingFact::Supporters, None),
                ]),
            ),
            (
                "one test that fails decides, whatever is missing",
                EligibilityFacts { birth_date: Some(day("1970-01-01")), ..Default::default() },
                AS_OF,
                not(NotEligible::TooYoung),
            ),
        ],
    );
}

#[test]
fn six_continuous_months() {
    let nobody = || not(NotEligible::NobodyAway);
    let work = "Lijiang 2024 1(4)";
    check(
        &Ruleset::default(),
        vec![
            ("1(4): the day before", with_son(vec![left("2026-03-01")]), "2026-08-31", nobody()),
            ("1(4): left 1 March", with_son(vec![left("2026-03-01")]), "2026-09-01", Eligible),
            // Civil Code art. 202: where the month has no such day, its last.
            ("month end", with_son(vec![left("2025-08-31")]), "2026-02-27", nobody()),
            ("month end", with_son(vec![left("2025-08-31")]), "2026-02-28", Eligible),
            ("month end, leap year", with_son(vec![left("2027-08-31")]), "2028-02-28", nobody()),
            ("month end, leap year", with_son(vec![left("2027-08-31")]), "2028-02-29", Eligible),
            ("left 29 February", with_son(vec![left("2028-02-29")]), "2028-08-28", nobody()),
            ("left 29 February", with_son(vec![left("2028-02-29")]), "2028-08-29", Eligible),
            (
                "what is still to come says nothing",
                with_son(vec![left("2026-12-01")]),
                AS_OF,
                lacks(&[
                    (MissingFact::AbsenceDay, Some("卫德福")),
                    (MissingFact::AbsenceReason, Some("卫德福")),
                ]),
            ),
            (
                "project decision: back for a week, nobody knows since when away",
                with_son(vec![back("2026-08-25")]),
                AS_OF,
                lacks(&[
                    (MissingFact::AbsenceDay, Some("卫德福")),
                    (MissingFact::Destination, Some("卫德福")),
                    (MissingFact::AbsenceReason, Some("卫德福")),
                ]),
            ),
            (
                "project decision: 30 days at home are a trip",
                with_son(vec![left("2026-01-01"), back("2026-02-01"), left("2026-03-03")]),
                "2026-07-01",
                Eligible,
            ),
            (
                "project decision: 31 days are not",
                with_son(vec![left("2026-01-01"), back("2026-02-01"), left("2026-03-04")]),
                "2026-07-01",
                nobody(),
            ),
            (
                "and count from when the supporter left again",
                with_son(vec![left("2026-01-01"), back("2026-02-01"), left("2026-03-04")]),
                "2026-09-04",
                Eligible,
            ),
            (
                "project decision: on a trip home",
                with_son(vec![left("2025-01-01"), back("2026-08-02")]),
                AS_OF,
                Eligible,
            ),
            (
                "project decision: home for more than 30 days",
                with_son(vec![left("2025-01-01"), back("2026-08-01")]),
                AS_OF,
                nobody(),
            ),
            (
                "two trips, each short",
                with_son(vec![
                    left("2026-01-01"),
                    back("2026-02-10"),
                    left("2026-03-01"),
                    back("2026-05-01"),
                    left("2026-05-06"),
                ]),
                "2026-07-01",
                Eligible,
            ),
            (
                "events in any order",
                with_son(vec![left("2026-03-03"), back("2026-02-01"), left("2026-01-01")]),
                "2026-07-01",
                Eligible,
            ),
            (
                "both days in one event",
                with_son(vec![
                    AbsenceFact { returned: Some(day("2026-02-01")), ..left("2026-01-01") },
                    left("2026-02-20"),
                ]),
                "2026-07-01",
                Eligible,
            ),
            (
                "back and off again on one day",
                with_son(vec![left("2026-01-01"), back("2026-04-01"), left("2026-04-01")]),
                "2026-07-01",
                Eligible,
            ),
            (
                "off and back on one day",
                with_son(vec![back("2020-01-01"), left("2026-04-01"), back("2026-04-01")]),
                "2026-04-02",
                nobody(),
            ),
            (
                work,
                with_son(vec![AbsenceFact {
                    reason: AbsenceReason::Business,
                    ..left("2026-03-01")
                }]),
                AS_OF,
                Eligible,
            ),
            (
                work,
                with_son(vec![AbsenceFact {
                    reason: AbsenceReason::OtherProduction,
                    ..left("2026-03-01")
                }]),
                AS_OF,
                Eligible,
            ),
            (
                "project decision: nobody noted what for",
                with_son(vec![AbsenceFact {
                    reason: AbsenceReason::Unknown,
                    ..left("2026-03-01")
                }]),
                AS_OF,
                lacks(&[(MissingFact::AbsenceReason, Some("卫德福"))]),
            ),
        ],
    );
}

#[test]
fn out_of_the_county() {
    let to = |at: &str, on: &str| AbsenceFact { destination: Some(code(at)), ..left(on) };
    check(
        &Ruleset::default(),
        vec![
            (
                "1(4): the next county",
                with_son(vec![to("990122000000", "2026-01-01")]),
                AS_OF,
                Eligible,
            ),
            (
                "1(4): the county town",
                with_son(vec![to("990121001000", "2026-01-01")]),
                AS_OF,
                not(NotEligible::NobodyAway),
            ),
            (
                "1(4): the county itself",
                with_son(vec![to(COUNTY, "2026-01-01")]),
                AS_OF,
                not(NotEligible::NobodyAway),
            ),
            (
                "1(4): first the county town, then away",
                with_son(vec![to("990121001000", "2025-01-01"), to(AWAY, "2026-03-02")]),
                AS_OF,
                not(NotEligible::NobodyAway),
            ),
            (
                "1(4): from one place away to another",
                with_son(vec![to("990122000000", "2026-02-01"), to(AWAY, "2026-06-01")]),
                AS_OF,
                Eligible,
            ),
            (
                "project decision: the prefecture may be the county",
                with_son(vec![to("990100000000", "2026-01-01")]),
                AS_OF,
                lacks(&[(MissingFact::Destination, Some("卫德福"))]),
            ),
            (
                "project decision: no code",
                with_son(vec![AbsenceFact { destination: None, ..left("2026-01-01") }]),
                AS_OF,
                lacks(&[(MissingFact::Destination, Some("卫德福"))]),
            ),
            (
                "a missing code decides nothing where the time is too short",
                with(vec![son(
                    Incapable,
                    vec![AbsenceFact { destination: None, ..left("2026-08-01") }],
                )]),
                AS_OF,
                not(NotEligible::NobodyAway),
            ),
            (
                "project decision: away, nobody knows since when",
                with_son(vec![AbsenceFact { left: None, ..left("2026-01-01") }]),
                AS_OF,
                lacks(&[(MissingFact::AbsenceDay, Some("卫德福"))]),
            ),
            (
                "the day is noted later",
                with_son(vec![
                    AbsenceFact { left: None, ..left("2026-01-01") },
                    left("2026-03-01"),
                ]),
                AS_OF,
                Eligible,
            ),
            (
                "away again after a return, nobody knows since when; long enough in any case",
                with_son(vec![
                    left("2020-01-01"),
                    back("2026-01-20"),
                    AbsenceFact { left: None, ..left("2026-01-01") },
                    back("2026-02-10"),
                    left("2026-02-25"),
                ]),
                AS_OF,
                Eligible,
            ),
            (
                "project decision: nothing is noted of the only child",
                with_son(vec![]),
                AS_OF,
                lacks(&[
                    (MissingFact::AbsenceDay, Some("卫德福")),
                    (MissingFact::AbsenceReason, Some("卫德福")),
                ]),
            ),
        ],
    );
}

#[test]
fn nobody_else() {
    let away = || son(Capable, vec![left("2020-03-01")]);
    let noted = "卫秀兰";
    check(
        &Ruleset::default(),
        vec![
            (
                "1(4): a capable daughter present",
                with(vec![away(), at_home(Capable)]),
                AS_OF,
                not(NotEligible::SupporterPresent),
            ),
            ("1(4): an incapable one", with(vec![away(), at_home(Incapable)]), AS_OF, Eligible),
            (
                "project decision: nobody knows whether she could",
                with(vec![away(), at_home(Unknown)]),
                AS_OF,
                lacks(&[(MissingFact::Capacity, Some(noted))]),
            ),
            (
                "1(4): she left a month ago",
                with(vec![away(), daughter(Capable, vec![left("2026-08-01")])]),
                AS_OF,
                Eligible,
            ),
            (
                "project decision: in the county town, so present",
                with(vec![
                    away(),
                    daughter(
                        Capable,
                        vec![AbsenceFact {
                            destination: Some(code("990121001000")),
                            ..left("2020-01-01")
                        }],
                    ),
                ]),
                AS_OF,
                not(NotEligible::SupporterPresent),
            ),
            (
                "project decision: nobody knows where she is",
                with(vec![away(), daughter(Capable, vec![])]),
                AS_OF,
                lacks(&[(MissingFact::AbsenceDay, Some(noted))]),
            ),
            (
                "where she is decides nothing",
                with(vec![away(), daughter(Incapable, vec![])]),
                AS_OF,
                Eligible,
            ),
            ("project decision: no supporter", with(vec![]), AS_OF, not(NotEligible::NoSupporter)),
            (
                "one of three away is enough",
                with(vec![
                    away(),
                    at_home(Incapable),
                    SupporterFacts { name: "卫小妹".into(), ..at_home(Incapable) },
                ]),
                AS_OF,
                Eligible,
            ),
        ],
    );
}

#[test]
fn ziyang_2018() {
    let away = || son(Capable, vec![left("2026-03-01")]);
    let grandson = |kinship| SupporterFacts {
        name: "卫小军".into(),
        kinship,
        ..son(Incapable, vec![back("2020-01-01")])
    };
    check(
        &ziyang(),
        vec![
            ("Ziyang 2018 1: every child", with(vec![away()]), AS_OF, Eligible),
            ("1: the day before", with(vec![away()]), "2026-08-31", not(NotEligible::NobodyAway)),
            (
                "1: one child at home, though incapable",
                with(vec![away(), at_home(Incapable)]),
                AS_OF,
                not(NotEligible::NobodyAway),
            ),
            (
                "1: registered elsewhere",
                EligibilityFacts { hukou: Some(code("990122101203")), ..elder() },
                AS_OF,
                Eligible,
            ),
            (
                "1: no registration noted",
                EligibilityFacts { hukou: None, ..elder() },
                AS_OF,
                Eligible,
            ),
            (
                "1: a reason is not asked",
                with_son(vec![AbsenceFact {
                    reason: AbsenceReason::Unknown,
                    ..left("2026-03-01")
                }]),
                AS_OF,
                Eligible,
            ),
            (
                "1: a grandson is no child",
                with(vec![away(), grandson(Kinship::Other)]),
                AS_OF,
                Eligible,
            ),
            (
                "project decision: nobody knows what he is",
                with(vec![away(), grandson(Kinship::Unknown)]),
                AS_OF,
                lacks(&[(MissingFact::Relation, Some("卫小军"))]),
            ),
            (
                "project decision: no child",
                with(vec![grandson(Kinship::Other)]),
                AS_OF,
                not(NotEligible::NoSupporter),
            ),
            (
                "1: 60 or more",
                EligibilityFacts { birth_date: Some(day("1970-01-01")), ..elder() },
                AS_OF,
                not(NotEligible::TooYoung),
            ),
        ],
    );
}

#[test]
fn the_ruleset_decides_how_long_and_what_a_trip_is() {
    let facts = with_son(vec![left("2026-01-01"), back("2026-02-01"), left("2026-02-12")]);
    let rules =
        |months_away, home_trip_days| Ruleset { months_away, home_trip_days, ..Ruleset::default() };
    for (months, trip, as_of, expected) in [
        (3, 30, "2026-04-01", Eligible),
        (3, 10, "2026-04-01", not(NotEligible::NobodyAway)),
        (3, 11, "2026-04-01", Eligible),
        (12, 30, "2026-12-31", not(NotEligible::NobodyAway)),
        (12, 30, "2027-01-01", Eligible),
    ] {
        assert_eq!(
            eligibility(&facts, &rules(months, trip), day(as_of)),
            expected,
            "{months} {trip}"
        );
    }
}

fn absences() -> impl Strategy<Value = Vec<AbsenceFact>> {
    let on = || {
        prop::option::of(
            (0u32..700).prop_map(|n| day("2025-01-01") + chrono::Days::new(u64::from(n))),
        )
    };
    let place = prop::option::of(prop::sample::select(vec![
        code(AWAY),
        code(COUNTY),
        code("990121001000"),
        code("990100000000"),
    ]));
    let reason = prop::sample::select(vec![AbsenceReason::Work, AbsenceReason::Unknown]);
    let event = (on(), on(), place, reason).prop_map(|(left, returned, destination, reason)| {
        AbsenceFact { left, returned, destination, reason }
    });
    prop::collection::vec(event, 0..6)
}

proptest! {
    /// Whatever is noted is answered, and an answer that is undetermined names what to find out.
    #[test]
    fn undetermined_always_names_what_is_missing(
        events in absences(),
        capacity in prop::sample::select(vec![Capable, Incapable, Unknown]),
        ziyang_holds: bool,
    ) {
        let ruleset = if ziyang_holds { ziyang() } else { Ruleset::default() };
        let facts = with(vec![son(capacity, events)]);
        if let Eligibility::Undetermined { missing } = eligibility(&facts, &ruleset, day(AS_OF)) {
            prop_assert!(!missing.is_empty());
        }
    }

    /// What has been decided stays decided when a missing destination becomes known: an answer is
    /// never more certain than all the ways in which the file could be filled in.
    #[test]
    fn a_destination_that_becomes_known_only_settles_what_was_open(
        events in absences(),
        to in prop::sample::select(vec![AWAY, COUNTY, "990122000000"]),
    ) {
        let ruleset = Ruleset::default();
        let answer = |events: Vec<AbsenceFact>| {
            eligibility(&with(vec![son(Capable, events)]), &ruleset, day(AS_OF))
        };
        let before = answer(events.clone());
        let filled = events
            .into_iter()
            .map(|event| AbsenceFact { destination: event.destination.or(Some(code(to))), ..event })
            .collect();
        let after = answer(filled);
        match before {
            Eligible => prop_assert_eq!(after, Eligible),
            Eligibility::NotEligible { .. } => {
                let stays = matches!(after, Eligibility::NotEligible { .. });
                prop_assert!(stays);
            }
            Eligibility::Undetermined { .. } => {}
        }
    }

    /// Nothing that is dated after the day asked for changes the answer for that day.
    #[test]
    fn what_comes_later_changes_nothing(events in absences()) {
        let answer = |events: Vec<AbsenceFact>| {
            eligibility(&with(vec![son(Capable, events)]), &Ruleset::default(), day(AS_OF))
        };
        let mut later = events.clone();
        later.push(left("2026-09-02"));
        later.push(back("2026-10-02"));
        prop_assert_eq!(answer(events), answer(later));
    }
}

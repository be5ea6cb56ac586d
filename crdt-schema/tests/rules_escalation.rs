//! R8: who must have acknowledged by when. Each row names the line of the policy.

use chrono::{NaiveDateTime, NaiveTime};
use proptest::prelude::*;
use shouwang_crdt_schema::division::Level;
use shouwang_crdt_schema::element::IncidentEvent;
use shouwang_crdt_schema::record::Choice;
use shouwang_crdt_schema::record::IncidentKind::{self, *};
use shouwang_crdt_schema::record::IncidentStep::{self, Acknowledged, Closed, Noted, Raised};
use shouwang_crdt_schema::rules::escalation::{IncidentState, incident_standing, measures};
use shouwang_crdt_schema::rules::ruleset::Ruleset;

fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap()
}

/// "2026-09-01 10:00", or a day without a time.
fn event(step: IncidentStep, kind: Option<IncidentKind>, when: &str) -> IncidentEvent {
    let (date, time) = when.split_once(' ').map_or((when, None), |(date, time)| (date, Some(time)));
    IncidentEvent {
        step,
        kind,
        date: date.parse().unwrap(),
        time: time.map(|time| NaiveTime::parse_from_str(time, "%H:%M").unwrap()),
        place: None,
        by: None,
        note: None,
    }
}

fn raised(kind: IncidentKind, when: &str) -> IncidentEvent {
    event(Raised, Some(kind), when)
}

fn step(step: IncidentStep, when: &str) -> IncidentEvent {
    event(step, None, when)
}

#[test]
fn hours_by_kind() {
    for (source, kind, hours) in [
        ("MCA 2022 guidance 2(5)", Emergency, 2),
        ("Ziyang 2018 (2)", Wandering, 24),
        ("Ziyang 2018 (2), harm", UnlawfulHarm, 2),
        ("Ziyang 2018 (2), critical illness", CriticalIllness, 2),
        ("Ziyang 2018 (2)", SevereMentalIllness, 24),
        ("Ziyang 2018 (2)", MajorHardship, 24),
        ("Lijiang 2024 item 19", RightsViolation, 2),
        ("Lijiang 2024 item 6", SupportDutyFailed, 24),
        ("Ziyang 2018 (4)", SafetyRisk, 24),
        ("Ziyang 2018 (4)", LivingDifficulty, 24),
    ] {
        let ruleset = Ruleset::default();
        assert_eq!(ruleset.hours_to_acknowledge(kind), hours, "{source}: {kind}");
        assert!(!measures(kind).is_empty(), "{kind}");
        let events = [raised(kind, "2026-09-01 10:00")];
        let due = at("2026-09-01 10:00") + chrono::TimeDelta::hours(i64::from(hours));
        let standing = |when| incident_standing(&events, Level::Village, &ruleset, when).unwrap();
        assert_eq!(standing(due).due_at, due, "{source}: {kind}");
        assert_eq!(standing(due).late_minutes, None, "{source}: {kind}");
        assert_eq!(standing(due + chrono::TimeDelta::minutes(1)).late_minutes, Some(1), "{kind}");
    }
    assert_eq!(IncidentKind::ALL.len(), 10);
}

#[test]
fn open_until_acknowledged_and_closed() {
    use IncidentState::{Acknowledged as Seen, Closed as Done, Open};
    let fall = || raised(Emergency, "2026-09-01 10:00");
    type Row = (
        &'static str,
        Vec<IncidentEvent>,
        &'static str,
        IncidentState,
        Option<u32>,
        Option<Level>,
        bool,
    );
    let township = Some(Level::Township);
    let county = Some(Level::County);
    let rows: Vec<Row> = vec![
        ("project decision: 2 h", vec![fall()], "2026-09-01 11:59", Open, None, township, false),
        ("project decision: late", vec![fall()], "2026-09-01 12:30", Open, Some(30), county, true),
        (
            "acknowledged in time",
            vec![fall(), step(Acknowledged, "2026-09-01 11:00")],
            "2026-09-02 10:00",
            Seen,
            None,
            township,
            false,
        ),
        (
            "acknowledged late",
            vec![fall(), step(Acknowledged, "2026-09-01 13:00")],
            "2026-09-02 10:00",
            Seen,
            Some(60),
            township,
            false,
        ),
        (
            "not acknowledged yet",
            vec![fall(), step(Acknowledged, "2026-09-01 13:00")],
            "2026-09-01 12:01",
            Open,
            Some(1),
            county,
            true,
        ),
        (
            "project decision: acknowledged and closed",
            vec![fall(), step(Acknowledged, "2026-09-01 11:00"), step(Closed, "2026-09-03 09:00")],
            "2026-09-03 09:00",
            Done,
            None,
            None,
            false,
        ),
        (
            "project decision: closed, and nobody acknowledged",
            vec![fall(), step(Closed, "2026-09-01 11:00")],
            "2026-09-01 12:01",
            Open,
            Some(1),
            county,
            true,
        ),
        (
            "a note changes nothing",
            vec![fall(), step(Noted, "2026-09-01 10:30")],
            "2026-09-01 11:00",
            Open,
            None,
            township,
            false,
        ),
        (
            "project decision: no time, from 00:00",
            vec![raised(Emergency, "2026-09-01")],
            "2026-09-01 02:01",
            Open,
            Some(1),
            county,
            true,
        ),
        (
            "acknowledged on the day, nobody noted when",
            vec![fall(), step(Acknowledged, "2026-09-01")],
            "2026-09-01 18:00",
            Seen,
            None,
            township,
            false,
        ),
        (
            "raised again",
            vec![
                fall(),
                step(Acknowledged, "2026-09-01 11:00"),
                step(Closed, "2026-09-03 09:00"),
                raised(Emergency, "2026-09-05 08:00"),
            ],
            "2026-09-05 10:01",
            Open,
            Some(1),
            county,
            true,
        ),
        (
            "it was worse than was thought",
            vec![
                raised(LivingDifficulty, "2026-09-01 10:00"),
                event(Noted, Some(UnlawfulHarm), "2026-09-01 15:00"),
            ],
            "2026-09-01 17:30",
            Open,
            Some(30),
            county,
            true,
        ),
        (
            "project decision: it was less than was thought, and still is to be seen to",
            vec![fall(), event(Noted, Some(LivingDifficulty), "2026-09-01 10:30")],
            "2026-09-01 12:30",
            Open,
            Some(30),
            county,
            true,
        ),
        (
            "project decision: nobody says what it is",
            vec![step(Raised, "2026-09-01 10:00")],
            "2026-09-01 12:01",
            Open,
            Some(1),
            county,
            true,
        ),
    ];
    for (source, events, when, state, late, owed_by, escalated) in rows {
        let found =
            incident_standing(&events, Level::Village, &Ruleset::default(), at(when)).unwrap();
        let found = (found.state, found.late_minutes, found.owed_by, found.escalated);
        assert_eq!(found, (state, late, owed_by, escalated), "{source} at {when}");
    }
    let before =
        incident_standing(&[fall()], Level::Village, &Ruleset::default(), at("2026-09-01 09:59"));
    assert_eq!(before, None);
    // A home of the township: the county is to acknowledge.
    let home =
        incident_standing(&[fall()], Level::Township, &Ruleset::default(), at("2026-09-01 10:00"));
    assert_eq!(home.unwrap().owed_by, county);
}

#[test]
fn the_ruleset_decides_the_hours() {
    let mut ruleset = Ruleset::default();
    ruleset.set("acknowledge_hours.Emergency", "1").unwrap();
    let events = [raised(Emergency, "2026-09-01 10:00")];
    let standing =
        incident_standing(&events, Level::Village, &ruleset, at("2026-09-01 11:30")).unwrap();
    assert_eq!(standing.late_minutes, Some(30));
}

proptest! {
    /// An open incident never becomes less late as time goes by, and never goes away.
    #[test]
    fn an_open_incident_only_gets_later(kind in prop::sample::select(IncidentKind::ALL.to_vec()), one in 0i64..9999, two in 0i64..9999) {
        let events = [raised(kind, "2026-09-01 10:00")];
        let late = |minutes| {
            let when = at("2026-09-01 10:00") + chrono::TimeDelta::minutes(minutes);
            let standing = incident_standing(&events, Level::Village, &Ruleset::default(), when);
            standing.unwrap().late_minutes.unwrap_or(0)
        };
        prop_assert!(late(one.min(two)) <= late(one.max(two)));
    }
}

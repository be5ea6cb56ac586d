//! R9: who is on the roster. Each row names the line of the policy.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use proptest::prelude::*;
use shouwang_crdt_schema::parts::Part;
use shouwang_crdt_schema::record::EntryReason::{self, FirstSurvey, ReEntry, SupporterLeft};
use shouwang_crdt_schema::record::ExitReason::{self, Deceased, MovedOut, SupporterReturned};
use shouwang_crdt_schema::record::RosterStep;
use shouwang_crdt_schema::rules::calendar::{Month, Period};
use shouwang_crdt_schema::rules::roster::RosterStanding::{Off, On, Undetermined};
use shouwang_crdt_schema::rules::roster::{Roster, RosterFact, RosterStanding};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn entered(on: &str, reason: EntryReason, seen: &[usize]) -> RosterFact {
    RosterFact {
        step: RosterStep::Entered,
        entry_reason: Some(reason),
        exit_reason: None,
        date: Some(day(on)),
        part: Part::Card,
        seen: seen.iter().copied().collect(),
    }
}

fn left(on: &str, reason: ExitReason, seen: &[usize]) -> RosterFact {
    RosterFact {
        step: RosterStep::Left,
        entry_reason: None,
        exit_reason: Some(reason),
        ..entered(on, FirstSurvey, seen)
    }
}

fn confirmed(on: &str) -> RosterFact {
    RosterFact {
        step: RosterStep::Confirmed,
        entry_reason: None,
        part: Part::Ledger,
        ..entered(on, FirstSurvey, &[])
    }
}

fn in_ledger(event: RosterFact) -> RosterFact {
    RosterFact { part: Part::Ledger, ..event }
}

fn on(since: &str, reason: EntryReason) -> RosterStanding {
    On { since: Some(day(since)), reason: Some(reason), confirmed: false }
}

fn off(since: &str, reason: ExitReason) -> RosterStanding {
    Off { since: Some(day(since)), reason: Some(reason), confirmed: false }
}

const NOT_YET: RosterStanding = Off { since: None, reason: None, confirmed: false };

#[test]
fn in_and_out() {
    let first = || entered("2024-06-10", FirstSurvey, &[]);
    let rows: Vec<(&str, Vec<RosterFact>, &str, RosterStanding)> = vec![
        ("project decision: nobody has decided", vec![], "2026-09-01", Undetermined),
        (
            "a confirmation decides nothing",
            vec![confirmed("2026-01-01")],
            "2026-09-01",
            Undetermined,
        ),
        ("Lijiang 2024 item 3: the day before", vec![first()], "2024-06-09", NOT_YET),
        ("item 3: the day", vec![first()], "2024-06-10", on("2024-06-10", FirstSurvey)),
        (
            "item 3: entered twice",
            vec![first(), entered("2025-01-01", SupporterLeft, &[0])],
            "2026-09-01",
            on("2024-06-10", FirstSurvey),
        ),
        (
            "item 3: entered by two",
            vec![first(), entered("2025-01-01", SupporterLeft, &[])],
            "2026-09-01",
            on("2024-06-10", FirstSurvey),
        ),
        (
            "item 3: out",
            vec![first(), left("2026-05-01", SupporterReturned, &[0])],
            "2026-05-01",
            off("2026-05-01", SupporterReturned),
        ),
        (
            "item 3: the day before",
            vec![first(), left("2026-05-01", SupporterReturned, &[0])],
            "2026-04-30",
            on("2024-06-10", FirstSurvey),
        ),
        (
            "item 3: in again",
            vec![
                first(),
                left("2026-05-01", SupporterReturned, &[0]),
                entered("2026-08-01", ReEntry, &[0, 1]),
            ],
            "2026-09-01",
            on("2026-08-01", ReEntry),
        ),
        (
            "project decision: concurrent entry prevails",
            vec![
                first(),
                left("2026-05-01", SupporterReturned, &[0]),
                entered("2026-05-01", SupporterLeft, &[0]),
            ],
            "2026-09-01",
            on("2024-06-10", FirstSurvey),
        ),
        (
            "project decision: whatever the days",
            vec![
                first(),
                left("2026-06-01", MovedOut, &[0]),
                entered("2026-05-01", SupporterLeft, &[0]),
            ],
            "2026-09-01",
            on("2024-06-10", FirstSurvey),
        ),
        (
            "project decision: a death prevails",
            vec![
                first(),
                left("2026-05-01", Deceased, &[0]),
                entered("2026-05-02", SupporterLeft, &[0]),
            ],
            "2026-09-01",
            off("2026-05-01", Deceased),
        ),
        (
            "a death that was an error",
            vec![
                first(),
                left("2026-05-01", Deceased, &[0]),
                entered("2026-05-09", ReEntry, &[0, 1]),
            ],
            "2026-09-01",
            on("2026-05-09", ReEntry),
        ),
        (
            "an exit noted late holds from its day",
            vec![
                first(),
                entered("2026-03-01", ReEntry, &[0]),
                left("2026-01-15", Deceased, &[0, 1]),
            ],
            "2026-02-01",
            off("2026-01-15", Deceased),
        ),
        (
            "the last word on why",
            vec![
                first(),
                left("2026-05-01", MovedOut, &[0]),
                left("2026-05-03", Deceased, &[0, 1]),
            ],
            "2026-09-01",
            off("2026-05-01", Deceased),
        ),
        (
            "confirmed",
            vec![first(), confirmed("2024-07-01")],
            "2026-09-01",
            On { since: Some(day("2024-06-10")), reason: Some(FirstSurvey), confirmed: true },
        ),
        (
            "what was confirmed was the entry before",
            vec![first(), confirmed("2024-07-01"), left("2026-05-01", MovedOut, &[0])],
            "2026-09-01",
            off("2026-05-01", MovedOut),
        ),
        (
            "project decision: between card and ledger the day decides",
            vec![first(), in_ledger(left("2026-05-01", MovedOut, &[]))],
            "2026-09-01",
            off("2026-05-01", MovedOut),
        ),
        (
            "on one day an entry prevails",
            vec![
                entered("2026-05-01", SupporterLeft, &[]),
                in_ledger(left("2026-05-01", MovedOut, &[])),
            ],
            "2026-09-01",
            on("2026-05-01", SupporterLeft),
        ),
        (
            "a death over all",
            vec![
                entered("2026-06-01", SupporterLeft, &[]),
                in_ledger(left("2026-05-01", Deceased, &[])),
            ],
            "2026-09-01",
            off("2026-05-01", Deceased),
        ),
    ];
    for (source, events, as_of, expected) in rows {
        assert_eq!(Roster::new(&events).on(day(as_of)), expected, "{source}");
    }
}

#[test]
fn entries_and_exits_of_a_month() {
    let roster = Roster::new(&[
        entered("2026-01-31", FirstSurvey, &[]),
        left("2026-02-28", SupporterReturned, &[0]),
        entered("2026-03-01", ReEntry, &[0, 1]),
        entered("2026-03-15", ReEntry, &[0, 1, 2]),
        left("2026-03-31", Deceased, &[0, 1, 2, 3]),
    ]);
    let of = |month: &str| {
        let month: Month = month.parse().unwrap();
        let changes = roster.changes(month.period());
        let days: Vec<(String, bool)> = changes
            .iter()
            .map(|change| (change.date.to_string(), change.standing.is_on()))
            .collect();
        (days, roster.on(month.last()).is_on())
    };
    let rows = |days: &[(&str, bool)]| -> Vec<(String, bool)> {
        days.iter().map(|(on, is_on)| ((*on).to_owned(), *is_on)).collect()
    };
    assert_eq!(of("2025-12"), (vec![], false));
    assert_eq!(of("2026-01"), (rows(&[("2026-01-31", true)]), true));
    assert_eq!(of("2026-02"), (rows(&[("2026-02-28", false)]), false));
    assert_eq!(of("2026-03"), (rows(&[("2026-03-01", true), ("2026-03-31", false)]), false));
    assert_eq!(of("2026-04"), (vec![], false));
}

/// Events written one after the other by up to three people who see each other's only now and then.
fn histories() -> impl Strategy<Value = Vec<RosterFact>> {
    let event = (any::<bool>(), 0u64..200, 0usize..4, 0usize..3, any::<bool>());
    prop::collection::vec(event, 0..10).prop_map(|events| {
        let mut facts: Vec<RosterFact> = Vec::new();
        let mut known: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); 3];
        for (is_entry, date, reason, who, meets) in events {
            if meets {
                let all: BTreeSet<usize> = known.iter().flatten().copied().collect();
                known[who].extend(all);
            }
            let seen: Vec<usize> = known[who].iter().copied().collect();
            let date = (day("2026-01-01") + chrono::Days::new(date)).to_string();
            let exit = [SupporterReturned, MovedOut, Deceased, MovedOut][reason];
            known[who].insert(facts.len());
            facts.push(match is_entry {
                true => entered(&date, SupporterLeft, &seen),
                false => left(&date, exit, &seen),
            });
        }
        facts
    })
}

proptest! {
    /// The same events in another order of the list are the same roster, on every day.
    #[test]
    fn the_order_of_the_list_does_not_matter(facts in histories(), turn in 0usize..10) {
        let n = facts.len().max(1);
        let moved: Vec<RosterFact> = (0..facts.len())
            .map(|at| {
                let fact = &facts[(at + turn) % n];
                let seen = fact.seen.iter().map(|of| (of + n - turn % n) % n).collect();
                RosterFact { seen, ..fact.clone() }
            })
            .collect();
        let (one, two) = (Roster::new(&facts), Roster::new(&moved));
        for after in 0..220 {
            let on = day("2026-01-01") + chrono::Days::new(after);
            let (one, two) = (one.on(on), two.on(on));
            prop_assert_eq!(one.is_on(), two.is_on());
        }
    }

    /// An entry that saw everything puts the elder on the roster, and an exit that did takes the
    /// elder off: whoever knows all has the last word.
    #[test]
    fn whoever_has_seen_all_has_the_last_word(facts in histories(), entry: bool) {
        let all: Vec<usize> = (0..facts.len()).collect();
        let mut facts = facts;
        facts.push(match entry {
            true => entered("2026-12-01", ReEntry, &all),
            false => left("2026-12-01", MovedOut, &all),
        });
        prop_assert_eq!(Roster::new(&facts).on(day("2026-12-01")).is_on(), entry);
    }

    /// The changes of a period lead from the standing before it to the standing at its end.
    #[test]
    fn changes_lead_from_before_to_after(facts in histories(), from in 0u64..200, length in 0u64..60) {
        let roster = Roster::new(&facts);
        let from = day("2026-01-01") + chrono::Days::new(from);
        let period = Period { from, to: from + chrono::Days::new(length) };
        let mut is_on = roster.on(from.pred_opt().unwrap()).is_on();
        for change in roster.changes(period) {
            prop_assert_eq!(change.standing.is_on(), !is_on);
            is_on = !is_on;
        }
        prop_assert_eq!(roster.on(period.to).is_on(), is_on);
    }

    /// Since the day that a standing names it has been so on every day, and not the day before.
    #[test]
    fn since_is_the_first_day(facts in histories(), as_of in 0u64..220) {
        let roster = Roster::new(&facts);
        let as_of = day("2026-01-01") + chrono::Days::new(as_of);
        if let On { since: Some(since), .. } = roster.on(as_of) {
            for on in since.iter_days().take_while(|on| *on <= as_of) {
                prop_assert!(roster.on(on).is_on());
            }
            prop_assert!(!roster.on(since.pred_opt().unwrap()).is_on());
        }
    }
}

//! Continuous absence of a supporter (R1): who is out of the county since when, as far as known.
//!
//! What is missing leaves two readings of the same events, the longest and the shortest absence
//! that they allow. Where both lead to the same answer the missing fact decides nothing.

use chrono::NaiveDate;

use crate::division::DivisionCode;
use crate::record::AbsenceReason;
use crate::rules::calendar::{add_months, days_between};

/// One event: a supporter left, came back, or both. An event without either day says that the
/// supporter is away since nobody knows when. Slips are taken back before events come here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsenceFact {
    /// The day the supporter left.
    pub left: Option<NaiveDate>,
    /// The day the supporter came back.
    pub returned: Option<NaiveDate>,
    /// Where to.
    pub destination: Option<DivisionCode>,
    /// What for.
    pub reason: AbsenceReason,
}

/// What an absence must be to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsenceTest {
    /// Out of this place.
    pub county: DivisionCode,
    /// For so many continuous months.
    pub months: u32,
    /// Trips home of up to so many days do not break it.
    pub home_trip_days: u32,
}

/// A supporter's absence on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Away {
    /// Out of the county for long enough; None if what is known does not decide it.
    pub long_enough: Option<bool>,
    /// Inside the county; None if what is known does not decide it. Whoever is home for a trip that
    /// does not break the absence is not counted as present.
    pub present: Option<bool>,
    /// For work, business or other production; None where nobody noted it.
    pub for_work: Option<bool>,
    /// Whether the day that the supporter left is known, or decides nothing.
    pub lacks_day: bool,
    /// Whether it matters that the destination is not known.
    pub lacks_destination: bool,
}

impl Away {
    /// Of a supporter of whom no event is known.
    pub const UNKNOWN: Self = Self {
        long_enough: None,
        present: None,
        for_work: None,
        lacks_day: true,
        lacks_destination: false,
    };
}

impl AbsenceFact {
    /// What the event says of the time up to a day; None if it is all still to come.
    fn known_on(&self, as_of: NaiveDate) -> Option<Self> {
        let known = |day: Option<NaiveDate>| day.filter(|day| *day <= as_of);
        let (left, returned) = (known(self.left), known(self.returned));
        let undated = self.left.is_none() && self.returned.is_none();
        let says = undated || left.is_some() || returned.is_some();
        says.then_some(Self { left, returned, ..*self })
    }
}

/// How to read what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    /// A destination that nobody noted is outside the county.
    unknown_is_outside: bool,
    /// A day that nobody noted was long ago.
    undated_is_long_ago: bool,
}

/// A supporter leaves or comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Left {
        destination: Option<DivisionCode>,
    },
    /// From where, in case nobody noted that the supporter had left.
    Returned {
        destination: Option<DivisionCode>,
    },
}

/// Where a supporter is, in one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Inside the county. `away_since` is kept while the trip home may still be a trip.
    Home { since: Option<NaiveDate>, away_since: Option<NaiveDate> },
    /// Outside, since this day or longer.
    Outside { since: NaiveDate },
}

/// Judges the events of one supporter; later ones in the list are later statements.
pub fn away(events: &[AbsenceFact], test: &AbsenceTest, as_of: NaiveDate) -> Away {
    let events: Vec<AbsenceFact> =
        events.iter().filter_map(|event| event.known_on(as_of)).collect();
    if events.is_empty() {
        return Away::UNKNOWN;
    }
    let read = |unknown_is_outside, undated_is_long_ago| {
        let reading = Reading { unknown_is_outside, undated_is_long_ago };
        judge(&events, test, reading, as_of)
    };
    let readings = [read(true, true), read(true, false), read(false, true), read(false, false)];
    let agree = |of: fn(&(bool, bool)) -> bool| {
        let first = of(&readings[0]);
        readings.iter().all(|reading| of(reading) == first).then_some(first)
    };
    let differ = |one: usize, two: usize| readings.get(one) != readings.get(two);
    Away {
        long_enough: agree(|reading| reading.0),
        present: agree(|reading| reading.1),
        // Every reason that the record knows is work, business or other production.
        for_work: events.iter().any(|event| event.reason != AbsenceReason::Unknown).then_some(true),
        lacks_day: differ(0, 1) || differ(2, 3),
        lacks_destination: differ(0, 2) || differ(1, 3),
    }
}

/// (long enough, present) in one reading.
fn judge(
    events: &[AbsenceFact],
    test: &AbsenceTest,
    reading: Reading,
    as_of: NaiveDate,
) -> (bool, bool) {
    let mut place = Place::Home { since: None, away_since: None };
    for (day, step) in timeline(events, reading, as_of) {
        place = follow(place, day, step, test, reading);
    }
    let long_enough = |since: NaiveDate| add_months(since, test.months) <= as_of;
    match place {
        Place::Outside { since } => (long_enough(since), false),
        Place::Home { since: Some(home), away_since: Some(away) }
            if days_between(home, as_of) <= test.home_trip_days =>
        {
            (long_enough(away), false)
        }
        Place::Home { .. } => (false, true),
    }
}

/// The steps up to a day, in the order in which they happened.
fn timeline(events: &[AbsenceFact], reading: Reading, as_of: NaiveDate) -> Vec<(NaiveDate, Step)> {
    let next_statements = next_dated(events);
    let mut known_until = NaiveDate::MIN;
    let mut steps: Vec<(NaiveDate, Step)> = Vec::new();
    for (event, next) in events.iter().zip(next_statements) {
        let left = Step::Left { destination: event.destination };
        let returned = Step::Returned { destination: event.destination };
        let undated = |latest: NaiveDate| match reading.undated_is_long_ago {
            true => known_until,
            false => latest.max(known_until),
        };
        match (event.left, event.returned) {
            // There and back on one day is no absence.
            (Some(day), Some(back)) if day == back => {}
            (Some(day), None) => steps.push((day, left)),
            (Some(day), Some(back)) => steps.extend([(day, left), (back, returned)]),
            (None, Some(day)) => steps.push((day, returned)),
            (None, None) => match next {
                // The next statement says when: this one adds nothing.
                Some(AbsenceFact { left: Some(_), .. }) => {}
                Some(AbsenceFact { returned: Some(day), .. }) => steps.push((undated(*day), left)),
                _ => steps.push((undated(as_of), left)),
            },
        }
        let days = [event.left, event.returned].into_iter().flatten();
        known_until = days.fold(known_until, NaiveDate::max);
    }
    steps.sort_by_key(|(day, _)| *day);
    same_day_order(steps)
}

/// For each event the next one in the list that has a day.
fn next_dated(events: &[AbsenceFact]) -> Vec<Option<&AbsenceFact>> {
    let mut next = None;
    let mut found: Vec<_> = events
        .iter()
        .rev()
        .map(|event| {
            let of_this = next;
            if event.left.is_some() || event.returned.is_some() {
                next = Some(event);
            }
            of_this
        })
        .collect();
    found.reverse();
    found
}

/// On one day, what fits the place somebody is in comes first: who is away comes back and leaves
/// again, who is home leaves and comes back.
fn same_day_order(steps: Vec<(NaiveDate, Step)>) -> Vec<(NaiveDate, Step)> {
    let mut ordered = Vec::with_capacity(steps.len());
    let mut away = false;
    for day in steps.chunk_by(|one, two| one.0 == two.0) {
        let (back, left): (Vec<_>, Vec<_>) =
            day.iter().copied().partition(|(_, step)| matches!(step, Step::Returned { .. }));
        let ends_away = match (back.is_empty(), left.is_empty()) {
            (true, _) => true,
            (false, true) => false,
            (false, false) => away,
        };
        match away {
            true => ordered.extend(back.into_iter().chain(left)),
            false => ordered.extend(left.into_iter().chain(back)),
        }
        away = ends_away;
    }
    ordered
}

fn follow(place: Place, day: NaiveDate, step: Step, test: &AbsenceTest, reading: Reading) -> Place {
    match (place, step) {
        (Place::Outside { since }, Step::Left { destination })
            if is_outside(destination, test, reading) =>
        {
            Place::Outside { since }
        }
        (Place::Outside { since }, Step::Left { .. } | Step::Returned { .. }) => {
            Place::Home { since: Some(day), away_since: Some(since) }
        }
        (Place::Home { since, away_since }, Step::Left { destination }) => {
            match (is_outside(destination, test, reading), since, away_since) {
                (false, since, away_since) => Place::Home { since, away_since },
                (true, Some(home), Some(away))
                    if days_between(home, day) <= test.home_trip_days =>
                {
                    Place::Outside { since: away }
                }
                (true, _, _) => Place::Outside { since: day },
            }
        }
        // Somebody who came back had left, and nobody noted when.
        (Place::Home { since: None, .. }, Step::Returned { destination }) => {
            let long_ago = reading.undated_is_long_ago && is_outside(destination, test, reading);
            Place::Home { since: Some(day), away_since: long_ago.then_some(NaiveDate::MIN) }
        }
        (home @ Place::Home { .. }, Step::Returned { .. }) => home,
    }
}

fn is_outside(destination: Option<DivisionCode>, test: &AbsenceTest, reading: Reading) -> bool {
    match destination {
        None => reading.unknown_is_outside,
        // A province or prefecture around the county may mean the county too.
        Some(code) if code.contains(test.county) => {
            code != test.county && reading.unknown_is_outside
        }
        Some(code) => !test.county.contains(code),
    }
}

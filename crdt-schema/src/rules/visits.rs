//! R3, which visits are due, and R4, the monthly visit rate 月探访率 (Lijiang 2024 item 12, 1(2)).
//!
//! Everyone is owed a number of visits in each calendar month, and one more in each festival, time
//! of extreme weather or sealed-off time that the ruleset names. The first of two in a month is due
//! in its first half. A visit that comes late ends the lateness, whichever visit it is; it does not
//! mend the rate of a month that has passed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::division::DivisionCode;
use crate::record::{CareConsent, CareGroup, VisitMode, VisitOccasion, VisitOutcome};
use crate::rules::calendar::{Month, Period, days_between};
use crate::rules::care_group::{CareFacts, care_group};
use crate::rules::rate::RosterRate;
use crate::rules::roster::{Roster, RosterStanding};
use crate::rules::ruleset::Ruleset;
use crate::visit::Visit;

/// The facts that decide which visits are due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisitFacts {
    /// What decides the care group.
    pub care: CareFacts,
    /// 意愿
    pub consent: Option<CareConsent>,
    /// 居住地: which occasions hold.
    pub residence: Option<DivisionCode>,
    /// All visits of the file, in any order.
    pub visits: Vec<VisitFact>,
    /// 进出
    pub roster: Roster,
}

/// What the rules need of one visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitFact {
    /// The day.
    pub date: NaiveDate,
    /// How.
    pub mode: VisitMode,
    /// Why.
    pub occasion: VisitOccasion,
    /// What came of it.
    pub outcome: VisitOutcome,
}

/// The visits that an elder is owed, as they stand on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitDuty {
    /// On the roster, or not decided.
    pub standing: RosterStanding,
    /// Declines care: still owed visits, and shown separately.
    pub declined: bool,
    /// 三类人群
    pub group: CareGroup,
    /// The month of the day asked for.
    pub month: Month,
    /// Visits owed in that month, occasions aside.
    pub required: u32,
    /// Visits made of these so far; one a day counts.
    pub made: u32,
    /// What is still to come in this month and in occasions that begin in it, the earliest first.
    pub open: Vec<DueVisit>,
    /// What is late.
    pub overdue: Option<Overdue>,
    /// The last visit that counts.
    pub last_visit: Option<NaiveDate>,
}

/// A visit that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DueVisit {
    /// The last day on which it is in time.
    pub by: NaiveDate,
    /// The first day on which it counts.
    pub from: NaiveDate,
    /// Why.
    pub why: DueReason,
}

/// Why a visit is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DueReason {
    /// One of those that everyone has in a month.
    Monthly,
    /// An occasion of the ruleset.
    Occasion {
        /// Its name.
        name: String,
        /// What it is.
        kind: VisitOccasion,
    },
}

/// Visits that did not come in time, and none has come since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overdue {
    /// The day by which the first of them was due.
    pub since: NaiveDate,
    /// Days since then.
    pub days: u32,
    /// How many.
    pub missed: u32,
}

/// A day on which somebody came.
#[derive(Clone, Copy, Debug, Default)]
struct VisitDay {
    in_person: bool,
    festival: bool,
    extreme_weather: bool,
    sealed_off: bool,
}

impl From<&Visit> for VisitFact {
    fn from(visit: &Visit) -> Self {
        let Visit { date, mode, occasion, outcome, .. } = *visit;
        Self { date, mode, occasion, outcome }
    }
}

impl VisitFact {
    /// Whether it is a visit at all: it was completed, and somebody spoke with the elder. What a
    /// sensor reports is none (project decision).
    pub fn counts(&self) -> bool {
        self.outcome == VisitOutcome::Completed && self.mode != VisitMode::RemoteMonitoring
    }
}

impl VisitFacts {
    /// Whether the elder declines care.
    pub fn declined(&self) -> bool {
        self.consent == Some(CareConsent::Declined)
    }

    /// Whether a visit that counts was made in a period.
    pub fn visited_in(&self, period: Period) -> bool {
        self.visits.iter().any(|visit| visit.counts() && period.contains(visit.date))
    }
}

/// The visits that are due on a day (R3); None for somebody who is not on the roster.
pub fn visit_duty(facts: &VisitFacts, ruleset: &Ruleset, as_of: NaiveDate) -> Option<VisitDuty> {
    let standing = facts.roster.on(as_of);
    if !standing.is_owed_visits() {
        return None;
    }
    let month = Month::of(as_of);
    let mut days = visit_days(&facts.visits, as_of);
    let last_visit = days.keys().next_back().copied();
    let since = match standing {
        RosterStanding::On { since: Some(since), .. } => since,
        // Nobody knows since when: not before the first visit or this month.
        _ => days.keys().next().copied().unwrap_or(as_of).min(month.first()),
    };
    // A visit after it was due ends the lateness, so nothing older than the last visit matters.
    let relevant_from = last_visit.unwrap_or(since).max(since);

    let mut due = due_in_occasions(facts, ruleset, &mut days, since, month);
    let mut at = Month::of(relevant_from).min(month);
    let (mut required, mut made) = (0, 0);
    while at <= month {
        let group = care_group(&facts.care, at.last().min(as_of));
        let owed = visits_per_month(ruleset, group);
        let dates = days.range(at.first()..=at.last()).count();
        let dates = u32::try_from(dates).unwrap_or(u32::MAX);
        // Of an elder who comes onto the roster in the course of a month the visits are owed that
        // fall due from then on: at least the one by its end.
        let owed: Vec<NaiveDate> = (1..=owed)
            .map(|nth| at.period().end_of_part(nth, owed))
            .filter(|by| *by >= since)
            .collect();
        (required, made) = (u32::try_from(owed.len()).unwrap_or(u32::MAX), dates);
        let open = owed.into_iter().skip(usize::try_from(dates).unwrap_or(usize::MAX));
        due.extend(open.map(|by| DueVisit { by, from: at.first(), why: DueReason::Monthly }));
        at = at.next();
    }
    due.sort();
    let (late, open): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.by < as_of);
    let late: Vec<DueVisit> =
        late.into_iter().filter(|due| last_visit.is_none_or(|last| last <= due.by)).collect();
    let overdue = late.first().map(|first| Overdue {
        since: first.by,
        days: days_between(first.by, as_of),
        missed: u32::try_from(late.len()).unwrap_or(u32::MAX),
    });
    Some(VisitDuty {
        standing,
        declined: facts.declined(),
        group: care_group(&facts.care, as_of),
        month,
        required,
        made,
        open,
        overdue,
        last_visit,
    })
}

/// The monthly visit rate over these elders (R4): of those on the roster at the end of the month,
/// or on the day asked for if that is earlier, how many were visited in it. Elders are counted, not
/// visits. None for a month that has not begun.
pub fn visit_rate<'a>(
    elders: impl IntoIterator<Item = &'a VisitFacts>,
    month: Month,
    as_of: NaiveDate,
) -> Option<RosterRate> {
    let period = Period::new(month.first(), month.last().min(as_of))?;
    let mut rate = RosterRate::default();
    for facts in elders {
        rate.count(&facts.roster.on(period.to), facts.declined(), facts.visited_in(period));
    }
    Some(rate)
}

/// Visits owed in a month. Unclassified elders are visited as often as everyone.
fn visits_per_month(ruleset: &Ruleset, group: CareGroup) -> u32 {
    match group {
        CareGroup::Key => ruleset.key_visits_per_month,
        CareGroup::Secondary | CareGroup::General | CareGroup::Unclassified => {
            ruleset.other_visits_per_month
        }
    }
}

/// The days up to `as_of` on which a visit that counts was made.
fn visit_days(visits: &[VisitFact], as_of: NaiveDate) -> BTreeMap<NaiveDate, VisitDay> {
    let mut days: BTreeMap<NaiveDate, VisitDay> = BTreeMap::new();
    for visit in visits.iter().filter(|visit| visit.counts() && visit.date <= as_of) {
        let day = days.entry(visit.date).or_default();
        day.in_person |= matches!(visit.mode, VisitMode::Home | VisitMode::Gathering);
        match visit.occasion {
            VisitOccasion::Festival => day.festival = true,
            VisitOccasion::ExtremeWeather => day.extreme_weather = true,
            VisitOccasion::SealedOff => day.sealed_off = true,
            VisitOccasion::Routine | VisitOccasion::FollowUp => {}
        }
    }
    days
}

/// The visits of occasions that were not made. Days that serve an occasion are taken out of
/// `days`: its visits come on top of the monthly ones.
fn due_in_occasions(
    facts: &VisitFacts,
    ruleset: &Ruleset,
    days: &mut BTreeMap<NaiveDate, VisitDay>,
    since: NaiveDate,
    month: Month,
) -> Vec<DueVisit> {
    let mut occasions: Vec<_> = ruleset
        .occasions
        .iter()
        .filter(|(_, occasion)| {
            occasion.holds_for(facts.residence)
                && occasion.period.to >= since
                && occasion.period.from <= month.last()
        })
        .collect();
    // What ends first takes its days first: no other order serves more occasions.
    occasions.sort_by_key(|(name, occasion)| (occasion.period.to, *name));
    let mut due = Vec::new();
    for (name, occasion) in occasions {
        let Period { from, to } = occasion.period;
        // Out of reach only by telephone: nobody can be there (MCA 2022 guidance 2(5)).
        let remote = occasion.kind == VisitOccasion::SealedOff;
        let mut serving: Vec<(bool, NaiveDate)> = days
            .range(from..=to)
            .filter(|(_, day)| remote || day.in_person)
            .map(|(date, day)| {
                let meant = match occasion.kind {
                    VisitOccasion::Festival => day.festival,
                    VisitOccasion::ExtremeWeather => day.extreme_weather,
                    _ => day.sealed_off,
                };
                (!meant, *date)
            })
            .collect();
        serving.sort();
        serving.truncate(usize::try_from(occasion.visits).unwrap_or(usize::MAX));
        serving.iter().for_each(|(_, date)| {
            days.remove(date);
        });
        let served = u32::try_from(serving.len()).unwrap_or(u32::MAX);
        due.extend((served + 1..=occasion.visits).filter_map(|nth| {
            let by = occasion.period.end_of_part(nth, occasion.visits);
            let why = DueReason::Occasion { name: name.to_string(), kind: occasion.kind };
            (by >= since).then_some(DueVisit { by, from, why })
        }));
    }
    due
}

//! R9, the roster 有进有出 (Lijiang 2024 item 3): who is owed care on a day.
//!
//! Entries and exits are signed events that several people may write without having seen each
//! other. Of the events up to a day those stand that no later writer had seen; of these an entry
//! prevails over an exit, unless the exit is a death (project decision, `docs/rules.md`). Declining care is no exit:
//! it is not even an event here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::parts::Part;
use crate::record::{EntryReason, ExitReason, RosterStep};
use crate::rules::calendar::Period;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterFact {
    /// What happened.
    pub step: RosterStep,
    /// Why, of an entry.
    pub entry_reason: Option<EntryReason>,
    /// Why, of an exit.
    pub exit_reason: Option<ExitReason>,
    /// Since when; an event without a day holds for all time.
    pub date: Option<NaiveDate>,
    /// The document that it stands in: what was seen is only known within one.
    pub part: Part,
    /// The indices of all events of the same part that its writer had seen, those among them that
    /// an earlier writer had seen.
    pub seen: BTreeSet<usize>,
}

/// Whether an elder is on the roster on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing")]
pub enum RosterStanding {
    /// Owed care.
    On {
        /// Since this day; None since before anybody noted one.
        since: Option<NaiveDate>,
        /// Why.
        reason: Option<EntryReason>,
        /// Whether the township has confirmed it.
        confirmed: bool,
    },
    /// Not owed care any more, or not yet.
    Off {
        /// Since this day; None before the first entry.
        since: Option<NaiveDate>,
        /// Why; None before the first entry, and where nobody noted it.
        reason: Option<ExitReason>,
        /// Whether the township has confirmed it.
        confirmed: bool,
    },
    /// Nobody has decided: the file has no event.
    Undetermined,
}

/// An elder came on the roster or went off it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterChange {
    /// The day.
    pub date: NaiveDate,
    /// How the elder stands from that day on.
    pub standing: RosterStanding,
}

/// The events of one elder, and what prevails from each of their days on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// What prevails of the events without a day; None if there is no entry and no exit at all.
    before_all: Option<Prevailing>,
    /// What prevails from a day on, by days.
    from: BTreeMap<NaiveDate, Prevailing>,
    /// The days of confirmations; None for one without a day.
    confirmed: Vec<Option<NaiveDate>>,
}

/// What prevails on a day, before it is known since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prevailing {
    Entry(Option<EntryReason>),
    Exit(Option<ExitReason>),
    Nothing,
}

impl RosterStanding {
    /// Whether care is owed.
    pub fn is_on(&self) -> bool {
        matches!(self, Self::On { .. })
    }

    /// Whether visits are due: on the roster, or not decided yet (project decision: who has a file
    /// is not left alone because somebody has yet to decide).
    pub fn is_owed_visits(&self) -> bool {
        matches!(self, Self::On { .. } | Self::Undetermined)
    }
}

impl Roster {
    /// A roster of these events.
    pub fn new(events: &[RosterFact]) -> Self {
        let confirmed = events
            .iter()
            .filter(|event| event.step == RosterStep::Confirmed)
            .map(|event| event.date)
            .collect();
        let mut by_day: BTreeMap<Option<NaiveDate>, Vec<usize>> = BTreeMap::new();
        for (at, event) in events.iter().enumerate() {
            if event.step != RosterStep::Confirmed {
                by_day.entry(event.date).or_default().push(at);
            }
        }
        if by_day.is_empty() {
            return Self { before_all: None, from: BTreeMap::new(), confirmed };
        }
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        let mut so_far = Vec::new();
        let (mut before_all, mut from) = (Prevailing::Nothing, BTreeMap::new());
        for (day, happened) in by_day {
            for at in &happened {
                seen.extend(events.get(*at).into_iter().flat_map(|event| &event.seen));
            }
            so_far.extend(happened);
            let unseen = so_far.iter().filter(|at| !seen.contains(at));
            let standing: Vec<&RosterFact> = unseen.filter_map(|at| events.get(*at)).collect();
            match day {
                None => before_all = prevailing(&standing),
                Some(day) => {
                    from.insert(day, prevailing(&standing));
                }
            }
        }
        Self { before_all: Some(before_all), from, confirmed }
    }

    /// How the elder stands at the end of a day.
    pub fn on(&self, day: NaiveDate) -> RosterStanding {
        let Some(before_all) = self.before_all else { return RosterStanding::Undetermined };
        // What prevails on the day, and back from there as long as it stays the same.
        let mut back = self
            .from
            .range(..=day)
            .rev()
            .map(|(date, then)| (Some(*date), *then))
            .chain([(None, before_all)]);
        let (mut since, now) = back.next().unwrap_or((None, before_all));
        let mut began = now;
        for (date, then) in back {
            if !now.is_like(then) {
                break;
            }
            (since, began) = (date, then);
        }
        let confirmed = self.is_confirmed(day, since);
        match (began, now) {
            (_, Prevailing::Nothing) => {
                RosterStanding::Off { since: None, reason: None, confirmed: false }
            }
            (Prevailing::Entry(reason), _) => RosterStanding::On { since, reason, confirmed },
            // Of several exits on end the last word on the reason holds.
            (_, Prevailing::Exit(reason)) => RosterStanding::Off { since, reason, confirmed },
            (_, Prevailing::Entry(reason)) => RosterStanding::On { since, reason, confirmed },
        }
    }

    /// The entries and exits in a period: each day on which the elder stands otherwise than the day
    /// before.
    pub fn changes(&self, period: Period) -> Vec<RosterChange> {
        let is_on = |prevailing: &Prevailing| matches!(prevailing, Prevailing::Entry(_));
        let earlier = self.from.range(..period.from).next_back().map(|(_, then)| then);
        let mut before = earlier.or(self.before_all.as_ref()).is_some_and(is_on);
        let mut changes = Vec::new();
        for (date, then) in self.from.range(period.from..=period.to) {
            if is_on(then) != before {
                changes.push(RosterChange { date: *date, standing: self.on(*date) });
                before = !before;
            }
        }
        changes
    }

    /// A confirmation holds for what prevails on its day, so for all that has prevailed since.
    fn is_confirmed(&self, day: NaiveDate, since: Option<NaiveDate>) -> bool {
        self.confirmed.iter().any(|date| {
            date.is_none_or(|date| date <= day && since.is_none_or(|since| date >= since))
        })
    }
}

impl Prevailing {
    /// Whether both say that care is owed, or both that it is not any more.
    fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// What prevails of events of which none has seen another in its own part. Between parts, where
/// nobody knows who had seen what, the part with the later day prevails, and a death over all
/// (project decision).
fn prevailing(standing: &[&RosterFact]) -> Prevailing {
    let mut latest: BTreeMap<Part, Option<NaiveDate>> = BTreeMap::new();
    for event in standing {
        let day = latest.entry(event.part).or_default();
        *day = (*day).max(event.date);
    }
    let last_day = latest.values().max().copied().flatten();
    let holds = |event: &&&RosterFact| latest.get(&event.part).is_some_and(|day| *day == last_day);
    let exits = || standing.iter().filter(|event| event.step == RosterStep::Left);
    let death = exits().find(|event| event.exit_reason == Some(ExitReason::Deceased));
    let entry = standing.iter().filter(holds).find(|event| event.step == RosterStep::Entered);
    match (death, entry, exits().find(holds)) {
        (Some(death), _, _) => Prevailing::Exit(death.exit_reason),
        (None, Some(entry), _) => Prevailing::Entry(entry.entry_reason),
        (None, None, Some(exit)) => Prevailing::Exit(exit.exit_reason),
        (None, None, None) => Prevailing::Nothing,
    }
}

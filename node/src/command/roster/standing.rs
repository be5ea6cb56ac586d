//! Whether an elder is on the roster on a day: see R9 in `docs/rules.md`.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::element::RosterEvent;
use shouwang_crdt_schema::record::{EntryReason, ExitReason, RosterStep};
use shouwang_crdt_schema::view::ElderView;

/// Whether an elder is on the roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing")]
pub enum RosterStanding {
    /// Owed care.
    On {
        /// Since this day.
        since: Option<NaiveDate>,
        /// Why.
        reason: Option<EntryReason>,
        /// Whether the township has confirmed it.
        confirmed: bool,
    },
    /// Not owed care any more, or not yet.
    Off {
        /// Since this day.
        since: Option<NaiveDate>,
        /// Why.
        reason: Option<ExitReason>,
        /// Whether the township has confirmed it.
        confirmed: bool,
    },
    /// The file has no event.
    Undetermined,
}

impl RosterStanding {
    /// Whether visits are due: on the roster, or not decided yet.
    pub fn is_owed_visits(&self) -> bool {
        matches!(self, Self::On { .. } | Self::Undetermined)
    }
}

/// How an elder stands at the end of a day.
pub(super) fn roster_standing(view: &ElderView, day: NaiveDate) -> RosterStanding {
    let events = view.elements::<RosterEvent>();
    let mut events: Vec<RosterEvent> = events.into_iter().map(|(_, listed)| listed.element).collect();
    events.sort_by_key(|event| event.date);
    let moved = |event: &&RosterEvent| event.step != RosterStep::Confirmed;
    if !events.iter().any(|event| event.step != RosterStep::Confirmed) {
        return RosterStanding::Undetermined;
    }
    let until: Vec<&RosterEvent> = events.iter().filter(|event| event.date <= day).collect();
    let death = until.iter().find(|event| event.exit_reason == Some(ExitReason::Deceased));
    let last = death.or(until.iter().rev().find(|event| moved(event))).copied();
    let Some(last) = last else {
        return RosterStanding::Off { since: None, reason: None, confirmed: false };
    };
    let confirmed = until
        .iter()
        .any(|event| event.step == RosterStep::Confirmed && event.date >= last.date);
    let since = Some(last.date);
    match last.step {
        RosterStep::Left => RosterStanding::Off { since, reason: last.exit_reason, confirmed },
        _ => RosterStanding::On { since, reason: last.entry_reason, confirmed },
    }
}

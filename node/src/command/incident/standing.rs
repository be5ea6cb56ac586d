//! How an incident stands at a moment: see R8 in `docs/rules.md`.

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::Level;
use shouwang_crdt_schema::element::IncidentEvent;
use shouwang_crdt_schema::record::{IncidentKind, IncidentStep};

/// How far an incident has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum IncidentState {
    /// Nobody has acknowledged it.
    Open,
    /// Acknowledged, and not closed.
    Acknowledged,
    /// Acknowledged and closed.
    Closed,
}

/// An incident at a moment, UTC+8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentStanding {
    /// How far it has come.
    pub state: IncidentState,
    /// What it is, by the last word on it.
    pub kind: Option<IncidentKind>,
    /// When it was raised.
    pub raised_at: NaiveDateTime,
    /// Until when somebody must have acknowledged it.
    pub due_at: NaiveDateTime,
    /// When somebody did.
    pub acknowledged_at: Option<NaiveDateTime>,
    /// When somebody closed it.
    pub closed_at: Option<NaiveDateTime>,
    /// Minutes by which the acknowledgement is late, or was.
    pub late_minutes: Option<u32>,
    /// Which office owes the next step.
    pub owed_by: Option<Level>,
}

/// How an incident stands; None before anything of it has happened.
pub(super) fn incident_standing(
    events: &[IncidentEvent],
    level: Level,
    as_of: NaiveDateTime,
) -> Option<IncidentStanding> {
    let moment = |event: &IncidentEvent| event.date.and_time(event.time.unwrap_or(NaiveTime::MIN));
    let course: Vec<_> = events
        .iter()
        .map(|event| (moment(event), event))
        .filter(|(at, _)| *at <= as_of)
        .collect();
    let first = |step: IncidentStep| {
        course.iter().filter(|(_, event)| event.step == step).map(|(at, _)| *at).min()
    };
    let raised_at = course.iter().map(|(at, _)| *at).min()?;
    let acknowledged_at = first(IncidentStep::Acknowledged);
    let closed_at = first(IncidentStep::Closed);
    let state = match (acknowledged_at, closed_at) {
        (None, _) => IncidentState::Open,
        (Some(_), None) => IncidentState::Acknowledged,
        (Some(_), Some(_)) => IncidentState::Closed,
    };
    let hours = |kind| match kind {
        IncidentKind::Emergency
        | IncidentKind::UnlawfulHarm
        | IncidentKind::CriticalIllness
        | IncidentKind::RightsViolation => 2,
        _ => 24,
    };
    let kind = course.iter().rev().find_map(|(_, event)| event.kind);
    let due = TimeDelta::hours(hours(kind.unwrap_or(IncidentKind::Emergency)));
    let due_at = raised_at.checked_add_signed(due).unwrap_or(NaiveDateTime::MAX);
    let late = acknowledged_at.unwrap_or(as_of).signed_duration_since(due_at).num_minutes();
    let late_minutes = (late > 0).then(|| u32::try_from(late).unwrap_or(u32::MAX));
    let escalated = state == IncidentState::Open && late_minutes.is_some();
    let owed_by = match (state, level) {
        (IncidentState::Closed, _) => None,
        (_, Level::Village) if !escalated => Some(Level::Township),
        _ => Some(Level::County),
    };
    Some(IncidentStanding {
        state,
        kind,
        raised_at,
        due_at,
        acknowledged_at,
        closed_at,
        late_minutes,
        owed_by,
    })
}

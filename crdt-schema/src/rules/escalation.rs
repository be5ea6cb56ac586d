//! R8, special situations 特殊情况: how long until somebody must have acknowledged, who, and what
//! the sources say is to be done.

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::division::Level;
use crate::element::IncidentEvent;
use crate::record::{IncidentKind, IncidentStep};
use crate::rules::ruleset::Ruleset;

/// How far an incident has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum IncidentState {
    /// Nobody has acknowledged it.
    Open,
    /// Acknowledged, and not closed.
    Acknowledged,
    /// Acknowledged and closed: an incident stays open until both are signed.
    Closed,
}

/// An incident as it stands at a moment, UTC+8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentStanding {
    /// How far it has come.
    pub state: IncidentState,
    /// What it is, by the last word on it.
    pub kind: Option<IncidentKind>,
    /// When it was raised; without a time of day from the beginning of the day (project decision).
    pub raised_at: NaiveDateTime,
    /// Until when somebody must have acknowledged it.
    pub due_at: NaiveDateTime,
    /// When somebody did.
    pub acknowledged_at: Option<NaiveDateTime>,
    /// Somebody has closed it, perhaps before anybody acknowledged it.
    pub closed_at: Option<NaiveDateTime>,
    /// Minutes by which the acknowledgement is late, or was.
    pub late_minutes: Option<u32>,
    /// Which office owes the next step; None once it is closed.
    pub owed_by: Option<Level>,
    /// Nobody acknowledged it in time: the county, which commands emergencies, is to see to it.
    pub escalated: bool,
}

/// What is to be done in an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// Call for help.
    CallForHelp,
    /// Tell the family.
    ContactFamily,
    /// Write it down afterwards.
    RecordAfterwards,
    /// Report to township or civil affairs.
    ReportToTownship,
    /// Tell the department in charge.
    NotifyDepartment,
    /// Tell the police, where it is theirs.
    NotifyPolice,
    /// Admonish the supporter 批评教育.
    Admonish,
    /// Put the supporter on the blacklist 黑榜.
    Blacklist,
    /// Press the family to act.
    PressFamily,
}

/// What the sources say is to be done.
pub fn measures(kind: IncidentKind) -> &'static [Measure] {
    use IncidentKind as Kind;
    match kind {
        // MCA 2022 guidance 2(5)
        Kind::Emergency => {
            &[Measure::CallForHelp, Measure::ContactFamily, Measure::RecordAfterwards]
        }
        // Ziyang 2018 (2)
        Kind::UnlawfulHarm
        | Kind::CriticalIllness
        | Kind::Wandering
        | Kind::SevereMentalIllness
        | Kind::MajorHardship => &[Measure::ReportToTownship],
        // Lijiang 2024 item 19
        Kind::RightsViolation => &[Measure::NotifyDepartment, Measure::NotifyPolice],
        // Lijiang 2024 item 6
        Kind::SupportDutyFailed => &[Measure::Admonish, Measure::Blacklist, Measure::NotifyPolice],
        // Ziyang 2018 (4)
        Kind::SafetyRisk | Kind::LivingDifficulty => {
            &[Measure::PressFamily, Measure::ReportToTownship]
        }
    }
}

/// How an incident stands at a moment, UTC+8; None before anything of it has happened.
///
/// `events` are in list order, those after the moment among them; `level` is that of the place
/// whose incident it is. Raising again what is closed opens it again.
pub fn incident_standing(
    events: &[IncidentEvent],
    level: Level,
    ruleset: &Ruleset,
    as_of: NaiveDateTime,
) -> Option<IncidentStanding> {
    let so_far: Vec<(NaiveDateTime, &IncidentEvent)> =
        events.iter().map(|event| (moment(event), event)).filter(|(at, _)| *at <= as_of).collect();
    let course = current_course(&so_far);
    let step = |step: IncidentStep| {
        course.iter().filter(move |(_, event)| event.step == step).map(|(at, _)| *at)
    };
    // A lost or malformed beginning does not make an incident go away.
    let raised_at =
        step(IncidentStep::Raised).min().or_else(|| course.iter().map(|(at, _)| *at).min())?;
    // Whatever was acknowledged on the day of raising was not acknowledged before.
    let acknowledged_at = step(IncidentStep::Acknowledged).min().map(|at| at.max(raised_at));
    let closed_at = step(IncidentStep::Closed).max().map(|at| at.max(raised_at));
    let state = match (acknowledged_at, closed_at) {
        (None, _) => IncidentState::Open,
        (Some(_), None) => IncidentState::Acknowledged,
        (Some(_), Some(_)) => IncidentState::Closed,
    };
    let due_at = due_at(course, raised_at, ruleset);
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
        kind: course.iter().rev().find_map(|(_, event)| event.kind),
        raised_at,
        due_at,
        acknowledged_at,
        closed_at,
        late_minutes,
        owed_by,
        escalated,
    })
}

/// The events since the incident was last raised after having been closed.
fn current_course<'a>(
    events: &'a [(NaiveDateTime, &'a IncidentEvent)],
) -> &'a [(NaiveDateTime, &'a IncidentEvent)] {
    let (mut begins, mut closed) = (0, false);
    for (at, (_, event)) in events.iter().enumerate() {
        match event.step {
            IncidentStep::Closed => closed = true,
            IncidentStep::Raised if closed => (begins, closed) = (at, false),
            IncidentStep::Raised | IncidentStep::Acknowledged | IncidentStep::Noted => {}
        }
    }
    events.get(begins..).unwrap_or(events)
}

/// The earliest of: what the incident was said to be, and the hours for it from that moment on. Of
/// an incident of which nobody says what it is, the hours of an emergency.
fn due_at(
    course: &[(NaiveDateTime, &IncidentEvent)],
    raised_at: NaiveDateTime,
    ruleset: &Ruleset,
) -> NaiveDateTime {
    let hours = |kind| TimeDelta::hours(i64::from(ruleset.hours_to_acknowledge(kind)));
    let after = |from: NaiveDateTime, kind| {
        from.checked_add_signed(hours(kind)).unwrap_or(NaiveDateTime::MAX)
    };
    course
        .iter()
        .filter_map(|(at, event)| Some(after((*at).max(raised_at), event.kind?)))
        .min()
        .unwrap_or_else(|| after(raised_at, IncidentKind::Emergency))
}

fn moment(event: &IncidentEvent) -> NaiveDateTime {
    event.date.and_time(event.time.unwrap_or(NaiveTime::MIN))
}

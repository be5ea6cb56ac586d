//! Incidents 特殊情况: raised, acknowledged, noted and closed, each step signed by the device that
//! writes it. They travel in the urgent lane, and stay open until somebody has acknowledged and
//! somebody has closed them (`docs/rules.md`, R8).

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::edit::Edit;
use shouwang_crdt_schema::element::{Element, IncidentEvent, List};
use shouwang_crdt_schema::parts::Part;
use shouwang_crdt_schema::record::{ElderId, IncidentId, IncidentKind, IncidentStep};
use shouwang_crdt_schema::rules::escalation::{IncidentStanding, IncidentState, incident_standing};
use shouwang_crdt_schema::rules::ruleset::Ruleset;

use super::check::{self, Begins, Checks, refused};
use super::clock::{self, CheckedToday};
use super::elder::{Authors, by_document, find};
use super::record::no_right;
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request, ruleset};
use crate::engine::Engine;
use crate::identity::DeviceId;
use crate::identity::grant::Rights;
use crate::index;
use crate::store::incidents::{IncidentPlace, IncidentRead, IncidentRow};
use crate::store::{Snapshot, StoreRead};
use crate::sync::Now;

/// Raises an incident of an elder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IncidentRaise {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// What it is.
    pub kind: IncidentKind,
    /// When, where, and what was seen.
    pub report: IncidentReport,
}

/// The next step of an incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IncidentAct {
    /// The id, or the first characters of it that are enough.
    pub incident: String,
    /// Any step but the first: raising has a request of its own.
    pub step: IncidentStep,
    /// What it is, where it turned out to be something else.
    pub kind: Option<IncidentKind>,
    /// When, and what was done.
    pub report: IncidentReport,
}

/// When and where something happened, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentReport {
    /// The day.
    pub date: NaiveDate,
    /// The time of day; without it the day counts from its beginning.
    pub time: Option<NaiveTime>,
    /// Where.
    pub place: Option<String>,
    /// Who acted, as written.
    pub by: Option<String>,
    /// What was seen or done.
    pub note: Option<String>,
}

/// What was saved. It is on the disk when this is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentSaved {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The incident.
    pub incident_id: IncidentId,
    /// Whose file.
    pub elder_id: ElderId,
    /// Entries written.
    pub entries: u64,
    /// What is doubtful in it and was saved all the same: [`super::check::FLAGS`].
    pub flags: Vec<String>,
}

/// Asks for the incidents of the node's area.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IncidentList {
    /// Which.
    pub which: Which,
    /// Only those of this elder: the id, or the first characters of it that are enough.
    pub elder: Option<String>,
    /// The moment for what is due, UTC+8; None: now, as far as this node knows.
    pub as_of: Option<NaiveDateTime>,
}

/// Which incidents are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Those that are not closed.
    Open,
    /// Those that nobody has acknowledged in time.
    Overdue,
    /// All.
    All,
}

/// Incidents, the most pressing first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentListReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The moment that they stand at.
    pub as_of: NaiveDateTime,
    /// The incidents.
    pub incidents: Vec<IncidentSummary>,
    /// How many there are of each sort, whichever are listed.
    pub counts: IncidentCounts,
}

/// How many incidents there are, of those asked for by elder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentCounts {
    /// Not closed.
    pub open: u64,
    /// Not acknowledged.
    pub unacknowledged: u64,
    /// Not acknowledged in time.
    pub overdue: u64,
    /// Not acknowledged in time, and it is this node's turn.
    pub overdue_here: u64,
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentSummary {
    /// The incident.
    pub incident_id: IncidentId,
    /// Whose file.
    pub elder_id: ElderId,
    /// 姓名
    pub name: Option<String>,
    /// The village whose file it is.
    pub scope: DivisionCode,
    /// How it stands.
    pub standing: IncidentStanding,
    /// Whether nobody acknowledged it in time.
    pub overdue: bool,
    /// Whether this node's office owes the next step.
    pub owed_here: bool,
}

/// Asks for one incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IncidentShow {
    /// The id, or the first characters of it that are enough.
    pub incident: String,
    /// As in [`IncidentList::as_of`].
    pub as_of: Option<NaiveDateTime>,
}

/// One incident and its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentShowReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// How it stands.
    pub summary: IncidentSummary,
    /// What happened, in order.
    pub steps: Vec<IncidentStepReport>,
}

/// A step of an incident and who signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentStepReport {
    /// The operation that recorded it.
    pub id: String,
    /// The device that signed it, where its log is here.
    pub recorded_by: Option<DeviceId>,
    /// What that device is called, where its grant is known.
    pub device_name: Option<String>,
    /// What was recorded.
    pub event: IncidentEvent,
}

impl Request for IncidentRaise {
    const NAME: &'static str = "incident_raise";
    type Reply = IncidentSaved;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<IncidentSaved, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let incident = engine.new_incident_id();
        let event = self.report.event(IncidentStep::Raised, Some(self.kind));
        write(engine, now, &snapshot, IncidentPlace { scope, elder, incident }, &event)
    }
}

impl Request for IncidentAct {
    const NAME: &'static str = "incident_act";
    type Reply = IncidentSaved;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<IncidentSaved, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (place, row) = find_incident(&snapshot, engine.area(), &self.incident)?;
        let id = place.incident;
        let wrong = |code: &'static str, message: &str| {
            Err(CommandError::new(ErrorKind::Usage, code, message).with("incident", short(id)))
        };
        // How it stands whenever: what was written with a date to come is written too.
        let rules = ruleset::ruleset(engine, &snapshot)?;
        let level = place.scope.level();
        let standing = incident_standing(&row.events(), level, &rules, NaiveDateTime::MAX);
        let state = standing.map(|standing| standing.state);
        let closed = standing.is_some_and(|standing| standing.closed_at.is_some());
        match (self.step, state) {
            (IncidentStep::Raised, _) => {
                return wrong("incident_raised", "an incident is raised once");
            }
            (IncidentStep::Acknowledged, _)
                if !engine.grant().rights.contains(Rights::ACKNOWLEDGE) =>
            {
                return Err(CommandError::new(
                    ErrorKind::Refused,
                    "no_right_to_acknowledge",
                    "this device may not acknowledge incidents",
                ));
            }
            (IncidentStep::Acknowledged, Some(state)) if state != IncidentState::Open => {
                return wrong("incident_acknowledged", "acknowledged already");
            }
            (IncidentStep::Closed, _) if closed => {
                return wrong("incident_closed", "closed already");
            }
            (IncidentStep::Closed, Some(IncidentState::Open) | None) => {
                return wrong("incident_not_acknowledged", "nobody has acknowledged it");
            }
            _ => {}
        }
        if let Some(raised) = row.events.iter().map(|mark| mark.date).min()
            && self.report.date < raised
        {
            let field = "incident_events/date";
            return Err(refused("date_before_raised", "before it was raised", field)
                .with("date", self.report.date)
                .with("first", raised));
        }
        let acknowledged = row.events.iter().filter(|mark| mark.step == IncidentStep::Acknowledged);
        if let Some(first) = acknowledged.map(|mark| mark.date).min()
            && self.step == IncidentStep::Closed
            && self.report.date < first
        {
            let field = "incident_events/date";
            return Err(refused("date_before_acknowledged", "before it was acknowledged", field)
                .with("date", self.report.date)
                .with("first", first));
        }
        let event = self.report.event(self.step, self.kind);
        write(engine, now, &snapshot, place, &event)
    }
}

impl Request for IncidentList {
    const NAME: &'static str = "incident_list";
    type Reply = IncidentListReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<IncidentListReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let as_of = moment(engine, now, self.as_of)?;
        let rules = ruleset::ruleset(engine, &snapshot)?;
        let rows = match &self.elder {
            Some(elder) => {
                let (scope, elder) = find(&snapshot, engine.area(), elder)?;
                snapshot.incidents_of(scope, elder)?
            }
            None => snapshot.incidents_in(engine.area())?,
        };
        let mut counts = IncidentCounts::default();
        let mut incidents = Vec::new();
        for (place, row) in rows {
            let Some(summary) = summary(engine, &snapshot, &rules, place, &row, as_of)? else {
                continue;
            };
            let state = summary.standing.state;
            counts.open += u64::from(state != IncidentState::Closed);
            counts.unacknowledged += u64::from(state == IncidentState::Open);
            counts.overdue += u64::from(summary.overdue);
            counts.overdue_here += u64::from(summary.overdue && summary.owed_here);
            let wanted = match self.which {
                Which::Open => state != IncidentState::Closed,
                Which::Overdue => summary.overdue,
                Which::All => true,
            };
            if wanted {
                incidents.push(summary);
            }
        }
        incidents.sort_by_key(|summary| {
            let standing = &summary.standing;
            (standing.state, standing.due_at, summary.incident_id)
        });
        Ok(IncidentListReport { schema_version: JSON_SCHEMA_VERSION, as_of, incidents, counts })
    }
}

impl Request for IncidentShow {
    const NAME: &'static str = "incident_show";
    type Reply = IncidentShowReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<IncidentShowReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (place, row) = find_incident(&snapshot, engine.area(), &self.incident)?;
        // A step with a date to come is shown with the others.
        let as_of = moment(engine, now, self.as_of)?;
        let rules = ruleset::ruleset(engine, &snapshot)?;
        let summary = match summary(engine, &snapshot, &rules, place, &row, as_of)? {
            Some(summary) => Some(summary),
            None => summary(engine, &snapshot, &rules, place, &row, NaiveDateTime::MAX)?,
        };
        let summary = summary.ok_or_else(|| unknown(&self.incident))?;
        let authors = Authors::of(&snapshot, place.scope)?;
        let view = index::view(&snapshot, place.scope, place.elder)?;
        let part = view.part(Part::Incident(place.incident));
        let events = part.map(|part| part.elements::<IncidentEvent>()).unwrap_or_default();
        let steps = events.into_iter().map(|listed| {
            let recorded_by = authors.device(&listed.id);
            let grant = |device| engine.authority().grants_of(device).next();
            IncidentStepReport {
                id: listed.id.as_str().to_owned(),
                recorded_by,
                device_name: recorded_by.and_then(grant).map(|(_, grant)| grant.name.clone()),
                event: listed.element,
            }
        });
        let steps = steps.collect();
        Ok(IncidentShowReport { schema_version: JSON_SCHEMA_VERSION, summary, steps })
    }
}

impl IncidentReport {
    fn event(self, step: IncidentStep, kind: Option<IncidentKind>) -> IncidentEvent {
        let Self { date, time, place, by, note } = self;
        IncidentEvent { step, kind, date, time, place, by, note }
    }
}

fn write(
    engine: &mut Engine,
    now: Now,
    snapshot: &Snapshot,
    place: IncidentPlace,
    event: &IncidentEvent,
) -> Result<IncidentSaved, CommandError> {
    let list = List::IncidentEvents;
    let mut checks = Checks::begin(engine, now)?;
    let card = check::card(snapshot, place.scope, place.elder)?;
    // Whoever is in need need not be on the roster.
    let begins = Begins { entered: None, ..Begins::of(card.as_ref()) };
    checks.element(list, &event.store(), begins)?;
    if !engine
        .grant()
        .rights
        .contains(Rights::write(shouwang_crdt_schema::parts::PartKind::Incident))
    {
        return Err(no_right(list));
    }
    let edit = Edit::insert(Part::Incident(place.incident), event);
    let entries = engine.capture(now, &by_document(place.scope, place.elder, vec![edit]))?;
    Ok(IncidentSaved {
        schema_version: JSON_SCHEMA_VERSION,
        incident_id: place.incident,
        elder_id: place.elder,
        entries,
        flags: checks.into_flags(),
    })
}

/// The one incident whose id begins like this.
fn find_incident(
    snapshot: &Snapshot,
    area: Area,
    prefix: &str,
) -> Result<(IncidentPlace, IncidentRow), CommandError> {
    let prefix = prefix.trim().to_ascii_lowercase();
    let begins = |place: &IncidentPlace| {
        !prefix.is_empty() && place.incident.to_string().starts_with(&prefix)
    };
    let mut found = snapshot.incidents_in(area)?;
    found.retain(|(place, _)| begins(place));
    match (found.pop(), found.is_empty()) {
        (Some(found), true) => Ok(found),
        (Some(_), false) => Err(CommandError::new(
            ErrorKind::Usage,
            "incident_ambiguous",
            "several incidents begin like this",
        )
        .with("incident", prefix)),
        (None, _) => Err(unknown(&prefix)),
    }
}

fn unknown(prefix: &str) -> CommandError {
    CommandError::new(ErrorKind::NotFound, "incident_unknown", "no incident begins like this")
        .with("incident", prefix)
}

fn short(id: IncidentId) -> String {
    id.to_string().chars().take(8).collect()
}

fn summary(
    engine: &Engine,
    snapshot: &Snapshot,
    rules: &Ruleset,
    place: IncidentPlace,
    row: &IncidentRow,
    as_of: NaiveDateTime,
) -> Result<Option<IncidentSummary>, CommandError> {
    let level = place.scope.level();
    let Some(standing) = incident_standing(&row.events(), level, rules, as_of) else {
        return Ok(None);
    };
    let overdue = standing.state == IncidentState::Open && standing.late_minutes.is_some();
    Ok(Some(IncidentSummary {
        incident_id: place.incident,
        elder_id: place.elder,
        name: snapshot.elder(place.scope, place.elder)?.and_then(|row| row.name),
        scope: place.scope,
        standing,
        overdue,
        owed_here: owed_here(engine, level, &standing),
    }))
}

/// Whether it is this node's turn: the office right above the place of the file owes the step, and
/// of an acknowledgement that is late also the county, which commands emergencies.
fn owed_here(engine: &Engine, level: Level, standing: &IncidentStanding) -> bool {
    let own = engine.area().0.level();
    let above = match level {
        Level::Village => Level::Township,
        _ => Level::County,
    };
    let acknowledges = engine.grant().rights.contains(Rights::ACKNOWLEDGE);
    let turn = own == above || standing.owed_by == Some(own);
    standing.owed_by.is_some() && acknowledges && turn
}

/// The moment asked for, or now as far as this node knows: by the clocks of its peers where its own
/// cannot be right.
fn moment(
    engine: &Engine,
    now: Now,
    asked: Option<NaiveDateTime>,
) -> Result<NaiveDateTime, CommandError> {
    if let Some(asked) = asked {
        return Ok(asked);
    }
    let report = clock::report(engine, now)?;
    let ahead_ms = match report.today {
        CheckedToday::Plausible { .. } => 0,
        CheckedToday::Implausible { .. } => report.peers_ahead_ms.unwrap_or_default(),
    };
    Ok(clock::civil_time(now.wall_ms.saturating_add(ahead_ms)))
}

//! The roster in and out 有进有出 (`docs/rules.md`, R9): who is owed care on a day, since when, why.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::edit::Edit;
use shouwang_crdt_schema::element::{Element, List, RosterEvent};
use shouwang_crdt_schema::parts::Part;
use shouwang_crdt_schema::record::{ElderId, EntryReason, ExitReason, RosterStep};
use shouwang_crdt_schema::rules::facts::ElderFacts;
use shouwang_crdt_schema::rules::roster::RosterStanding;

use super::check::{Begins, Checks, refused};
use super::elder::{Authors, Saved, find, save, within};
use super::record::{no_right, part_of};
use super::{CommandError, JSON_SCHEMA_VERSION, Request};
use crate::engine::Engine;
use crate::identity::DeviceId;
use crate::index;
use crate::index::facts::{self, Person};
use crate::store::StoreError;
use crate::sync::Now;

/// An elder comes onto the roster or leaves it, or the township confirms how it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterWrite {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// What.
    pub step: RosterChange,
    /// From which day.
    pub date: NaiveDate,
    /// Free text.
    pub note: Option<String>,
}

/// What changes on the roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", content = "reason")]
pub enum RosterChange {
    /// 进
    Entered(EntryReason),
    /// 出
    Left(ExitReason),
    /// 确认
    Confirmed,
}

/// Asks who is on the roster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterList {
    /// Only this place and what lies inside it.
    pub scope: Option<DivisionCode>,
    /// On which day.
    pub on: NaiveDate,
    /// Those too who are not on it.
    pub all: bool,
}

/// Who is on the roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterListReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// On which day.
    pub on: NaiveDate,
    /// In the order of scope and id.
    pub elders: Vec<RosterLine>,
    /// How many are on it.
    pub rostered: u64,
}

/// One elder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterLine {
    /// The file.
    pub elder_id: ElderId,
    /// 姓名
    pub name: Option<String>,
    /// The village whose file it is.
    pub scope: DivisionCode,
    /// How the elder stands.
    pub standing: RosterStanding,
    /// Whether care is owed: files without any event count as rostered.
    pub on_roster: bool,
}

/// Asks how an elder came onto the roster and left it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterHistory {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
}

/// The events of one elder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterHistoryReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The file.
    pub elder_id: ElderId,
    /// In the order of their days.
    pub events: Vec<RosterEventReport>,
}

/// One event and who signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterEventReport {
    /// The operation that recorded it.
    pub id: String,
    /// The part it stands in.
    pub part: String,
    /// The device that signed it, where its log is here.
    pub recorded_by: Option<DeviceId>,
    /// Whether a later event takes it back.
    pub retracted: bool,
    /// What was recorded.
    pub event: RosterEvent,
}

impl Request for RosterWrite {
    const NAME: &'static str = "roster_write";
    type Reply = Saved;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Saved, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let view = index::view(&snapshot, scope, elder)?;
        let standing = ElderFacts::of(&view).standing(self.date);
        let field = List::RosterEvents.key();
        let (step, entry_reason, exit_reason) = match (self.step, &standing) {
            (RosterChange::Entered(_), RosterStanding::Off { reason: Some(reason), .. })
                if *reason == ExitReason::Deceased =>
            {
                return Err(refused("roster_deceased", "the elder has died", field));
            }
            (RosterChange::Entered(_), RosterStanding::On { .. }) => {
                return Err(refused("roster_on_already", "on the roster already", field));
            }
            (RosterChange::Left(_), RosterStanding::Off { .. }) => {
                return Err(refused("roster_off_already", "not on the roster", field));
            }
            (RosterChange::Confirmed, RosterStanding::Undetermined) => {
                return Err(refused("roster_nothing", "nothing to confirm", field));
            }
            (RosterChange::Entered(reason), _) => (RosterStep::Entered, Some(reason), None),
            (RosterChange::Left(reason), _) => (RosterStep::Left, None, Some(reason)),
            (RosterChange::Confirmed, _) => (RosterStep::Confirmed, None, None),
        };
        let event =
            RosterEvent { step, date: self.date, entry_reason, exit_reason, note: self.note };
        let mut checks = Checks::begin(engine, now)?;
        let begins = Begins { entered: None, ..Begins::of(view.part(Part::Card)) };
        checks.element(List::RosterEvents, &event.store(), begins)?;
        let effective = |kind| event.takes_effect_in(kind);
        let part = part_of(List::RosterEvents, None, engine.grant(), effective, false)
            .ok_or_else(|| no_right(List::RosterEvents))?;
        save(engine, now, scope, elder, vec![Edit::insert(part, &event)], checks)
    }
}

impl Request for RosterList {
    const NAME: &'static str = "roster_list";
    type Reply = RosterListReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<RosterListReport, CommandError> {
        engine.settle(now)?;
        let within = within(engine, self.scope)?;
        let snapshot = engine.read()?;
        let (mut elders, mut rostered) = (Vec::new(), 0);
        facts::each_person(&snapshot, within.0.range(), |person| {
            let standing = person.facts.standing(self.on);
            let on_roster = standing.is_owed_visits();
            rostered += u64::from(on_roster);
            if on_roster || self.all {
                let Person { scope, elder, name, .. } = person;
                elders.push(RosterLine { elder_id: elder, name, scope, standing, on_roster });
            }
            Ok::<_, StoreError>(())
        })?;
        let on = self.on;
        Ok(RosterListReport { schema_version: JSON_SCHEMA_VERSION, on, elders, rostered })
    }
}

impl Request for RosterHistory {
    const NAME: &'static str = "roster_history";
    type Reply = RosterHistoryReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<RosterHistoryReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (scope, elder) = find(&snapshot, engine.area(), &self.elder)?;
        let authors = Authors::of(&snapshot, scope)?;
        let view = index::view(&snapshot, scope, elder)?;
        let mut events: Vec<RosterEventReport> = Vec::new();
        for part in view.parts() {
            events.extend(part.all_elements::<RosterEvent>().into_iter().map(|listed| {
                RosterEventReport {
                    id: listed.id.as_str().to_owned(),
                    part: part.part().to_string(),
                    recorded_by: authors.device(&listed.id),
                    retracted: listed.retracted_by.is_some(),
                    event: listed.element,
                }
            }));
        }
        events.sort_by_key(|report| report.event.date);
        Ok(RosterHistoryReport { schema_version: JSON_SCHEMA_VERSION, elder_id: elder, events })
    }
}

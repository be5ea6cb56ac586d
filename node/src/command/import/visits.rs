//! Visits from a list: each becomes an event in the journal of its year, once.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::element::{List, RosterEvent};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{Part, PartKind};
use shouwang_crdt_schema::record::{ElderId, RosterStep, VisitMode, VisitOutcome};
use shouwang_crdt_schema::resident_id::ResidentId;
use shouwang_crdt_schema::view::ElderView;
use shouwang_crdt_schema::visit::Visit;

use super::files::{Files, Match, Person};
use super::plan::{May, Plan, elements};
use super::{Imported, RowOutcome, few, rejected, would, write};
use crate::command::{CommandError, Request};
use crate::engine::Engine;
use crate::sync::Now;

/// Imports visits, at most [`crate::limits::IMPORT_ROWS_MAX`] at a time, in one transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportVisits {
    /// The rows.
    pub rows: Vec<VisitRow>,
    /// The last day on which a visit can have been.
    pub today: NaiveDate,
    /// Say what would be done and do nothing.
    pub dry_run: bool,
}

/// A row of a list of visits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitRow {
    /// Whom it was to.
    pub person: Person,
    /// The visit.
    pub visit: Visit,
}

/// What makes two rows one visit.
type Sameness = (ElderId, NaiveDate, VisitMode, Option<String>, VisitOutcome);

impl Request for ImportVisits {
    const NAME: &'static str = "import_visits";
    type Reply = Imported;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Imported, CommandError> {
        few(self.rows.len())?;
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let mut files = Files::new(&snapshot, engine);
        let may = May::of(engine);
        let mut seen: BTreeSet<Sameness> = BTreeSet::new();
        let mut plans = Vec::new();
        for row in self.rows {
            plans.push(match files.person(&row.person)? {
                Match::Rejected(outcome) => Err(outcome),
                Match::None => Err(rejected(Some("name"), "unknown_person", None)),
                Match::File(scope, view) => {
                    let mut plan = Plan::new(scope, Some(&view), may);
                    plan_visit(&mut plan, &row.visit, &view, may, self.today, &mut seen)
                        .map(|()| plan)
                }
            });
        }
        match self.dry_run {
            true => Ok(recorded(would(plans))),
            false => Ok(recorded(write(engine, now, plans)?)),
        }
    }
}

/// A visit that is added to a file is a new one, not a change of something that stood there.
fn recorded(imported: Imported) -> Imported {
    let outcomes = imported.outcomes.into_iter().map(|outcome| match outcome {
        RowOutcome::Changed { elder_id, gaps, .. } => {
            RowOutcome::New { elder_id: Some(elder_id), gaps }
        }
        other => other,
    });
    Imported { outcomes: outcomes.collect(), entries: imported.entries }
}

fn plan_visit(
    plan: &mut Plan,
    visit: &Visit,
    view: &ElderView,
    may: May,
    today: NaiveDate,
    seen: &mut BTreeSet<Sameness>,
) -> Result<(), RowOutcome> {
    let fault = |reason: &str, date: NaiveDate| {
        Err(rejected(Some("visit_date"), reason, Some(date.to_string())))
    };
    if !may.list(List::Visits, PartKind::Journal) {
        return Err(rejected(None, "no_right", None));
    }
    if visit.date > today {
        return fault("visit_after_today", visit.date);
    }
    if let Some(first) = registered(view).filter(|first| visit.date < *first) {
        return fault("visit_before_registration", first);
    }
    let long = |text: &Option<String>, limit: usize| {
        text.as_ref().is_some_and(|text| text.chars().count() > limit)
    };
    if long(&visit.note, Visit::NOTE_CHARACTERS_MAX) {
        return Err(rejected(Some("visit_note"), "value_too_long", None));
    }
    let same = |other: &Visit| {
        (other.date, other.mode, &other.visitor, other.outcome)
            == (visit.date, visit.mode, &visit.visitor, visit.outcome)
    };
    let known = elements::<Visit>(Some(view)).iter().any(|(_, listed)| same(&listed.element));
    let sameness = (view.elder(), visit.date, visit.mode, visit.visitor.clone(), visit.outcome);
    if !seen.insert(sameness) || known {
        return Ok(());
    }
    match u16::try_from(visit.date.year()) {
        Ok(year) => plan.insert(&[Part::Journal(year)], visit),
        Err(_) => return fault("visit_before_registration", visit.date),
    }
    // The visit is all that the row has: without it nothing came in.
    if plan.has_gaps() { Err(rejected(None, "value_too_long", None)) } else { Ok(()) }
}

/// The first day on which the elder can have been visited: that of coming onto the roster, as far
/// as it is known; nobody is visited before being born.
fn registered(view: &ElderView) -> Option<NaiveDate> {
    let entered = elements::<RosterEvent>(Some(view))
        .into_iter()
        .filter(|(_, listed)| listed.element.step == RosterStep::Entered)
        .map(|(_, listed)| listed.element.date)
        .min();
    let number = || ResidentId::parse(view.text(Field::ResidentId)?).ok();
    entered
        .or_else(|| view.date(Field::BirthDate))
        .or_else(|| number().map(|number| number.birth_date()))
}

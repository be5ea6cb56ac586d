//! Rows of ledgers, lists of visits and department certificates, matched with the files that are
//! here (`docs/ledgers.md`).

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::ledger_row::LedgerRow;
use shouwang_crdt_schema::record::ElderId;

use super::check::Checks;
use super::{CommandError, ErrorKind, Request};
use crate::engine::{CaptureError, DocumentEdit, Engine};
use crate::limits::IMPORT_ROWS_MAX;
use crate::sync::Now;

mod certificates;
mod files;
mod ledger;
mod plan;
mod visits;

pub use certificates::{CertificateRow, ImportCertificates};
pub use files::Person;
pub use plan::Difference;
pub use visits::{ImportVisits, VisitRow};

use files::{Files, Match};
use plan::{May, Plan};

/// Imports rows, at most [`crate::limits::IMPORT_ROWS_MAX`] at a time, in one transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    /// The rows.
    pub rows: Vec<LedgerRow>,
    /// Say what would be done and do nothing.
    pub dry_run: bool,
}

/// What became of each row, in the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// One for each row.
    pub outcomes: Vec<RowOutcome>,
    /// Entries written.
    pub entries: u64,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RowOutcome {
    /// A file was opened, or a visit recorded.
    New {
        /// The file; None where a dry run would open one.
        elder_id: Option<ElderId>,
        /// What this device may not write or this version cannot hold.
        gaps: Vec<RowGap>,
    },
    /// A file was changed.
    Changed {
        /// The file.
        elder_id: ElderId,
        /// Keys of what is different.
        changed: Vec<String>,
        /// What is different, one by one.
        differences: Vec<Difference>,
        /// What this device may not write or this version cannot hold.
        gaps: Vec<RowGap>,
    },
    /// The file says all of it already.
    Unchanged {
        /// The file.
        elder_id: ElderId,
        /// What this device may not write or this version cannot hold.
        gaps: Vec<RowGap>,
    },
    /// The row cannot be placed.
    Rejected {
        /// The field at fault, where there is one.
        field: Option<String>,
        /// A code of the catalogue: `filed_in_another_village`, `ambiguous_person`,
        /// `unknown_person`, `village_outside_area`, `no_right`, `value`, and those of visits.
        reason: String,
        /// What fills the message's place.
        detail: Option<String>,
    },
}

/// Something in a row that did not come in, while the rest did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowGap {
    /// Field or list.
    pub field: String,
    /// A code of the catalogue: `no_right`, `value`, `written_once`, `in_conflict`.
    pub reason: String,
}

impl Request for Import {
    const NAME: &'static str = "import";
    type Reply = Imported;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Imported, CommandError> {
        few(self.rows.len())?;
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let mut files = Files::new(&snapshot, engine);
        let may = May::of(engine);
        let (mut ids, mut matched) = (BTreeSet::new(), BTreeSet::new());
        let mut plans = Vec::new();
        let mut checks = Checks::begin(engine, now)?;
        for stated in &self.rows {
            let repeated = stated.field(Field::ResidentId).is_some_and(|id| !ids.insert(id));
            let born = stated.field(Field::BirthDate).and_then(|text| text.parse().ok());
            let unborn =
                born.is_some_and(|born| checks.past(Field::BirthDate.spec().key, born).is_err());
            let mut dated = Cow::Borrowed(stated);
            if unborn {
                dated.to_mut().fields.remove(&Field::BirthDate);
            }
            let row = dated.as_ref();
            plans.push(match files.find(row)? {
                Match::Rejected(outcome) => Err(outcome),
                // Two files of one number may stand in an exported ledger, each under its own id.
                Match::None | Match::File(..) if repeated && row.file.is_none() => {
                    Err(rejected(Some("resident_id"), "repeated_row", None))
                }
                Match::None if repeated => Err(rejected(Some("resident_id"), "repeated_row", None)),
                Match::None => ledger::plan(row, None, may),
                // Both rows would say what they say of the file as it was before either.
                Match::File(_, view) if !matched.insert(view.elder()) => {
                    Err(rejected(Some("name"), "repeated_row", None))
                }
                Match::File(_, view) => ledger::plan(row, Some(&view), may),
            });
            if let (true, Some(Ok(plan))) = (unborn, plans.last_mut()) {
                plan.gap(Field::BirthDate.spec().key, "value");
            }
        }
        if self.dry_run {
            return Ok(would(plans));
        }
        for plan in plans.iter_mut().flatten().filter(|plan| plan.elder.is_none()) {
            plan.elder = Some(engine.new_elder_id());
        }
        write(engine, now, plans)
    }
}

/// Refuses more rows than one request may have.
fn few(rows: usize) -> Result<(), CommandError> {
    match rows <= IMPORT_ROWS_MAX {
        true => Ok(()),
        false => Err(CommandError::new(ErrorKind::Usage, "too_many_rows", "too many rows")
            .with("limit", IMPORT_ROWS_MAX)),
    }
}

/// What the plans would come to.
fn would(plans: Vec<Result<Plan, RowOutcome>>) -> Imported {
    let outcomes = plans.into_iter().map(|plan| plan.map_or_else(|o| o, Plan::outcome));
    Imported { outcomes: outcomes.collect(), entries: 0 }
}

/// Writes all rows in one transaction. If the store takes them but some row's edit cannot be
/// written, each row is written by itself, so that one never stops the others.
fn write(
    engine: &mut Engine,
    now: Now,
    plans: Vec<Result<Plan, RowOutcome>>,
) -> Result<Imported, CommandError> {
    let edits: Vec<DocumentEdit> = plans.iter().flatten().flat_map(Plan::edits).collect();
    match engine.capture_import(now, &edits) {
        Ok(entries) => Ok(Imported { entries, ..would(plans) }),
        Err(CaptureError::Store(error)) => Err(error.into()),
        Err(_) => {
            let (mut outcomes, mut entries) = (Vec::new(), 0);
            for plan in plans {
                outcomes.push(match plan {
                    Err(outcome) => outcome,
                    Ok(plan) => match engine.capture_import(now, &plan.edits()) {
                        Ok(written) => {
                            entries += written;
                            plan.outcome()
                        }
                        Err(CaptureError::Store(error)) => return Err(error.into()),
                        Err(error) => {
                            let error = CommandError::from(error);
                            rejected(None, &error.code, Some(error.message))
                        }
                    },
                });
            }
            Ok(Imported { outcomes, entries })
        }
    }
}

fn rejected(field: Option<&str>, reason: &str, detail: Option<String>) -> RowOutcome {
    let field = field.map(str::to_owned);
    RowOutcome::Rejected { field, reason: reason.to_owned(), detail }
}

//! Moves out of the mesh, to a place where nobody signs: a sealed file goes there, and the office that
//! sent it notes the acknowledgement that came back.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::edit::Edit;
use shouwang_crdt_schema::element::{Element, List, RosterEvent};
use shouwang_crdt_schema::parts::Part;
use shouwang_crdt_schema::record::{ExitReason, RosterStep, TransferStep};
use shouwang_crdt_schema::rules::facts::ElderFacts;
use shouwang_crdt_schema::rules::roster::RosterStanding;

use super::{Step, TransferReport, event, offer, open_offer, report, said_open};
use crate::command::check::{Begins, Checks};
use crate::command::elder::{by_document, find};
use crate::command::record::{no_right, part_of};
use crate::command::{CommandError, ErrorKind, Request};
use crate::engine::Engine;
use crate::index;
use crate::store::moves::{MovesRead, TransferKey, TransferRow};
use crate::sync::Now;

/// Notes that an elder is offered to a place outside the mesh. The elder stays on the roster until the
/// acknowledgement is noted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferOut {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// The place that is to have the duty.
    pub to: DivisionCode,
    /// The day.
    pub date: Option<NaiveDate>,
    /// Free text.
    pub note: Option<String>,
}

/// Notes that the place outside the mesh has acknowledged the file: the elder leaves the roster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferAcknowledged {
    /// The offer's id or the elder's, or the first characters of it that are enough.
    pub transfer: String,
    /// The day of the acknowledgement: from it on the elder is off the roster.
    pub date: NaiveDate,
    /// Who acknowledged it, and how.
    pub note: String,
}

impl Request for TransferOut {
    const NAME: &'static str = "transfer_out";
    type Reply = TransferReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<TransferReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (from, elder) = find(&snapshot, engine.area(), &self.elder)?;
        if engine.authority().mesh_area().contains(self.to) || self.to.level() < Level::County {
            return Err(CommandError::new(
                ErrorKind::Usage,
                "transfer_inside",
                "the place is no place outside this mesh",
            )
            .with("to", self.to));
        }
        if let Some((key, row)) = open_offer(engine, &snapshot, elder, from)? {
            return Err(said_open(&key, &row));
        }
        let transfer = engine.new_transfer_id();
        let step = Step { date: self.date, note: self.note };
        let offer = offer(&snapshot, from, self.to, elder, transfer, &step)?;
        engine.capture(now, &[offer])?;
        report(engine, now, elder, transfer)
    }
}

impl Request for TransferAcknowledged {
    const NAME: &'static str = "transfer_acknowledged";
    type Reply = TransferReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<TransferReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (key, row) = waiting(engine, &snapshot.transfers_all()?, &self.transfer)?;
        let (scope, elder) = (key.scope, key.elder);
        let view = index::view(&snapshot, scope, elder)?;
        let step = Step { date: Some(self.date), note: Some(self.note.clone()) };
        let mut edits = vec![event(&key, &row, TransferStep::Accepted, &step)];
        let standing = ElderFacts::of(&view).standing(self.date);
        if !matches!(standing, RosterStanding::Off { .. }) {
            let left = RosterEvent {
                step: RosterStep::Left,
                date: self.date,
                entry_reason: None,
                exit_reason: Some(ExitReason::MovedOut),
                note: Some(self.note),
            };
            let mut checks = Checks::begin(engine, now)?;
            let begins = Begins { entered: None, ..Begins::of(view.part(Part::Card)) };
            checks.element(List::RosterEvents, &left.store(), begins)?;
            let effective = |kind| left.takes_effect_in(kind);
            let part = part_of(List::RosterEvents, None, engine.grant(), effective, false)
                .ok_or_else(|| no_right(List::RosterEvents))?;
            edits.extend(by_document(scope, elder, vec![Edit::insert(part, &left)]));
        }
        // One transaction: acknowledged and off the roster, or neither.
        engine.capture(now, &edits)?;
        report(engine, now, elder, key.transfer)
    }
}

/// Whether an offer is to a place outside the mesh.
pub(super) fn is_outside(engine: &Engine, row: &TransferRow) -> bool {
    !engine.authority().mesh_area().contains(row.to)
}

/// The one offer out of the mesh, by a place of this device's area, that is meant and waits.
fn waiting(
    engine: &Engine,
    all: &[(TransferKey, TransferRow)],
    prefix: &str,
) -> Result<(TransferKey, TransferRow), CommandError> {
    let prefix = prefix.trim().to_ascii_lowercase();
    let area: Area = engine.area();
    let meant: Vec<&(TransferKey, TransferRow)> = all
        .iter()
        .filter(|(key, row)| {
            let named = key.transfer.to_string().starts_with(&prefix)
                || key.elder.to_string().starts_with(&prefix);
            let ours = key.scope == row.from && area.contains(row.from);
            !prefix.is_empty() && named && ours && is_outside(engine, row)
        })
        .collect();
    let open: Vec<_> = meant.iter().filter(|(_, row)| row.state == TransferStep::Offered).collect();
    let error = |kind, code, message: &str| {
        Err(CommandError::new(kind, code, message).with("transfer", &prefix))
    };
    match (open.as_slice(), meant.first()) {
        ([(key, row)], _) => Ok((*key, row.clone())),
        ([], None) => {
            let message = "no offer out of the mesh begins like this";
            error(ErrorKind::NotFound, "transfer_unknown", message)
        }
        ([], Some((_, row))) if row.state == TransferStep::Accepted => {
            error(ErrorKind::Refused, "transfer_accepted", "it has been acknowledged")
        }
        ([], Some(_)) => error(ErrorKind::Refused, "transfer_cancelled", "it was withdrawn"),
        _ => error(ErrorKind::Usage, "transfer_ambiguous", "several offers begin like this"),
    }
}

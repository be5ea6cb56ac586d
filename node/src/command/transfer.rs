//! Moves between villages: offered in the old one, answered in the new one, carried out by a node that
//! holds both.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode, Level};
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::element::{Element, TransferEvent};
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::{ElderId, TransferId, TransferStep};

mod duty;
mod outside;

pub use duty::to_answer;
pub use outside::{TransferAcknowledged, TransferOut};

use super::elder::find;
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request, places};
use crate::engine::{DocumentEdit, Engine};
use crate::gathered::Moved;
use crate::gathered::erased::elder_of;
use crate::identity::DeviceId;
use crate::store::moves::{Custody, MovesRead, SignedStep, TransferKey, TransferRow, holds_rest};
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Offers an elder to another village. The sender keeps the duty until the other accepts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferOffer {
    /// The id, or the first characters of it that are enough.
    pub elder: String,
    /// The village that is to have the duty.
    pub to: DivisionCode,
    /// The day.
    pub date: Option<NaiveDate>,
    /// Free text.
    pub note: Option<String>,
}

/// Accepts an offer to a place of this device's area.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferAccept {
    /// The offer's id or the elder's, or the first characters of it that are enough.
    pub transfer: String,
    /// The day.
    pub date: Option<NaiveDate>,
    /// Free text.
    pub note: Option<String>,
}

/// Declines an offer to a place of this device's area.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferDecline {
    /// The offer's id or the elder's, or the first characters of it that are enough.
    pub transfer: String,
    /// The day.
    pub date: Option<NaiveDate>,
    /// Why.
    pub note: Option<String>,
}

/// Withdraws an offer by a place of this device's area, unless it is known to be accepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferCancel {
    /// The offer's id or the elder's, or the first characters of it that are enough.
    pub transfer: String,
    /// The day.
    pub date: Option<NaiveDate>,
    /// Why.
    pub note: Option<String>,
}

/// Asks for every offer that this node knows of, and for what is left of files that have moved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TransferList {
    /// Only those from or to this place and what lies inside it.
    pub scope: Option<DivisionCode>,
}

/// Asks what a move of all elders of a place would come to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferPreview {
    /// The old place.
    pub from: DivisionCode,
    /// The new place.
    pub to: DivisionCode,
}

/// Offers all elders of a place to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferOfferAll {
    /// The old place.
    pub from: DivisionCode,
    /// The new place.
    pub to: DivisionCode,
    /// The day.
    pub date: Option<NaiveDate>,
    /// Free text.
    pub note: Option<String>,
}

/// Accepts all offers by a place to places of this device's area.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TransferAcceptAll {
    /// The old place.
    pub from: DivisionCode,
    /// The day.
    pub date: Option<NaiveDate>,
    /// Free text.
    pub note: Option<String>,
}

/// One offer as it stands after a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The offer.
    pub transfer: ListedTransfer,
}

/// Every offer, open ones first, and stubs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferListReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The offers.
    pub transfers: Vec<ListedTransfer>,
    /// What is left in a scope of files that were handed over.
    pub stubs: Vec<ListedStub>,
}

/// What a move of all elders would come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferPreviewReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The old place.
    pub from: DivisionCode,
    /// The new place.
    pub to: DivisionCode,
    /// Elders whose files would move.
    pub elders: u64,
    /// Of them, those who are offered somewhere already.
    pub offered_already: u64,
    /// Entries of these files.
    pub entries: u64,
    /// Bytes of what stands in them.
    pub body_bytes: u64,
    /// Devices that are granted in the old place and need a grant for the new one.
    pub devices: Vec<GrantedDevice>,
}

/// A device that is granted in a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedDevice {
    /// Its key.
    pub device: DeviceId,
    /// Its name in its grant.
    pub name: String,
}

/// What came of many offers or acceptances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferBulkReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Offers written or accepted now.
    pub written: u64,
    /// Elders who are offered somewhere already, or offers that this device made itself.
    pub skipped: u64,
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferStage {
    /// Offered; nobody has answered.
    Offered,
    /// Accepted; the file has still to be handed over.
    Accepted,
    /// Handed over; what is left in the old place goes when others hold the file.
    Moved,
    /// Handed over, and nothing of it is left here in the old place.
    Done,
    /// The receiver does not take it.
    Declined,
    /// The sender has withdrawn it.
    Cancelled,
    /// Nothing comes of it: the file has gone elsewhere.
    Superseded,
    /// Acknowledged by a place outside the mesh: the elder is off the roster, the file stays here.
    Left,
}

/// What a move waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferWait {
    /// The receiver's answer.
    Acceptance,
    /// A node that holds both places.
    Executor,
    /// Receipts from another node for what was handed over.
    Receipts,
    /// A place outside the mesh that is to acknowledge the sealed file.
    Acknowledgement,
}

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedTransfer {
    /// Which.
    pub transfer_id: TransferId,
    /// Whose file.
    pub elder_id: ElderId,
    /// The elder's name as the offer has it.
    pub name: Option<String>,
    /// The old place.
    pub from: DivisionCode,
    /// Its name, where a directory names it.
    pub from_name: Option<String>,
    /// The new place.
    pub to: DivisionCode,
    /// Its name, where a directory names it.
    pub to_name: Option<String>,
    /// How far it is.
    pub stage: TransferStage,
    /// What it waits for, if for anything.
    pub waits_for: Option<TransferWait>,
    /// Whether it is this device that is to answer.
    #[serde(default)]
    pub yours: bool,
    /// The offer.
    pub offered: TransferSigner,
    /// The answer or withdrawal.
    pub answered: Option<TransferSigner>,
}

/// Who signed a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferSigner {
    /// The device.
    pub device: DeviceId,
    /// Its name in its newest grant, where one is here.
    pub device_name: Option<String>,
    /// The day, as written.
    pub date: Option<NaiveDate>,
    /// As written.
    pub note: Option<String>,
}

/// A file that was handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedStub {
    /// Whose file.
    pub elder_id: ElderId,
    /// The scope that no longer has it.
    pub scope: DivisionCode,
    /// Who has it.
    pub to: DivisionCode,
    /// When it was handed over (the executor's clock, ms since 1970).
    pub moved_at_ms: Option<i64>,
    /// Whether anything but the offer is still stored in the old scope.
    pub holds_file: bool,
}

impl Request for TransferOffer {
    const NAME: &'static str = "transfer_offer";
    type Reply = TransferReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<TransferReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let (from, elder) = find(&snapshot, engine.area(), &self.elder)?;
        check_way(engine, from, self.to)?;
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

impl Request for TransferAccept {
    const NAME: &'static str = "transfer_accept";
    type Reply = TransferReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<TransferReport, CommandError> {
        let step = Step { date: self.date, note: self.note };
        answer(engine, now, &self.transfer, TransferStep::Accepted, step)
    }
}

impl Request for TransferDecline {
    const NAME: &'static str = "transfer_decline";
    type Reply = TransferReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<TransferReport, CommandError> {
        let step = Step { date: self.date, note: self.note };
        answer(engine, now, &self.transfer, TransferStep::Declined, step)
    }
}

impl Request for TransferCancel {
    const NAME: &'static str = "transfer_cancel";
    type Reply = TransferReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<TransferReport, CommandError> {
        let step = Step { date: self.date, note: self.note };
        answer(engine, now, &self.transfer, TransferStep::Cancelled, step)
    }
}

impl Request for TransferList {
    const NAME: &'static str = "transfer_list";
    type Reply = TransferListReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<TransferListReport, CommandError> {
        engine.settle(now)?;
        let wanted = |place: DivisionCode| self.scope.is_none_or(|of| Area(of).contains(place));
        let snapshot = engine.read()?;
        let mut transfers = listed_all(engine, &snapshot)?;
        transfers.retain(|listed| wanted(listed.from) || wanted(listed.to));
        let mut stubs = Vec::new();
        for (scope, elder_id, row) in snapshot.elsewhere_in(engine.area())? {
            if let Custody::MovedTo(to) = row.custody
                && (wanted(scope) || wanted(to))
            {
                stubs.push(ListedStub {
                    elder_id,
                    scope,
                    to,
                    moved_at_ms: row.written_at_ms,
                    holds_file: holds_rest(&snapshot, scope, elder_id)?,
                });
            }
        }
        Ok(TransferListReport { schema_version: JSON_SCHEMA_VERSION, transfers, stubs })
    }
}

impl Request for TransferPreview {
    const NAME: &'static str = "transfer_preview";
    type Reply = TransferPreviewReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<TransferPreviewReport, CommandError> {
        engine.settle(now)?;
        check_way(engine, self.from, self.to)?;
        let snapshot = engine.read()?;
        let elders = shown_in(&snapshot, self.from)?;
        let mut report = TransferPreviewReport {
            schema_version: JSON_SCHEMA_VERSION,
            from: self.from,
            to: self.to,
            elders: elders.len() as u64,
            offered_already: 0,
            entries: 0,
            body_bytes: 0,
            devices: Vec::new(),
        };
        for elder in &elders {
            report.offered_already +=
                u64::from(open_offer(engine, &snapshot, *elder, self.from)?.is_some());
        }
        for log in snapshot.logs_of(self.from)? {
            snapshot.for_each_entry(log.number, |_, entry| {
                let entry = entry?;
                if elder_of(&entry).is_some_and(|elder| elders.contains(&elder)) {
                    report.entries += 1;
                    report.body_bytes += entry.body.map_or(0, |body| body.len() as u64);
                }
                Ok(())
            })?;
        }
        let authority = engine.authority();
        let granted = authority.grants().filter(|(id, grant)| {
            grant.depth > 0 && grant.area == Area(self.from) && authority.stands(id)
        });
        report.devices = granted
            .map(|(_, grant)| GrantedDevice { device: grant.subject, name: grant.name.clone() })
            .collect();
        Ok(report)
    }
}

impl Request for TransferOfferAll {
    const NAME: &'static str = "transfer_offer_all";
    type Reply = TransferBulkReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<TransferBulkReport, CommandError> {
        engine.settle(now)?;
        check_way(engine, self.from, self.to)?;
        let snapshot = engine.read()?;
        let step = Step { date: self.date, note: self.note };
        let mut report =
            TransferBulkReport { schema_version: JSON_SCHEMA_VERSION, written: 0, skipped: 0 };
        let mut offers = Vec::new();
        for elder in shown_in(&snapshot, self.from)? {
            if open_offer(engine, &snapshot, elder, self.from)?.is_some() {
                report.skipped += 1;
                continue;
            }
            let transfer = engine.new_transfer_id();
            offers.push(offer(&snapshot, self.from, self.to, elder, transfer, &step)?);
        }
        for chunk in offers.chunks(OFFERS_PER_COMMIT) {
            report.written += engine.capture(now, chunk)?;
        }
        Ok(report)
    }
}

impl Request for TransferAcceptAll {
    const NAME: &'static str = "transfer_accept_all";
    type Reply = TransferBulkReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<TransferBulkReport, CommandError> {
        engine.settle(now)?;
        let (snapshot, own) = (engine.read()?, engine.device());
        let step = Step { date: self.date, note: self.note };
        let mut report =
            TransferBulkReport { schema_version: JSON_SCHEMA_VERSION, written: 0, skipped: 0 };
        let mut answers = Vec::new();
        for (key, row) in snapshot.transfers_all()? {
            let open = row.state == TransferStep::Offered
                && row.from == self.from
                && row.to == key.scope
                && engine.area().contains(row.to)
                && !is_superseded(&snapshot, &key, &row)?;
            if open && row.offered.device == own {
                report.skipped += 1;
            } else if open {
                answers.push(event(&key, &row, TransferStep::Accepted, &step));
            }
        }
        for chunk in answers.chunks(OFFERS_PER_COMMIT) {
            report.written += engine.capture(now, chunk)?;
        }
        Ok(report)
    }
}

/// Offers or answers in one commit: some 300 B each.
const OFFERS_PER_COMMIT: usize = 500;

/// What a person adds to a step.
struct Step {
    date: Option<NaiveDate>,
    note: Option<String>,
}

/// Whether a file may go from one place to another at all.
fn check_way(engine: &Engine, from: DivisionCode, to: DivisionCode) -> Result<(), CommandError> {
    let mesh = engine.authority().mesh_area();
    if from == to {
        return Err(CommandError::new(
            ErrorKind::Usage,
            "transfer_same_place",
            "the file is there already",
        )
        .with("to", to));
    }
    if !engine.area().contains(from) {
        return Err(CommandError::new(
            ErrorKind::Refused,
            "outside_area",
            "the place is not in this device's area",
        )
        .with("scope", from));
    }
    if to.level() < Level::Township || !mesh.contains(to) {
        return Err(CommandError::new(
            ErrorKind::Refused,
            "transfer_outside",
            "the place is no village or town of this mesh",
        )
        .with("to", to));
    }
    Ok(())
}

fn said_open(key: &TransferKey, row: &TransferRow) -> CommandError {
    CommandError::new(ErrorKind::Refused, "transfer_open", "the elder is offered already")
        .with("transfer", key.transfer)
        .with("to", row.to)
}

/// The offer by which an elder is on the way from a place, if there is one.
fn open_offer(
    engine: &Engine,
    snapshot: &Snapshot,
    elder: ElderId,
    from: DivisionCode,
) -> Result<Option<(TransferKey, TransferRow)>, StoreError> {
    let offers = snapshot.transfers_of(elder)?;
    if offers.is_empty() {
        return Ok(None);
    }
    let moved = Moved::of(snapshot, engine.authority(), elder)?;
    let executed = |id: TransferId| moved.counting().any(|one| one.said.transfer == id);
    Ok(offers.into_iter().find(|(key, row)| {
        let is_open = match row.state {
            TransferStep::Offered => true,
            // Nobody here carries out more of one that has left the mesh.
            TransferStep::Accepted => !outside::is_outside(engine, row),
            TransferStep::Declined | TransferStep::Cancelled => false,
        };
        is_open && row.from == from && key.scope == from && !executed(key.transfer)
    }))
}

fn offer(
    snapshot: &Snapshot,
    from: DivisionCode,
    to: DivisionCode,
    elder: ElderId,
    transfer: TransferId,
    step: &Step,
) -> Result<DocumentEdit, StoreError> {
    let name = snapshot.elder(from, elder)?.and_then(|row| row.name);
    let event = TransferEvent {
        step: TransferStep::Offered,
        from,
        to,
        name,
        date: step.date,
        note: step.note.clone(),
    };
    Ok(edit(from, elder, transfer, &event))
}

fn event(key: &TransferKey, row: &TransferRow, what: TransferStep, step: &Step) -> DocumentEdit {
    let event = TransferEvent {
        step: what,
        from: row.from,
        to: row.to,
        name: row.name.clone(),
        date: step.date,
        note: step.note.clone(),
    };
    edit(key.scope, key.elder, key.transfer, &event)
}

fn edit(
    scope: DivisionCode,
    elder: ElderId,
    transfer: TransferId,
    event: &TransferEvent,
) -> DocumentEdit {
    let document = DocumentId::elder(elder, Part::Transfer(transfer));
    let action = Action::Insert { list: TransferEvent::LIST, element: event.store() };
    DocumentEdit { scope, document, actions: vec![action] }
}

/// Writes an answer or a withdrawal of the one offer that is meant.
fn answer(
    engine: &mut Engine,
    now: Now,
    prefix: &str,
    what: TransferStep,
    step: Step,
) -> Result<TransferReport, CommandError> {
    engine.settle(now)?;
    let snapshot = engine.read()?;
    let prefix = prefix.trim().to_ascii_lowercase();
    let by_sender = what == TransferStep::Cancelled;
    let side = |row: &TransferRow| if by_sender { row.from } else { row.to };
    let all: Vec<(TransferKey, TransferRow)> = snapshot
        .transfers_all()?
        .into_iter()
        .filter(|(key, row)| {
            let meant = key.transfer.to_string().starts_with(&prefix)
                || key.elder.to_string().starts_with(&prefix);
            !prefix.is_empty() && meant && engine.area().contains(side(row))
        })
        .collect();
    // It is answered in the answerer's own scope, where it has to be first.
    let here = || all.iter().filter(|(key, row)| key.scope == side(row));
    let open: Vec<_> = here().filter(|(_, row)| row.state == TransferStep::Offered).collect();
    let (key, row) = match (open.as_slice(), here().next(), all.first()) {
        ([one], ..) => *one,
        ([], Some((_, row)), _) => {
            let message = "the offer has been answered";
            let error = match row.state {
                TransferStep::Accepted => {
                    CommandError::new(ErrorKind::Refused, "transfer_accepted", message)
                }
                TransferStep::Declined => {
                    CommandError::new(ErrorKind::Refused, "transfer_declined", message)
                }
                TransferStep::Cancelled | TransferStep::Offered => {
                    CommandError::new(ErrorKind::Refused, "transfer_cancelled", message)
                }
            };
            return Err(error.with("transfer", prefix));
        }
        ([], None, Some(_)) => {
            return Err(CommandError::new(
                ErrorKind::Refused,
                "transfer_not_carried",
                "the offer has not come to this place yet",
            )
            .with("transfer", prefix));
        }
        ([], None, None) => {
            return Err(CommandError::new(
                ErrorKind::NotFound,
                "transfer_unknown",
                "no offer begins like this",
            )
            .with("transfer", prefix));
        }
        _ => {
            return Err(CommandError::new(
                ErrorKind::Usage,
                "transfer_ambiguous",
                "several offers begin like this",
            )
            .with("transfer", prefix));
        }
    };
    if what == TransferStep::Accepted {
        if row.offered.device == engine.device() {
            return Err(CommandError::new(
                ErrorKind::Refused,
                "transfer_same_device",
                "another device has to accept",
            ));
        }
        if is_superseded(&snapshot, key, row)? {
            return Err(CommandError::new(
                ErrorKind::Refused,
                "transfer_superseded",
                "the file has gone elsewhere",
            )
            .with("transfer", prefix));
        }
    }
    let (elder, transfer) = (key.elder, key.transfer);
    engine.capture(now, &[event(key, row, what, &step)])?;
    report(engine, now, elder, transfer)
}

fn report(
    engine: &mut Engine,
    now: Now,
    elder: ElderId,
    transfer: TransferId,
) -> Result<TransferReport, CommandError> {
    engine.settle(now)?;
    let snapshot = engine.read()?;
    let all = listed_all(engine, &snapshot)?;
    let found = all.into_iter().find(|one| (one.elder_id, one.transfer_id) == (elder, transfer));
    let transfer = found.ok_or_else(|| {
        CommandError::new(ErrorKind::NotFound, "transfer_unknown", "no offer begins like this")
            .with("transfer", transfer)
    })?;
    Ok(TransferReport { schema_version: JSON_SCHEMA_VERSION, transfer })
}

fn listed_all(engine: &Engine, snapshot: &Snapshot) -> Result<Vec<ListedTransfer>, StoreError> {
    let names = places::names(snapshot, engine.area())?;
    let mut by_id: BTreeMap<(ElderId, TransferId), Vec<(TransferKey, TransferRow)>> =
        BTreeMap::new();
    for (key, row) in snapshot.transfers_all()? {
        by_id.entry((key.elder, key.transfer)).or_default().push((key, row));
    }
    let mut found = Vec::new();
    let mut moves: BTreeMap<ElderId, Moved> = BTreeMap::new();
    for ((elder_id, transfer_id), rows) in by_id {
        let mut yours = false;
        for (key, row) in &rows {
            yours |= duty::is_ours(engine, snapshot, key, row)?;
        }
        // The scope that knows more of it.
        let rank = |row: &TransferRow| match row.state {
            TransferStep::Offered => 0,
            TransferStep::Declined => 1,
            TransferStep::Cancelled => 2,
            TransferStep::Accepted => 3,
        };
        let Some((key, row)) = rows.into_iter().max_by_key(|(_, row)| rank(row)) else { continue };
        let moved = match moves.entry(elder_id) {
            Place::Occupied(known) => known.into_mut(),
            Place::Vacant(place) => {
                place.insert(Moved::of(snapshot, engine.authority(), elder_id)?)
            }
        };
        let (stage, waits_for) = stage(engine, snapshot, moved, &key, &row)?;
        let yours = yours && waits_for == Some(TransferWait::Acceptance);
        let signer = |step: &SignedStep| {
            let newest =
                engine.authority().grants_of(step.device).max_by_key(|(_, grant)| grant.serial);
            TransferSigner {
                device: step.device,
                device_name: newest.map(|(_, grant)| grant.name.clone()),
                date: step.date,
                note: step.note.clone(),
            }
        };
        found.push(ListedTransfer {
            transfer_id,
            elder_id,
            name: row.name.clone(),
            from: row.from,
            from_name: names.get(&row.from).cloned(),
            to: row.to,
            to_name: names.get(&row.to).cloned(),
            stage,
            waits_for,
            yours,
            offered: signer(&row.offered),
            answered: row.answered.as_ref().map(signer),
        });
    }
    found.sort_by_key(|one| (one.waits_for.is_none(), one.from, one.to, one.elder_id));
    Ok(found)
}

fn stage(
    engine: &Engine,
    snapshot: &Snapshot,
    moved: &Moved,
    key: &TransferKey,
    row: &TransferRow,
) -> Result<(TransferStage, Option<TransferWait>), StoreError> {
    let winner = moved.winner();
    let way = winner.as_ref().map(|winner| winner.way.as_slice()).unwrap_or_default();
    let executed = moved.counting().find(|one| one.said.transfer == key.transfer);
    if let Some(handover) = executed {
        if !way.contains(&handover.said.step()) {
            return Ok((TransferStage::Superseded, None));
        }
        let left = winner.is_some_and(|winner| winner.to != row.from)
            && holds_rest(snapshot, row.from, key.elder)?;
        return Ok(match left {
            true => (TransferStage::Moved, Some(TransferWait::Receipts)),
            false => (TransferStage::Done, None),
        });
    }
    let outside = outside::is_outside(engine, row);
    Ok(match row.state {
        TransferStep::Declined => (TransferStage::Declined, None),
        TransferStep::Cancelled => (TransferStage::Cancelled, None),
        _ if is_superseded(snapshot, key, row)? => (TransferStage::Superseded, None),
        TransferStep::Offered if outside => {
            (TransferStage::Offered, Some(TransferWait::Acknowledgement))
        }
        TransferStep::Accepted if outside => (TransferStage::Left, None),
        TransferStep::Offered => (TransferStage::Offered, Some(TransferWait::Acceptance)),
        TransferStep::Accepted => (TransferStage::Accepted, Some(TransferWait::Executor)),
    })
}

/// Whether the file has gone elsewhere since, as far as is known here.
fn is_superseded(
    snapshot: &Snapshot,
    key: &TransferKey,
    row: &TransferRow,
) -> Result<bool, StoreError> {
    let moved = snapshot.moved_to(key.elder)?;
    Ok(moved.is_some_and(|moved| moved.to != row.from && moved.transfer != key.transfer))
}

/// The elders whose files a place shows.
fn shown_in(snapshot: &Snapshot, scope: DivisionCode) -> Result<BTreeSet<ElderId>, StoreError> {
    let places = snapshot.elder_places(Area(scope))?.into_iter();
    Ok(places.filter(|(at, _)| *at == scope).map(|(_, elder)| elder).collect())
}

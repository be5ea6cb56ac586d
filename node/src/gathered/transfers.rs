//! How an offer and its answers stand: a pure function of the document and of who wrote what in it.
//!
//! An offer counts if it was written in a log of the scope that has the duty, an answer if in one of
//! the scope that is to have it, an acceptance if by another device than the offer: two signatures.
//! Whoever had seen an answer or a withdrawal wrote nothing after it; what was written without knowing
//! of one another is settled for acceptance.
//!
//! An offer out of the mesh is to a place where nobody signs: its acceptance is the old scope's own
//! note that the receiver has acknowledged the file.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{Automerge, ChangeHash};
use shouwang_crdt_schema::division::Area;
use shouwang_crdt_schema::document::{Listed, OperationName};
use shouwang_crdt_schema::element::TransferEvent;
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::TransferStep;
use shouwang_crdt_schema::view::PartView;

use crate::authority::Authority;
use crate::index;
use crate::limits::TRANSFER_EVENTS_MAX;
use crate::log::LogKey;
use crate::store::moves::{MovesRead, SignedStep, TransferKey, TransferRow};
use crate::store::rows::DocumentKey;
use crate::store::{StoreError, StoreRead};

/// The logs that write in a scope's documents, by their actors' first halves: its own, and those of
/// which entries were carried here.
#[derive(Debug)]
pub struct Authors(BTreeMap<[u8; 8], LogKey>);

/// An event with all that is asked of it.
struct Step<'a> {
    event: &'a TransferEvent,
    /// Counter and actor of the operation.
    operation: (u64, String),
    log: LogKey,
    /// The events that its author had seen.
    seen: BTreeSet<usize>,
}

impl Authors {
    /// Of a scope.
    pub fn of(
        tables: &impl StoreRead,
        scope: shouwang_crdt_schema::division::DivisionCode,
    ) -> Result<Self, StoreError> {
        let native = tables.logs_of(scope)?.into_iter();
        let mut logs: BTreeMap<_, _> = tables.authors_of(scope)?.into_iter().collect();
        logs.extend(native.map(|log| (log.key.actor_prefix(), log.key)));
        Ok(Self(logs))
    }

    /// The log in which an element was written.
    pub fn log(&self, element: &OperationName) -> Option<LogKey> {
        self.by_prefix(&element.actor_prefix()?)
    }

    /// The log whose actors begin like this.
    pub fn by_prefix(&self, prefix: &[u8; 8]) -> Option<LogKey> {
        self.0.get(prefix).copied()
    }
}

/// How an offer stands in a scope, by what is stored there; None if nothing of it counts.
pub fn stored(
    tables: &impl StoreRead,
    authority: &Authority,
    key: &TransferKey,
) -> Result<Option<TransferRow>, StoreError> {
    let id = DocumentId::elder(key.elder, Part::Transfer(key.transfer));
    let key = DocumentKey { scope: key.scope, id };
    let Some(row) = tables.document(&key)? else { return Ok(None) };
    let document = index::load(&key, &row.saved)?;
    Ok(state(&document, &id, &Authors::of(tables, key.scope)?, authority.mesh_area()))
}

/// How an offer stands by its document, in a mesh over this area.
pub fn state(
    document: &Automerge,
    id: &DocumentId,
    authors: &Authors,
    mesh: Area,
) -> Option<TransferRow> {
    let events = PartView::read(document, id)?.all_elements::<TransferEvent>();
    let steps = in_causal_order(document, &events, authors);
    let is_offer = |step: &Step<'_>| {
        step.event.step == TransferStep::Offered
            && step.log.scope == step.event.from
            && step.event.from != step.event.to
    };
    // Events that count, by place; each is decided after all that its author had seen.
    let mut counting: BTreeMap<usize, TransferStep> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        let event = step.event;
        let of = |other: &&Step<'_>| (other.event.from, other.event.to) == (event.from, event.to);
        let seen = || step.seen.iter().filter_map(|at| steps.get(*at)).filter(of);
        let offered = || seen().filter(|other| is_offer(other));
        let answered = step.seen.iter().any(|at| {
            let same = steps.get(*at).is_some_and(|other| of(&other));
            same && counting.get(at).is_some_and(|step| *step != TransferStep::Offered)
        });
        let counts = match event.step {
            TransferStep::Offered => is_offer(step),
            TransferStep::Cancelled => {
                !answered && step.log.scope == event.from && offered().next().is_some()
            }
            TransferStep::Declined => {
                !answered && step.log.scope == event.to && offered().next().is_some()
            }
            TransferStep::Accepted if !mesh.contains(event.to) => {
                !answered && step.log.scope == event.from && offered().next().is_some()
            }
            TransferStep::Accepted => {
                !answered
                    && step.log.scope == event.to
                    && offered().any(|offer| offer.log.device != step.log.device)
            }
        };
        if counts {
            counting.insert(at, event.step);
        }
    }
    let first = |wanted: TransferStep, of: &dyn Fn(&Step<'_>) -> bool| {
        let these = counting.iter().filter(|(_, step)| **step == wanted);
        let these = these.filter_map(|(at, _)| steps.get(*at)).filter(|step| of(step));
        these.min_by(|one, two| one.operation.cmp(&two.operation))
    };
    let answer = [TransferStep::Accepted, TransferStep::Cancelled, TransferStep::Declined]
        .into_iter()
        .find_map(|step| first(step, &|_| true));
    let offer = first(TransferStep::Offered, &|offer| {
        answer.is_none_or(|answer| {
            (answer.event.from, answer.event.to) == (offer.event.from, offer.event.to)
                && (answer.event.step != TransferStep::Accepted
                    || !mesh.contains(answer.event.to)
                    || answer.log.device != offer.log.device)
        })
    })?;
    let signed = |step: &Step<'_>| SignedStep {
        device: step.log.device,
        scope: step.log.scope,
        date: step.event.date,
        note: step.event.note.clone(),
    };
    Some(TransferRow {
        from: offer.event.from,
        to: offer.event.to,
        state: answer.map_or(TransferStep::Offered, |answer| answer.event.step),
        name: offer.event.name.clone(),
        offered: signed(offer),
        answered: answer.map(signed),
    })
}

/// The events whose authors are known, each after all that its author had seen.
fn in_causal_order<'a>(
    document: &Automerge,
    events: &'a [Listed<TransferEvent>],
    authors: &Authors,
) -> Vec<Step<'a>> {
    let operation = |id: &OperationName| {
        let (counter, actor) = id.as_str().split_once('@')?;
        Some((counter.parse::<u64>().ok()?, actor.to_owned()))
    };
    let known: Vec<_> = events
        .iter()
        .filter_map(|listed| Some((operation(&listed.id)?, authors.log(&listed.id)?, listed)))
        .take(TRANSFER_EVENTS_MAX)
        .collect();
    // What is known at each change, changes in causal order.
    let mut known_at: BTreeMap<ChangeHash, BTreeSet<usize>> = BTreeMap::new();
    let mut steps: Vec<Step<'a>> = Vec::new();
    for change in document.get_changes(&[]) {
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        for dep in change.deps() {
            seen.extend(known_at.get(dep).into_iter().flatten());
        }
        let actor = change.actor_id().to_hex_string();
        let operations = change.start_op().get()..=change.max_op();
        let mut here: Vec<_> = known
            .iter()
            .filter(|((counter, by), ..)| *by == actor && operations.contains(counter))
            .collect();
        here.sort_by_key(|((counter, _), ..)| *counter);
        for (operation, log, listed) in here {
            let at = steps.len();
            steps.push(Step {
                event: &listed.element,
                operation: operation.clone(),
                log: *log,
                seen: seen.clone(),
            });
            seen.insert(at);
        }
        known_at.insert(change.hash(), seen);
    }
    steps
}

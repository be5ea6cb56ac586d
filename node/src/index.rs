//! The index of elders: what lists and searches read instead of opening documents. It is rebuilt
//! from documents, updated from what changed, and never travels.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use automerge::Automerge;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::element::{IncidentEvent, Merge};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::parts::{DocumentId, Part, PartKind};
use shouwang_crdt_schema::record::{ElderId, MergeStep, Sex, VisitOutcome};
use shouwang_crdt_schema::resident_id::ResidentId;
use shouwang_crdt_schema::view::{ElderView, PartView};
use shouwang_crdt_schema::visit::Visit;

use crate::store::facts::FactsRead;
use crate::store::incidents::{IncidentPlace, IncidentRead, IncidentRow};
use crate::store::moves::{Custody, ElsewhereRow, MovesRead, holds_file};
use crate::store::rows::{CareRow, DocumentKey, ElderKey, ElderRow};
use crate::store::{StoreError, StoreRead, Transaction};

pub mod duplicates;
pub mod facts;
pub mod merged;

/// The secret that keys the hashes of secondary keys: random, this store's own.
#[derive(Clone, Copy)]
pub struct IndexSecret(pub [u8; 32]);

impl IndexSecret {
    /// The key of a valid resident ID.
    pub fn resident_id(&self, id: &str) -> ElderKey {
        self.key(KeyKind::ResidentId, b"resident_id", &[id.as_bytes()])
    }

    /// The key of a resident ID as a ledger had it.
    pub fn as_written(&self, text: &str) -> ElderKey {
        self.key(KeyKind::AsWritten, b"as_written", &[text.as_bytes()])
    }

    /// The key of a name within a scope.
    pub fn name(&self, scope: DivisionCode, name: &str) -> ElderKey {
        self.key(KeyKind::Name, b"name", &[&scope.number().to_be_bytes(), name.as_bytes()])
    }

    fn key(&self, tag: KeyKind, kind: &[u8], pieces: &[&[u8]]) -> ElderKey {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for piece in [&[kind], pieces].concat() {
            hasher.update(&(piece.len() as u64).to_be_bytes()).update(piece);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        key[0] = tag as u8;
        ElderKey(key)
    }
}

/// What a secondary key is of: its first byte, so that keys of one kind stand together. Fifteen bytes
/// of hash are left, enough that no two values of a county meet by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A valid resident ID, also one that was written with spaces or in wide digits.
    ResidentId = 1,
    /// A number as it was written.
    AsWritten = 2,
    /// A name within a scope.
    Name = 3,
}

/// The valid resident ID that a text holds once spaces, hyphens and wide digits are put right.
pub fn resident_id_in(text: &str) -> Option<ResidentId> {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        'х' | 'Х' | '×' => 'X',
        c => c,
    };
    let digits: String = text
        .chars()
        .map(narrow)
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\'' | '.' | '_'))
        .collect();
    ResidentId::parse(&digits.to_ascii_uppercase()).ok()
}

/// The parts of an elder's file as they are stored now, by itself: what edits are written against.
/// What is shown and counted is [`merged::joined`].
pub fn view(
    tables: &impl StoreRead,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<ElderView, StoreError> {
    let mut parts = Vec::new();
    for (key, row) in tables.documents_of(scope, elder)? {
        parts.extend(PartView::read(&load(&key, &row.saved)?, &key.id));
    }
    Ok(ElderView::new(elder, parts))
}

/// Documents as they were decided in the transaction under way: they need not be read again. None where
/// nothing of one counts.
pub type InHand = BTreeMap<DocumentKey, Option<Arc<PartView>>>;

/// A part of an elder's file as it is stored now.
fn part_view(
    tables: &impl StoreRead,
    in_hand: &InHand,
    key: DocumentKey,
) -> Result<Option<Arc<PartView>>, StoreError> {
    if let Some(view) = in_hand.get(&key) {
        return Ok(view.clone());
    }
    match tables.document(&key)? {
        Some(stored) => Ok(PartView::read(&load(&key, &stored.saved)?, &key.id).map(Arc::new)),
        None => Ok(None),
    }
}

/// Reads a saved document.
pub fn load(key: &DocumentKey, saved: &[u8]) -> Result<Automerge, StoreError> {
    Automerge::load(saved).map_err(|error| StoreError::Corrupt {
        table: "documents-2",
        detail: format!("{}: {error}", key.id),
    })
}

/// Brings an elder's row up to date after some of the elder's documents changed.
pub fn update(
    tables: &mut Transaction<'_>,
    secret: &IndexSecret,
    scope: DivisionCode,
    elder: ElderId,
    changed: &[Part],
    in_hand: &InHand,
) -> Result<(), StoreError> {
    let elsewhere = elsewhere(tables, scope, elder)?;
    tables.put_elsewhere(scope, elder, elsewhere.as_ref())?;
    if elsewhere.is_some() || !tables.has_documents(scope, elder)? {
        for (place, _) in tables.incidents_of(scope, elder)? {
            tables.remove_incident(place)?;
        }
        tables.put_facts(scope, elder, None)?;
        return tables.remove_elder(scope, elder);
    }
    let Some(mut row) = tables.elder(scope, elder)? else {
        let mut parts = Vec::new();
        for key in tables.document_keys_of(scope, elder)? {
            parts.extend(part_view(tables, in_hand, key)?);
        }
        let view = ElderView::new(elder, parts);
        for (place, row) in incidents(scope, &view) {
            tables.put_incident(place, &row)?;
        }
        let row = row(secret, scope, &view);
        tables.put_facts(scope, elder, Some(&facts::row(&row, &view)))?;
        return tables.put_elder(scope, elder, &row);
    };
    let before = tables.facts_of(scope, elder)?;
    let mut known = before.clone().unwrap_or_default();
    let facts_changed = changed
        .iter()
        .any(|part| matches!(part.kind(), PartKind::Card | PartKind::Ledger | PartKind::Registry));
    for part in changed {
        let key = DocumentKey { scope, id: DocumentId::elder(elder, *part) };
        let view = part_view(tables, in_hand, key)?;
        note_part(&mut row, *part, view.as_deref());
        facts::note_part(&mut known, *part, view.as_deref());
        if let Part::Incident(incident) = *part {
            let place = IncidentPlace { scope, elder, incident };
            match &view {
                Some(view) => tables.put_incident(place, &incident_row(view))?,
                None => tables.remove_incident(place)?,
            }
        }
    }
    if facts_changed {
        let mut parts = Vec::new();
        for part in [Part::Card, Part::Ledger, Part::Registry] {
            let key = DocumentKey { scope, id: DocumentId::elder(elder, part) };
            parts.extend(part_view(tables, in_hand, key)?);
        }
        let view = ElderView::new(elder, parts);
        note_facts(&mut row, secret, scope, &view);
        facts::note_facts(&mut known, &view);
    }
    facts::note_row(&mut known, &row);
    if before.as_ref() != Some(&known) {
        tables.put_facts(scope, elder, Some(&known))?;
    }
    tables.put_elder(scope, elder, &row)
}

/// Notes of every elder what a version before this one did not.
pub fn renew(tables: &mut Transaction<'_>, secret: &IndexSecret) -> Result<(), StoreError> {
    for (scope, elder) in tables.elder_places_all()? {
        update(tables, secret, scope, elder, &[Part::Card], &InHand::default())?;
    }
    Ok(())
}

/// Why a scope does not show what it holds of an elder, if so: custody is elsewhere, or nobody has
/// handed the file over yet. Where nobody has moved the elder, the file is where its card was begun.
pub fn elsewhere(
    tables: &impl StoreRead,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<Option<ElsewhereRow>, StoreError> {
    let handed_over = || {
        let places = tables.handovers_of(elder)?;
        Ok::<_, StoreError>(places.iter().any(|(_, at, ..)| *at == scope))
    };
    let has_documents = tables.has_documents(scope, elder)?;
    match tables.moved_to(elder)? {
        Some(moved) if moved.to == scope => Ok(None),
        Some(moved) if has_documents || handed_over()? => Ok(Some(ElsewhereRow {
            custody: Custody::MovedTo(moved.to),
            step: moved.step(),
            written_at_ms: Some(moved.written_at_ms),
        })),
        None if has_documents
            && (!holds_file(tables, scope, elder)? || is_carried_ahead(tables, scope, elder)?) =>
        {
            Ok(Some(ElsewhereRow { custody: Custody::Arriving, step: None, written_at_ms: None }))
        }
        Some(_) | None => Ok(None),
    }
}

/// Whether all that is here of a file was carried from elsewhere: its card was begun in no log of
/// this scope.
fn is_carried_ahead(
    tables: &impl StoreRead,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<bool, StoreError> {
    let carried: BTreeSet<[u8; 8]> =
        tables.authors_of(scope)?.into_iter().map(|(prefix, _)| prefix).collect();
    if carried.is_empty() {
        return Ok(false);
    }
    let card = DocumentKey { scope, id: DocumentId::elder(elder, Part::Card) };
    let Some(row) = tables.document(&card)? else {
        // Without a card there is no file but what somebody here has written in other parts.
        return begun(tables, scope, elder, &carried).map(|begun| !begun);
    };
    let document = load(&card, &row.saved)?;
    Ok(beginners(&document).iter().all(|prefix| carried.contains(prefix)))
}

/// Whether any part but offers was begun by a device of the scope itself.
fn begun(
    tables: &impl StoreRead,
    scope: DivisionCode,
    elder: ElderId,
    carried: &BTreeSet<[u8; 8]>,
) -> Result<bool, StoreError> {
    for (key, row) in tables.documents_of(scope, elder)? {
        let offer = matches!(key.id, DocumentId::Elder { part: Part::Transfer(_), .. });
        if !offer {
            let document = load(&key, &row.saved)?;
            if beginners(&document).iter().any(|prefix| !carried.contains(prefix)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The first halves of the actors whose changes build on the genesis alone.
fn beginners(document: &Automerge) -> Vec<[u8; 8]> {
    let changes = document.get_changes(&[]);
    let genesis = changes.first().map(|genesis| genesis.hash());
    let begins = |change: &&automerge::Change| change.deps().first().copied() == genesis;
    let prefix =
        |change: &automerge::Change| change.actor_id().to_bytes().first_chunk::<8>().copied();
    let begun = changes.iter().skip(1).filter(begins).filter(|change| change.deps().len() == 1);
    begun.filter_map(prefix).collect()
}

/// The row that a view comes to: what [`update`] must have arrived at, step by step.
pub fn row(secret: &IndexSecret, scope: DivisionCode, view: &ElderView) -> ElderRow {
    let mut row = ElderRow::empty();
    for part in view.parts() {
        note_part(&mut row, part.part(), Some(part));
    }
    note_facts(&mut row, secret, scope, view);
    row
}

/// The rows that an elder's incidents come to: what [`update`] must have arrived at.
pub fn incidents(scope: DivisionCode, view: &ElderView) -> Vec<(IncidentPlace, IncidentRow)> {
    let of = |part: &PartView| match part.part() {
        Part::Incident(incident) => {
            let place = IncidentPlace { scope, elder: view.elder(), incident };
            Some((place, incident_row(part)))
        }
        _ => None,
    };
    view.parts().filter_map(of).collect()
}

fn incident_row(view: &PartView) -> IncidentRow {
    let events = view.elements::<IncidentEvent>();
    IncidentRow::of(events.iter().map(|listed| &listed.element))
}

fn note_part(row: &mut ElderRow, part: Part, view: Option<&PartView>) {
    let conflicts = view.map_or(0, PartView::conflict_count);
    match conflicts {
        0 => row.conflicts.remove(&part.to_string()),
        count => row.conflicts.insert(part.to_string(), count),
    };
    match view.is_some_and(PartView::says_anything) {
        true => row.parts.insert(part.to_string()),
        false => row.parts.remove(&part.to_string()),
    };
    if part == Part::Card {
        let merges = view.map(PartView::elements::<Merge>).unwrap_or_default();
        let named = |step| {
            let of_step = merges.iter().filter(move |merge| merge.element.step == step);
            of_step.map(|merge| merge.element.other).collect()
        };
        row.merged_into = named(MergeStep::AbsorbedBy);
        row.merged_from = named(MergeStep::Absorbed);
    }
    if let Part::Journal(year) = part {
        let visits = view.map(PartView::elements::<Visit>).unwrap_or_default();
        let last = visits
            .iter()
            .filter(|listed| listed.element.outcome == VisitOutcome::Completed)
            .map(|listed| listed.element.date)
            .max();
        match last {
            None => row.last_visits.remove(&year),
            Some(date) => row.last_visits.insert(year, date),
        };
    }
}

fn note_facts(row: &mut ElderRow, secret: &IndexSecret, scope: DivisionCode, view: &ElderView) {
    let resident_id = view.text(Field::ResidentId);
    let as_written = view.text(Field::ResidentIdAsWritten);
    let tail = |id: &str| id.chars().rev().take(4).collect::<Vec<_>>().iter().rev().collect();
    row.name = view.text(Field::Name).map(str::to_owned);
    row.birth_date = view.date(Field::BirthDate);
    row.sex = view.choice(Field::Sex).unwrap_or(Sex::Unknown);
    row.id_tail = resident_id.map(tail);
    let house = [Field::Address, Field::Hamlet].map(|field| view.text(field));
    let house: Vec<&str> = house.into_iter().flatten().collect();
    row.house = (!house.is_empty()).then(|| house.join(" "));
    row.care = CareRow::from(view.care_facts());
    let differs = |field: &&Field| view.field(**field).is_some_and(|one| !one.differs.is_empty());
    row.differs = Field::ALL.iter().filter(differs).count() as u64;
    row.keys = [
        resident_id.map(|id| secret.resident_id(id)),
        as_written.and_then(resident_id_in).map(|id| secret.resident_id(id.as_str())),
        as_written.map(|id| secret.as_written(id)),
        row.name.as_deref().map(|name| secret.name(scope, name)),
    ]
    .into_iter()
    .flatten()
    .collect();
    row.keys.sort();
    row.keys.dedup();
}

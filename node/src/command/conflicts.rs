//! The conflict inbox: values that were written without knowing of one another, and deciding between
//! them by an edit that has seen them all (`docs/conflicts.md`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::{Area, DivisionCode};
use shouwang_crdt_schema::document::OperationName;
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::element::{List, Stored, key_policy, key_rank, key_text};
use shouwang_crdt_schema::field::Field;
use shouwang_crdt_schema::merge::Policy;
use shouwang_crdt_schema::parts::{DocumentId, Part, PartKind};
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::{Conflict, ElderView, PartView};

use super::elder::{find, show, within};
use super::told::{Author, Entries};
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::engine::{DocumentEdit, Engine};
use crate::identity::grant::Rights;
use crate::index::{self, merged};
use crate::store::rows::ElderRow;
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Asks for [`ConflictListReport`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ConflictList {
    /// Only within this area; None for the whole of ours.
    pub scope: Option<DivisionCode>,
    /// Only of this file: the id, or the first characters of it that are enough.
    pub elder: Option<String>,
}

/// What waits for a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictListReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Values written concurrently, in the order of scope, file, part and field.
    pub conflicts: Vec<InboxConflict>,
    /// Fields of which different parts say different things: no conflict, but worth a look.
    pub differs: Vec<Difference>,
}

/// One place in which values stand that were written without knowing of one another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxConflict {
    /// What `conflicts resolve` takes. It names the place and the values that stand there: when others
    /// come it is another.
    pub id: String,
    /// Whose file.
    pub elder_id: ElderId,
    /// 姓名
    pub name: Option<String>,
    /// The file's village.
    pub scope: DivisionCode,
    /// The file in which the person's goes on, if this one was merged into another.
    pub merged_into: Option<ElderId>,
    /// The part.
    pub part: String,
    /// The field's key, or `list/key` for a key of an element.
    pub field: String,
    /// What the element says, where it is a key of one.
    pub element: Option<BTreeMap<String, String>>,
    /// How the effective value is found.
    pub policy: Policy,
    /// Every value that stands, the effective one first. Resident IDs show their last four.
    pub values: Vec<StandingValue>,
    /// Whether some device's clock cannot have been right, so that times tell nothing of the order.
    pub clocks_disagree: bool,
}

/// A value that stands, and everybody who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingValue {
    /// What `conflicts resolve --keep` takes.
    pub number: usize,
    /// The value as stored.
    pub value: String,
    /// Whether it takes effect until somebody decides.
    pub effective: bool,
    /// Who wrote it; those whose entries are not here are left out.
    pub written: Vec<Author>,
}

/// A field of which different parts say different things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Whose file.
    pub elder_id: ElderId,
    /// 姓名
    pub name: Option<String>,
    /// The file's village.
    pub scope: DivisionCode,
    /// The field.
    pub field: Field,
    /// The part that prevails.
    pub part: String,
    /// What it says.
    pub value: String,
    /// Part → what it says instead.
    pub others: BTreeMap<String, String>,
}

/// Decides a conflict.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConflictResolve {
    /// The conflict, as it was listed.
    pub id: String,
    /// Keep the value with this number.
    pub keep: Option<usize>,
    /// Or write this one.
    pub value: Option<String>,
}

/// What a decision came to. It is on the disk when this is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The file.
    pub elder_id: ElderId,
    /// The part.
    pub part: String,
    /// The field's key, or `list/key`.
    pub field: String,
    /// What stands now.
    pub value: String,
    /// What stood beside it and was seen.
    pub replaced: Vec<String>,
    /// A value that stood and asks for more care than the one chosen.
    pub safer_than: Option<String>,
    /// Whether the value was certified in the `Registry` with it (a resident ID).
    pub certified: bool,
    /// Entries written.
    pub entries: u64,
}

/// A conflict, where it stands and what is in it.
struct Found {
    scope: DivisionCode,
    elder: ElderId,
    name: Option<String>,
    conflict: Conflict,
    element: Option<Stored>,
}

impl Request for ConflictList {
    const NAME: &'static str = "conflict_list";
    type Reply = ConflictListReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<ConflictListReport, CommandError> {
        engine.settle(now)?;
        self.report(engine)
    }
}

impl ConflictList {
    /// What waits for a decision among what is committed.
    pub fn report(&self, engine: &Engine) -> Result<ConflictListReport, CommandError> {
        let snapshot = engine.read()?;
        let area = within(engine, self.scope)?;
        let only = self.elder.as_ref().map(|elder| find(&snapshot, area, elder)).transpose()?;
        let wanted = |row: &ElderRow| !row.conflicts.is_empty() || row.differs > 0;
        let files = match only {
            Some((scope, elder)) => files_of(&snapshot, scope, elder)?,
            None => rows(&snapshot, area, wanted)?,
        };
        let (mut found, mut differs) = (Vec::new(), Vec::new());
        for (scope, elder, row) in files {
            let view = index::view(&snapshot, scope, elder)?;
            found.extend(conflicts_of(scope, elder, &row, &view));
            differs.extend(differences(scope, elder, &row, &view));
        }
        let conflicts = tell(&snapshot, engine, found)?;
        Ok(ConflictListReport { schema_version: JSON_SCHEMA_VERSION, conflicts, differs })
    }
}

impl Request for ConflictResolve {
    const NAME: &'static str = "conflict_resolve";
    type Reply = Resolved;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<Resolved, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let found = self.find(&snapshot, engine.area())?;
        let text = self.chosen(&found)?;
        let (scope, elder, conflict) = (found.scope, found.elder, &found.conflict);
        let mut edits = vec![(conflict.part, found.action(&text)?)];
        let certified = conflict.field == Field::ResidentId.spec().key
            && conflict.part == Part::Card
            && !is_certified(&snapshot, scope, elder, &text)?;
        if certified {
            if !engine.grant().rights.contains(Rights::write(PartKind::Registry)) {
                return Err(refused("resident_id_review", &self.id));
            }
            edits.push((Part::Registry, found.action(&text)?));
        }
        let edits: Vec<DocumentEdit> = edits
            .into_iter()
            .map(|(part, action)| DocumentEdit {
                scope,
                document: DocumentId::elder(elder, part),
                actions: vec![action],
            })
            .collect();
        let entries = engine.capture(now, &edits)?;
        let values = found.values();
        let rank = |text: &str| rank(&conflict.field, text);
        let riskiest = values.iter().min_by_key(|value| rank(value));
        Ok(Resolved {
            schema_version: JSON_SCHEMA_VERSION,
            elder_id: elder,
            part: conflict.part.to_string(),
            value: masked(&conflict.field, &text),
            replaced: values
                .iter()
                .filter(|value| **value != text)
                .map(|value| masked(&conflict.field, value))
                .collect(),
            safer_than: riskiest
                .filter(|value| {
                    found.policy() == Policy::MostProtectiveWins && rank(value) < rank(&text)
                })
                .map(|value| masked(&conflict.field, value)),
            field: conflict.field.clone(),
            certified,
            entries,
        })
    }
}

impl ConflictResolve {
    /// The conflict that was meant, if it still stands as it was shown.
    fn find(&self, snapshot: &Snapshot, area: Area) -> Result<Found, CommandError> {
        let id = self.id.trim().to_ascii_lowercase();
        let place = id.split('-').next().unwrap_or_default();
        for (scope, elder, row) in rows(snapshot, area, |row| !row.conflicts.is_empty())? {
            let view = index::view(snapshot, scope, elder)?;
            for found in conflicts_of(scope, elder, &row, &view) {
                match found.id() {
                    known if known == id => return Ok(found),
                    known if known.split('-').next() == Some(place) => {
                        return Err(refused("conflict_changed", &known).with("elder", elder));
                    }
                    _ => {}
                }
            }
        }
        Err(CommandError::new(ErrorKind::NotFound, "conflict_unknown", "no such conflict stands")
            .with("id", &self.id))
    }

    /// The text that was chosen, as it is stored.
    fn chosen(&self, found: &Found) -> Result<String, CommandError> {
        let usage = |code| CommandError::new(ErrorKind::Usage, code, code);
        let values = found.values();
        match (self.keep, &self.value) {
            (Some(number), None) => number
                .checked_sub(1)
                .and_then(|at| values.get(at).cloned())
                .ok_or_else(|| usage("conflict_number").with("count", values.len())),
            (None, Some(text)) => found.normal(text),
            _ => Err(usage("conflict_choice")),
        }
    }
}

impl Found {
    /// Eight digits for the place and six for what stands there.
    fn id(&self) -> String {
        let mut place = blake3::Hasher::new();
        let conflict = &self.conflict;
        let part = conflict.part.to_string();
        let element = conflict.element.as_ref().map_or("", OperationName::as_str);
        for piece in [part.as_str(), &conflict.field, element] {
            place.update(&(piece.len() as u64).to_be_bytes()).update(piece.as_bytes());
        }
        place.update(&self.scope.number().to_be_bytes()).update(&self.elder.0);
        let standing: BTreeSet<&OperationName> =
            conflict.standing.iter().map(|written| &written.by).collect();
        let mut state = place.clone();
        for by in standing {
            state.update(by.as_str().as_bytes()).update(b" ");
        }
        let hex = |hasher: &blake3::Hasher, bytes: usize| {
            hex::encode(&hasher.finalize().as_bytes()[..bytes])
        };
        format!("{}-{}", hex(&place, 4), hex(&state, 3))
    }

    /// The values that stand, each once, the effective one first.
    fn values(&self) -> Vec<String> {
        let effective = std::iter::once(self.conflict.effective.clone());
        effective.chain(self.conflict.others.iter().cloned()).collect()
    }

    fn policy(&self) -> Policy {
        match (Field::from_key(&self.conflict.field), self.conflict.field.split_once('/')) {
            (Some(field), _) => field.spec().policy,
            (None, Some((_, key))) => key_policy(key),
            (None, None) => Policy::LastWriterWins,
        }
    }

    /// A typed text in the one spelling of its place.
    fn normal(&self, text: &str) -> Result<String, CommandError> {
        let unfit = || {
            let detail = "the text cannot stand there";
            CommandError::new(ErrorKind::Usage, "value_unfit", detail)
                .with("field", &self.conflict.field)
        };
        if let Some(field) = Field::from_key(&self.conflict.field) {
            let value = field.value(text).map_err(|error| CommandError::from(&error))?;
            return Ok(value.as_str().to_owned());
        }
        self.list_and_key()
            .zip(self.element.as_ref())
            .and_then(|((list, key), element)| key_text(list, element, key, text))
            .ok_or_else(unfit)
    }

    fn list_and_key(&self) -> Option<(List, &str)> {
        let (list, key) = self.conflict.field.split_once('/')?;
        Some((List::from_key(list)?, key))
    }

    /// The edit that writes the text over all that stands.
    fn action(&self, text: &str) -> Result<Action, CommandError> {
        if let Some(field) = Field::from_key(&self.conflict.field) {
            let value = field.value(text).map_err(|error| CommandError::from(&error))?;
            return Ok(Action::Set { field, value });
        }
        let place = self.list_and_key().zip(self.conflict.element.clone());
        let ((list, key), element) = place.ok_or_else(|| {
            CommandError::new(ErrorKind::Failed, "conflict_unknown", "a conflict of no known field")
                .with("id", self.id())
        })?;
        Ok(Action::Amend { list, element, key: key.to_owned(), text: Some(text.to_owned()) })
    }
}

/// Refuses to write where values stand concurrently: a part, a field's key or `list/key`, and the
/// element where it is a key of one. The error names the conflict.
pub(super) fn refuse_in_conflict(
    snapshot: &Snapshot,
    scope: DivisionCode,
    elder: ElderId,
    (part, field, element): (Part, &str, Option<&OperationName>),
) -> Result<(), CommandError> {
    let Some(row) = snapshot.elder(scope, elder)?.filter(|row| !row.conflicts.is_empty()) else {
        return Ok(());
    };
    let view = index::view(snapshot, scope, elder)?;
    let is_there = |found: &Found| {
        let conflict = &found.conflict;
        (conflict.part, conflict.field.as_str(), conflict.element.as_ref())
            == (part, field, element)
    };
    match conflicts_of(scope, elder, &row, &view).find(is_there) {
        None => Ok(()),
        Some(found) => {
            let error = "values stand there that were written concurrently";
            Err(CommandError::new(ErrorKind::Refused, "in_conflict", error)
                .with("field", field)
                .with("id", found.id()))
        }
    }
}

/// A value of a field or a key as it may be shown: resident IDs with their last four.
pub(super) fn masked(field: &str, text: &str) -> String {
    let known = Field::from_key(field);
    match known.and_then(|field| Some((field, field.value(text).ok()?))) {
        Some((field, value)) => show(field, &value, false),
        None if known.is_some_and(|field| {
            matches!(field, Field::ResidentId | Field::ResidentIdAsWritten)
        }) =>
        {
            super::elder::mask(text)
        }
        None => text.to_owned(),
    }
}

/// An element's texts by key; a single text stands under `value`.
pub(super) fn texts(stored: &Stored) -> BTreeMap<String, String> {
    stored.texts().into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect()
}

fn rank(field: &str, text: &str) -> usize {
    match (Field::from_key(field), field.split_once('/')) {
        (Some(field), _) => field.value(text).map_or(0, |value| field.protective_rank(&value)),
        (None, Some((_, key))) => key_rank(key, text).unwrap_or_default(),
        (None, None) => 0,
    }
}

fn refused(code: &str, id: &str) -> CommandError {
    CommandError::new(ErrorKind::Refused, code, code).with("id", id)
}

/// Whether the county has certified this number.
fn is_certified(
    snapshot: &Snapshot,
    scope: DivisionCode,
    elder: ElderId,
    text: &str,
) -> Result<bool, StoreError> {
    let view = index::view(snapshot, scope, elder)?;
    let certified = view.part(Part::Registry).and_then(|part| part.field(Field::ResidentId));
    Ok(certified.is_some_and(|standing| standing.effective.as_str() == text))
}

type Row = (DivisionCode, ElderId, ElderRow);

/// The rows of an area that are wanted. Scopes without any are not read.
fn rows(
    snapshot: &Snapshot,
    area: Area,
    wanted: impl Fn(&ElderRow) -> bool,
) -> Result<Vec<Row>, StoreError> {
    let mut found = Vec::new();
    for (scope, counts) in snapshot.scopes_in(area)? {
        if counts.conflicts == 0 && counts.differs == 0 {
            continue;
        }
        let rows = snapshot.elders_in(Area(scope))?.into_iter();
        found.extend(rows.filter(|(of, _, row)| *of == scope && wanted(row)));
    }
    Ok(found)
}

/// A person's files.
fn files_of(
    snapshot: &Snapshot,
    scope: DivisionCode,
    elder: ElderId,
) -> Result<Vec<Row>, StoreError> {
    let mut found = Vec::new();
    for file in merged::group(snapshot, scope, elder)?.files {
        found.extend(snapshot.elder(scope, file)?.map(|row| (scope, file, row)));
    }
    Ok(found)
}

fn conflicts_of<'a>(
    scope: DivisionCode,
    elder: ElderId,
    row: &'a ElderRow,
    view: &'a ElderView,
) -> impl Iterator<Item = Found> + 'a {
    view.parts().flat_map(move |part| {
        part.conflicts().map(move |conflict| Found {
            scope,
            elder,
            name: row.name.clone(),
            element: conflict.element.as_ref().and_then(|element| element_of(part, element)),
            conflict,
        })
    })
}

fn element_of(part: &PartView, element: &OperationName) -> Option<Stored> {
    part.stored()
        .find(|(_, listed)| listed.id == *element)
        .map(|(_, listed)| listed.element.clone())
}

fn differences<'a>(
    scope: DivisionCode,
    elder: ElderId,
    row: &'a ElderRow,
    view: &'a ElderView,
) -> impl Iterator<Item = Difference> + 'a {
    Field::ALL.iter().filter_map(move |field| {
        let resolved = view.own_field(*field)?;
        let others: BTreeMap<String, String> = resolved
            .differs
            .iter()
            .map(|(part, value)| (part.to_string(), show(*field, value, false)))
            .collect();
        (!others.is_empty()).then(|| Difference {
            elder_id: elder,
            name: row.name.clone(),
            scope,
            field: *field,
            part: resolved.part.to_string(),
            value: show(*field, resolved.value, false),
            others,
        })
    })
}

/// Says of each conflict who wrote what; the logs of a scope are read once.
fn tell(
    snapshot: &Snapshot,
    engine: &Engine,
    found: Vec<Found>,
) -> Result<Vec<InboxConflict>, StoreError> {
    let mut by_scope: BTreeMap<DivisionCode, Vec<Found>> = BTreeMap::new();
    for one in found {
        by_scope.entry(one.scope).or_default().push(one);
    }
    let mut told = Vec::new();
    for (scope, found) in by_scope {
        let documents: BTreeSet<DocumentId> =
            found.iter().map(|one| DocumentId::elder(one.elder, one.conflict.part)).collect();
        let entries = Entries::read(snapshot, engine.authority(), scope, |document| {
            documents.contains(document)
        })?;
        for one in found {
            let document = DocumentId::elder(one.elder, one.conflict.part);
            let values: Vec<StandingValue> = one
                .values()
                .into_iter()
                .enumerate()
                .map(|(at, value)| StandingValue {
                    number: at + 1,
                    effective: at == 0,
                    written: one
                        .conflict
                        .standing
                        .iter()
                        .filter(|written| written.value == value)
                        .filter_map(|written| entries.author(&document, &written.by).cloned())
                        .collect(),
                    value: masked(&one.conflict.field, &value),
                })
                .collect();
            let doubtful =
                |value: &StandingValue| value.written.iter().any(|by| by.clock.is_some());
            told.push(InboxConflict {
                id: one.id(),
                elder_id: one.elder,
                name: one.name.clone(),
                scope,
                merged_into: merged::absorbed_by(snapshot, scope, one.elder)?,
                part: one.conflict.part.to_string(),
                field: one.conflict.field.clone(),
                element: one.element.as_ref().map(texts),
                policy: one.policy(),
                clocks_disagree: values.iter().any(doubtful),
                values,
            });
        }
    }
    Ok(told)
}

//! Taking back what this device's person did last, by a new edit (`docs/conflicts.md`, undo).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::automerge::{Automerge, ChangeHash};
use shouwang_crdt_schema::change::ParsedChange;
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::{OperationName, Written};
use shouwang_crdt_schema::edit::Action;
use shouwang_crdt_schema::element::{Growth, List, key_rank};
use shouwang_crdt_schema::field::{Field, Value};
use shouwang_crdt_schema::merge::{Concurrent, Policy};
use shouwang_crdt_schema::narration::{Deed, Narration, Standing};
use shouwang_crdt_schema::parts::{DocumentId, Part};
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::PartView;

use super::conflicts::{masked, texts};
use super::history::What;
use super::told::{Author, Entries};
use super::{CommandError, ErrorKind, JSON_SCHEMA_VERSION, Request};
use crate::custody::holding::{Holding, holdings};
use crate::engine::{DocumentEdit, Engine, LastEdit};
use crate::index;
use crate::log::{Entry, Kind, LogKey};
use crate::store::rows::DocumentKey;
use crate::store::{Snapshot, StoreError, StoreRead};
use crate::sync::Now;

/// Takes back this device's own last edit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Undo {
    /// Say what would be done and do nothing.
    pub dry_run: bool,
    /// The edit that is meant, by [`UndoReport::edit`]; None for whichever is last.
    pub edit: Option<String>,
}

/// What taking an edit back comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoReport {
    /// See [`super::JSON_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The edit: what a preview and the undo itself agree on.
    pub edit: String,
    /// When it was written (this device's clock, ms since 1970).
    pub written_at_ms: i64,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// What is done to take it back.
    pub steps: Vec<UndoStep>,
    /// What is left as it stands, and why.
    pub left: Vec<UndoLeft>,
    /// Entries written.
    pub entries: u64,
}

/// One thing that is done to take an edit back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoStep {
    /// The file.
    pub elder_id: ElderId,
    /// The part.
    pub part: String,
    /// The field's key, the list's key, or `list/key`.
    pub field: String,
    /// What is done now.
    pub what: What,
    /// What stands until then. Resident IDs show their last four.
    pub from: Option<String>,
    /// What stands again.
    pub to: Option<String>,
    /// Values that stood beside it and do not come back: a decided conflict stays decided.
    pub also_stood: Vec<String>,
    /// What the element says.
    pub says: BTreeMap<String, String>,
}

/// Something that is left as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoLeft {
    /// The file.
    pub elder_id: ElderId,
    /// The part.
    pub part: String,
    /// The field's key, the list's key, or `list/key`.
    pub field: String,
    /// Why: `changed_since`, `gone`, `there_already`, `written_once` or `does_not_count`.
    pub reason: String,
    /// Who has written there since, where it is known.
    pub by: Option<Author>,
}

/// Says that an import begins: what it brings in from now on, in as many requests as it takes, is one
/// edit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportBegin {}

/// Noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportBegun {}

impl Request for ImportBegin {
    const NAME: &'static str = "import_begin";
    type Reply = ImportBegun;

    fn execute(self, engine: &mut Engine, _now: Now) -> Result<ImportBegun, CommandError> {
        engine.begin_import();
        Ok(ImportBegun {})
    }
}

impl Request for Undo {
    const NAME: &'static str = "undo";
    type Reply = UndoReport;

    fn execute(self, engine: &mut Engine, now: Now) -> Result<UndoReport, CommandError> {
        engine.settle(now)?;
        let snapshot = engine.read()?;
        let refused = |code| CommandError::new(ErrorKind::Refused, code, code);
        let last = LastEdit::read(&snapshot)?.ok_or_else(|| refused("undo_nothing"))?;
        let edit = name_of(&last);
        if self.edit.as_ref().is_some_and(|meant| *meant != edit) {
            return Err(refused("undo_another"));
        }
        if last.is_cut {
            return Err(refused("undo_too_large"));
        }
        let entries = entries_of(&snapshot, &last)?;
        let written_at_ms =
            entries.iter().map(|(_, entry)| entry.header.written_at_ms).max().unwrap_or_default();
        let mut undoing = Undoing::default();
        for ((scope, id), entries) in by_document(entries)? {
            undoing.take_back(&snapshot, engine, scope, id, &entries)?;
        }
        let Undoing { edits, steps, mut left, since } = undoing;
        name_writers(&snapshot, engine, &since, &mut left)?;
        let entries = match self.dry_run {
            true => 0,
            false => engine.capture(now, &edits)?,
        };
        Ok(UndoReport {
            schema_version: JSON_SCHEMA_VERSION,
            edit,
            written_at_ms,
            dry_run: self.dry_run,
            steps,
            left,
            entries,
        })
    }
}

/// A name for an edit: whoever has seen it previewed takes back that one and no other.
fn name_of(last: &LastEdit) -> String {
    let mut hasher = blake3::Hasher::new();
    for (log, first, count) in &last.runs {
        hasher.update(&log.to_bytes()).update(&first.to_be_bytes()).update(&count.to_be_bytes());
    }
    hex::encode(&hasher.finalize().as_bytes()[..6])
}

fn entries_of(snapshot: &Snapshot, last: &LastEdit) -> Result<Vec<(LogKey, Entry)>, CommandError> {
    let mut found = Vec::new();
    for (log, first, count) in &last.runs {
        let Some(row) = snapshot.log(log)? else { continue };
        let limit = usize::try_from(*count).unwrap_or(usize::MAX);
        let entries = snapshot.entries_from(row.number, *first, limit)?;
        found.extend(entries.into_iter().map(|entry| (*log, entry)));
    }
    match found.is_empty() {
        true => Err(CommandError::new(ErrorKind::Refused, "undo_nothing", "nothing to take back")),
        false => Ok(found),
    }
}

type ByDocument = BTreeMap<(DivisionCode, DocumentId), Vec<(LogKey, Entry)>>;

/// The changes of an edit by document, if all of it can be taken back.
fn by_document(entries: Vec<(LogKey, Entry)>) -> Result<ByDocument, CommandError> {
    let mut documents = ByDocument::new();
    for (log, entry) in entries {
        let what = match (entry.header.kind, entry.header.document.id()) {
            (Kind::Change, Some(id)) => match id {
                DocumentId::Elder { part: Part::Transfer(_), .. } => "transfer",
                DocumentId::Elder { .. } => {
                    documents.entry((log.scope, id)).or_default().push((log, entry));
                    continue;
                }
                DocumentId::Directory => "places",
                DocumentId::Ruleset => "rules",
            },
            (Kind::Grant, _) => "grant",
            (Kind::Revoke, _) => "revocation",
            (Kind::Erase, _) => "erasure",
            (Kind::Adopt, _) => "adoption",
            _ => "other",
        };
        return Err(CommandError::new(
            ErrorKind::Refused,
            "not_undoable",
            "this cannot be taken back",
        )
        .with("what", what));
    }
    Ok(documents)
}

#[derive(Default)]
struct Undoing {
    edits: Vec<DocumentEdit>,
    steps: Vec<UndoStep>,
    left: Vec<UndoLeft>,
    /// For some of what is left: its place in `left`, where it is, and an operation written there since.
    since: Vec<(usize, DivisionCode, DocumentId, OperationName)>,
}

/// One document of an edit that is taken back.
struct Taking<'a> {
    elder: ElderId,
    part: Part,
    document: &'a Automerge,
    view: PartView,
    narration: Narration,
    standing: Standing,
    /// What operations of the edit itself wrote over.
    own: BTreeMap<OperationName, Vec<OperationName>>,
    /// Operations of the edit itself, or before it, whose values it took away again.
    taken_away: BTreeSet<OperationName>,
    /// Elements that the edit took out.
    removed: BTreeSet<OperationName>,
    /// Elements that the edit put in.
    inserted: BTreeSet<OperationName>,
    /// Whether others hold what the edit wrote.
    is_held: bool,
}

/// What becomes of a deed.
enum Verdict {
    Done(Action, Box<UndoStep>),
    Left(&'static str, Option<OperationName>),
    /// Nothing: a later deed of the same edit says all.
    Nothing,
}

impl Undoing {
    fn take_back(
        &mut self,
        snapshot: &Snapshot,
        engine: &Engine,
        scope: DivisionCode,
        id: DocumentId,
        entries: &[(LogKey, Entry)],
    ) -> Result<(), StoreError> {
        let DocumentId::Elder { elder, part } = id else { return Ok(()) };
        let changes: Vec<ParsedChange> = entries
            .iter()
            .filter_map(|(_, entry)| ParsedChange::parse(entry.body.as_deref()?).ok())
            .collect();
        let key = DocumentKey { scope, id };
        let document = snapshot.document(&key)?.map(|row| index::load(&key, &row.saved));
        let document = document.transpose()?;
        let held = holdings(snapshot, engine.authority(), scope)?;
        let taking = document.as_ref().and_then(|document| {
            Taking::new(document, &id, &changes, is_held(&held, engine, entries))
        });
        let Some(taking) = taking else {
            let field = String::new();
            let (part, reason) = (part.to_string(), "does_not_count".to_owned());
            self.left.push(UndoLeft { elder_id: elder, part, field, reason, by: None });
            return Ok(());
        };
        let mut actions = Vec::new();
        for change in &changes {
            for deed in taking.narration.tell(change) {
                match taking.verdict(&deed, change) {
                    Verdict::Done(action, step) => {
                        actions.push(action);
                        self.steps.push(*step);
                    }
                    Verdict::Left(reason, since) => {
                        self.since.extend(since.map(|by| (self.left.len(), scope, id, by)));
                        self.left.push(UndoLeft {
                            elder_id: elder,
                            part: part.to_string(),
                            field: place_of(&deed),
                            reason: reason.to_owned(),
                            by: None,
                        });
                    }
                    Verdict::Nothing => {}
                }
            }
        }
        if !actions.is_empty() {
            self.edits.push(DocumentEdit { scope, document: id, actions });
        }
        Ok(())
    }
}

/// Whether a receipt says that another device holds any of these entries.
fn is_held(held: &[Holding], engine: &Engine, entries: &[(LogKey, Entry)]) -> bool {
    held.iter().filter(|holding| holding.holder != engine.device()).any(|holding| {
        entries
            .iter()
            .any(|(log, entry)| holding.place.log == *log && entry.header.seq <= holding.place.seq)
    })
}

impl<'a> Taking<'a> {
    /// None if a change of the edit does not count.
    fn new(
        document: &'a Automerge,
        id: &DocumentId,
        changes: &[ParsedChange],
        is_held: bool,
    ) -> Option<Self> {
        let DocumentId::Elder { elder, part } = *id else { return None };
        let all: Vec<ParsedChange> = document
            .get_changes(&[])
            .iter()
            .filter_map(|change| ParsedChange::parse(change.raw_bytes()).ok())
            .collect();
        let here: BTreeSet<ChangeHash> = all.iter().map(ParsedChange::hash).collect();
        if changes.is_empty() || changes.iter().any(|change| !here.contains(&change.hash())) {
            return None;
        }
        let mut narration = Narration::new(id);
        all.iter().for_each(|change| narration.hear(change));
        let deeds: Vec<Deed> = all.iter().flat_map(|change| narration.tell(change)).collect();
        let mut own = BTreeMap::new();
        let (mut taken_away, mut removed) = (BTreeSet::new(), BTreeSet::new());
        let mut inserted = BTreeSet::new();
        for deed in changes.iter().flat_map(|change| narration.tell(change)) {
            match deed {
                Deed::Set { by, over, .. } => drop(own.insert(by, over)),
                Deed::Amended { value: Some(written), over, .. } => {
                    own.insert(written.by, over);
                }
                Deed::Cleared { over, .. } | Deed::Amended { value: None, over, .. } => {
                    taken_away.extend(over);
                }
                Deed::Removed { element, .. } => drop(removed.insert(element)),
                Deed::Inserted { element, .. } => drop(inserted.insert(element)),
                Deed::Retracted { .. } => {}
            }
        }
        Some(Self {
            elder,
            part,
            document,
            view: PartView::read(document, id)?,
            standing: Standing::of(&deeds),
            narration,
            own,
            taken_away,
            removed,
            inserted,
            is_held,
        })
    }

    fn step(&self, field: String, what: What) -> UndoStep {
        UndoStep {
            elder_id: self.elder,
            part: self.part.to_string(),
            field,
            what,
            from: None,
            to: None,
            also_stood: Vec::new(),
            says: BTreeMap::new(),
        }
    }

    /// What stood before the edit, where the edit wrote over it more than once.
    fn before(&self, over: &[OperationName]) -> Vec<Written<String>> {
        let mut found = Vec::new();
        for by in over {
            match self.own.get(by) {
                Some(earlier) => found.extend(self.before(earlier)),
                None => found.extend(self.narration.written(std::slice::from_ref(by))),
            }
        }
        found.sort_by_key(|written| (written.by.counter(), written.by.actor()));
        found
    }

    fn verdict(&self, deed: &Deed, change: &ParsedChange) -> Verdict {
        match deed {
            Deed::Set { by, .. } if self.is_overwritten(by) => Verdict::Nothing,
            Deed::Set { field, value, by, over } => {
                let Some(field) = Field::from_key(field) else { return Verdict::Nothing };
                let now = self.standing.field(field);
                match now.iter().find(|other| *other != by) {
                    Some(other) => Verdict::Left("changed_since", Some(other.clone())),
                    None if !now.contains(by) => Verdict::Left("changed_since", None),
                    None => self.set_back(field, Some(value), &self.before(over)),
                }
            }
            Deed::Cleared { field, over } => {
                let Some(field) = Field::from_key(field) else { return Verdict::Nothing };
                match self.standing.field(field).into_iter().next() {
                    Some(other) if self.own.contains_key(&other) => Verdict::Nothing,
                    Some(other) => Verdict::Left("changed_since", Some(other)),
                    None => self.set_back(field, None, &self.before(over)),
                }
            }
            Deed::Inserted { list, element, .. } => self.take_out(*list, element),
            Deed::Retracted { list, by, event } => self.put_event_back(*list, by, event),
            Deed::Amended { value: Some(written), .. } if self.is_overwritten(&written.by) => {
                Verdict::Nothing
            }
            Deed::Amended { element, .. } if self.removed.contains(element) => Verdict::Nothing,
            Deed::Amended { list, element, key, value, over } => {
                self.amend_back(*list, element, key, value.as_ref(), &self.before(over))
            }
            Deed::Removed { list, element } => self.insert_again(*list, element, change),
        }
    }

    fn is_overwritten(&self, by: &OperationName) -> bool {
        self.taken_away.contains(by) || self.own.values().any(|over| over.contains(by))
    }

    fn set_back(&self, field: Field, from: Option<&String>, before: &[Written<String>]) -> Verdict {
        let key = field.spec().key;
        let readable = before.iter().filter_map(|written| {
            let value = field.value(&written.value).ok()?;
            Some(Written { value, by: written.by.clone() })
        });
        let before = Concurrent::reconcile(field, readable.collect());
        let is_once = field.spec().policy == Policy::WriteOnce;
        let from = from.map(|value| masked(key, value));
        match before {
            Some(_) if is_once && from.is_some() => Verdict::Left("written_once", None),
            None if is_once && self.is_held => Verdict::Left("written_once", None),
            None if from.is_none() => Verdict::Nothing,
            None => Verdict::Done(
                Action::Clear { field },
                Box::new(UndoStep { from, ..self.step(key.to_owned(), What::Cleared) }),
            ),
            Some(before) => {
                let shown = |value: &Value| masked(key, value.as_str());
                let step = UndoStep {
                    from,
                    to: Some(shown(&before.effective)),
                    also_stood: before.others.iter().map(shown).collect(),
                    ..self.step(key.to_owned(), What::Set)
                };
                Verdict::Done(Action::Set { field, value: before.effective }, Box::new(step))
            }
        }
    }

    fn take_out(&self, list: List, element: &OperationName) -> Verdict {
        let Some((_, listed)) = self.view.stored().find(|(_, listed)| listed.id == *element) else {
            return Verdict::Left("gone", None);
        };
        let says = texts(&listed.element);
        match list.growth() {
            Growth::Log => match &listed.retracted_by {
                Some(by) => Verdict::Left("gone", Some(by.clone())),
                None => Verdict::Done(
                    Action::Retract { list, element: element.clone() },
                    Box::new(UndoStep {
                        says,
                        ..self.step(list.key().to_owned(), What::Retracted)
                    }),
                ),
            },
            Growth::Set if self.standing.is_amended(element) => {
                Verdict::Left("changed_since", self.standing.last_amendment(element))
            }
            Growth::Set => Verdict::Done(
                Action::Remove { list, element: element.clone() },
                Box::new(UndoStep { says, ..self.step(list.key().to_owned(), What::Removed) }),
            ),
        }
    }

    fn put_event_back(&self, list: List, by: &OperationName, event: &OperationName) -> Verdict {
        let retraction = self.view.stored().find(|(_, listed)| listed.id == *by);
        let Some((_, retraction)) = retraction else { return Verdict::Left("gone", None) };
        if let Some(by) = &retraction.retracted_by {
            return Verdict::Left("changed_since", Some(by.clone()));
        }
        let says = self.narration.element(event).map(|(_, stored)| texts(stored));
        Verdict::Done(
            Action::Retract { list, element: by.clone() },
            Box::new(UndoStep {
                says: says.unwrap_or_default(),
                ..self.step(list.key().to_owned(), What::Restored)
            }),
        )
    }

    fn amend_back(
        &self,
        list: List,
        element: &OperationName,
        key: &str,
        value: Option<&Written<String>>,
        before: &[Written<String>],
    ) -> Verdict {
        if !self.view.stored().any(|(_, listed)| listed.id == *element) {
            return Verdict::Left("gone", None);
        }
        let now = self.standing.key(element, key);
        let ours = value.map(|written| &written.by);
        if let Some(other) = now.iter().find(|other| Some(*other) != ours) {
            return Verdict::Left("changed_since", Some(other.clone()));
        }
        if ours.is_some_and(|by| !now.contains(by)) {
            return Verdict::Left("changed_since", None);
        }
        let last = before.len().checked_sub(1);
        let first = (0..before.len())
            .min_by_key(|at| key_rank(key, &before[*at].value).unwrap_or(usize::MAX - at));
        let text =
            first.or(last).and_then(|at| before.get(at)).map(|written| written.value.clone());
        let mut also: Vec<String> = before.iter().map(|written| written.value.clone()).collect();
        also.sort();
        also.dedup();
        also.retain(|other| Some(other) != text.as_ref());
        let step = UndoStep {
            from: value.map(|written| written.value.clone()),
            to: text.clone(),
            also_stood: also,
            says: self
                .narration
                .element(element)
                .map(|(_, stored)| texts(stored))
                .unwrap_or_default(),
            ..self.step(format!("{}/{key}", list.key()), What::Amended)
        };
        let (element, key) = (element.clone(), key.to_owned());
        Verdict::Done(Action::Amend { list, element, key, text }, Box::new(step))
    }

    fn insert_again(&self, list: List, element: &OperationName, change: &ParsedChange) -> Verdict {
        let id = DocumentId::elder(self.elder, self.part);
        let before = self.document.fork_at(change.deps()).ok();
        let Some(before) = before.and_then(|before| PartView::read(&before, &id)) else {
            return Verdict::Left("gone", None);
        };
        let stood = before.stored().find(|(_, listed)| listed.id == *element);
        let Some((_, stood)) = stood else { return Verdict::Left("gone", None) };
        let is_news = |by: &OperationName| {
            !self.inserted.contains(by) && !before.stored().any(|(_, listed)| listed.id == *by)
        };
        let again = self.view.stored().find(|(of, listed)| {
            *of == list && listed.element == stood.element && is_news(&listed.id)
        });
        if let Some((_, again)) = again {
            return Verdict::Left("there_already", Some(again.id.clone()));
        }
        let effective = |key: &str| stood.element.text(key).unwrap_or_default().to_owned();
        let also_stood = stood
            .conflicts
            .iter()
            .flat_map(|(key, standing)| {
                standing
                    .iter()
                    .map(|written| written.value.clone())
                    .filter(|v| *v != effective(key))
            })
            .collect();
        let step = UndoStep {
            says: texts(&stood.element),
            also_stood,
            ..self.step(list.key().to_owned(), What::Added)
        };
        Verdict::Done(Action::Insert { list, element: stood.element.clone() }, Box::new(step))
    }
}

fn place_of(deed: &Deed) -> String {
    match deed {
        Deed::Set { field, .. } | Deed::Cleared { field, .. } => field.clone(),
        Deed::Inserted { list, .. } | Deed::Retracted { list, .. } | Deed::Removed { list, .. } => {
            list.key().to_owned()
        }
        Deed::Amended { list, key, .. } => format!("{}/{key}", list.key()),
    }
}

/// Says who has written since where something is left.
fn name_writers(
    snapshot: &Snapshot,
    engine: &Engine,
    since: &[(usize, DivisionCode, DocumentId, OperationName)],
    left: &mut [UndoLeft],
) -> Result<(), StoreError> {
    let scopes: BTreeSet<DivisionCode> = since.iter().map(|(_, scope, ..)| *scope).collect();
    for scope in scopes {
        let documents: BTreeSet<DocumentId> =
            since.iter().filter(|one| one.1 == scope).map(|one| one.2).collect();
        let entries =
            Entries::read(snapshot, engine.authority(), scope, |id| documents.contains(id))?;
        for (at, _, id, by) in since.iter().filter(|one| one.1 == scope) {
            if let Some(left) = left.get_mut(*at) {
                left.by = entries.author(id, by).cloned();
            }
        }
    }
    Ok(())
}

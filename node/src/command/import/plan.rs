//! What a row comes to: the edits that make a file say what it says, and the difference they make.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shouwang_crdt_schema::division::DivisionCode;
use shouwang_crdt_schema::document::{Listed, OperationName};
use shouwang_crdt_schema::edit::{Action, Edit};
use shouwang_crdt_schema::element::{Element, List, Stored};
use shouwang_crdt_schema::field::{Field, Value};
use shouwang_crdt_schema::merge::{Concurrent, Policy};
use shouwang_crdt_schema::parts::{Part, PartKind};
use shouwang_crdt_schema::record::ElderId;
use shouwang_crdt_schema::view::ElderView;
use shouwang_crdt_schema::visit::Visit;
use shouwang_crdt_schema::writer::Writers;

use super::{RowGap, RowOutcome};
use crate::command::elder::{by_document, show};
use crate::engine::{DocumentEdit, Engine};
use crate::identity::grant::Rights;

/// One thing that an import makes different in a file that was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The part that is written.
    pub part: String,
    /// The key of the field or list.
    pub field: String,
    /// Of an element that is amended: whose it is.
    pub about: Option<String>,
    /// What stood there, key to stored text (`value` for a single text); empty where nothing did.
    /// A resident ID is masked to its last four.
    pub old: BTreeMap<String, String>,
    /// What will stand there.
    pub new: BTreeMap<String, String>,
}

/// What the importing device may write so that it takes effect.
#[derive(Clone, Copy)]
pub(super) struct May {
    rights: Rights,
    writers: Writers,
}

impl May {
    /// What this node's grant and role allow.
    pub(super) fn of(engine: &Engine) -> Self {
        let grant = engine.grant();
        Self { rights: grant.rights, writers: grant.role.writers() }
    }

    /// Whether it writes parts of this kind.
    pub(super) fn write(self, kind: PartKind) -> bool {
        self.rights.contains(Rights::write(kind))
    }

    /// Whether it writes this list in such a part.
    pub(super) fn list(self, list: List, kind: PartKind) -> bool {
        self.write(kind) && List::of(kind).contains(&list) && list.writers().meets(self.writers)
    }

    /// The lowest part that it may write the field in.
    fn field(self, field: Field) -> Option<Part> {
        let parts = field.spec().parts.iter().rev().copied();
        let mut allowed = parts.filter(|kind| self.field_in(field, *kind)).filter_map(single);
        allowed.next()
    }

    /// Whether it may write the field in parts of this kind.
    pub(super) fn field_in(self, field: Field, kind: PartKind) -> bool {
        let spec = field.spec();
        self.write(kind) && spec.parts.contains(&kind) && spec.writers.meets(self.writers)
    }
}

/// The part of a kind of which a file has one.
fn single(kind: PartKind) -> Option<Part> {
    match kind {
        PartKind::Card => Some(Part::Card),
        PartKind::Ledger => Some(Part::Ledger),
        PartKind::Registry => Some(Part::Registry),
        PartKind::Journal | PartKind::Incident | PartKind::Transfer => None,
    }
}

/// What a row comes to.
pub(super) struct Plan {
    /// The village of the file.
    pub(super) scope: DivisionCode,
    /// The file; None while it is still to be opened.
    pub(super) elder: Option<ElderId>,
    may: May,
    new: bool,
    edits: Vec<Edit>,
    changed: BTreeSet<&'static str>,
    differences: Vec<Difference>,
    gaps: Vec<RowGap>,
}

impl Plan {
    /// A plan that does nothing yet.
    pub(super) fn new(scope: DivisionCode, view: Option<&ElderView>, may: May) -> Self {
        Self {
            scope,
            elder: view.map(ElderView::elder),
            may,
            new: view.is_none(),
            edits: Vec::new(),
            changed: BTreeSet::new(),
            differences: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// The edits, gathered by document.
    pub(super) fn edits(&self) -> Vec<DocumentEdit> {
        let elder = self.elder.unwrap_or(ElderId([0; 16]));
        by_document(self.scope, elder, self.edits.clone())
    }

    /// What became of the row.
    pub(super) fn outcome(self) -> RowOutcome {
        let changed = self.changed.into_iter().map(str::to_owned).collect();
        let (gaps, differences) = (self.gaps, self.differences);
        match (self.new, self.elder) {
            (false, Some(elder_id)) if self.edits.is_empty() => {
                RowOutcome::Unchanged { elder_id, gaps }
            }
            (false, Some(elder_id)) => RowOutcome::Changed { elder_id, changed, differences, gaps },
            (_, elder_id) => RowOutcome::New { elder_id, gaps },
        }
    }

    /// Notes that something in the row does not come in.
    /// Whether something of the row does not come in.
    pub(super) fn has_gaps(&self) -> bool {
        !self.gaps.is_empty()
    }

    pub(super) fn gap(&mut self, field: &str, reason: &str) {
        let gap = RowGap { field: field.to_owned(), reason: reason.to_owned() };
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    fn edit(&mut self, key: &'static str, edit: Edit, difference: Difference) {
        self.changed.insert(key);
        self.edits.push(edit);
        self.differences.push(difference);
    }

    /// Writes an element into the first of these parts that may be written; a gap where none may.
    pub(super) fn insert<E: Element>(&mut self, parts: &[Part], element: &E) {
        let key = E::LIST.key();
        let takes = |part: &&Part| {
            self.may.list(E::LIST, part.kind()) && element.takes_effect_in(part.kind())
        };
        let Some(part) = parts.iter().find(takes).copied() else {
            return self.gap(key, "no_right");
        };
        if !bounded(element) || element.store().check().is_err() {
            return self.gap(key, "value");
        }
        let texts = element.store();
        let texts = texts.texts().into_iter().map(|(key, text)| (key.to_owned(), text.to_owned()));
        let difference = Difference {
            part: part.to_string(),
            field: key.to_owned(),
            about: None,
            old: BTreeMap::new(),
            new: texts.collect(),
        };
        self.edit(key, Edit::insert(part, element), difference);
    }

    /// Writes one key of an element that stands in a set.
    fn amend(&mut self, at: (Part, &OperationName), list: List, change: Amendment<'_>) {
        let (part, element) = at;
        let Amendment { about, key, text, stands } = change;
        if !self.may.list(list, part.kind()) {
            return self.gap(list.key(), "no_right");
        }
        let difference = Difference {
            part: part.to_string(),
            field: list.key().to_owned(),
            about: Some(about.to_owned()),
            old: stands.map(|text| (key.to_owned(), text.to_owned())).into_iter().collect(),
            new: BTreeMap::from([(key.to_owned(), text.to_owned())]),
        };
        let (key, text) = (key.to_owned(), Some(text.to_owned()));
        let action = Action::Amend { list, element: element.clone(), key, text };
        self.edit(list.key(), Edit { part, action }, difference);
    }

    /// Writes fields into the lowest part that takes them, or into the one given.
    pub(super) fn fields(
        &mut self,
        stated: &BTreeMap<Field, String>,
        view: Option<&ElderView>,
        certified: Option<Part>,
    ) {
        let knows_id = view.is_some_and(|view| view.text(Field::ResidentId).is_some());
        for (field, text) in stated {
            let key = field.spec().key;
            let Ok(value) = field.value(text) else {
                self.gap(key, "value");
                continue;
            };
            // "Not assessed" and "unknown" say nothing, and must not put out what somebody knew.
            if field.is_unknown(&value) || (*field == Field::ResidentIdAsWritten && knows_id) {
                continue;
            }
            let effective = view.and_then(|view| view.field(*field));
            // What is certified must stand in the registry; a ledger is content that it is so.
            if certified.is_none() && effective.as_ref().is_some_and(|now| *now.value == value) {
                continue;
            }
            let part = match certified {
                Some(part) => Some(part).filter(|part| self.may.field_in(*field, part.kind())),
                None => self.part_of(*field, stated, view),
            };
            let Some(part) = part else {
                self.gap(key, "no_right");
                continue;
            };
            let here = view
                .and_then(|view| view.part(part))
                .and_then(|standing| standing.field(*field))
                .map(|standing| &standing.effective);
            if here == Some(&value) {
                continue;
            }
            if in_conflict(view, part, *field) {
                self.gap(key, "in_conflict");
                continue;
            }
            if here.is_some() && field.spec().policy == Policy::WriteOnce {
                self.gap(key, "written_once");
                continue;
            }
            let shown =
                |value: &Value| BTreeMap::from([("value".to_owned(), show(*field, value, false))]);
            let old = here.or(effective.map(|now| now.value));
            let difference = Difference {
                part: part.to_string(),
                field: key.to_owned(),
                about: None,
                old: old.map(shown).unwrap_or_default(),
                new: shown(&value),
            };
            self.edit(key, Edit::set(part, *field, value), difference);
        }
    }

    /// The part for a field of a ledger. Particulars of an assessment or of a doctor's contract
    /// only count beside the level or the doctor that they belong to.
    fn part_of(
        &self,
        field: Field,
        stated: &BTreeMap<Field, String>,
        view: Option<&ElderView>,
    ) -> Option<Part> {
        let leader = field.goes_with();
        let standing = view.and_then(|view| view.field(leader));
        let kept = standing.filter(|standing| {
            let said = stated.get(&leader).and_then(|text| leader.value(text).ok());
            said.is_none_or(|said| leader.is_unknown(&said) || said == *standing.value)
        });
        match kept {
            Some(standing) if leader != field => {
                Some(standing.part).filter(|part| self.may.field_in(field, part.kind()))
            }
            _ => self.may.field(field),
        }
    }

    /// Adds the words of a set that do not stand there yet.
    pub(super) fn words<E: Element + PartialEq>(
        &mut self,
        stated: &BTreeSet<E>,
        view: Option<&ElderView>,
        parts: &[Part],
    ) {
        let standing = elements::<E>(view);
        for word in stated {
            if !standing.iter().any(|(_, listed)| listed.element == *word) {
                self.insert(parts, word);
            }
        }
    }

    /// Adds people (or things) to a set, or amends those of the same name who stand there.
    pub(super) fn named<E: Element + PartialEq>(
        &mut self,
        stated: &[E],
        view: Option<&ElderView>,
        name: fn(&E) -> &str,
        amends: fn(key: &str, stands: Option<&str>) -> bool,
    ) {
        let mut standing = elements::<E>(view);
        let mut rest: Vec<&E> = Vec::new();
        for element in stated {
            match standing.iter().position(|(_, listed)| listed.element == *element) {
                Some(same) => drop(standing.remove(same)),
                None => rest.push(element),
            }
        }
        for element in rest {
            let namesake = |(_, listed): &(Part, Listed<E>)| name(&listed.element) == name(element);
            let Some(at) = standing.iter().position(namesake) else {
                self.insert(&[Part::Card, Part::Ledger], element);
                continue;
            };
            if !bounded(element) || element.store().check().is_err() {
                self.gap(E::LIST.key(), "value");
                continue;
            }
            let (part, listed) = standing.remove(at);
            if !listed.conflicts.is_empty() {
                self.gap(E::LIST.key(), "in_conflict");
                continue;
            }
            let (says, stands) = (element.store(), listed.element.store());
            for (key, text) in says.texts() {
                let stands = stands.text(key);
                if stands != Some(text) && amends(key, stands) {
                    let about = name(element);
                    let amendment = Amendment { about, key, text, stands };
                    self.amend((part, &listed.id), E::LIST, amendment);
                }
            }
        }
    }
}

/// A new text under a key of an element.
struct Amendment<'a> {
    about: &'a str,
    key: &'a str,
    text: &'a str,
    stands: Option<&'a str>,
}

/// Whether values stand in a field that nobody has decided between: a ledger has not seen them.
fn in_conflict(view: Option<&ElderView>, part: Part, field: Field) -> bool {
    let standing = view.and_then(|view| view.part(part)?.field(field));
    standing.is_some_and(Concurrent::is_conflict)
}

/// The elements of a list that take effect, with their parts.
pub(super) fn elements<E: Element>(view: Option<&ElderView>) -> Vec<(Part, Listed<E>)> {
    view.map(ElderView::elements::<E>).unwrap_or_default()
}

/// Whether no text of an element is longer than any cell should be: several elements of a row
/// share a change of 8 KiB.
fn bounded<E: Element>(element: &E) -> bool {
    const ELEMENT_BYTES_MAX: usize = 600;
    // A row of visits has one element, and a change for it alone where several do not fit one.
    const VISIT_BYTES_MAX: usize = 4 * Visit::NOTE_CHARACTERS_MAX + ELEMENT_BYTES_MAX;
    let most = if E::LIST == List::Visits { VISIT_BYTES_MAX } else { ELEMENT_BYTES_MAX };
    match element.store() {
        Stored::Text(text) => text.len() <= most,
        Stored::Map(entries) => entries.values().map(String::len).sum::<usize>() <= most,
    }
}

//! What a person sees: the parts of a file laid over one another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use automerge::Automerge;
use chrono::NaiveDate;

use crate::division::DivisionCode;
use crate::document::{self, GenesisObject, Listed, OperationName, Written};
use crate::element::{Element, Growth, List, Merge, RETRACTS, RosterEvent, Stored};
use crate::field::{Field, Value, stored_date};
use crate::merge::Concurrent;
use crate::parts::{DocumentId, Part, PartKind};
use crate::record::{CareGroup, Choice, ElderId, ExitReason, MergeStep};
use crate::rules::care_group::{CareFacts, care_group};
use crate::seen::seen_among;

/// One part as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartView {
    part: Part,
    fields: BTreeMap<Field, Concurrent>,
    lists: BTreeMap<List, Vec<Listed<Stored>>>,
    roster_events_seen: BTreeMap<OperationName, BTreeSet<OperationName>>,
}

/// All parts of an elder's file in one scope, and what else is known from files that were merged
/// into it (`docs/conflicts.md`, merging).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElderView {
    elder: ElderId,
    parts: BTreeMap<Part, Arc<PartView>>,
    joined: Vec<Self>,
}

/// A field as it takes effect across the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// The effective value.
    pub value: &'a Value,
    /// The part it stands in.
    pub part: Part,
    /// Values written concurrently in that part that do not take effect.
    pub conflict: &'a [Value],
    /// Parts that say something else.
    pub differs: Vec<(Part, &'a Value)>,
    /// The file that it stands in: another, where this one says nothing and a merged one does.
    pub file: ElderId,
    /// Files of the same person that say something else.
    pub elsewhere: Vec<(ElderId, &'a Value)>,
}

/// A field of a part in which concurrent values stand, or a key of one of its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Where.
    pub part: Part,
    /// The field's key, or `list/key` for a key of an element.
    pub field: String,
    /// The element, where it is a key of one.
    pub element: Option<OperationName>,
    /// The value that takes effect.
    pub effective: String,
    /// The others.
    pub others: Vec<String>,
    /// All of them with the operations that wrote them.
    pub standing: Vec<Written<String>>,
}

impl PartView {
    /// Reads a document; None if it is no part of an elder.
    pub fn read(document: &Automerge, id: &DocumentId) -> Option<Self> {
        let DocumentId::Elder { part, .. } = id else { return None };
        let mut view = Self {
            part: *part,
            fields: BTreeMap::new(),
            lists: BTreeMap::new(),
            roster_events_seen: BTreeMap::new(),
        };
        if let Some(fields) = document::object(document, id, GenesisObject::Fields) {
            let mut texts = document::read_map(document, &fields);
            for field in Field::ALL {
                if !field.spec().parts.contains(&part.kind()) {
                    continue;
                }
                let Some(texts) = texts.remove(field.spec().key) else { continue };
                let values = document::values_of(*field, texts);
                if let Some(standing) = Concurrent::reconcile(*field, values) {
                    view.fields.insert(*field, standing);
                }
            }
        }
        for list in List::of(part.kind()) {
            if let Some(object) = document::object(document, id, GenesisObject::List(*list)) {
                let elements = document::read_list(document, &object, *list);
                if *list == List::RosterEvents {
                    let events: Vec<_> = elements.iter().map(|event| event.id.clone()).collect();
                    view.roster_events_seen = seen_among(document, &events);
                }
                if !elements.is_empty() {
                    view.lists.insert(*list, elements);
                }
            }
        }
        Some(view)
    }

    /// Which part this is.
    pub fn part(&self) -> Part {
        self.part
    }

    /// What stands in a field.
    pub fn field(&self, field: Field) -> Option<&Concurrent> {
        self.fields.get(&field)
    }

    /// The elements of a list that take effect: this version understands them, the part may say
    /// so, and no later event takes them back.
    pub fn elements<E: Element>(&self) -> Vec<Listed<E>> {
        let stands = |listed: &&Listed<Stored>| listed.retracted_by.is_none();
        let takes_effect = |listed: &Listed<E>| listed.element.takes_effect_in(self.part.kind());
        let standing = self.listed::<E>().filter(stands);
        standing.filter_map(Listed::read).filter(takes_effect).collect()
    }

    /// The elements of a list that this version understands, those too that take no effect.
    pub fn all_elements<E: Element>(&self) -> Vec<Listed<E>> {
        self.listed::<E>().filter_map(Listed::read).collect()
    }

    fn listed<E: Element>(&self) -> impl Iterator<Item = &Listed<Stored>> {
        self.lists.get(&E::LIST).into_iter().flatten()
    }

    /// The elements of all lists as they are stored.
    pub fn stored(&self) -> impl Iterator<Item = (List, &Listed<Stored>)> {
        let each = |(list, elements): (&List, _)| {
            let (list, elements): (List, &Vec<Listed<Stored>>) = (*list, elements);
            elements.iter().map(move |listed| (list, listed))
        };
        self.lists.iter().flat_map(each)
    }

    /// The roster events of this part that the writer of one of them had seen: of concurrent ones
    /// an entry prevails (R9).
    pub fn roster_events_seen_by(&self, event: &OperationName) -> BTreeSet<OperationName> {
        self.roster_events_seen.get(event).cloned().unwrap_or_default()
    }

    /// Whether anything is said: a field, or an element that nobody has taken back.
    pub fn says_anything(&self) -> bool {
        let standing = |listed: &Listed<Stored>| {
            listed.retracted_by.is_none() && listed.element.text(RETRACTS).is_none()
        };
        !self.fields.is_empty() || self.lists.values().flatten().any(standing)
    }

    /// Takes out the exits from the roster that were written with a merge into another file: by the
    /// same actor, of the same day, as entered in error.
    fn drop_merge_exits(&mut self) {
        let merges: Vec<_> = self
            .elements::<Merge>()
            .into_iter()
            .filter(|merge| merge.element.step == MergeStep::AbsorbedBy)
            .map(|merge| (merge.id.actor(), merge.element.date))
            .collect();
        let is_exit = |listed: &Listed<Stored>| {
            RosterEvent::read(&listed.element).is_some_and(|event| {
                event.exit_reason == Some(ExitReason::EnteredInError)
                    && merges.contains(&(listed.id.actor(), Some(event.date)))
            })
        };
        if let Some(events) = self.lists.get_mut(&List::RosterEvents) {
            events.retain(|listed| !is_exit(listed));
        }
    }

    /// How many fields and keys of elements have concurrent values.
    pub fn conflict_count(&self) -> u64 {
        self.conflicts().count() as u64
    }

    /// Every field and key of an element in which concurrent values stand.
    pub fn conflicts(&self) -> impl Iterator<Item = Conflict> {
        let fields = self.fields.iter().filter(|(_, standing)| standing.is_conflict()).map(
            move |(field, concurrent)| {
                let texts = |written: &Written<Value>| Written {
                    value: written.value.as_str().to_owned(),
                    by: written.by.clone(),
                };
                let standing = concurrent.standing.iter().map(texts).collect();
                let effective = concurrent.effective.as_str();
                Conflict::new(self.part, field.spec().key.to_owned(), effective, standing)
            },
        );
        let elements = self.lists.iter().flat_map(move |(list, elements)| {
            elements.iter().flat_map(move |listed| {
                listed.conflicts.iter().map(move |(key, standing)| {
                    let effective = listed.element.text(key).unwrap_or_default();
                    let field = format!("{}/{key}", list.key());
                    let conflict = Conflict::new(self.part, field, effective, standing.clone());
                    Conflict { element: Some(listed.id.clone()), ..conflict }
                })
            })
        });
        fields.chain(elements)
    }
}

impl Listed<Stored> {
    /// The element as this version understands it.
    fn read<E: Element>(&self) -> Option<Listed<E>> {
        Some(Listed {
            id: self.id.clone(),
            element: E::read(&self.element)?,
            conflicts: self.conflicts.clone(),
            retracted_by: self.retracted_by.clone(),
        })
    }
}

impl Conflict {
    fn new(part: Part, field: String, effective: &str, standing: Vec<Written<String>>) -> Self {
        let mut others: Vec<String> = standing
            .iter()
            .filter(|written| written.value != effective)
            .map(|written| written.value.clone())
            .collect();
        others.sort();
        others.dedup();
        Self { part, field, element: None, effective: effective.to_owned(), others, standing }
    }
}

impl ElderView {
    /// Lays parts over one another.
    pub fn new(elder: ElderId, parts: impl IntoIterator<Item = impl Into<Arc<PartView>>>) -> Self {
        let parts = parts.into_iter().map(Into::into).map(|part| (part.part, part)).collect();
        Self { elder, parts, joined: Vec::new() }
    }

    /// Joins the files that were merged into this one: where it says nothing they speak, and their
    /// events are its own, those of roster and merging excepted.
    ///
    /// If this file was itself merged into one of them, because two people decided at once and not in
    /// the same way, the exit from the roster that went with it is void.
    pub fn join(mut self, others: Vec<Self>) -> Self {
        if let Some(card) = self.parts.get_mut(&Part::Card) {
            Arc::make_mut(card).drop_merge_exits();
        }
        self.joined = others;
        self
    }

    /// The files that were merged into this one.
    pub fn joined(&self) -> &[Self] {
        &self.joined
    }

    /// This file and those that were merged into it.
    pub fn files(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.joined)
    }

    /// Whose file.
    pub fn elder(&self) -> ElderId {
        self.elder
    }

    /// The parts that exist.
    pub fn parts(&self) -> impl Iterator<Item = &PartView> {
        self.parts.values().map(Arc::as_ref)
    }

    /// The file as some kinds of its parts say it, without files that were merged into it.
    #[must_use]
    pub fn only(&self, kinds: &[PartKind]) -> Self {
        let parts = self.parts.values().filter(|part| kinds.contains(&part.part.kind()));
        Self::new(self.elder, parts.map(Arc::clone))
    }

    /// A field across parts: the first of the field's parts that says something known prevails;
    /// if none does, the first that says anything. Where this file knows nothing, the first does that
    /// was merged into it and knows something.
    pub fn field(&self, field: Field) -> Option<Resolved<'_>> {
        if self.joined.is_empty() {
            return self.own_field(field);
        }
        let knows = |file: &&Self| {
            let leader = field.goes_with();
            file.own_field(leader).is_some_and(|resolved| !leader.is_unknown(resolved.value))
        };
        let speaks = |file: &&Self| file.own_field(field).is_some();
        let file = self.files().find(knows).or_else(|| self.files().find(speaks))?;
        let mut resolved = file.own_field(field)?;
        resolved.elsewhere = self
            .files()
            .filter(|other| other.elder != file.elder)
            .filter_map(|other| Some((other.elder, other.own_field(field)?.value)))
            .filter(|(_, value)| *value != resolved.value && !field.is_unknown(value))
            .collect();
        Some(resolved)
    }

    /// As [`ElderView::field`], without the files that were merged into this one.
    pub fn own_field(&self, field: Field) -> Option<Resolved<'_>> {
        let (file, elsewhere) = (self.elder, Vec::new());
        let leader = field.goes_with();
        if leader != field {
            let part = self.own_field(leader)?.part;
            let standing = self.parts.get(&part)?.field(field)?;
            let (value, conflict) = (&standing.effective, standing.others.as_slice());
            let differs = Vec::new();
            return Some(Resolved { value, part, conflict, differs, file, elsewhere });
        }
        let standing: Vec<(Part, &Concurrent)> = field
            .spec()
            .parts
            .iter()
            .flat_map(|kind| self.parts.values().filter(move |view| view.part.kind() == *kind))
            .filter_map(|view| Some((view.part, view.field(field)?)))
            .collect();
        let known = |(_, standing): &&(Part, &Concurrent)| !field.is_unknown(&standing.effective);
        let (part, effective) = *standing.iter().find(known).or(standing.first())?;
        let differs = standing
            .iter()
            .filter(known)
            .filter(|(other, says)| *other != part && says.effective != effective.effective)
            .map(|(other, says)| (*other, &says.effective))
            .collect();
        let (value, conflict) = (&effective.effective, effective.others.as_slice());
        Some(Resolved { value, part, conflict, differs, file, elsewhere })
    }

    /// The effective text of a field.
    pub fn text(&self, field: Field) -> Option<&str> {
        self.field(field).map(|resolved| resolved.value.as_str())
    }

    /// The effective date of a field.
    pub fn date(&self, field: Field) -> Option<NaiveDate> {
        self.text(field).and_then(stored_date)
    }

    /// The effective choice of a field.
    pub fn choice<C: Choice>(&self, field: Field) -> Option<C> {
        self.text(field).and_then(C::from_stored)
    }

    /// A part.
    pub fn part(&self, part: Part) -> Option<&PartView> {
        self.parts.get(&part).map(Arc::as_ref)
    }

    /// The elements of a list that take effect, in all parts that have it: events of files that were
    /// merged into this one first. Their ids are names in their own documents
    /// ([`ElderView::files`] tells whose); elements of sets were copied when the files were merged.
    pub fn elements<E: Element>(&self) -> Vec<(Part, Listed<E>)> {
        let shared = E::LIST.growth() == Growth::Log
            && !matches!(E::LIST, List::RosterEvents | List::Merges | List::TransferEvents);
        let joined = self.joined.iter().filter(|_| shared);
        let mut found: Vec<_> = joined.flat_map(Self::own_elements::<E>).collect();
        found.extend(self.own_elements());
        found
    }

    /// As [`ElderView::elements`], without the files that were merged into this one.
    pub fn own_elements<E: Element>(&self) -> Vec<(Part, Listed<E>)> {
        let listed = |view: &PartView| {
            let part = view.part;
            view.elements::<E>().into_iter().map(move |listed| (part, listed)).collect::<Vec<_>>()
        };
        self.parts().flat_map(listed).collect()
    }

    /// Every field and element in which concurrent values stand.
    pub fn conflicts(&self) -> Vec<Conflict> {
        self.parts().flat_map(PartView::conflicts).collect()
    }

    /// The facts that decide the care group.
    pub fn care_facts(&self) -> CareFacts {
        CareFacts {
            birth_date: self.date(Field::BirthDate),
            ability_level: self.choice(Field::AbilityLevel),
            observed_function: self.choice(Field::ObservedFunction),
            dementia: self.choice(Field::Dementia),
            disability_grade: self.choice(Field::DisabilityGrade),
        }
    }

    /// The care group on a day (rule R2).
    pub fn care_group(&self, as_of: NaiveDate) -> CareGroup {
        care_group(&self.care_facts(), as_of)
    }
}

/// The names in a directory, the scope's own among them.
pub fn places(document: &Automerge, scope: DivisionCode) -> Vec<(DivisionCode, String)> {
    let id = DocumentId::Directory;
    let Some(object) = document::object(document, &id, GenesisObject::Places) else {
        return Vec::new();
    };
    document::read_places(document, &object)
        .into_iter()
        .filter_map(|(key, name)| Some((document::place_from_key(scope, &key)?, name)))
        .collect()
}

/// A rule as it stands in a county's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The text that holds.
    pub text: String,
    /// Texts written at the same time that do not, in stored order.
    pub others: Vec<String>,
}

/// The rules of a county by key.
pub type Rules = BTreeMap<String, Rule>;

/// The rules of a county's document.
pub fn rules(document: &Automerge) -> Rules {
    let object = document::object(document, &DocumentId::Ruleset, GenesisObject::Rules);
    object.map(|object| document::read_rules(document, &object)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Action, write_change};
    use automerge::Change;

    fn part(part: Part, values: &[(Field, &str)]) -> PartView {
        let id = DocumentId::elder(ElderId([1; 16]), part);
        let scope = "990121101203".parse().unwrap();
        let mut document = document::genesis(scope, &id);
        let actions: Vec<Action> = values
            .iter()
            .map(|(field, text)| Action::Set { field: *field, value: field.value(text).unwrap() })
            .collect();
        let change = write_change(&document, scope, &id, [1; 16], &actions).unwrap().unwrap();
        document.apply_changes([Change::from_bytes(change).unwrap()]).unwrap();
        PartView::read(&document, &id).unwrap()
    }

    #[test]
    fn the_registry_prevails_unless_it_says_unknown() {
        let card = part(Part::Card, &[(Field::DisabilityGrade, "G3"), (Field::Dementia, "Yes")]);
        let registry =
            part(Part::Registry, &[(Field::DisabilityGrade, "G2"), (Field::Dementia, "Unknown")]);
        let view = ElderView::new(ElderId([1; 16]), [card, registry]);
        let grade = view.field(Field::DisabilityGrade).unwrap();
        assert_eq!((grade.value.as_str(), grade.part), ("G2", Part::Registry));
        assert_eq!(grade.differs.len(), 1);
        let dementia = view.field(Field::Dementia).unwrap();
        assert_eq!((dementia.value.as_str(), dementia.part), ("Yes", Part::Card));
        assert!(dementia.differs.is_empty());
    }

    #[test]
    fn a_directory_lists_its_places() {
        let scope: DivisionCode = "990121101000".parse().unwrap();
        let village: DivisionCode = "990121101203".parse().unwrap();
        let id = DocumentId::Directory;
        let mut document = document::genesis(scope, &id);
        let name = |code, name: &str| Action::NamePlace { code, name: name.into() };
        let actions = [name(scope, "松雾镇"), name(village, "上禾村")];
        let change = write_change(&document, scope, &id, [1; 16], &actions).unwrap().unwrap();
        document.apply_changes([Change::from_bytes(change).unwrap()]).unwrap();
        let mut found = places(&document, scope);
        found.sort();
        assert_eq!(found, [(scope, "松雾镇".into()), (village, "上禾村".into())]);
    }
}

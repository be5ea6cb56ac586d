//! What a person does to a document, and the Automerge change that says so.

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{ActorId, Automerge, AutomergeError, ObjId, ObjType};
use thiserror::Error;

use crate::division::DivisionCode;
use crate::document::{self, GenesisObject, OperationName};
use crate::element::{Element, ElementError, Growth, List, RETRACTS, Stored, check_text};
use crate::field::{Field, Value};
use crate::parts::{DocumentId, Part};
use crate::writer::Writers;

/// One action on one part of an elder's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The part it goes into.
    pub part: Part,
    /// What is done.
    pub action: Action,
}

/// One action on one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Writes a field. All values that stand in it now are replaced: the writer has seen them.
    Set {
        /// The field.
        field: Field,
        /// The new value.
        value: Value,
    },
    /// Takes a field's values away: nothing is said any more.
    Clear {
        /// The field.
        field: Field,
    },
    /// Adds an element at the end of a list.
    Insert {
        /// The list.
        list: List,
        /// The element.
        element: Stored,
    },
    /// Writes one key of an element of a set, or takes it away.
    Amend {
        /// The list.
        list: List,
        /// The element.
        element: OperationName,
        /// The key.
        key: String,
        /// The new text; None takes the key away.
        text: Option<String>,
    },
    /// Takes an event back, by a new one.
    Retract {
        /// The list.
        list: List,
        /// The event.
        element: OperationName,
    },
    /// Takes an element out of a set.
    Remove {
        /// The list.
        list: List,
        /// The element.
        element: OperationName,
    },
    /// Names a place in a directory.
    NamePlace {
        /// The scope itself or a place directly inside it.
        code: DivisionCode,
        /// Its name.
        name: String,
    },
    /// Writes a rule of a county's ruleset.
    SetRule {
        /// The rule.
        key: String,
        /// Its text.
        text: String,
    },
}

/// Why an action cannot be written. All are the caller's fault.
#[derive(Debug, Error)]
pub enum EditError {
    /// The field has no place in this document.
    #[error("{field} does not stand in {document}")]
    FieldElsewhere {
        /// The field.
        field: Field,
        /// The document.
        document: DocumentId,
    },
    /// The list has no place in this document.
    #[error("{} does not stand in {document}", list.key())]
    ListElsewhere {
        /// The list.
        list: List,
        /// The document.
        document: DocumentId,
    },
    /// Not a directory.
    #[error("{0} holds no places")]
    NoPlaces(DocumentId),
    /// Not a ruleset.
    #[error("{0} holds no rules")]
    NoRules(DocumentId),
    /// A text that cannot stand in an element.
    #[error("{}: {error}", list.key())]
    Element {
        /// The list.
        list: List,
        /// What is wrong with it.
        error: ElementError,
    },
    /// The place is neither the scope nor directly inside it.
    #[error("{code} is named in its parent's directory, not in that of {scope}")]
    PlaceElsewhere {
        /// The place.
        code: DivisionCode,
        /// The directory's scope.
        scope: DivisionCode,
    },
    /// The field is written once and holds another value; see `docs/records.md`.
    #[error("{0} is written once; a correction is certified by the county")]
    WriteOnce(Field),
    /// Events are never changed or taken back: a correction is a new event.
    #[error("{} only grows; write a new event instead", .0.key())]
    AppendOnly(List),
    /// Elements of a set are removed or amended, not taken back by events.
    #[error("{} is no list of events; remove the element instead", .0.key())]
    NoEvents(List),
    /// No such element stands in the list.
    #[error("no element {element} in {}", list.key())]
    UnknownElement {
        /// The list.
        list: List,
        /// The element.
        element: String,
    },
    /// Automerge refused.
    #[error("the document refused the edit")]
    Automerge(#[from] AutomergeError),
}

impl Action {
    /// The offices whose action takes effect.
    pub fn writers(&self) -> Writers {
        match self {
            Self::Set { field, .. } | Self::Clear { field } => field.spec().writers,
            Self::Insert { list, .. }
            | Self::Amend { list, .. }
            | Self::Retract { list, .. }
            | Self::Remove { list, .. } => list.writers(),
            Self::NamePlace { .. } | Self::SetRule { .. } => Writers::ALL,
        }
    }

    /// The key of the field or list that it is about.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Set { field, .. } | Self::Clear { field } => field.spec().key,
            Self::Insert { list, .. }
            | Self::Amend { list, .. }
            | Self::Retract { list, .. }
            | Self::Remove { list, .. } => list.key(),
            Self::NamePlace { .. } => "places",
            Self::SetRule { .. } => "rules",
        }
    }
}

impl Edit {
    /// Writes a field of a part.
    pub fn set(part: Part, field: Field, value: Value) -> Self {
        Self { part, action: Action::Set { field, value } }
    }

    /// Adds a typed element to its list in a part.
    pub fn insert<E: Element>(part: Part, element: &E) -> Self {
        Self { part, action: Action::Insert { list: E::LIST, element: element.store() } }
    }
}

/// Writes the actions as one change on top of what `document` holds; the document itself is not
/// touched. Returns the change's uncompressed chunk, or None if the actions change nothing.
///
/// The change's time is 0: the entry that carries it says when it was written.
pub fn write_change(
    document: &Automerge,
    scope: DivisionCode,
    id: &DocumentId,
    actor: [u8; 16],
    actions: &[Action],
) -> Result<Option<Vec<u8>>, EditError> {
    let mut draft = document.clone();
    draft.set_actor(ActorId::from(actor.as_slice()));
    let written = draft.transact_with::<_, _, EditError, _>(
        |_| CommitOptions::default().with_time(0),
        |transaction| {
            actions.iter().try_for_each(|action| write(transaction, document, scope, id, action))
        },
    );
    match written {
        Ok(success) if success.hash.is_none() => Ok(None),
        Ok(_) => Ok(draft.get_last_local_change().map(|change| change.raw_bytes().to_vec())),
        Err(failure) => Err(failure.error),
    }
}

fn write(
    transaction: &mut Transaction<'_>,
    document: &Automerge,
    scope: DivisionCode,
    id: &DocumentId,
    action: &Action,
) -> Result<(), EditError> {
    match action {
        Action::Set { field, value } => {
            let fields = fields_object(document, id, *field)?;
            let mut standing: Vec<Value> = document::read_field(document, &fields, *field)
                .into_iter()
                .map(|written| written.value)
                .collect();
            if standing.len() == 1 && standing.first() == Some(value) {
                return Ok(());
            }
            standing.sort();
            standing.dedup();
            let settled = standing.len() == 1 && standing.first() != Some(value);
            if field.spec().policy == crate::merge::Policy::WriteOnce && settled {
                return Err(EditError::WriteOnce(*field));
            }
            put_anew(transaction, &fields, field.spec().key, value.as_str())?;
        }
        Action::Clear { field } => {
            let fields = fields_object(document, id, *field)?;
            let key = field.spec().key;
            if !automerge::ReadDoc::get_all(document, &fields, key)?.is_empty() {
                transaction.delete(&fields, key)?;
            }
        }
        Action::Insert { list, element } => {
            element.check().map_err(|error| EditError::Element { list: *list, error })?;
            let object = list_object(document, id, *list)?;
            let end = automerge::ReadDoc::length(transaction, &object);
            match element {
                Stored::Text(text) => transaction.insert(&object, end, document::text(text))?,
                Stored::Map(entries) => {
                    let made = transaction.insert_object(&object, end, ObjType::Map)?;
                    for (key, text) in entries {
                        transaction.put(&made, key.as_str(), document::text(text))?;
                    }
                }
            }
        }
        Action::Amend { list, element, key, text } => {
            let (_, made) = set_element(document, id, *list, element)?;
            match text {
                Some(text) => {
                    check_text(key, text)
                        .map_err(|error| EditError::Element { list: *list, error })?;
                    put_anew(transaction, &made, key, text)?;
                }
                None if automerge::ReadDoc::get_all(document, &made, key.as_str())?.is_empty() => {}
                None => transaction.delete(&made, key.as_str())?,
            }
        }
        Action::Retract { list, element } => {
            if list.growth() == Growth::Set {
                return Err(EditError::NoEvents(*list));
            }
            let object = list_object(document, id, *list)?;
            let unknown = || unknown_element(*list, element);
            position(document, &object, element).ok_or_else(unknown)?;
            let end = automerge::ReadDoc::length(transaction, &object);
            let made = transaction.insert_object(&object, end, ObjType::Map)?;
            transaction.put(&made, RETRACTS, document::text(element.as_str()))?;
        }
        Action::Remove { list, element } => {
            let (object, _) = set_element(document, id, *list, element)?;
            // Earlier actions of this change may have moved it: look in the draft.
            let index = position(transaction, &object, element);
            match index {
                Some(index) => transaction.delete(&object, index)?,
                None => return Err(unknown_element(*list, element)),
            }
        }
        Action::NamePlace { code, name } => {
            let places = document::object(document, id, GenesisObject::Places)
                .ok_or(EditError::NoPlaces(*id))?;
            let key = document::place_key(scope, *code)
                .ok_or(EditError::PlaceElsewhere { code: *code, scope })?;
            let standing = automerge::ReadDoc::get_all(document, &places, key.as_str())?;
            if standing.len() == 1 && standing[0].0.as_str() == Some(name) {
                return Ok(());
            }
            put_anew(transaction, &places, &key, name)?;
        }
        Action::SetRule { key, text } => {
            let rules = document::object(document, id, GenesisObject::Rules)
                .ok_or(EditError::NoRules(*id))?;
            let standing = automerge::ReadDoc::get_all(document, &rules, key.as_str())?;
            if standing.len() == 1 && standing[0].0.as_str() == Some(text) {
                return Ok(());
            }
            put_anew(transaction, &rules, key, text)?;
        }
    }
    Ok(())
}

/// Writes a text as a value of its own, whatever stands there.
///
/// Where several values stand and the text is the one that wins, Automerge would only take the
/// others away and keep the winner's operation. If somebody else decides at the same time for
/// another value, that overwrites the winner, and this decision would be gone without a conflict.
fn put_anew(
    transaction: &mut Transaction<'_>,
    object: &ObjId,
    key: &str,
    text: &str,
) -> Result<(), AutomergeError> {
    if automerge::ReadDoc::get_all(transaction, object, key)?.len() > 1 {
        transaction.delete(object, key)?;
    }
    transaction.put(object, key, document::text(text))
}

/// The map of fields, if the field may stand in this document.
fn fields_object(document: &Automerge, id: &DocumentId, field: Field) -> Result<ObjId, EditError> {
    let elsewhere = || EditError::FieldElsewhere { field, document: *id };
    let DocumentId::Elder { part, .. } = id else { return Err(elsewhere()) };
    if !field.spec().parts.contains(&part.kind()) {
        return Err(elsewhere());
    }
    document::object(document, id, GenesisObject::Fields).ok_or_else(elsewhere)
}

fn unknown_element(list: List, element: &OperationName) -> EditError {
    EditError::UnknownElement { list, element: element.as_str().to_owned() }
}

fn list_object(document: &Automerge, id: &DocumentId, list: List) -> Result<ObjId, EditError> {
    document::object(document, id, GenesisObject::List(list))
        .ok_or(EditError::ListElsewhere { list, document: *id })
}

/// The list object and the element's own object, if the list is a set and holds the element.
fn set_element(
    document: &Automerge,
    id: &DocumentId,
    list: List,
    element: &OperationName,
) -> Result<(ObjId, ObjId), EditError> {
    let object = list_object(document, id, list)?;
    if list.growth() == Growth::Log {
        return Err(EditError::AppendOnly(list));
    }
    let unknown = || unknown_element(list, element);
    let made = document.import_obj(element.as_str()).map_err(|_| unknown())?;
    position(document, &object, element).ok_or_else(unknown)?;
    Ok((object, made))
}

fn position(
    document: &impl automerge::ReadDoc,
    list: &ObjId,
    element: &OperationName,
) -> Option<usize> {
    (0..document.length(list)).find(|&index| {
        document
            .get(list, index)
            .ok()
            .flatten()
            .is_some_and(|(_, made_by)| made_by.to_string() == element.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::{GuardianContact, Pairing};
    use crate::record::{ElderId, PairingKind, ServiceNeed};
    use crate::view::PartView;
    use crate::visit::Visit;
    use automerge::Change;
    use chrono::NaiveDate;

    const CARD: DocumentId = DocumentId::Elder { elder: ElderId([1; 16]), part: Part::Card };

    fn scope() -> DivisionCode {
        "990121101203".parse().unwrap()
    }

    fn set(field: Field, text: &str) -> Action {
        Action::Set { field, value: field.value(text).unwrap() }
    }

    fn insert<E: Element>(element: &E) -> Action {
        Action::Insert { list: E::LIST, element: element.store() }
    }

    fn apply(document: &mut Automerge, id: &DocumentId, actor: u8, actions: &[Action]) {
        let bytes = write_change(document, scope(), id, [actor; 16], actions).unwrap().unwrap();
        document.apply_changes([Change::from_bytes(bytes).unwrap()]).unwrap();
    }

    #[test]
    fn the_same_value_again_writes_nothing() {
        let mut document = document::genesis(scope(), &CARD);
        apply(&mut document, &CARD, 1, &[set(Field::Name, "周国强")]);
        let again = write_change(&document, scope(), &CARD, [2; 16], &[set(Field::Name, "周国强")]);
        assert_eq!(again.unwrap(), None);
    }

    #[test]
    fn an_edit_that_has_seen_both_values_resolves_the_conflict() {
        let base = document::genesis(scope(), &CARD);
        let (mut one, mut two) = (base.clone(), base);
        apply(&mut one, &CARD, 1, &[set(Field::Phone, "1")]);
        apply(&mut two, &CARD, 2, &[set(Field::Phone, "2")]);
        one.merge(&mut two).unwrap();
        let standing = |document: &Automerge| {
            PartView::read(document, &CARD).unwrap().field(Field::Phone).unwrap().clone()
        };
        let conflict = standing(&one);
        assert_eq!(conflict.others.len(), 1);
        let choice = conflict.effective.as_str().to_owned();
        apply(&mut one, &CARD, 1, &[set(Field::Phone, &choice)]);
        assert!(!standing(&one).is_conflict());
    }

    /// Two people settle one conflict at once, and not in the same way: that is a new conflict, also
    /// where one of them keeps the value that Automerge prefers.
    #[test]
    fn two_decisions_at_once_are_a_conflict_again() {
        let base = document::genesis(scope(), &CARD);
        let (mut one, mut two) = (base.clone(), base);
        apply(&mut one, &CARD, 1, &[set(Field::MentalState, "Severe")]);
        apply(&mut two, &CARD, 2, &[set(Field::MentalState, "Stable")]);
        one.merge(&mut two).unwrap();
        two.merge(&mut one).unwrap();
        for (keeps, replaces) in [("Severe", "Stable"), ("Stable", "Severe")] {
            let (mut one, mut two) = (one.clone(), two.clone());
            apply(&mut one, &CARD, 1, &[set(Field::MentalState, keeps)]);
            apply(&mut two, &CARD, 2, &[set(Field::MentalState, replaces)]);
            one.merge(&mut two).unwrap();
            let view = PartView::read(&one, &CARD).unwrap();
            let standing = view.field(Field::MentalState).unwrap();
            assert!(standing.is_conflict());
            assert_eq!(standing.effective.as_str(), "Severe");
        }
    }

    #[test]
    fn sets_lose_elements_and_logs_do_not() {
        let mut document = document::genesis(scope(), &CARD);
        let contact = GuardianContact { name: "卫德福".into(), phone: None, rank: None };
        let pairing =
            Pairing {
                helper: "周主任".into(), kind: PairingKind::Cadre, from: None, until: None
            };
        apply(
            &mut document,
            &CARD,
            1,
            &[insert(&contact), insert(&pairing), insert(&ServiceNeed::Meals)],
        );
        let view = PartView::read(&document, &CARD).unwrap();
        let listed = view.elements::<GuardianContact>();
        let id = listed[0].id.clone();
        apply(
            &mut document,
            &CARD,
            1,
            &[Action::Amend {
                list: List::GuardianContacts,
                element: id.clone(),
                key: "phone".into(),
                text: Some("152".into()),
            }],
        );
        let view = PartView::read(&document, &CARD).unwrap();
        assert_eq!(view.elements::<GuardianContact>()[0].element.phone.as_deref(), Some("152"));
        let remove = Action::Remove { list: List::GuardianContacts, element: id.clone() };
        apply(&mut document, &CARD, 1, std::slice::from_ref(&remove));
        let view = PartView::read(&document, &CARD).unwrap();
        assert!(view.elements::<GuardianContact>().is_empty());
        assert_eq!(view.elements::<Pairing>().len(), 1);
        assert!(matches!(
            write_change(&document, scope(), &CARD, [1; 16], &[remove]),
            Err(EditError::UnknownElement { .. })
        ));

        let journal = DocumentId::elder(ElderId([1; 16]), Part::Journal(2026));
        let mut visits = document::genesis(scope(), &journal);
        let visit = Visit::on(NaiveDate::from_ymd_opt(2026, 9, 1).unwrap());
        apply(&mut visits, &journal, 1, &[insert(&visit)]);
        let event = PartView::read(&visits, &journal).unwrap().elements::<Visit>()[0].id.clone();
        let remove = Action::Remove { list: List::Visits, element: event };
        assert!(matches!(
            write_change(&visits, scope(), &journal, [1; 16], &[remove]),
            Err(EditError::AppendOnly(List::Visits))
        ));
    }

    #[test]
    fn actions_on_the_wrong_document_are_refused() {
        let card = document::genesis(scope(), &CARD);
        let ability = set(Field::AbilityLevel, "Mild");
        assert!(matches!(
            write_change(&card, scope(), &CARD, [1; 16], &[ability]),
            Err(EditError::FieldElsewhere { .. })
        ));
        let visit = insert(&Visit::on(NaiveDate::from_ymd_opt(2026, 9, 1).unwrap()));
        assert!(matches!(
            write_change(&card, scope(), &CARD, [1; 16], &[visit]),
            Err(EditError::ListElsewhere { .. })
        ));
    }

    #[test]
    fn a_resident_id_is_written_once() {
        let mut document = document::genesis(scope(), &CARD);
        apply(&mut document, &CARD, 1, &[set(Field::ResidentId, "990121194203150047")]);
        let other = set(Field::ResidentId, "99012119420315008X");
        assert!(matches!(
            write_change(&document, scope(), &CARD, [1; 16], &[other]),
            Err(EditError::WriteOnce(Field::ResidentId))
        ));
    }
}

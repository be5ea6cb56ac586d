//! What changes did, read off their operations: for a file's history and for taking an edit back.
//!
//! A document says what stands; its changes say who did what, and what stood before. They are read
//! as they were written, so a change that does not count can be told like any other.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{ActorId, ScalarValue};

use crate::change::{Action, Key, Operation, ParsedChange, Reference};
use crate::document::{GENESIS_ACTOR, GenesisObject, OperationName, Written, genesis_counter};
use crate::element::{List, RETRACTS, Stored};
use crate::field::Field;
use crate::parts::DocumentId;

/// One thing that a change did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Wrote a single value.
    Set {
        /// The field's key, also of one that this version does not know.
        field: String,
        /// What was written.
        value: String,
        /// The operation that wrote it.
        by: OperationName,
        /// The operations whose values it replaced.
        over: Vec<OperationName>,
    },
    /// Took a field's values away.
    Cleared {
        /// The field's key.
        field: String,
        /// The operations whose values it took away.
        over: Vec<OperationName>,
    },
    /// Put an element, or an event, into a list.
    Inserted {
        /// The list.
        list: List,
        /// The element.
        element: OperationName,
        /// What it said when it was written.
        stored: Stored,
    },
    /// Took an event back.
    Retracted {
        /// The list.
        list: List,
        /// The event that says so.
        by: OperationName,
        /// The event taken back.
        event: OperationName,
    },
    /// Wrote a key of an element, or took it away.
    Amended {
        /// The list.
        list: List,
        /// The element.
        element: OperationName,
        /// The key.
        key: String,
        /// What was written, and by which operation; None where it was taken away.
        value: Option<Written<String>>,
        /// The operations whose texts it replaced.
        over: Vec<OperationName>,
    },
    /// Took an element out of a set.
    Removed {
        /// The list.
        list: List,
        /// The element.
        element: OperationName,
    },
}

/// What the changes of one document wrote, to be told one by one.
#[derive(Clone, Debug)]
pub struct Narration {
    lists: BTreeMap<OperationName, List>,
    fields: Option<OperationName>,
    elements: BTreeMap<OperationName, (List, Stored)>,
    texts: BTreeMap<OperationName, String>,
}

impl Deed {
    /// Takes over what an earlier deed of the same change has only made room for.
    fn takes_over(&mut self, earlier: &mut Self) -> bool {
        let (over, made_room) = match (self, earlier) {
            (Self::Set { field, over, .. }, Self::Cleared { field: before, over: made_room })
                if field == before =>
            {
                (over, made_room)
            }
            (
                Self::Amended { element, key, value: Some(_), over, .. },
                Self::Amended { element: whose, key: before, value: None, over: made_room, .. },
            ) if (&*element, &*key) == (&*whose, &*before) => (over, made_room),
            _ => return false,
        };
        over.append(made_room);
        true
    }
}

impl Narration {
    /// Nothing heard yet.
    pub fn new(id: &DocumentId) -> Self {
        let genesis = ActorId::from(GENESIS_ACTOR.as_slice());
        let name = |object| {
            let counter = genesis_counter(id, object)?;
            Some(OperationName::from(format!("{counter}@{genesis}")))
        };
        let lists = match id {
            DocumentId::Elder { part, .. } => List::of(part.kind()),
            DocumentId::Directory | DocumentId::Ruleset => &[],
        };
        Self {
            lists: lists
                .iter()
                .filter_map(|list| Some((name(GenesisObject::List(*list))?, *list)))
                .collect(),
            fields: name(GenesisObject::Fields),
            elements: BTreeMap::new(),
            texts: BTreeMap::new(),
        }
    }

    /// Hears of a change. All changes that others build on have to be heard before any is told.
    pub fn hear(&mut self, change: &ParsedChange) {
        let values = values(change);
        for (at, operation) in change.operations().iter().enumerate() {
            let by = own_name(change, at);
            let value = values.get(at).cloned().flatten();
            if let Some(text) = &value {
                self.texts.insert(by.clone(), text.clone());
            }
            let Some(object) = operation.object.and_then(|object| name(change, object)) else {
                continue;
            };
            if let Some(list) = self.lists.get(&object).filter(|_| operation.insert) {
                let stored = match value {
                    Some(text) => Stored::Text(text),
                    None => Stored::Map(BTreeMap::new()),
                };
                self.elements.insert(by, (*list, stored));
            } else if let Some(((_, Stored::Map(entries)), text)) =
                self.elements.get_mut(&object).zip(value)
            {
                // Only what the element said when it was written.
                if own_range(change).contains(&object.counter().unwrap_or_default())
                    && object.actor().as_ref() == Some(change.actor())
                    && let Key::Name(key) = &operation.key
                {
                    entries.insert(key.clone(), text);
                }
            }
        }
    }

    /// What a change did, in order; what this version does not understand is left out.
    pub fn tell(&self, change: &ParsedChange) -> Vec<Deed> {
        let values = values(change);
        let mut told: Vec<Deed> = Vec::new();
        for (at, operation) in change.operations().iter().enumerate() {
            let value = values.get(at).cloned().flatten();
            let Some(mut deed) = self.deed(change, at, operation, value) else { continue };
            // A decision between several values takes them away and writes its own anew.
            told.retain_mut(|earlier| !deed.takes_over(earlier));
            told.push(deed);
        }
        told
    }

    /// The text that an operation wrote.
    pub fn text(&self, by: &OperationName) -> Option<&str> {
        self.texts.get(by).map(String::as_str)
    }

    /// An element as it was when it was put in.
    pub fn element(&self, element: &OperationName) -> Option<&(List, Stored)> {
        self.elements.get(element)
    }

    /// The texts of operations that are known, in the order of the operations: Automerge's winner
    /// last.
    pub fn written(&self, by: &[OperationName]) -> Vec<Written<String>> {
        let mut by: Vec<&OperationName> = by.iter().collect();
        by.sort_by_key(|by| (by.counter(), by.actor()));
        by.into_iter()
            .filter_map(|by| Some(Written { value: self.text(by)?.to_owned(), by: by.clone() }))
            .collect()
    }

    fn deed(
        &self,
        change: &ParsedChange,
        at: usize,
        operation: &Operation,
        value: Option<String>,
    ) -> Option<Deed> {
        let object = name(change, operation.object?)?;
        let by = own_name(change, at);
        let over: Vec<OperationName> = operation
            .predecessors
            .iter()
            .filter_map(|reference| name(change, *reference))
            .collect();
        if self.fields.as_ref() == Some(&object) {
            let Key::Name(field) = &operation.key else { return None };
            let field = field.clone();
            return match (operation.action, value) {
                (Action::Delete, _) => Some(Deed::Cleared { field, over }),
                (_, Some(value)) => Some(Deed::Set { field, value, by, over }),
                _ => None,
            };
        }
        if let Some(list) = self.lists.get(&object).copied() {
            if operation.insert {
                let (_, stored) = self.elements.get(&by)?;
                return Some(match stored.text(RETRACTS) {
                    Some(event) => {
                        Deed::Retracted { list, by, event: OperationName::from(event.to_owned()) }
                    }
                    None => Deed::Inserted { list, element: by, stored: stored.clone() },
                });
            }
            let Key::Element(element) = operation.key else { return None };
            let element = name(change, element)?;
            return match operation.action {
                Action::Delete => Some(Deed::Removed { list, element }),
                _ => Some(Deed::Amended {
                    list,
                    element,
                    key: "value".to_owned(),
                    value: value.map(|value| Written { value, by }),
                    over,
                }),
            };
        }
        let (list, _) = self.elements.get(&object)?;
        let Key::Name(key) = &operation.key else { return None };
        // An element's first texts are told where it is put in.
        if own_range(change).contains(&object.counter()?)
            && object.actor().as_ref() == Some(change.actor())
        {
            return None;
        }
        Some(Deed::Amended {
            list: *list,
            element: object,
            key: key.clone(),
            value: value.map(|value| Written { value, by }),
            over,
        })
    }
}

/// The operations of a document's changes that nothing has replaced yet.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    replaced: BTreeSet<OperationName>,
    fields: BTreeMap<String, BTreeSet<OperationName>>,
    keys: BTreeMap<(OperationName, String), BTreeSet<OperationName>>,
}

impl Standing {
    /// What the deeds of all changes of a document, in any order, have left standing.
    pub fn of<'a>(deeds: impl IntoIterator<Item = &'a Deed>) -> Self {
        let mut standing = Self::default();
        for deed in deeds {
            match deed {
                Deed::Set { field, by, over, .. } => {
                    standing.fields.entry(field.clone()).or_default().insert(by.clone());
                    standing.replaced.extend(over.iter().cloned());
                }
                Deed::Cleared { over, .. } => standing.replaced.extend(over.iter().cloned()),
                Deed::Amended { element, key, value, over, .. } => {
                    let place = standing.keys.entry((element.clone(), key.clone())).or_default();
                    place.extend(value.iter().map(|written| written.by.clone()));
                    standing.replaced.extend(over.iter().cloned());
                }
                Deed::Inserted { .. } | Deed::Retracted { .. } | Deed::Removed { .. } => {}
            }
        }
        standing
    }

    /// The operations that stand in a field.
    pub fn field(&self, field: Field) -> BTreeSet<OperationName> {
        self.left(self.fields.get(field.spec().key))
    }

    /// The operations that stand under a key of an element, apart from the one that it was put in
    /// with.
    pub fn key(&self, element: &OperationName, key: &str) -> BTreeSet<OperationName> {
        self.left(self.keys.get(&(element.clone(), key.to_owned())))
    }

    /// Whether any text of an element was written after it was put in.
    pub fn is_amended(&self, element: &OperationName) -> bool {
        self.keys.keys().any(|(amended, _)| amended == element)
    }

    /// The last operation that wrote a text of an element after it was put in.
    pub fn last_amendment(&self, element: &OperationName) -> Option<OperationName> {
        let of_element = self.keys.iter().filter(|((amended, _), _)| amended == element);
        of_element.flat_map(|(_, by)| by).max_by_key(|by| (by.counter(), by.actor())).cloned()
    }

    /// Whether an operation's value has been replaced.
    pub fn is_replaced(&self, by: &OperationName) -> bool {
        self.replaced.contains(by)
    }

    fn left(&self, written: Option<&BTreeSet<OperationName>>) -> BTreeSet<OperationName> {
        written.into_iter().flatten().filter(|by| !self.replaced.contains(by)).cloned().collect()
    }
}

fn own_range(change: &ParsedChange) -> std::ops::RangeInclusive<u64> {
    change.start_op()..=change.max_op()
}

fn own_name(change: &ParsedChange, at: usize) -> OperationName {
    OperationName::from(format!("{}@{}", change.start_op() + at as u64, change.actor()))
}

fn name(change: &ParsedChange, reference: Reference) -> Option<OperationName> {
    let actor = change.actors().get(reference.actor)?;
    Some(OperationName::from(format!("{}@{actor}", reference.counter)))
}

/// The text of each operation, where it writes one.
fn values(change: &ParsedChange) -> Vec<Option<String>> {
    let text = |value: ScalarValue| match value {
        ScalarValue::Str(text) => Some(text.to_string()),
        _ => None,
    };
    let operations = change.change().decode().operations;
    operations.iter().map(|operation| operation.primitive_value().and_then(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use crate::edit::{self, write_change};
    use crate::element::{Element, GuardianContact};
    use crate::parts::Part;
    use crate::record::{ElderId, EntryReason, RosterStep, ServiceNeed};
    use crate::view::PartView;
    use automerge::{Automerge, Change};

    const CARD: DocumentId = DocumentId::Elder { elder: ElderId([1; 16]), part: Part::Card };

    struct Told {
        document: Automerge,
        changes: Vec<ParsedChange>,
    }

    impl Told {
        fn does(&mut self, actor: u8, actions: &[edit::Action]) -> Vec<Deed> {
            let scope = "990121101203".parse().unwrap();
            let bytes =
                write_change(&self.document, scope, &CARD, [actor; 16], actions).unwrap().unwrap();
            self.changes.push(ParsedChange::parse(&bytes).unwrap());
            self.document.apply_changes([Change::from_bytes(bytes).unwrap()]).unwrap();
            self.narration().tell(self.changes.last().unwrap())
        }

        fn narration(&self) -> Narration {
            let mut narration = Narration::new(&CARD);
            self.changes.iter().for_each(|change| narration.hear(change));
            narration
        }
    }

    #[test]
    fn every_action_is_told_as_it_was_done() {
        let scope = "990121101203".parse().unwrap();
        let mut told = Told { document: document::genesis(scope, &CARD), changes: Vec::new() };
        let set = |text: &str| edit::Action::Set {
            field: Field::Phone,
            value: Field::Phone.value(text).unwrap(),
        };
        let insert = |list, element| edit::Action::Insert { list, element };
        let contact = GuardianContact { name: "卫德福".into(), phone: None, rank: None };
        let event = crate::element::RosterEvent {
            step: RosterStep::Entered,
            date: "2026-09-01".parse().unwrap(),
            entry_reason: Some(EntryReason::FirstSurvey),
            exit_reason: None,
            note: None,
        };
        let first = told.does(
            1,
            &[
                set("1"),
                insert(List::GuardianContacts, contact.store()),
                insert(List::ServiceNeeds, ServiceNeed::Meals.store()),
                insert(List::RosterEvents, event.store()),
            ],
        );
        assert!(matches!(&first[0], Deed::Set { field, value, over, .. }
            if field == "phone" && value == "1" && over.is_empty()));
        let Deed::Inserted { element, stored, .. } = &first[1] else { panic!("{first:?}") };
        assert_eq!(*stored, contact.store());
        let view = PartView::read(&told.document, &CARD).unwrap();
        assert_eq!(view.elements::<GuardianContact>()[0].id, *element);
        assert!(matches!(&first[2], Deed::Inserted { stored: Stored::Text(text), .. }
            if text == "Meals"));
        let Deed::Inserted { element: entered, .. } = &first[3] else { panic!("{first:?}") };
        assert_eq!(first.len(), 4);

        let (list, key) = (List::GuardianContacts, "phone".to_owned());
        let second = told.does(
            2,
            &[
                set("2"),
                edit::Action::Amend {
                    list,
                    element: element.clone(),
                    key: key.clone(),
                    text: Some("152".into()),
                },
                edit::Action::Retract { list: List::RosterEvents, element: entered.clone() },
            ],
        );
        let Deed::Set { over, by, .. } = &second[0] else { panic!("{second:?}") };
        assert_eq!(told.narration().written(over)[0].value, "1");
        let Deed::Amended { value: Some(written), key: amended, .. } = &second[1] else {
            panic!("{second:?}")
        };
        assert_eq!((written.value.as_str(), amended), ("152", &key));
        assert!(matches!(&second[2], Deed::Retracted { event, .. } if event == entered));
        let all: Vec<Deed> = [first.clone(), second.clone()].concat();
        assert_eq!(Standing::of(&all).field(Field::Phone), [by.clone()].into());
        assert!(Standing::of(&all).is_amended(element));

        let third = told.does(
            1,
            &[
                edit::Action::Clear { field: Field::Phone },
                edit::Action::Remove { list, element: element.clone() },
            ],
        );
        assert_eq!(third[0], Deed::Cleared { field: "phone".into(), over: vec![by.clone()] });
        assert_eq!(third[1], Deed::Removed { list, element: element.clone() });
        assert_eq!(third.len(), 2);
        let all: Vec<Deed> = [first, second, third].concat();
        assert!(Standing::of(&all).field(Field::Phone).is_empty());
    }
}

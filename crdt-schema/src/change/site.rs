//! What one operation may do, given the operations before it.

use super::{Action, IllFormed, Key, Operation, Reference};
use crate::document::GenesisObject;
use crate::element::{Growth, List};
use crate::field::Field;
use crate::record::{Choice, IncidentStep};
use crate::writer::{Writer, Writers};

/// An operation among the changes that one change can see. The actor is a number of the
/// [`Ancestry`](super::Ancestry) that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OperationId {
    pub(super) actor: usize,
    pub(super) counter: u32,
}

/// What an operation has done, as far as later operations need to know.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    object: OperationId,
    place: Place,
    made: Made,
    /// The offices whose operation this may be.
    writers: Writers,
}

/// Where a value stands: what an operation must share with those that it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Name(String),
    /// The element that this operation inserted: for an insertion, itself.
    Element(OperationId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    Value,
    Nothing,
    Object(Role),
}

/// What an object is for. Schema 1 has these three kinds and no others, so nothing nests deeper
/// than root, list, element, value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// `fields`, a map of single values.
    Fields,
    /// `places` or `rules`: a map of single values in a document of an area.
    AreaValues,
    /// A list of the genesis.
    List(List),
    /// A map that is an element of a list: again of single values.
    Element(List),
}

impl Role {
    /// The offices whose values take effect under a key of this object. What a later version
    /// writes is for that version to judge.
    fn writers(self, place: &Place, word: Option<&str>) -> Writers {
        match (self, place) {
            (Self::Element(List::IncidentEvents), Place::Name(name))
                if is_acknowledgement(name, word) =>
            {
                Writers::of(&[Writer::Acknowledger])
            }
            (Self::List(list) | Self::Element(list), _) => list.writers(),
            (Self::Fields, Place::Name(name)) => {
                Field::from_key(name).map_or(Writers::ALL, |field| field.spec().writers)
            }
            (Self::Fields | Self::AreaValues, _) => Writers::ALL,
        }
    }
}

/// Whether a key of an incident's event and what is written there say that somebody acknowledges.
fn is_acknowledgement(key: &str, word: Option<&str>) -> bool {
    key == "step" && word == Some(IncidentStep::Acknowledged.as_str())
}

/// The operations that an operation can refer to.
pub(super) trait Before {
    /// The name of a reference; None if its actor has written nothing that can be seen.
    fn name(&self, reference: Reference) -> Option<OperationId>;

    /// What an operation has done; None if it is not among those before.
    fn fact(&self, id: OperationId) -> Option<&Fact>;

    /// Whether it belongs to the change that is being judged.
    fn is_own(&self, id: OperationId) -> bool;
}

/// The root: no operation made it, and counters begin at 1.
const ROOT: OperationId = OperationId { actor: 0, counter: 0 };

impl Fact {
    /// The first operation of every genesis: the text that says what the document is.
    pub(super) fn genesis_name() -> Self {
        Self::genesis(Made::Value)
    }

    /// The operation of a genesis that made one of its objects. Its key does not matter: nothing
    /// may work on the root, so nothing shares its place.
    pub(super) fn genesis_object(object: GenesisObject) -> Self {
        let role = match object {
            GenesisObject::Fields => Role::Fields,
            GenesisObject::Places | GenesisObject::Rules => Role::AreaValues,
            GenesisObject::List(list) => Role::List(list),
        };
        Self::genesis(Made::Object(role))
    }

    fn genesis(made: Made) -> Self {
        Self { object: ROOT, place: Place::Name(String::new()), made, writers: Writers::ALL }
    }

    /// The offices whose operation takes effect.
    pub(super) fn writers(&self) -> Writers {
        self.writers
    }

    /// Judges an operation and says what it does.
    pub(super) fn of(
        operation: &Operation,
        id: OperationId,
        before: &impl Before,
    ) -> Result<Self, IllFormed> {
        let object = operation.object.ok_or(IllFormed::Root)?;
        let object = before.name(object).ok_or(IllFormed::UnknownObject)?;
        let role = match before.fact(object).map(|fact| fact.made) {
            Some(Made::Object(role)) => role,
            _ => return Err(IllFormed::UnknownObject),
        };
        let place = Place::of(operation, id, object, role, before)?;
        check_growth(operation, object, role, before)?;

        let replaces_nothing = operation.predecessors.is_empty();
        // A new value under a name may be the first there; an element has had one from the start.
        let must_replace = operation.action == Action::Delete
            || (matches!(place, Place::Element(_)) && !operation.insert);
        if must_replace && replaces_nothing {
            return Err(IllFormed::NothingReplaced);
        }
        for predecessor in &operation.predecessors {
            let predecessor = before.name(*predecessor).and_then(|id| before.fact(id));
            let replaced = predecessor.ok_or(IllFormed::UnknownPredecessor)?;
            let stands = replaced.made != Made::Nothing;
            if !stands || replaced.object != object || replaced.place != place {
                return Err(IllFormed::PredecessorElsewhere);
            }
        }

        let made = match (operation.action, role) {
            (Action::Put, _) => Made::Value,
            (Action::Delete, _) => Made::Nothing,
            (Action::MakeMap, Role::List(list)) => Made::Object(Role::Element(list)),
            (Action::MakeMap | Action::MakeList, _) => return Err(IllFormed::Object),
        };
        let writers = role.writers(&place, operation.word.as_deref());
        Ok(Self { object, place, made, writers })
    }

    /// Whether the operation inserted an element into this list.
    fn inserts_into(&self, list: OperationId, id: OperationId) -> bool {
        self.object == list && self.place == Place::Element(id)
    }
}

impl Place {
    fn of(
        operation: &Operation,
        id: OperationId,
        object: OperationId,
        role: Role,
        before: &impl Before,
    ) -> Result<Self, IllFormed> {
        let element = match (&operation.key, role) {
            (Key::Name(name), Role::Fields | Role::AreaValues | Role::Element(_)) => {
                return Ok(Self::Name(name.clone()));
            }
            (Key::Head, Role::List(_)) if operation.insert => return Ok(Self::Element(id)),
            (Key::Head, Role::List(_)) => return Err(IllFormed::UnknownElement),
            (Key::Element(element), Role::List(_)) => *element,
            _ => return Err(IllFormed::ObjectKind),
        };
        let element = before.name(element).ok_or(IllFormed::UnknownElement)?;
        let inserted = before.fact(element).is_some_and(|fact| fact.inserts_into(object, element));
        match inserted {
            false => Err(IllFormed::UnknownElement),
            true if operation.insert => Ok(Self::Element(id)),
            true => Ok(Self::Element(element)),
        }
    }
}

/// A log only grows, and its elements are complete in the change that inserts them.
fn check_growth(
    operation: &Operation,
    object: OperationId,
    role: Role,
    before: &impl Before,
) -> Result<(), IllFormed> {
    let list = match role {
        Role::Fields | Role::AreaValues => return Ok(()),
        Role::List(list) | Role::Element(list) => list,
    };
    let allowed = match (role, list.growth()) {
        (_, Growth::Set) => true,
        (Role::List(_), Growth::Log) => operation.insert,
        (_, Growth::Log) => {
            before.is_own(object)
                && operation.predecessors.is_empty()
                && operation.action != Action::Delete
        }
    };
    if allowed { Ok(()) } else { Err(IllFormed::AppendOnly) }
}

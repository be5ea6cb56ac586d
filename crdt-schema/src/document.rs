//! Automerge keys and objects of a document. The only file that names them.
//!
//! Every document begins with a *genesis*: one change with a fixed actor and time 0 that holds
//! what the document is and an empty skeleton of maps and lists. Replicas make it for themselves,
//! byte for byte alike, so devices that fill in one elder's file independently share its objects;
//! and since every other change descends from it, a change for one elder never fits another.
//! **Never edit a genesis**: a later schema chains a second fixed change onto it.
//!
//! | Document | Objects under the root, in order |
//! | --- | --- |
//! | a part of an elder | `genesis` (text), `fields` (map), then the lists of [`List::of`] |
//! | `Directory` | `genesis` (text), `places` (map: `self` or last code segment → name) |
//! | `Ruleset` | `genesis` (text), `rules` (map: key → text) |

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{
    ActorId, Automerge, AutomergeError, Change, ChangeHash, ObjId, ObjType, ROOT, ReadDoc,
    ScalarValue,
};

use crate::change::ParsedChange;
use crate::division::DivisionCode;
use crate::element::{Growth, List, RETRACTS, Stored, protective_order};
use crate::field::{Field, Value};
use crate::parts::DocumentId;
use crate::view::Rule;

/// The version of all geneses together. A store made with another version is refused by name.
pub const SCHEMA_VERSION: u32 = 1;

/// The actor of every genesis. Honest actors have sixteen bytes.
pub const GENESIS_ACTOR: [u8; 4] = [0; 4];

const GENESIS: &str = "genesis";
const FIELDS: &str = "fields";
const PLACES: &str = "places";
const RULES: &str = "rules";

/// The objects of a document that its genesis made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenesisObject {
    /// The map of single-valued fields.
    Fields,
    /// A list.
    List(List),
    /// The map of places of a directory.
    Places,
    /// The map of a county's rules.
    Rules,
}

impl GenesisObject {
    fn key(self) -> &'static str {
        match self {
            Self::Fields => FIELDS,
            Self::List(list) => list.key(),
            Self::Places => PLACES,
            Self::Rules => RULES,
        }
    }

    fn kind(self) -> ObjType {
        match self {
            Self::Fields | Self::Places | Self::Rules => ObjType::Map,
            Self::List(_) => ObjType::List,
        }
    }
}

/// The genesis document. `scope` matters only for documents of an area.
pub fn genesis(scope: DivisionCode, id: &DocumentId) -> Automerge {
    let read = || {
        let mut document = Automerge::new();
        document.apply_changes([genesis_change(scope, id)?]).ok()?;
        Some(document)
    };
    read().unwrap_or_else(|| make_genesis(scope, id))
}

/// The change of a genesis, to be applied together with those that build on it: half the work for a
/// document that one edit follows. None for documents of an area, of which there are few.
pub fn genesis_change(scope: DivisionCode, id: &DocumentId) -> Option<Change> {
    Change::from_bytes(genesis_bytes(scope, id)?).ok()
}

fn make_genesis(scope: DivisionCode, id: &DocumentId) -> Automerge {
    let mut document = Automerge::new();
    document.set_actor(ActorId::from(GENESIS_ACTOR.as_slice()));
    let name = genesis_name(scope, id);
    let made = document.transact_with::<_, _, AutomergeError, _>(
        |_| CommitOptions::default().with_time(0),
        |transaction| {
            transaction.put(ROOT, GENESIS, name.as_str())?;
            for object in genesis_objects(id) {
                transaction.put_object(ROOT, object.key(), object.kind())?;
            }
            Ok(())
        },
    );
    // The operations above are fixed and touch nothing that exists: they cannot fail.
    debug_assert!(made.is_ok());
    document
}

fn genesis_name(scope: DivisionCode, id: &DocumentId) -> String {
    match id {
        DocumentId::Elder { .. } => format!("{SCHEMA_VERSION} {id}"),
        DocumentId::Directory | DocumentId::Ruleset => format!("{SCHEMA_VERSION} {id} {scope}"),
    }
}

/// The hash of a document's genesis: what first changes build on.
pub fn genesis_hash(scope: DivisionCode, id: &DocumentId) -> [u8; 32] {
    let hash = genesis_bytes(scope, id).and_then(|bytes| ParsedChange::claimed_hash(&bytes));
    let made = || make_genesis(scope, id).get_heads().first().map_or([0; 32], |head| head.0);
    hash.map_or_else(made, |hash| hash.0)
}

/// The change of a document's genesis. Many documents are begun in a row, and two of one sort differ in
/// the name alone: so it is written into the bytes of another one. None where that does not fit.
fn genesis_bytes(scope: DivisionCode, id: &DocumentId) -> Option<Vec<u8>> {
    let name = genesis_name(scope, id);
    let sort = match id {
        DocumentId::Elder { part, .. } => part.kind() as usize,
        DocumentId::Directory | DocumentId::Ruleset => return None,
    };
    let (bytes, place) = SAMPLES.get(sort)?.get_or_init(|| {
        let changes = make_genesis(scope, id).get_changes(&[]);
        let bytes = changes.first().map(|change| change.raw_bytes().to_vec()).unwrap_or_default();
        let place = bytes.windows(name.len()).position(|window| window == name.as_bytes());
        let length = name.len();
        (bytes, place.map(|place| place..place + length).unwrap_or_default())
    });
    let mut bytes = bytes.clone();
    let text = bytes.get_mut(place.clone()).filter(|text| text.len() == name.len())?;
    text.copy_from_slice(name.as_bytes());
    let checksum = ParsedChange::claimed_hash(&bytes)?.0;
    bytes.get_mut(4..8)?.copy_from_slice(checksum.get(..4)?);
    Some(bytes)
}

/// The bytes of one genesis of each sort of part, and where the name stands in them.
static SAMPLES: [OnceLock<(Vec<u8>, Range<usize>)>; 6] = [const { OnceLock::new() }; 6];

/// How many operations a document's genesis has.
pub fn genesis_operations(id: &DocumentId) -> u64 {
    genesis_objects(id).len() as u64 + 1
}

/// The objects of a document's genesis in order. The first is made by operation 2.
pub fn genesis_objects(id: &DocumentId) -> Vec<GenesisObject> {
    match id {
        DocumentId::Directory => vec![GenesisObject::Places],
        DocumentId::Ruleset => vec![GenesisObject::Rules],
        DocumentId::Elder { part, .. } => std::iter::once(GenesisObject::Fields)
            .chain(List::of(part.kind()).iter().copied().map(GenesisObject::List))
            .collect(),
    }
}

/// The operation counter of the genesis object, if the document has it.
pub fn genesis_counter(id: &DocumentId, object: GenesisObject) -> Option<u64> {
    let at = genesis_objects(id).into_iter().position(|candidate| candidate == object)?;
    u64::try_from(at).ok().map(|at| at + 2)
}

/// The Automerge object of a genesis object. By operation id, not by key: what a hostile change
/// puts under the root is never looked at.
pub(crate) fn object(
    document: &Automerge,
    id: &DocumentId,
    object: GenesisObject,
) -> Option<ObjId> {
    let counter = genesis_counter(id, object)?;
    document.import_obj(&format!("{counter}@{}", ActorId::from(GENESIS_ACTOR.as_slice()))).ok()
}

/// A value that stands in one place, and the operation that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// The value.
    pub value: T,
    /// The operation.
    pub by: OperationName,
}

/// The standing values of a field, Automerge's winner last. A text that the field does not allow
/// is left out here: it stays in the document and never takes effect.
pub(crate) fn read_field(
    document: &Automerge,
    fields: &ObjId,
    field: Field,
) -> Vec<Written<Value>> {
    values_of(field, read_texts(document, fields, field.spec().key))
}

/// Of the texts that stand in a field those that it allows.
pub(crate) fn values_of(field: Field, texts: Vec<Written<String>>) -> Vec<Written<Value>> {
    texts
        .into_iter()
        .filter_map(|Written { value, by }| Some(Written { value: field.value(&value).ok()?, by }))
        .collect()
}

/// The standing texts under all keys of a map, each key's as in [`read_texts`]: looked for once, and not
/// once for each key.
pub(crate) fn read_map(
    document: &Automerge,
    map: &ObjId,
) -> BTreeMap<String, Vec<Written<String>>> {
    let mut found = BTreeMap::new();
    for item in document.map_range(map, ..) {
        let key = item.key.to_string();
        let texts = match item.conflict {
            true => read_texts(document, map, &key),
            false => {
                let by = OperationName::of(&item.id());
                let value = automerge::Value::from(item.value);
                let text = value.as_str().map(str::to_owned);
                text.map(|value| Written { value, by }).into_iter().collect()
            }
        };
        found.insert(key, texts);
    }
    found
}

/// The standing texts under a key of a map, Automerge's winner last.
fn read_texts(document: &Automerge, map: &ObjId, key: &str) -> Vec<Written<String>> {
    let standing = document.get_all(map, key).unwrap_or_default();
    standing
        .into_iter()
        .filter_map(|(value, by)| {
            let by = OperationName::of(&by);
            value.as_str().map(|text| Written { value: text.to_owned(), by })
        })
        .collect()
}

/// The elements of a list, in list order.
pub(crate) fn read_list(document: &Automerge, id: &ObjId, list: List) -> Vec<Listed<Stored>> {
    let mut elements: Vec<Listed<Stored>> = document
        .list_range(id, ..)
        .map(|item| {
            let made_by = item.id();
            let mut conflicts = BTreeMap::new();
            let element = match automerge::Value::from(item.value).as_str() {
                Some(text) => Stored::Text(text.to_owned()),
                None => Stored::Map(read_element(document, &made_by, &mut conflicts)),
            };
            let id = OperationName::of(&made_by);
            Listed { id, element, conflicts, retracted_by: None }
        })
        .collect();
    if list.growth() == Growth::Log {
        note_retractions(&mut elements);
    }
    elements
}

/// The effective texts of an element that is a map; all of those under which several stand go to
/// `conflicts`.
fn read_element(
    document: &Automerge,
    map: &ObjId,
    conflicts: &mut BTreeMap<String, Vec<Written<String>>>,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for item in document.map_range(map, ..) {
        let key = item.key.to_string();
        if !item.conflict {
            let value = automerge::Value::from(item.value);
            let text = value.as_str().map(str::to_owned);
            found.extend(text.map(|text| (key, text)));
            continue;
        }
        let standing = read_texts(document, map, &key);
        let texts = standing.iter().map(|text| text.value.clone()).collect();
        let Some((effective, others)) = settle_key(&key, texts) else { continue };
        if !others.is_empty() {
            conflicts.insert(key.clone(), standing);
        }
        found.insert(key, effective);
    }
    found
}

/// Marks the events that later ones take back. A retraction can be taken back itself. Whoever takes
/// an event back has seen it, so the later operation has the higher counter: from the highest down
/// each is settled before what it takes back.
fn note_retractions(elements: &mut [Listed<Stored>]) {
    let mut retractions: Vec<(OperationName, OperationName)> = elements
        .iter()
        .filter_map(|listed| {
            let target = OperationName(listed.element.text(RETRACTS)?.to_owned());
            (target.counter() < listed.id.counter()).then(|| (target, listed.id.clone()))
        })
        .collect();
    retractions.sort_by_key(|(_, by)| std::cmp::Reverse((by.counter(), by.clone())));
    let mut taken_back: BTreeMap<OperationName, OperationName> = BTreeMap::new();
    for (target, by) in retractions {
        if !taken_back.contains_key(&by) {
            taken_back.insert(target, by);
        }
    }
    for listed in elements.iter_mut() {
        listed.retracted_by = taken_back.get(&listed.id).cloned();
    }
}

/// The effective text of a key of an element, and the other texts written concurrently.
fn read_key(document: &Automerge, map: &ObjId, key: &str) -> Option<(String, Vec<String>)> {
    let texts = read_texts(document, map, key).into_iter().map(|written| written.value);
    settle_key(key, texts.collect())
}

/// Of the texts that stand under a key the effective one, and the others.
fn settle_key(key: &str, mut standing: Vec<String>) -> Option<(String, Vec<String>)> {
    let protective = protective_order(key).and_then(|order| {
        let rank = |text: &String| order.iter().position(|word| word.0 == text);
        (0..standing.len()).min_by_key(|&at| rank(&standing[at]).unwrap_or(order.len()))
    });
    let effective = standing.remove(protective.or(standing.len().checked_sub(1))?);
    standing.retain(|text| *text != effective);
    standing.sort();
    standing.dedup();
    Some((effective, standing))
}

/// The rules of a ruleset: of concurrent texts under one key Automerge's winner holds.
pub(crate) fn read_rules(document: &Automerge, rules: &ObjId) -> BTreeMap<String, Rule> {
    document
        .keys(rules)
        .filter_map(|key| {
            let (text, others) = read_key(document, rules, &key)?;
            Some((key, Rule { text, others }))
        })
        .collect()
}

/// The places of a directory: key and name.
pub(crate) fn read_places(document: &Automerge, places: &ObjId) -> Vec<(String, String)> {
    document
        .keys(places)
        .filter_map(|key| {
            let (value, _) = document.get(places, key.as_str()).ok().flatten()?;
            Some((key, value.as_str()?.to_owned()))
        })
        .collect()
}

/// The key of a place in the directory of `scope`: `self`, or its last segment. Places are named
/// in the directory of their parent, so a village's copy does not grow with the county.
pub(crate) fn place_key(scope: DivisionCode, code: DivisionCode) -> Option<String> {
    if code == scope {
        return Some("self".to_owned());
    }
    (code.parent() == Some(scope)).then(|| code.local_number().to_string())
}

/// Reads [`place_key`].
pub(crate) fn place_from_key(scope: DivisionCode, key: &str) -> Option<DivisionCode> {
    match key {
        "self" => Some(scope),
        key => scope.child(key.parse().ok()?),
    }
}

pub(crate) fn text(text: &str) -> ScalarValue {
    ScalarValue::from(text)
}

/// The name of an operation, counter `@` actor in hexadecimal: an element of a list is known by the
/// one that inserted it, a value by the one that wrote it.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct OperationName(pub(crate) String);

impl OperationName {
    /// The name of what an operation made or wrote: every name of a view is written here, which is why it
    /// is not left to formatting.
    pub(crate) fn of(id: &ObjId) -> Self {
        let ObjId::Id(counter, actor, _) = id else { return Self(id.to_string()) };
        let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 0xf)]);
        let mut name = counter.to_string();
        name.reserve(1 + 2 * actor.to_bytes().len());
        name.push('@');
        name.extend(actor.to_bytes().iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]));
        Self(name)
    }

    /// The textual form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The counter.
    pub fn counter(&self) -> Option<u64> {
        self.0.split_once('@')?.0.parse().ok()
    }

    /// The actor.
    pub fn actor(&self) -> Option<ActorId> {
        self.0.split_once('@')?.1.parse().ok()
    }

    /// The first half of the actor: which log the operation came in.
    pub fn actor_prefix(&self) -> Option<[u8; 8]> {
        let (_, actor) = self.0.split_once('@')?;
        let mut prefix = [0; 8];
        for (at, byte) in prefix.iter_mut().enumerate() {
            *byte = u8::from_str_radix(actor.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(prefix)
    }

    /// The change of a document that holds the operation.
    pub fn change(&self, document: &Automerge) -> Option<ChangeHash> {
        let (counter, actor) = (self.counter()?, self.actor()?);
        document
            .get_changes(&[])
            .into_iter()
            .find(|change| {
                *change.actor_id() == actor
                    && (change.start_op().get()..=change.max_op()).contains(&counter)
            })
            .map(|change| change.hash())
    }
}

impl From<String> for OperationName {
    /// Any text: one that names no operation names nothing that is there.
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// An element of a list as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<E> {
    /// The operation that inserted it.
    pub id: OperationName,
    /// What it says.
    pub element: E,
    /// Keys of the element under which texts stand that were written concurrently: all of them,
    /// Automerge's winner last.
    pub conflicts: BTreeMap<String, Vec<Written<String>>>,
    /// The later event that takes this one back.
    pub retracted_by: Option<OperationName>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Part;
    use crate::record::{ElderId, IncidentId, TransferId};

    fn ids() -> Vec<DocumentId> {
        let elder = ElderId([1; 16]);
        [
            Part::Card,
            Part::Ledger,
            Part::Registry,
            Part::Journal(2026),
            Part::Incident(IncidentId([2; 16])),
            Part::Transfer(TransferId([2; 16])),
        ]
        .map(|part| DocumentId::elder(elder, part))
        .into_iter()
        .chain([DocumentId::Directory, DocumentId::Ruleset])
        .collect()
    }

    #[test]
    fn a_genesis_is_the_same_every_time_and_differs_between_documents() {
        let scope = "990121101203".parse().unwrap();
        let heads = |scope, id: &DocumentId| genesis(scope, id).get_heads();
        let mut seen = std::collections::BTreeSet::new();
        for id in ids() {
            assert_eq!(heads(scope, &id), heads(scope, &id));
            assert!(seen.insert(heads(scope, &id)));
        }
        let other = DocumentId::elder(ElderId([3; 16]), Part::Card);
        assert!(seen.insert(heads(scope, &other)));
        let elsewhere = "990121101000".parse().unwrap();
        assert_ne!(heads(scope, &DocumentId::Directory), heads(elsewhere, &DocumentId::Directory));
        assert_eq!(heads(scope, &ids()[0]), heads(elsewhere, &ids()[0]));
    }

    #[test]
    fn the_hash_of_a_genesis_is_found_without_making_it() {
        for scope in ["990121101203", "990121101000"] {
            let scope = scope.parse().unwrap();
            for id in ids() {
                let others = match id {
                    DocumentId::Elder { part: Part::Journal(_), .. } => {
                        [7, 1999, 2030, 65_000].map(Part::Journal).to_vec()
                    }
                    DocumentId::Elder { part, .. } => vec![part],
                    _ => vec![],
                };
                let other = |part| DocumentId::elder(ElderId([9; 16]), part);
                for id in others.into_iter().map(other).chain([id]) {
                    let document = make_genesis(scope, &id);
                    assert_eq!(genesis(scope, &id).save(), document.save(), "{id}");
                    assert_eq!(genesis_hash(scope, &id), document.get_heads()[0].0, "{id}");
                    let made = document.get_changes(&[])[0].len() as u64;
                    assert_eq!(genesis_operations(&id), made, "{id}");
                }
            }
        }
    }

    #[test]
    fn genesis_objects_are_found_by_operation() {
        let scope = "990121101203".parse().unwrap();
        for id in ids() {
            let document = genesis(scope, &id);
            for made in genesis_objects(&id) {
                let (_, by_key) = document.get(ROOT, made.key()).unwrap().unwrap();
                assert_eq!(object(&document, &id, made), Some(by_key));
            }
        }
    }
}
